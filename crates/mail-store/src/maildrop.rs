//! A mailbox as POP3 uses it: its lock (RFC 1939 §4), its listing, and its messages one after the
//! other.

use std::{collections::VecDeque, fs::File, io, ops::Range, path::Path};

use mail_types::{AccountId, Timestamp, Uid};
use stable_storage::{FileLock, Held, on_blocking_thread, open_cached, read_cached};

use crate::{StoreError, content::read_into};

/// The maildrop belongs to one session for as long as this lives; its process's death ends it too.
#[derive(Debug)]
pub struct MaildropLock {
    _held: Held,
}

/// Takes the lock if it is free.
pub(crate) async fn lock(account: AccountId, root: &Path) -> Result<MaildropLock, StoreError> {
    let path = root.join("postrider-maildrop.lock");
    on_blocking_thread(move || {
        let failed = |e| StoreError::file("lock", &path, e);
        match FileLock::at(&path).and_then(|lock| lock.try_lock()).map_err(failed)? {
            Some(held) => Ok(MaildropLock { _held: held }),
            None => Err(StoreError::MaildropInUse(account)),
        }
    })
    .await
}

/// A message in a maildrop's listing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DropEntry {
    /// Its UID.
    pub uid: Uid,
    /// Octets in wire form.
    pub size: u64,
    /// When it was received.
    pub internal_date: Timestamp,
    /// Whether it has `\Seen`.
    pub seen: bool,
}

/// Messages that were read whole, to be taken one after the other.
#[derive(Debug, Default)]
pub struct ReadWhole {
    octets: Vec<u8>,
    /// So much of `octets` was read now; what lies behind is of an earlier use.
    filled: usize,
    /// Those that were not taken yet.
    messages: VecDeque<Range<usize>>,
}

impl ReadWhole {
    /// Whether all were taken.
    pub fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    /// The next message, in wire form.
    pub fn take(&mut self) -> Option<&[u8]> {
        self.octets.get(self.messages.pop_front()?)
    }

    /// Forgets what was read, and keeps the memory.
    pub fn clear(&mut self) {
        self.messages.clear();
        self.filled = 0;
    }

    /// Reads one more; false if it is not of this size.
    pub(crate) fn push(&mut self, file: &File, size: u64) -> io::Result<bool> {
        self.push_as(size, |room| read_into(file, 0, room))
    }

    /// Reads one more without waiting for a disk; false if that can't be, for whatever reason.
    pub(crate) fn push_cached(&mut self, path: &Path, size: u64) -> bool {
        let Ok(Some(file)) = open_cached(path) else { return false };
        let read = |room: &mut [u8]| Ok(read_cached(&file, 0, room)?.unwrap_or_default());
        self.push_as(size, read).unwrap_or_default()
    }

    fn push_as(
        &mut self,
        size: u64,
        read: impl FnOnce(&mut [u8]) -> io::Result<usize>,
    ) -> io::Result<bool> {
        let start = self.filled;
        let end = usize::try_from(size).map_or(usize::MAX, |size| start.saturating_add(size));
        // An octet more: whether the file ends there shows without another call.
        let with_one_more = end.saturating_add(1);
        if self.octets.len() < with_one_more {
            self.octets.resize(with_one_more, 0);
        }
        let room = self.octets.get_mut(start..with_one_more).unwrap_or_default();
        let read = read(room)?;
        if start.saturating_add(read) != end {
            return Ok(false);
        }
        self.messages.push_back(start..end);
        self.filled = end;
        Ok(true)
    }
}
