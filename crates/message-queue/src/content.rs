//! The octets of a leased message.

use std::{fs::File, io, os::unix::fs::FileExt, sync::Arc};

use stable_storage::on_blocking_thread;

/// A message's content, readable as often as wanted; a clone is the same one.
#[derive(Debug, Clone)]
pub enum Content {
    /// A small one.
    Bytes(Arc<[u8]>),
    /// A large one: an open file that stays readable.
    File {
        /// The file.
        file: Arc<File>,
        /// Its length.
        len: u64,
    },
}

impl Content {
    /// Its length in octets.
    pub fn len(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::File { len, .. } => *len,
        }
    }

    /// Whether it is empty.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Reads up to `max` octets from `offset`; nothing at the end. A file is read on a blocking
    /// thread.
    pub async fn read_at(&self, offset: u64, max: usize) -> io::Result<Vec<u8>> {
        match self {
            Self::Bytes(bytes) => {
                let start = usize::try_from(offset).unwrap_or(usize::MAX).min(bytes.len());
                let end = start.saturating_add(max).min(bytes.len());
                Ok(bytes.get(start..end).unwrap_or_default().to_vec())
            }
            Self::File { file, len } => {
                let left = usize::try_from(len.saturating_sub(offset)).unwrap_or(usize::MAX);
                let (file, size) = (file.clone(), max.min(left));
                on_blocking_thread(move || {
                    let mut piece = vec![0; size];
                    file.read_exact_at(&mut piece, offset)?;
                    Ok(piece)
                })
                .await
            }
        }
    }

    /// The same for a thread that may wait. What is in memory already is not copied; a file's piece is
    /// put into `buffer`, in place of what it held.
    pub fn piece_at<'a>(
        &'a self,
        offset: u64,
        max: usize,
        buffer: &'a mut Vec<u8>,
    ) -> io::Result<&'a [u8]> {
        match self {
            Self::Bytes(bytes) => {
                let rest = bytes.get(usize::try_from(offset).unwrap_or(usize::MAX)..);
                let rest = rest.unwrap_or_default();
                Ok(rest.get(..max).unwrap_or(rest))
            }
            Self::File { file, len } => {
                let left = usize::try_from(len.saturating_sub(offset)).unwrap_or(usize::MAX);
                buffer.resize(max.min(left), 0);
                file.read_exact_at(buffer, offset)?;
                Ok(buffer)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn both_kinds_are_read_alike() {
        let octets = b"0123456789";
        let mut file = tempfile::tempfile().unwrap();
        io::Write::write_all(&mut file, octets).unwrap();
        let bytes = Content::Bytes(octets.to_vec().into());
        let file = Content::File { file: Arc::new(file), len: 10 };
        let mut buffer = b"what was there before".to_vec();
        for (offset, max, expected) in
            [(0, 4, "0123"), (4, 100, "456789"), (8, 2, "89"), (10, 5, ""), (11, 5, ""), (3, 0, "")]
        {
            for content in [&bytes, &file] {
                let piece = content.piece_at(offset, max, &mut buffer).unwrap();
                assert_eq!(piece, expected.as_bytes(), "{offset} {max}");
                assert_eq!(content.read_at(offset, max).await.unwrap(), expected.as_bytes());
            }
        }
    }
}
