//! Where messages come from, and where their reports go.

use std::{future::Future, io};

use smtp_core::client::{Extensions, Message, Report};

use crate::Sheltered;

/// The content of a message, from its start to its end: exactly as long as its message says.
pub trait Pieces: Send {
    /// The next piece, of any size that fits into memory well; nothing at the end.
    fn next_piece(&mut self) -> impl Future<Output = io::Result<Option<Vec<u8>>>> + Send;
}

/// A message to be sent.
#[derive(Debug)]
pub struct Outgoing<P> {
    /// Its envelope.
    pub message: Message,
    /// Its content, line ends as CRLF.
    pub content: P,
}

/// Gives the messages for one host, one after the other.
pub trait Outbox: Send {
    /// Where a content comes from.
    type Content: Pieces;

    /// What TLS with the host came to: once a connection, before it is asked for a message.
    fn sheltered(&mut self, sheltered: Sheltered<'_>) {
        let _ = sheltered;
    }

    /// The next message, made to fit what the server offers; nothing to say good-bye.
    fn next(
        &mut self,
        offered: &Extensions,
    ) -> impl Future<Output = Option<Outgoing<Self::Content>>> + Send;

    /// What became of the message that was given last.
    fn done(&mut self, report: Report) -> impl Future<Output = ()> + Send;

    /// Whether another connection would be of use: asked when the server takes no more messages
    /// over this one.
    fn has_more(&self) -> bool;
}
