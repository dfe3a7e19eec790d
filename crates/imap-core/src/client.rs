//! The client's side, as far as mail is fetched from another server: sign-in, the list of
//! mailboxes, and of each mailbox the messages with flags and dates.
//!
//! [`Session`] is a machine like the server's. It signs in by itself, then asks again and again what
//! to do next ([`Question::Next`]); between two of these it hands over what bodies consist of
//! ([`Question::Piece`]). One command is out at a time.
//!
//! What the server controls is every byte of the input. Of a response it can make grow what is
//! held of one line and its short strings ([`MAX_LINE`], [`MAX_STRING`], [`MAX_STRINGS`]); lines
//! are taken out of the input as they come, and bodies are handed on as they come, one in a
//! response. What is collected for an order is bounded as well. A server that breaks the protocol
//! ends the session: nothing is guessed.

mod gather;
mod order;
mod reader;
mod response;
mod session;
mod sign_in;
mod value;

pub use order::{Facts, Folder, Order, Outcome, Selected};
pub use reader::{MAX_LINE, MAX_STRING, MAX_STRINGS};
pub use session::{Ending, Message, Next, Options, Piece, Question, Session};
