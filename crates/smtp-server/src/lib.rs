//! What submission, the relay's inbound half and LMTP share beyond the protocol: a transaction is
//! taken from the session's questions into the queue.
//!
//! [`Reception`] answers the questions of `smtp_core::server`. Content streams through
//! [`content`] into a draft of the queue, with a Received field before it ([`received`]); the
//! agent's own decisions are a [`Decide`]. The 250 to the content exists only as what follows from
//! [`message_queue::Queue::enqueue`] having returned.
//!
//! This crate decides neither who may send nor where mail goes: that is the directory's, whose
//! answer it puts into the queue's words.

mod content;
mod decide;
mod intake;
mod received;
mod reception;
mod recipients;
mod room;
mod seven_bit;
mod transaction;
mod watch;

pub use decide::{Decide, Fixups, Missing};
pub use intake::Intake;
pub use reception::Reception;
pub use recipients::{goes_round, no_route, notified, postmaster, recipient};
pub use room::find_room;
pub use transaction::ORIGINAL_TO;
pub use watch::{count_outcome, watch_queue};
