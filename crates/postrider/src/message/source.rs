//! Where the octets of a message come from: a file, read as it is needed, or kept in memory.
//!
//! A file that shrinks while it is read gives less; that is no error.

use std::{
    fs::File,
    io::{self, Read},
    ops::Range,
    os::unix::fs::FileExt,
    path::Path,
};

use anyhow::{Context, bail};

/// How much is read in one go.
const PIECE: usize = 128 * 1024;

/// A message's octets.
pub(crate) struct Source {
    held: Held,
    size: u64,
}

enum Held {
    File(File),
    Memory(Vec<u8>),
}

impl Source {
    /// Opens a file; `-` is standard input. Pipes and the like are read to their end at once.
    pub(crate) fn open(path: &Path) -> anyhow::Result<Self> {
        if path == Path::new("-") {
            let mut octets = Vec::new();
            io::stdin().lock().read_to_end(&mut octets).context("cannot read standard input")?;
            return Ok(Self::of(octets));
        }
        let cannot = || format!("cannot read {}", path.display());
        let mut file = File::open(path).with_context(cannot)?;
        let metadata = file.metadata().with_context(cannot)?;
        if metadata.is_dir() {
            bail!("{} is a folder: name a message in it", path.display());
        }
        if metadata.is_file() {
            return Ok(Self { held: Held::File(file), size: metadata.len() });
        }
        let mut octets = Vec::new();
        file.read_to_end(&mut octets).with_context(cannot)?;
        Ok(Self::of(octets))
    }

    /// A message that is in memory.
    pub(crate) fn of(octets: Vec<u8>) -> Self {
        let size = u64::try_from(octets.len()).unwrap_or(u64::MAX);
        Self { held: Held::Memory(octets), size }
    }

    /// How many octets there are.
    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    /// Gives the octets of a range by pieces.
    pub(crate) fn pieces(
        &self,
        range: Range<u64>,
        mut on: impl FnMut(&[u8]) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let file = match &self.held {
            Held::Memory(octets) => {
                let end = in_memory(range.end).min(octets.len());
                let held = octets.get(in_memory(range.start)..end).unwrap_or_default();
                return held.chunks(PIECE).try_for_each(on);
            }
            Held::File(file) => file,
        };
        let mut buffer = vec![0; PIECE];
        let mut at = range.start;
        while at < range.end {
            let wanted = in_memory(range.end.saturating_sub(at)).min(PIECE);
            let room = buffer.get_mut(..wanted).unwrap_or_default();
            let read = file.read_at(room, at).context("cannot read the message")?;
            if read == 0 {
                break;
            }
            on(buffer.get(..read).unwrap_or_default())?;
            at = at.saturating_add(u64::try_from(read).unwrap_or(u64::MAX));
        }
        Ok(())
    }

    /// The octets of a range, `most` at most.
    pub(crate) fn read(&self, range: Range<u64>, most: u64) -> anyhow::Result<Vec<u8>> {
        let range = range.start..range.end.min(range.start.saturating_add(most));
        let mut octets = Vec::new();
        self.pieces(range, |piece| {
            octets.extend_from_slice(piece);
            Ok(())
        })?;
        Ok(octets)
    }
}

fn in_memory(offset: u64) -> usize {
    usize::try_from(offset).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn a_file_and_memory_give_the_same() {
        let octets: Vec<u8> = (0..=255).cycle().take(PIECE + 1000).collect();
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(&octets).unwrap();
        let sources = [Source::open(file.path()).unwrap(), Source::of(octets.clone())];
        for source in sources {
            assert_eq!(source.size(), octets.len() as u64);
            assert_eq!(source.read(0..u64::MAX, u64::MAX).unwrap(), octets);
            assert_eq!(source.read(10..20, 5).unwrap(), octets[10..15]);
            assert!(source.read(u64::MAX - 1..u64::MAX, 5).unwrap_or_default().is_empty());
        }
    }

    #[test]
    fn what_is_no_file_is_said() {
        let said = |path: &str| Source::open(Path::new(path)).err().unwrap().to_string();
        assert_eq!(said("/"), "/ is a folder: name a message in it");
        assert_eq!(said("/no/such"), "cannot read /no/such");
    }
}
