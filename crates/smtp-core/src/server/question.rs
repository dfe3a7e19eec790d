//! The questions. Each is answered once, by the method that consumes it; one that is dropped
//! counts as a failure of ours (451, or 454 for a sign-in), but for [`Refused`], which only tells.

mod inquiry;
mod sign_in;
mod transaction;

use conversation::Ticket;
use mail_types::Reply;

use super::Session;

pub use inquiry::{Client, Etrn, Started, Verify};
pub use sign_in::{Prepare, SignIn};
pub use transaction::{Begin, Complete, Piece, Recipient, Sender};

/// What the agent is asked.
#[derive(Debug)]
#[must_use]
pub enum Question {
    /// What is the client to be challenged with?
    Prepare(Prepare),
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
    /// A trusted proxy has said who its client is: is that one welcome?
    Client(Client),
    /// Who is behind this address?
    Verify(Verify),
    /// Try now what waits for this domain?
    Etrn(Etrn),
    /// The session has refused something by itself: write it down, nothing is to be decided.
    Refused(Refused),
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
    /// Any other command. There is nothing to write down; but an agent that holds up those who make
    /// mistakes has its occasion here: nothing is sent before the question is answered.
    Command,
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
