//! A message on its way in.
use crate::StoreError;

/// A message that is being written into the account's `tmp`. Dropped, it leaves nothing.
#[derive(Debug)]
pub struct Incoming {}

impl Incoming {
    /// Adds a piece of any size. Bare LF becomes CRLF.
    pub async fn write(&mut self, piece: &[u8]) -> Result<(), StoreError> {
        todo!()
    }

    /// Ends the message: it is synced when this returns.
    pub async fn finish(self) -> Result<Written, StoreError> {
        todo!()
    }
}

/// A whole message in the account's `tmp`, synced, parsed, in no mailbox yet. Dropped, it leaves
/// nothing.
#[derive(Debug)]
pub struct Written {}

impl Written {
    /// Octets.
    pub fn size(&self) -> u64 {
        todo!()
    }
}
