//! The client's side of SMTP (RFC 5321) and LMTP (RFC 2033): one connection, any number of messages.
//!
//! [`Session`] is the machine. It greets, changes to TLS and signs in as it was told, and then asks
//! [`Next`] for what is to be sent, again and again; the content of a message is asked for by
//! [`Content`] and given in pieces. Each message ends in a [`Report`] with one outcome a recipient.
//! When the connection ends early, [`Session::finish`] says what became of the message that was on
//! its way.
//!
//! Invariants: every recipient of a message gets exactly one outcome; what is unknown (a lost
//! connection, a reply that is none) is deferred, never failed; the end of the content is sent only
//! when it was given to its end; a password crosses the wire under TLS only.
//!
//! What the peer controls: every reply. A reply's length and number of lines are limited, and all
//! waits end by [`Timeouts`]. This side refuses to know addresses, routes and retries.

mod command;
mod content;
mod extensions;
mod options;
mod outset;
mod question;
mod replies;
mod session;
mod sign_in;
mod transaction;

pub use extensions::{Extensions, Limits};
pub use options::{Account, Options, Protocol, StartTls, Timeouts};
pub use question::{Content, Next, Question};
pub use session::{Ending, Session};
pub use transaction::{Message, Recipient, Report};

#[cfg(test)]
mod tests;
