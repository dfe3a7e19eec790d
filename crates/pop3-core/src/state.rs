//! The states of a session, each owning what exists only in it.

use sasl_core::server::Exchange;

use crate::{maildrop::Maildrop, order::Stage};

/// Where the session stands (RFC 1939 §3).
#[derive(Debug)]
pub(crate) enum State {
    /// The greeting has not been said.
    Opening,
    /// AUTHORIZATION.
    Authorization(Step),
    /// TRANSACTION.
    Transaction(Box<Maildrop>),
    /// UPDATE, or the end without it: nothing is taken from the client any more.
    Closed,
}

/// How far a client in AUTHORIZATION has come.
#[derive(Debug)]
pub(crate) enum Step {
    /// Nowhere.
    Start,
    /// USER has named it.
    Named(Box<str>),
    /// AUTH has begun; lines are SASL responses.
    Exchange(Box<Exchange>),
    /// The claim is true, and we have proved ourselves as well: what is in the maildrop once the
    /// client has acknowledged it.
    Acknowledging(Box<Exchange>, Box<Maildrop>),
}

impl State {
    /// For the table of legality.
    pub(crate) fn stage(&self) -> Stage {
        match self {
            Self::Authorization(Step::Named(_)) => Stage::Named,
            Self::Opening | Self::Authorization(_) | Self::Closed => Stage::Authorization,
            Self::Transaction(_) => Stage::Transaction,
        }
    }

    /// The maildrop, while it is open, to mark messages in it.
    pub(crate) fn maildrop_mut(&mut self) -> Option<&mut Maildrop> {
        match self {
            Self::Transaction(maildrop) => Some(maildrop),
            _ => None,
        }
    }

    /// The maildrop, while it is open.
    pub(crate) fn maildrop(&self) -> Option<&Maildrop> {
        match self {
            Self::Transaction(maildrop) => Some(maildrop),
            _ => None,
        }
    }
}
