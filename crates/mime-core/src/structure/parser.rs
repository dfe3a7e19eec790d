//! The push parser.

use super::{Limits, Structure};

/// Takes a message by pieces.
#[derive(Debug)]
pub struct Parser {
    limits: Limits,
}

impl Parser {
    /// A parser at the start of a message.
    pub fn new(limits: Limits) -> Self {
        Self { limits }
    }

    /// Takes the next piece.
    pub fn push(&mut self, _piece: &[u8]) {}

    /// The message has ended.
    pub fn finish(self) -> Structure {
        todo!("{:?}", self.limits)
    }
}
