//! A message's bytes on their way out.
use crate::StoreError;

/// An open message; stays readable if it is expunged or renamed meanwhile.
#[derive(Debug)]
pub struct MessageReader {}

impl MessageReader {
    /// Octets in wire form.
    pub fn size(&self) -> u64 {
        todo!()
    }

    /// At most `length` octets of the wire form from `start`; fewer only at the end.
    pub async fn read_at(&self, start: u64, length: usize) -> Result<Vec<u8>, StoreError> {
        todo!()
    }
}
