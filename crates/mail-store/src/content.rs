//! A message's bytes on their way out, in wire form: CRLF, whatever the file has.

use std::{
    fs::File,
    io,
    os::unix::fs::FileExt,
    sync::{Arc, Mutex, PoisonError},
};

use stable_storage::{on_blocking_thread, read_cached};

use crate::{StoreError, line_ends::LineEnds};

/// How much of a file with other line ends is converted at a time.
const STEP_OCTETS: usize = 64 * 1024;
/// More at a time keeps others waiting for too long: that is read on another thread.
const CACHED_OCTETS_MAX: usize = 256 * 1024;

/// An open message; stays readable if it is expunged or renamed meanwhile. A clone is the same
/// one.
#[derive(Clone, Debug)]
pub struct MessageReader(Arc<Opened>);

#[derive(Debug)]
struct Opened {
    file: File,
    size: u64,
    /// Only for a file with bare LF line ends.
    converted: Option<Mutex<Converted>>,
}

impl MessageReader {
    pub(crate) fn new(file: File, size: u64, bare_lf: bool) -> Self {
        Self(Arc::new(Opened { file, size, converted: bare_lf.then(Mutex::default) }))
    }

    /// Octets in wire form.
    pub fn size(&self) -> u64 {
        self.0.size
    }

    /// At most `length` octets of the wire form from `start`; fewer only at the end. Reading on
    /// from where the last call ended is cheapest.
    pub async fn read_at(&self, start: u64, length: usize) -> Result<Vec<u8>, StoreError> {
        if let Some(octets) = self.0.read_cached(start, length) {
            return Ok(octets);
        }
        let reader = self.clone();
        on_blocking_thread(move || {
            let read = reader.read_now(start, length);
            read.map_err(|error| StoreError::file("read", "a message", error))
        })
        .await
    }

    /// The same, for who is on a thread that may wait for the disk.
    pub(crate) fn read_now(&self, start: u64, length: usize) -> io::Result<Vec<u8>> {
        let Opened { file, converted, .. } = &*self.0;
        match converted {
            None => read_plain(file, start, length),
            Some(converted) => {
                converted.lock().unwrap_or_else(PoisonError::into_inner).read(file, start, length)
            }
        }
    }
}

impl Opened {
    /// The same without waiting for a disk, if that can be and the file is as long as it should be.
    fn read_cached(&self, start: u64, length: usize) -> Option<Vec<u8>> {
        let rest = usize::try_from(self.size.saturating_sub(start)).unwrap_or(usize::MAX);
        let length = length.min(rest);
        if self.converted.is_some() || length > CACHED_OCTETS_MAX {
            return None;
        }
        let mut octets = vec![0; length];
        match read_cached(&self.file, start, &mut octets) {
            Ok(Some(read)) if read == length => Some(octets),
            // An error is met again, and told, where it is read with patience.
            Ok(_) | Err(_) => None,
        }
    }
}

fn read_plain(file: &File, start: u64, length: usize) -> io::Result<Vec<u8>> {
    let rest = file.metadata()?.len().saturating_sub(start);
    let length = usize::try_from(rest).unwrap_or(usize::MAX).min(length);
    let mut octets = vec![0; length];
    let filled = read_into(file, start, &mut octets)?;
    octets.truncate(filled);
    Ok(octets)
}

/// Reads until there is no room or no more; answers how much that was.
pub(crate) fn read_into(file: &File, start: u64, octets: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while let Some(room) = octets.get_mut(filled..).filter(|room| !room.is_empty()) {
        match file.read_at(room, start.saturating_add(filled as u64)) {
            Ok(0) => break,
            Ok(read) => filled = filled.saturating_add(read),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// How far a file is converted: its wire form can only be counted from its beginning.
#[derive(Debug, Default)]
struct Converted {
    line_ends: LineEnds,
    /// The place in the file behind what is held.
    read: u64,
    /// The place in wire form of what is held.
    at: u64,
    held: Vec<u8>,
}

impl Converted {
    fn read(&mut self, file: &File, start: u64, length: usize) -> io::Result<Vec<u8>> {
        if start < self.at {
            *self = Self::default();
        }
        let mut out = Vec::new();
        loop {
            let skip = usize::try_from(start.saturating_sub(self.at)).unwrap_or(usize::MAX);
            let wanted = length.saturating_sub(out.len());
            let place = skip.saturating_add(out.len());
            let found = self.held.get(place..).unwrap_or_default();
            let taken = found.get(..wanted.min(found.len())).unwrap_or_default();
            out.extend_from_slice(taken);
            if out.len() == length {
                return Ok(out);
            }
            // Keep what the call asked for, so that its places stay right; drop what lies before.
            let drop = skip.min(self.held.len());
            self.held.drain(..drop);
            self.at = self.at.saturating_add(drop as u64);
            let piece = read_plain(file, self.read, STEP_OCTETS)?;
            if piece.is_empty() {
                return Ok(out);
            }
            self.read = self.read.saturating_add(piece.len() as u64);
            self.line_ends.push(&piece, &mut self.held);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[tokio::test]
    async fn any_range_of_either_kind_of_file() {
        let lf: Vec<u8> = (0..30_000).flat_map(|n| format!("line {n}\n").into_bytes()).collect();
        let mut wire = Vec::new();
        LineEnds::default().push(&lf, &mut wire);
        for (content, bare_lf) in [(&lf, true), (&wire, false)] {
            let mut file = tempfile::tempfile().unwrap();
            file.write_all(content).unwrap();
            let reader = MessageReader::new(file, wire.len() as u64, bare_lf);
            let end = wire.len();
            for (start, length) in [
                (0, 10),
                (10, 10),
                (5, 3),
                (70_000, 100_000),
                (170_000, 1),
                (end - 5, 100),
                (end, 5),
                (end + 9, 5),
                (0, end * 2),
            ] {
                let expected = wire.get(start.min(end)..(start + length).min(end)).unwrap();
                let read = reader.read_at(start as u64, length).await.unwrap();
                assert!(read == expected, "{start} {length} {bare_lf}");
            }
        }
    }
}
