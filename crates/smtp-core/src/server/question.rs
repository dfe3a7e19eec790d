//! The seven questions. Each is answered once, by the method that consumes it; one that is dropped
//! counts as a failure of ours (451, or 454 for a sign-in), but for [`Refused`], which only tells.

use conversation::{Ticket, Wire};
use mail_types::{QueueId, Reply};
use sasl_core::Claim;

use super::{Session, content::Framing, state::Activity};
use crate::{
    command::{MailFrom, RcptTo},
    reply::{Positive, Refusal},
};

/// What the agent is asked.
#[derive(Debug)]
#[must_use]
pub enum Question {
    /// Is this who it says it is?
    SignIn(SignIn),
    /// May mail come from this sender? A transaction that was open before is void.
    Sender(Sender),
    /// Do we take this recipient?
    Recipient(Recipient),
    /// Content is about to come: is there room?
    Begin(Begin),
    /// Take this piece of it.
    Piece(Piece),
    /// That was all: is it on stable storage?
    Complete(Complete),
    /// The session has refused something by itself: write it down, nothing is to be decided.
    Refused(Refused),
}

/// May this client sign in?
#[derive(Debug)]
#[must_use]
pub struct SignIn {
    pub(super) ticket: Ticket,
    pub(super) claim: Claim,
}

impl SignIn {
    /// What the client claims.
    pub fn claim(&self) -> &Claim {
        &self.claim
    }

    /// It is proved.
    pub fn welcome(self, session: &mut Session, wire: &mut Wire) {
        if session.take_answer(self.ticket) {
            session.sign_in_succeeded(&mut wire.output);
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

/// May mail come from this sender?
#[derive(Debug)]
#[must_use]
pub struct Sender {
    pub(super) ticket: Ticket,
    pub(super) mail: MailFrom,
}

impl Sender {
    /// What MAIL said.
    pub fn mail(&self) -> &MailFrom {
        &self.mail
    }

    /// Yes; the transaction is open.
    pub fn accept(self, session: &mut Session, wire: &mut Wire) -> MailFrom {
        if session.take_answer(self.ticket) {
            session.open_transaction(self.mail.smtputf8);
            Positive::SenderOk.write(&mut wire.output);
        }
        self.mail
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
    pub(super) ticket: Ticket,
    pub(super) rcpt: RcptTo,
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
    pub(super) ticket: Ticket,
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
    pub(super) ticket: Ticket,
    pub(super) octets: usize,
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
    pub(super) ticket: Ticket,
}

impl Complete {
    /// The message is on stable storage under this name: the one way to the 250 that ends content
    /// (RFC 5321 §4.1.1.4, §6.1).
    pub fn queued(self, session: &mut Session, wire: &mut Wire, id: QueueId) {
        if session.take_answer(self.ticket) {
            session.state.turn_to(Activity::Idle);
            Positive::Queued(id).write(&mut wire.output);
        }
    }

    /// It is not taken.
    pub fn refuse(self, session: &mut Session, wire: &mut Wire, refusal: &Refusal) {
        if session.take_answer(self.ticket) {
            session.state.turn_to(Activity::Idle);
            refusal.write(&mut wire.output);
        }
    }
}

/// A refusal that the agent was not asked about: it must be able to say later why a message did
/// not come.
#[derive(Debug)]
#[must_use]
pub struct Refused {
    pub(super) ticket: Ticket,
    pub(super) part: RefusedPart,
    pub(super) reply: Reply,
}

/// What was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RefusedPart {
    /// MAIL, with what stood behind it: bounded as the line is, and without control characters.
    Sender(Box<str>),
    /// RCPT, likewise.
    Recipient(Box<str>),
    /// The content of the open transaction, which is void.
    Content,
}

impl Refused {
    /// What was refused.
    pub fn part(&self) -> &RefusedPart {
        &self.part
    }

    /// What the client is told: now, or once the content has come to its end.
    pub fn reply(&self) -> &Reply {
        &self.reply
    }

    /// It is written down.
    pub fn noted(self, session: &mut Session) {
        session.told(self.ticket);
    }
}
