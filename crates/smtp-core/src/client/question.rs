//! What the session asks for: a message, and its content.

use conversation::{Ticket, Wire};

use super::{Extensions, Message, Report, Session, content::Framing};

/// The one question that is open.
#[derive(Debug)]
#[must_use]
pub enum Question {
    /// What is to be sent next?
    Next(Next),
    /// The server waits for the content.
    Content(Content),
}

/// What is to be sent next? Dropped, it counts as "nothing".
#[derive(Debug)]
#[must_use]
pub struct Next {
    pub(super) ticket: Ticket,
    /// What the server offers, so that the message can be made to fit.
    pub extensions: Extensions,
    /// What became of the message before.
    pub report: Option<Report>,
}

impl Next {
    /// This message.
    pub fn send(self, session: &mut Session, wire: &mut Wire, message: Message) {
        session.begin(self.ticket, message, wire);
    }

    /// Nothing more: says good-bye.
    pub fn quit(self, session: &mut Session, wire: &mut Wire) {
        session.good_bye(self.ticket, wire);
    }
}

/// The server waits for the content. Dropped, or ended by [`Content::give_up`], it closes the
/// connection before the content's end, so that the server takes nothing; the message is deferred,
/// and nothing is held against the server.
#[derive(Debug)]
#[must_use]
pub struct Content {
    pub(super) ticket: Ticket,
    pub(super) framing: Framing,
}

impl Content {
    /// Some bytes of the message, with CRLF for line ends; any cut will do. The caller lets the
    /// driver send between the pieces.
    pub fn piece(&mut self, wire: &mut Wire, bytes: &[u8]) {
        self.framing.piece(bytes, &mut wire.output);
    }

    /// That was all of it: as much as the message was said to be.
    pub fn end(self, session: &mut Session, wire: &mut Wire) {
        session.content_ends(self.ticket, self.framing, wire);
    }

    /// The rest cannot be read; `why` is for the sender.
    pub fn give_up(self, session: &mut Session, why: &str) {
        session.content_missing(self.ticket, why);
    }
}
