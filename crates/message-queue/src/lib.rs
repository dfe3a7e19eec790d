//! The durable queue between those who take mail in and those who hand it on: enqueue, lease,
//! settle.
//!
//! - [`Queue::enqueue`] returns when the message is on stable storage, and only then.
//! - A [`Consumer`] leases recipients of one lane and settles each with its outcome; what it has
//!   leased is free again the moment its process is dead.
//! - One transaction settles, writes the journey and queues the notification that is due.
//! - The operator looks, holds, releases, removes and traces (module [`operator`]).
//!
//! What is on disk in which state, and what a crash leaves, is docs/queue.md. SQL stands in the
//! module `sql` and nowhere else.
//!
//! This crate does not know how a message is handed on, where an address leads, or what time it
//! is: outcomes, lanes and times are arguments.

pub mod backup;
mod chance;
pub mod check;
pub mod conclude;
mod consumer;
mod content;
mod decode;
mod draft;
mod encode;
mod entry;
mod error;
mod facts;
mod jobs;
mod late;
mod lease;
mod maintenance;
pub mod operator;
mod order;
mod queue;
mod refusals;
pub mod report;
pub mod retry;
mod sending;
mod settle;
mod sql;
mod term;

pub use consumer::{Consumer, Consumes, LeaseRequest, Leased};
pub use content::Content;
pub use draft::{Draft, SealedDraft};
pub use entry::{Expanded, FileInto, NewEntry, NewRecipient, Origin};
pub use error::QueueError;
pub use late::LateIn;
pub use lease::{Lease, LeaseEntry, LeaseRecipient, LeaseToken};
pub use queue::{Queue, QueueOptions};
pub use refusals::Refusal;
pub use sending::SentHour;
pub use settle::{Notification, Settled, Settlement};
pub use term::{Lateness, Term};
