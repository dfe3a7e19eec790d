//! The states of a session, each owning what exists only in it.

use sasl_core::server::Exchange;

use super::{content::Receiving, order::Stage, pace::Pace};
use crate::reply::PeerError;

/// Where the connection stands.
#[derive(Debug)]
pub(super) enum State {
    /// The greeting has not been said.
    Opening,
    /// Neither HELO nor EHLO has come.
    Fresh,
    /// The client has said who it is.
    Greeted(Hello, Activity),
    /// The last word is said.
    Closed,
}

/// How the client greeted.
#[derive(Debug, Clone)]
pub(super) struct Hello {
    pub(super) name: Box<str>,
    /// EHLO, not HELO.
    pub(super) extended: bool,
}

/// What a greeted client is at.
#[derive(Debug)]
pub(super) enum Activity {
    /// Nothing: the next MAIL may come.
    Idle,
    /// AUTH has begun; lines are SASL responses.
    SigningIn(Box<Exchange>),
    /// MAIL was accepted.
    Transaction(Transaction),
    /// Content comes in.
    Content(Transaction, Box<Receiving>),
    /// Content has begun by BDAT; the next chunk is awaited.
    Chunks(Transaction, Box<Receiving>),
    /// The octets of a chunk that came at the wrong time are dropped.
    Skipping(Skipping),
}

/// A chunk whose octets are dropped.
#[derive(Debug)]
pub(super) struct Skipping {
    /// How many are still to come.
    pub(super) octets: u64,
    /// The reply that is due then; none where LMTP has nobody to reply to.
    pub(super) error: Option<PeerError>,
    /// The transaction to go on with.
    pub(super) then: Option<Transaction>,
    pub(super) pace: Pace,
}

/// A mail transaction, as far as the protocol has to know it; the agent knows the rest.
#[derive(Debug, Clone, Copy)]
pub(super) struct Transaction {
    pub(super) smtputf8: bool,
    /// MAIL said BINARYMIME: no line of the content has to end in CRLF, nor to be one
    /// (RFC 3030 §3).
    pub(super) binary: bool,
    /// How many recipients were accepted.
    pub(super) recipients: u32,
}

impl State {
    /// For the table of legality.
    pub(super) fn stage(&self) -> Stage {
        match self {
            Self::Opening | Self::Fresh | Self::Closed => Stage::Fresh,
            Self::Greeted(_, activity) => match activity {
                Activity::Idle | Activity::SigningIn(_) | Activity::Skipping(_) => Stage::Idle,
                Activity::Transaction(transaction) if transaction.recipients == 0 => Stage::Sender,
                Activity::Transaction(_) | Activity::Content(..) => Stage::Recipients,
                Activity::Chunks(..) => Stage::Chunks,
            },
        }
    }

    /// What a greeted client is at.
    pub(super) fn activity(&mut self) -> Option<&mut Activity> {
        match self {
            Self::Greeted(_, activity) => Some(activity),
            _ => None,
        }
    }

    /// Goes to another activity; without a greeting there is none to go to.
    pub(super) fn turn_to(&mut self, next: Activity) {
        if let Some(activity) = self.activity() {
            *activity = next;
        }
    }

    /// The transaction that is open.
    pub(super) fn transaction(&mut self) -> Option<&mut Transaction> {
        match self.activity()? {
            Activity::Transaction(transaction) => Some(transaction),
            _ => None,
        }
    }

    /// How fast octets have to come, where they do not come in lines.
    pub(super) fn pace(&mut self) -> Option<&mut Pace> {
        match self.activity()? {
            Activity::Content(_, receiving) => Some(receiving.pace()),
            Activity::Skipping(skipping) => Some(&mut skipping.pace),
            _ => None,
        }
    }
}
