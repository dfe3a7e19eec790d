//! Raw deflate in both directions (RFC 4978 §3), between the machine's buffers and the transport.
//!
//! What is sent is complete after each flush: a peer can read all of it. So the compressor is needed
//! only while there is something to compress; an idle connection has given it back to a pool, and
//! keeps the window of what it receives, which the peer may refer to at any time.
//!
//! What an attacker controls is what comes: a few octets can stand for very many. So much is
//! inflated as there is room for; the rest waits compressed.

use std::{
    io,
    sync::{Mutex, PoisonError},
};

use conversation::Input;
use miniz_oxide::{
    DataFormat, MZError, MZFlush, MZStatus,
    deflate::{self, core::CompressorOxide},
    inflate::stream::InflateState,
};

/// Compress this well; most of what is sent is worth little more.
const LEVEL: u8 = 2;
/// The compressor's scratch space for one call, in bytes.
const STEP: usize = 16 * 1024;
/// Compressors kept for the next busy connections: some 300 KiB each.
const KEPT: usize = 4;

static POOL: Mutex<Vec<Box<CompressorOxide>>> = Mutex::new(Vec::new());

/// The state of a compressed connection.
pub(super) struct Deflate {
    inflating: Box<InflateState>,
    compressor: Option<Box<CompressorOxide>>,
    /// What came and had no room yet.
    waiting: Vec<u8>,
    /// There may be more to inflate without anything more to read.
    unfinished: bool,
}

impl Deflate {
    pub(super) fn new() -> Self {
        let inflating = InflateState::new_boxed(DataFormat::Raw);
        Self { inflating, compressor: None, waiting: Vec::new(), unfinished: false }
    }

    /// Whether there may be something to inflate.
    pub(super) fn has_more(&self) -> bool {
        self.unfinished
    }

    /// Takes what came.
    pub(super) fn received(&mut self, octets: &[u8]) {
        self.waiting.extend_from_slice(octets);
        self.unfinished = true;
    }

    /// Inflates into the input until it holds `full` bytes, or until there is no more. An error if
    /// what came is not deflate, or says that nothing follows.
    pub(super) fn inflate(&mut self, input: &mut Input, full: usize) -> io::Result<()> {
        let mut taken = 0;
        let mut space = [0; STEP];
        while input.len() < full {
            let rest = self.waiting.get(taken..).unwrap_or_default();
            let step = miniz_oxide::inflate::stream::inflate(
                &mut self.inflating,
                rest,
                &mut space,
                MZFlush::None,
            );
            taken = taken.saturating_add(step.bytes_consumed);
            input.fill(space.get(..step.bytes_written).unwrap_or_default());
            match step.status {
                Ok(MZStatus::Ok) if step.bytes_consumed > 0 || step.bytes_written > 0 => {}
                // Nothing more comes of what is there.
                Ok(MZStatus::Ok) | Err(MZError::Buf) => {
                    self.unfinished = false;
                    break;
                }
                Ok(MZStatus::StreamEnd) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(MZStatus::NeedDict) | Err(_) => return Err(io::ErrorKind::InvalidData.into()),
            }
        }
        self.waiting.drain(..taken.min(self.waiting.len()));
        if self.waiting.is_empty() {
            self.waiting = Vec::new();
        }
        Ok(())
    }

    /// Compresses all of it, so that the peer can read it to the last byte.
    pub(super) fn deflate(&mut self, plain: &[u8]) -> io::Result<Vec<u8>> {
        let compressor = self.compressor.get_or_insert_with(lend);
        let (mut out, mut rest) = (Vec::with_capacity(plain.len() / 2 + 64), plain);
        let mut space = [0; STEP];
        loop {
            let step = deflate::stream::deflate(compressor, rest, &mut space, MZFlush::Sync);
            rest = rest.get(step.bytes_consumed..).unwrap_or_default();
            out.extend_from_slice(space.get(..step.bytes_written).unwrap_or_default());
            match step.status {
                // A flush is complete when it leaves room.
                Ok(_) if rest.is_empty() && step.bytes_written < STEP => return Ok(out),
                Ok(_) => {}
                Err(MZError::Buf) if rest.is_empty() => return Ok(out),
                Err(_) => return Err(io::ErrorKind::InvalidData.into()),
            }
        }
    }

    /// Nothing is to be sent for a while: the next block begins without a memory of the last.
    pub(super) fn idle(&mut self) {
        if let Some(compressor) = self.compressor.take() {
            take_back(compressor);
        }
    }
}

impl Drop for Deflate {
    fn drop(&mut self) {
        self.idle();
    }
}

fn lend() -> Box<CompressorOxide> {
    let kept = POOL.lock().unwrap_or_else(PoisonError::into_inner).pop();
    kept.unwrap_or_else(|| {
        let mut compressor = Box::<CompressorOxide>::default();
        compressor.set_format_and_level(DataFormat::Raw, LEVEL);
        compressor
    })
}

fn take_back(mut compressor: Box<CompressorOxide>) {
    let mut pool = POOL.lock().unwrap_or_else(PoisonError::into_inner);
    if pool.len() < KEPT {
        // What one peer was sent is of no concern to the next.
        compressor.reset();
        pool.push(compressor);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is compressed comes out again, whatever its size and however it is cut.
    #[test]
    fn there_and_back() {
        let text: Vec<u8> = (0..40_000_u32)
            .flat_map(|n| format!("* {n} FETCH (UID {n})\r\n").into_bytes())
            .collect();
        let noise: Vec<u8> = (0..100_000_u32)
            .map(|n| u8::try_from(n.wrapping_mul(2_654_435_761) >> 24).unwrap())
            .collect();
        for plain in [&b""[..], b"a", &text, &noise, &text[..STEP], &noise[..STEP + 1]] {
            for cut in [1, 7, 1000, STEP, usize::MAX] {
                let (mut out, mut back) = (Deflate::new(), Deflate::new());
                let mut input = Input::default();
                for _ in 0..2 {
                    let sent = out.deflate(plain).unwrap();
                    out.idle();
                    for piece in sent.chunks(cut.min(sent.len()).max(1)) {
                        back.received(piece);
                        back.inflate(&mut input, usize::MAX).unwrap();
                    }
                    assert!(input.bytes() == plain, "{} octets cut at {cut}", plain.len());
                    assert!(!back.has_more() && back.waiting.capacity() == 0);
                    input.clear();
                }
            }
        }
    }

    /// RFC 4978 §3: a bomb is inflated as far as there is room, and goes on when there is more.
    #[test]
    fn a_bomb_waits_compressed() {
        let bomb = Deflate::new().deflate(&vec![b'x'; 32 << 20]).unwrap();
        assert!(bomb.len() < 256 * 1024, "{}", bomb.len());
        let (mut deflate, mut input) = (Deflate::new(), Input::default());
        deflate.received(&bomb);
        let mut total = 0;
        while deflate.has_more() {
            deflate.inflate(&mut input, 100_000).unwrap();
            assert!(input.len() < 100_000 + STEP);
            total += input.len();
            input.clear();
        }
        assert_eq!(total, 32 << 20);
    }

    #[test]
    fn what_is_no_deflate() {
        for bad in [&[0xff_u8; 40][..], b"a1 NOOP\r\n", &[0x03, 0x00]] {
            let mut deflate = Deflate::new();
            deflate.received(bad);
            assert!(deflate.inflate(&mut Input::default(), 1000).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn an_idle_connection_keeps_little() {
        assert!(size_of::<InflateState>() <= 48 * 1024, "{}", size_of::<InflateState>());
        assert!(size_of::<Deflate>() <= 64, "{}", size_of::<Deflate>());
    }
}
