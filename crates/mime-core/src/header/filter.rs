//! HEADER.FIELDS: some fields of a header, octet for octet, by pieces.

use crate::section::FieldChoice;

/// Takes a header by pieces and passes the chosen fields on, then the blank line if there was one.
#[derive(Debug)]
pub struct FieldFilter {
    names: Vec<Box<str>>,
    choice: FieldChoice,
}

impl FieldFilter {
    /// A filter at the start of a header.
    pub fn new(names: &[Box<str>], choice: FieldChoice) -> Self {
        Self { names: names.to_vec(), choice }
    }

    /// The whole of it, for a header that is in memory.
    pub fn apply(header: &[u8], names: &[Box<str>], choice: FieldChoice) -> Vec<u8> {
        let mut out = Vec::new();
        let mut filter = Self::new(names, choice);
        filter.push(header, &mut out);
        filter.finish(&mut out);
        out
    }

    /// Takes the next piece and appends what is chosen of it.
    pub fn push(&mut self, _piece: &[u8], _out: &mut Vec<u8>) {
        let _ = (&self.names, self.choice);
        todo!()
    }

    /// The header has ended: appends what was still held back.
    pub fn finish(self, _out: &mut Vec<u8>) {
        todo!()
    }
}
