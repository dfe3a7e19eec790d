//! The lock of a maildrop (RFC 1939 §4).

use std::path::Path;

use mail_types::AccountId;
use stable_storage::{FileLock, Held, on_blocking_thread};

use crate::StoreError;

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
