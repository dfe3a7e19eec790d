//! The server's side of one connection.
//!
//! [`Session`] is the machine: it takes command lines and content from the wire, replies, and asks
//! the agent its [`Question`]s. Which command is legal when is the table in [`order`]; the files
//! beside it hold what exists only in a part of the conversation: `hello` at its beginning,
//! [`content`] between DATA and the dot, `sign_in` during AUTH, `inquiry` beside all that.
//!
//! Invariants: at most one question is open; a 2xx to the content exists only as the answer
//! [`Complete::queued`], which wants the queue's receipt; nothing but the driver's buffers grows
//! with what the peer sends, and those stop at [`Limits`].

mod commands;
mod content;
mod counts;
mod hello;
mod inquiry;
mod line;
mod options;
pub(crate) mod order;
mod pace;
mod question;
mod session;
mod sign_in;
mod state;

pub use options::{AuthPolicy, BareLineEnds, Dialect, Extensions, Limits, Options};
pub use question::{
    Begin, Client, Complete, Etrn, Piece, Prepare, Question, Recipient, Refused, RefusedPart,
    Sender, SignIn, Started, Verify,
};
/// What AUTH's questions are about, for who knows no more of SASL.
pub use sasl_core::{
    LastWord,
    server::{Preparation, Prepared},
};
pub use session::Session;
