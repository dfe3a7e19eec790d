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
}
