//! One connection's transport and buffers, and the I/O on them.

use std::{
    future::poll_fn,
    mem::MaybeUninit,
    pin::Pin,
    task::{Poll, ready},
    time::Duration,
};

use conversation::{TlsFacts, Wire};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWriteExt, ReadBuf},
    time::timeout,
};

use super::{DriveOptions, End, HIGH_WATER, Record, TlsRole, buffers, deflate::Deflate};
use crate::{Connection, connection::Transport, tls::TlsError};

/// Read at most this much at a time, in bytes: one TLS record.
const READ_SIZE: usize = 16 * 1024;
/// A machine may leave this much input untaken before the driver stops reading, in bytes.
pub(super) const INPUT_MAX: usize = 256 * 1024;
/// How long the peer may take to notice our close, so that our last words are not lost in a reset.
const LINGER: Duration = Duration::from_secs(1);

pub(super) struct Link {
    pub(super) wire: Wire,
    pub(super) options: DriveOptions,
    transport: Transport,
    /// Between the wire and the transport, once it was asked for.
    deflate: Option<Box<Deflate>>,
    /// Hears what is said, if somebody wants to know.
    record: Option<Box<dyn Record>>,
    /// Bytes came since anything was written.
    unanswered: bool,
}

impl Link {
    pub(super) fn new(connection: Connection, options: DriveOptions) -> Self {
        let transport = connection.parts.transport;
        let wire = buffers::lend();
        Self { wire, options, transport, deflate: None, record: None, unanswered: false }
    }

    /// Writes all output. If there is none, the peer learns at least that its bytes have come.
    pub(super) async fn flush(&mut self) -> Result<(), End> {
        let unanswered = std::mem::take(&mut self.unanswered);
        if self.wire.output.is_empty() {
            if unanswered {
                self.transport.acknowledge();
            }
            return Ok(());
        }
        if let Some(record) = &mut self.record {
            record.said(&self.wire.output);
        }
        if let Some(deflate) = &mut self.deflate {
            let compressed = deflate.deflate(&self.wire.output);
            self.wire.output = compressed.map_err(|error| End::Gone(Some(error)))?;
        }
        let mut sent = 0;
        while let Some(rest) = self.wire.output.get(sent..).filter(|rest| !rest.is_empty()) {
            match timeout(self.options.write_stall, self.transport.write(rest)).await {
                Err(_) => return Err(End::Stalled),
                Ok(Err(error)) => return Err(End::Gone(Some(error))),
                Ok(Ok(0)) => return Err(End::Gone(None)),
                Ok(Ok(count)) => sent += count,
            }
        }
        self.wire.output.clear();
        // TLS may still hold a record that the socket did not take.
        match timeout(self.options.write_stall, self.transport.flush()).await {
            Err(_) => Err(End::Stalled),
            Ok(flushed) => flushed.map_err(|error| End::Gone(Some(error))),
        }
    }

    /// Writes the output if it has grown large.
    pub(super) async fn flush_above_high_water(&mut self) -> Result<(), End> {
        if self.wire.output.len() >= HIGH_WATER { self.flush().await } else { Ok(()) }
    }

    /// Whether going on is pointless: the connection is broken, or the time to stop has run out.
    pub(super) fn hopeless(&self) -> Option<End> {
        if self.options.stop.is_overdue() {
            return Some(End::Stopped);
        }
        self.transport.is_broken().then_some(End::Gone(None))
    }

    /// Reads what is there, or waits for it. Cancellation safe: bytes go straight into the input.
    /// While it waits with nothing left to say or take, the buffers are in the pool.
    pub(super) async fn read(&mut self) -> Result<(), End> {
        if self.wire.input.len() >= INPUT_MAX {
            // Only a timer, news or the stop can make such a machine go on.
            return std::future::pending().await;
        }
        let before = self.wire.input.len();
        let Self { wire, transport, deflate, unanswered, record, .. } = self;
        poll_fn(|cx| {
            if inflate(deflate.as_deref_mut(), wire)? {
                return Poll::Ready(Ok(()));
            }
            // On the stack of the poll: the waiting future keeps no buffer.
            let mut space = [MaybeUninit::uninit(); READ_SIZE];
            let mut space = ReadBuf::uninit(&mut space);
            let polled = Pin::new(&mut *transport).poll_read(cx, &mut space);
            if polled.is_pending() && wire.input.is_empty() && !owns_nothing(wire) {
                buffers::take_back(std::mem::take(wire));
                if let Some(deflate) = deflate {
                    deflate.idle();
                }
            }
            if let Err(error) = ready!(polled) {
                return Poll::Ready(Err(End::Gone(Some(error))));
            }
            if space.filled().is_empty() {
                // All that came earlier has been stepped through: reading happens only at a wait.
                return Poll::Ready(Err(End::Gone(None)));
            }
            if owns_nothing(wire) {
                *wire = buffers::lend();
            }
            *unanswered = true;
            if let Some(deflate) = deflate.as_deref_mut() {
                deflate.received(space.filled());
                // Maybe not yet a whole byte of it: the machine looks in vain then.
                inflate(Some(deflate), wire)?;
            } else {
                wire.input.fill(space.filled());
            }
            Poll::Ready(Ok(()))
        })
        .await?;
        if let Some(record) = record {
            record.heard(wire.input.bytes().get(before..).unwrap_or_default());
        }
        Ok(())
    }

    /// From here on this one hears what is said, or nobody; first what has come and was not taken.
    pub(super) fn record(&mut self, record: Option<Box<dyn Record>>) {
        self.record = record;
        if let Some(record) = &mut self.record {
            record.heard(self.wire.input.bytes());
        }
    }

    /// Sends all output as it is; what follows is compressed, both ways (RFC 4978 §3).
    pub(super) async fn upgrade_to_deflate(&mut self) -> Result<(), End> {
        self.flush().await?;
        if !self.wire.input.is_empty() {
            return Err(End::Injected);
        }
        if self.deflate.is_some() {
            return Err(End::Unsupported("compression of what is compressed"));
        }
        self.deflate = Some(Box::new(Deflate::new()));
        Ok(())
    }

    /// Sends all output and shakes hands, as the side that the options say.
    pub(super) async fn upgrade_to_tls(&mut self) -> Result<TlsFacts, End> {
        self.flush().await?;
        // Whatever was sent in clear before the handshake could have been put there by anyone
        // on the path; nobody honest sends it (RFC 3207 §4.2).
        if !self.wire.input.is_empty() {
            return Err(End::Injected);
        }
        let plain = self.transport.take_plain().ok_or(End::Unsupported("TLS inside TLS"))?;
        let handshake = async {
            match &self.options.tls {
                TlsRole::None => Err(TlsError::NotConfigured),
                TlsRole::Server(tls) => tls.accept(plain).await,
                TlsRole::Client(tls) => tls.connect(plain).await,
            }
        };
        let (transport, facts) = timeout(self.options.handshake_limit, handshake)
            .await
            .unwrap_or(Err(TlsError::TimedOut))
            .map_err(End::Tls)?;
        self.transport = transport;
        Ok(facts)
    }

    /// Closes: orderly if the machine wanted it, at once otherwise.
    pub(super) async fn close(&mut self, end: &End) {
        buffers::take_back(std::mem::take(&mut self.wire));
        if !matches!(end, End::Closed) {
            return;
        }
        // The peer may still be sending; closing over its bytes would answer them with a reset,
        // which can overtake and destroy our last reply. So its rest is read, within bounds.
        let farewell = async {
            if self.transport.shutdown().await.is_err() {
                return;
            }
            let mut rest = [0; 1024];
            let mut eaten = 0;
            while let Ok(count @ 1..) = self.transport.read(&mut rest).await {
                eaten += count;
                if eaten > INPUT_MAX {
                    return;
                }
            }
        };
        // Either way the socket is closed now.
        let _ = timeout(LINGER, farewell).await;
    }
}

/// Inflates what came before and had no room; true if there was something to read.
fn inflate(deflate: Option<&mut Deflate>, wire: &mut Wire) -> Result<bool, End> {
    let Some(deflate) = deflate.filter(|deflate| deflate.has_more()) else { return Ok(false) };
    let before = wire.input.len();
    let inflated = deflate.inflate(&mut wire.input, INPUT_MAX);
    inflated.map_err(|error| End::Gone(Some(error)))?;
    Ok(wire.input.len() > before)
}

fn owns_nothing(wire: &Wire) -> bool {
    wire.input.capacity() == 0 && wire.output.capacity() == 0
}
