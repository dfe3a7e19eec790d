//! Waiting for a mailbox to change.

/// Wakes when its mailbox changes.
#[derive(Debug)]
pub struct Watch {}

impl Watch {
    /// Returns when the mailbox may have changed since this was last called (or since the watch
    /// was made), at once if it has already.
    pub async fn changed(&mut self) {
        todo!()
    }
}
