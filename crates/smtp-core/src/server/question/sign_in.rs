//! The questions of AUTH.

use conversation::{Ticket, Wire};
use sasl_core::{
    Claim, LastWord,
    server::{Preparation, Prepared},
};

use super::Session;
use crate::reply::Refusal;

/// What is the client to be challenged with?
#[derive(Debug)]
#[must_use]
pub struct Prepare {
    pub(in super::super) ticket: Ticket,
    pub(in super::super) wanted: Preparation,
}

impl Prepare {
    /// What is wanted.
    pub fn wanted(&self) -> &Preparation {
        &self.wanted
    }

    /// With this.
    pub fn ready(self, session: &mut Session, wire: &mut Wire, prepared: Prepared) {
        if session.take_answer(self.ticket) {
            session.prepared(prepared, &mut wire.output);
        }
    }

    /// Not now.
    pub fn refuse(self, session: &mut Session, wire: &mut Wire, refusal: &Refusal) {
        if session.take_answer(self.ticket) {
            session.sign_in_failed(refusal, &mut wire.output);
        }
    }
}

/// May this client sign in?
#[derive(Debug)]
#[must_use]
pub struct SignIn {
    pub(in super::super) ticket: Ticket,
    pub(in super::super) claim: Box<Claim>,
}

impl SignIn {
    /// What the client claims.
    pub fn claim(&self) -> &Claim {
        &self.claim
    }

    /// It is proved; some mechanisms have us prove ourselves as well.
    pub fn welcome(self, session: &mut Session, wire: &mut Wire, last_word: Option<LastWord>) {
        if session.take_answer(self.ticket) {
            session.proven(last_word, &mut wire.output);
        }
    }

    /// It is not, or cannot be checked now ([`Refusal::BadCredentials`],
    /// [`Refusal::SignInLater`]).
    pub fn refuse(self, session: &mut Session, wire: &mut Wire, refusal: &Refusal) {
        if session.take_answer(self.ticket) {
            session.sign_in_failed(refusal, &mut wire.output);
        }
    }
}
