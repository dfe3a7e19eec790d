//! POP3 as a machine, the server's side (RFC 1939 and its extensions): bytes in, steps out.
//!
//! [`Session`] takes command lines from the wire, answers what it can by itself (a maildrop's list
//! of sizes and ids is all it needs for that), and asks the agent four [`Question`]s. Which command
//! is legal when is the table in `order`; every word that a client reads stands in `response`.
//!
//! It does not know who may sign in, how a maildrop is locked, where messages lie or how they are
//! removed. It reads no clock and holds no message, only the piece at hand.
//!
//! Invariants: a message is removed only by the answer to [`Question::Update`], which is asked only
//! at QUIT; whatever else ends a session removes nothing (RFC 1939 §6). A response of many lines
//! that cannot be finished ends the connection, so that half of it is never taken for the whole.

mod command;
mod commands;
mod excerpt;
mod language;
mod line;
mod maildrop;
mod options;
mod order;
mod question;
mod response;
mod session;
mod sign_in;
mod state;
mod stuffing;

pub use language::Language;
pub use maildrop::{Entry, Maildrop};
pub use options::{Limits, Options};
pub use question::{Listing, Message, Prepare, Question, Sending, SignIn, Update};
pub use response::{Refusal, TOO_MANY_CONNECTIONS};
pub use session::Session;
