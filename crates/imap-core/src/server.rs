//! The server's side of a connection: [`Session`].
//!
//! One command at a time, in the order in which they came; what a client sends ahead waits in the
//! input. A command that can be answered from what the session knows is answered at once; for the
//! rest the agent is asked ([`Question`]). Before the tagged line of a command the agent is asked
//! for news of the selected mailbox ([`Changes`]) as far as the table of commands lets it be told.
//!
//! Invariant: each command gets exactly one tagged line, after everything that belongs to it.
//!
//! What an attacker controls: every byte. Lines and literals are bounded by [`Limits`] before they
//! are gathered; an APPEND's message is not gathered at all; what is answered without a question is
//! held back while the output is large.

mod answers;
mod append;
mod append_answers;
mod ask;
mod condstore;
mod contexts;
mod dispatch;
mod idle;
mod language;
mod limits;
mod message_limit;
mod multi_search;
mod notify;
mod resync;
mod session;
mod sign_in;
mod urls;

pub use answers::{FlagsNow, Opened};
pub use append::{AppendAbandoned, AppendComplete, AppendPiece, AppendUrl};
pub use ask::{Ask, Changes, GoOn, Prepare, Question, SignIn, SignOut};
pub use contexts::LookedAt;
pub use limits::{Limits, Options};
pub use message_limit::MessageLimit;
pub use multi_search::FoundIn;
pub use notify::Elsewhere;
pub use resync::Missed;
pub use session::Session;
