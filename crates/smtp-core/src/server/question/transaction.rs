//! The questions of a mail transaction, from MAIL to the end of the content.

use conversation::{Ticket, Wire};
use mail_types::{Priority, QueueId};

use crate::{
    command::{MailFrom, RcptTo},
    reply::{Positive, Refusal},
    server::{Session, content::Framing},
};

/// May mail come from this sender?
#[derive(Debug)]
#[must_use]
pub struct Sender {
    pub(in crate::server) ticket: Ticket,
    pub(in crate::server) mail: Box<MailFrom>,
}

impl Sender {
    /// What MAIL said.
    pub fn mail(&self) -> &MailFrom {
        &self.mail
    }

    /// Yes; the transaction is open.
    pub fn accept(self, session: &mut Session, wire: &mut Wire) -> MailFrom {
        if session.take_answer(self.ticket) {
            session.open_transaction(&self.mail);
            Positive::SenderOk.write(&mut wire.output);
        }
        *self.mail
    }

    /// Yes, with no higher priority than this (RFC 6710 §4.1).
    pub fn accept_at_most(
        mut self,
        session: &mut Session,
        wire: &mut Wire,
        most: Priority,
    ) -> MailFrom {
        if self.mail.priority.is_none_or(|wanted| wanted <= most) {
            return self.accept(session, wire);
        }
        self.mail.priority = Some(most);
        if session.take_answer(self.ticket) {
            session.open_transaction(&self.mail);
            Positive::SenderOkAt(most).write(&mut wire.output);
        }
        *self.mail
    }

    /// No.
    pub fn refuse(self, session: &mut Session, wire: &mut Wire, refusal: &Refusal) {
        if session.take_answer(self.ticket) {
            refusal.write(&mut wire.output);
        }
    }
}

/// Do we take this recipient?
#[derive(Debug)]
#[must_use]
pub struct Recipient {
    pub(in crate::server) ticket: Ticket,
    pub(in crate::server) rcpt: RcptTo,
}

impl Recipient {
    /// What RCPT said.
    pub fn rcpt(&self) -> &RcptTo {
        &self.rcpt
    }

    /// Yes.
    pub fn accept(self, session: &mut Session, wire: &mut Wire) -> RcptTo {
        if session.take_answer(self.ticket) {
            session.recipient_accepted();
            Positive::RecipientOk.write(&mut wire.output);
        }
        self.rcpt
    }

    /// No.
    pub fn refuse(self, session: &mut Session, wire: &mut Wire, refusal: &Refusal) {
        if session.take_answer(self.ticket) {
            session.recipient_refused(refusal, &mut wire.output);
        }
    }
}

/// Content is about to come.
#[derive(Debug)]
#[must_use]
pub struct Begin {
    pub(in crate::server) ticket: Ticket,
}

impl Begin {
    /// Let it come.
    pub fn accept(self, session: &mut Session, wire: &mut Wire) {
        if session.take_answer(self.ticket) {
            let framing = session.receiving().map(|receiving| {
                receiving.open();
                receiving.framing()
            });
            if framing == Some(Framing::Dots) {
                Positive::SendContent.write(&mut wire.output);
            }
        }
    }

    /// Not now.
    pub fn refuse(self, session: &mut Session, wire: &mut Wire, refusal: Refusal) {
        if session.take_answer(self.ticket) {
            session.content_not_begun(refusal, &mut wire.output);
        }
    }
}

/// A piece of content: it stands at the start of the input, decoded.
#[derive(Debug)]
#[must_use]
pub struct Piece {
    pub(in crate::server) ticket: Ticket,
    pub(in crate::server) octets: usize,
}

impl Piece {
    /// The bytes.
    pub fn bytes<'a>(&self, wire: &'a Wire) -> &'a [u8] {
        wire.input.bytes().get(..self.octets).unwrap_or_default()
    }

    /// They are taken.
    pub fn taken(self, session: &mut Session, wire: &mut Wire) {
        if session.take_answer(self.ticket) {
            session.piece_answered(&mut wire.input, None);
        }
    }

    /// They are not, nor is what follows: it is read to its end, then the refusal is said.
    pub fn refuse(self, session: &mut Session, wire: &mut Wire, refusal: Refusal) {
        if session.take_answer(self.ticket) {
            session.piece_answered(&mut wire.input, Some(refusal));
        }
    }
}

/// The content is complete.
#[derive(Debug)]
#[must_use]
pub struct Complete {
    pub(in crate::server) ticket: Ticket,
}

impl Complete {
    /// The message is on stable storage under this name: the one way to the 250 that ends content
    /// (RFC 5321 §4.1.1.4, §6.1).
    pub fn queued(self, session: &mut Session, wire: &mut Wire, id: QueueId) {
        if session.take_answer(self.ticket) {
            session.content_queued(id, &mut wire.output);
        }
    }

    /// It is not taken.
    pub fn refuse(self, session: &mut Session, wire: &mut Wire, refusal: &Refusal) {
        if session.take_answer(self.ticket) {
            session.content_not_queued(refusal, &mut wire.output);
        }
    }
}
