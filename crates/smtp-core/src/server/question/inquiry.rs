//! The questions beside the transaction.

use conversation::{Ticket, Wire};
use mail_types::Address;

use crate::{
    command::Node,
    reply::{Positive, Refusal, write_mailboxes},
    server::Session,
};

/// A trusted proxy has said who its client is; [`Session::peer`] knows it already.
#[derive(Debug)]
#[must_use]
pub struct Client {
    pub(in crate::server) ticket: Ticket,
}

impl Client {
    /// It is greeted, as if it had just connected.
    pub fn welcome(self, session: &mut Session, wire: &mut Wire) {
        if session.take_answer(self.ticket) {
            session.greet(&mut wire.output);
        }
    }

    /// It is sent away.
    pub fn refuse(self, session: &mut Session, wire: &mut Wire, refusal: &Refusal) {
        if session.take_answer(self.ticket) {
            session.turn_away(refusal, &mut wire.output);
        }
    }
}

/// VRFY or EXPN (RFC 5321 §3.5).
#[derive(Debug)]
#[must_use]
pub struct Verify {
    pub(in crate::server) ticket: Ticket,
    pub(in crate::server) text: Box<str>,
    pub(in crate::server) list: bool,
    pub(in crate::server) smtputf8: bool,
}

impl Verify {
    /// What is asked about: an address, a local part, a name; bounded as a command line is.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// EXPN: the members of a list are wanted.
    pub fn is_list(&self) -> bool {
        self.list
    }

    /// It is not told (252): neither whether it exists, nor whether it does not
    /// (RFC 5321 §7.3).
    pub fn untold(self, session: &mut Session, wire: &mut Wire) {
        if session.take_answer(self.ticket) {
            Positive::CannotVerify.write(&mut wire.output);
        }
    }

    /// These are behind it, at least one; a list has several.
    pub fn found(self, session: &mut Session, wire: &mut Wire, mailboxes: &[Address]) {
        if session.take_answer(self.ticket) {
            write_mailboxes(&mut wire.output, mailboxes, self.smtputf8);
        }
    }

    /// It is none of ours, or cannot be told now.
    pub fn refuse(self, session: &mut Session, wire: &mut Wire, refusal: &Refusal) {
        if session.take_answer(self.ticket) {
            refusal.write(&mut wire.output);
        }
    }
}

/// ETRN (RFC 1985 §5).
#[derive(Debug)]
#[must_use]
pub struct Etrn {
    pub(in crate::server) ticket: Ticket,
    pub(in crate::server) node: Node,
}

/// What ETRN has started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Started {
    /// Nothing: nothing waits for it.
    NothingWaits,
    /// So many messages are tried now.
    Pending(u64),
}

impl Etrn {
    /// What is asked for.
    pub fn node(&self) -> &Node {
        &self.node
    }

    /// It is done.
    pub fn started(self, session: &mut Session, wire: &mut Wire, started: Started) {
        if session.take_answer(self.ticket) {
            Positive::Started(started, &self.node).write(&mut wire.output);
        }
    }

    /// It is not: [`Refusal::NodeNotAllowed`], or a failure.
    pub fn refuse(self, session: &mut Session, wire: &mut Wire, refusal: &Refusal) {
        if session.take_answer(self.ticket) {
            refusal.write(&mut wire.output);
        }
    }
}
