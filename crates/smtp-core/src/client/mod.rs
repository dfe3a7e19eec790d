//! The client's side of SMTP (RFC 5321): one connection, any number of messages.
//!
//! [`Session`] is the machine. It greets, changes to TLS if it may, and then asks [`Next`] for what
//! is to be sent, again and again; the content of a message is asked for by [`Content`] and given
//! in pieces. Each message ends in a [`Report`] with one outcome a recipient. When the connection
//! ends early, [`Session::finish`] says what became of the message that was on its way.
//!
//! Invariants: every recipient of a message gets exactly one outcome; what is unknown (a lost
//! connection, a reply that is none) is deferred, never failed; the final dot is sent only when the
//! content was given to its end.
//!
//! What the peer controls: every reply. A reply's length and number of lines are limited, and all
//! waits end by [`Timeouts`]. This side refuses to know addresses, routes and retries.

mod command;
mod extensions;
mod options;
mod question;
mod replies;
mod session;
mod transaction;

pub use extensions::Extensions;
pub use options::{Options, StartTls, Timeouts};
pub use question::{Content, Next, Question};
pub use session::{Ending, Session};
pub use transaction::{Message, Recipient, Report};

#[cfg(test)]
mod tests;
