//! The questions. Each is answered once, by the method that consumes it. One that is dropped
//! is a failure of ours; if its response had begun, the connection ends.

use conversation::{Ticket, Wire};
use mail_types::Uid;
use sasl_core::{
    Claim, LastWord,
    server::{Preparation, Prepared},
};

use crate::{
    Maildrop, Refusal, Session, excerpt::Excerpt, response::Positive, stuffing::DotStuffer,
};

/// What the agent is asked.
#[derive(Debug)]
#[must_use]
pub enum Question {
    /// What is the client to be challenged with?
    Prepare(Prepare),
    /// Is this who it says it is, and can it have its maildrop?
    SignIn(SignIn),
    /// The list of all messages is wanted: write it as fast as the client reads it.
    Listing(Listing),
    /// A message is wanted.
    Message(Message),
    /// QUIT: remove what is marked and give the maildrop back (RFC 1939 §6).
    Update(Update),
}

/// What is the client to be challenged with?
#[derive(Debug)]
#[must_use]
pub struct Prepare {
    pub(crate) ticket: Ticket,
    pub(crate) wanted: Preparation,
}

impl Prepare {
    /// What is wanted.
    pub fn wanted(&self) -> &Preparation {
        &self.wanted
    }

    /// With this.
    pub fn ready(self, session: &mut Session, wire: &mut Wire, prepared: Prepared) {
        if session.open.answered(self.ticket) {
            session.prepared(prepared, &mut wire.output);
        }
    }
}

/// May this client have its maildrop?
#[derive(Debug)]
#[must_use]
pub struct SignIn {
    pub(crate) ticket: Ticket,
    pub(crate) claim: Claim,
}

impl SignIn {
    /// What the client claims.
    pub fn claim(&self) -> &Claim {
        &self.claim
    }

    /// It is proved, the maildrop is locked, and this is what is in it (RFC 1939 §4). Some
    /// mechanisms have us prove ourselves as well.
    pub fn welcome(
        self,
        session: &mut Session,
        wire: &mut Wire,
        maildrop: Maildrop,
        last_word: Option<LastWord>,
    ) {
        if session.open.answered(self.ticket) {
            session.proven(maildrop, last_word, &mut wire.output);
        }
    }

    /// No.
    pub fn refuse(self, session: &mut Session, wire: &mut Wire, refusal: Refusal) {
        if session.open.answered(self.ticket) {
            session.sign_in_failed(refusal, &mut wire.output);
        }
    }
}

/// LIST or UIDL of the whole maildrop.
#[derive(Debug)]
#[must_use]
pub struct Listing {
    pub(crate) ticket: Ticket,
    pub(crate) unique_ids: bool,
    /// The next message-number; 0 before the first line.
    pub(crate) next: usize,
}

/// A part of a listing is about this long, in octets.
const PART_OCTETS: usize = 8 * 1024;

impl Listing {
    /// Writes the next part; gives itself back if there is more. Let the client read in between.
    #[must_use = "the rest of the list is still to be written"]
    pub fn write_part(mut self, session: &mut Session, wire: &mut Wire) -> Option<Self> {
        let maildrop = session.state.maildrop()?;
        let output = &mut wire.output;
        let enough = output.len() + PART_OCTETS;
        if self.next == 0 {
            Positive::ListFollows(maildrop).write(session.language, output);
            self.next = 1;
        }
        while self.next <= maildrop.numbers() && output.len() < enough {
            if let Ok(entry) = maildrop.entry(self.next) {
                let what = if self.unique_ids {
                    maildrop.unique_id(entry.uid)
                } else {
                    entry.octets.to_string()
                };
                output.extend_from_slice(format!("{} {what}\r\n", self.next).as_bytes());
            }
            self.next += 1;
        }
        if self.next <= maildrop.numbers() {
            session.half_said = true;
            return Some(self);
        }
        if session.open.answered(self.ticket) {
            session.half_said = false;
            output.extend_from_slice(b".\r\n");
        }
        None
    }
}

/// RETR or TOP.
#[derive(Debug)]
#[must_use]
pub struct Message {
    pub(crate) ticket: Ticket,
    pub(crate) uid: Uid,
    pub(crate) octets: u64,
    /// Only so many lines of the body.
    pub(crate) lines: Option<u64>,
    pub(crate) utf8: bool,
}

impl Message {
    /// Which message.
    pub fn uid(&self) -> Uid {
        self.uid
    }

    /// Whether the client takes UTF-8 in headers. One that doesn't must not get it as it is: what
    /// follows is to be the message's surrogate then (RFC 6856 §2.1).
    pub fn takes_utf8(&self) -> bool {
        self.utf8
    }

    /// It is there: its octets follow.
    pub fn begin(self, session: &mut Session, wire: &mut Wire) -> Sending {
        match self.lines {
            Some(_) => Positive::TopFollows.write(session.language, &mut wire.output),
            None => Positive::MessageFollows(self.octets).write(session.language, &mut wire.output),
        }
        session.half_said = true;
        Sending {
            ticket: self.ticket,
            uid: self.uid,
            stuffer: DotStuffer::default(),
            excerpt: self.lines.map(Excerpt::new),
        }
    }

    /// It cannot be had.
    pub fn refuse(self, session: &mut Session, wire: &mut Wire, refusal: Refusal) {
        if session.open.answered(self.ticket) {
            refusal.write(session.language, &mut wire.output);
        }
    }
}

/// A message on its way. One that is dropped ends the connection: the client must not take a part
/// for the whole.
#[derive(Debug)]
#[must_use]
pub struct Sending {
    ticket: Ticket,
    uid: Uid,
    stuffer: DotStuffer,
    excerpt: Option<Excerpt>,
}

impl Sending {
    /// Writes the next piece of the message's octets, in wire form. Let the client read in between.
    pub fn write_piece(&mut self, wire: &mut Wire, piece: &[u8]) {
        let piece = match &mut self.excerpt {
            Some(excerpt) => excerpt.take(piece),
            None => piece,
        };
        self.stuffer.encode(piece, &mut wire.output);
    }

    /// Whether the rest of the message is wanted.
    pub fn wants_more(&self) -> bool {
        self.excerpt.as_ref().is_none_or(|excerpt| !excerpt.is_over())
    }

    /// That was the message.
    pub fn finish(self, session: &mut Session, wire: &mut Wire) {
        if session.open.answered(self.ticket) {
            session.half_said = false;
            if self.excerpt.is_none()
                && let Some(maildrop) = session.state.maildrop_mut()
            {
                maildrop.note_fetched(self.uid);
            }
            self.stuffer.finish(&mut wire.output);
        }
    }
}

/// Remove these messages, and let go of the maildrop before the answer: the client may come back
/// at once. Whatever the answer, the session ends.
#[derive(Debug)]
#[must_use]
pub struct Update {
    pub(crate) ticket: Ticket,
    pub(crate) deleted: Vec<Uid>,
    pub(crate) fetched: Vec<Uid>,
}

impl Update {
    /// What is marked as deleted; nothing, for most sessions.
    pub fn deleted(&self) -> &[Uid] {
        &self.deleted
    }

    /// What RETR has brought, and is not marked.
    pub fn fetched(&self) -> &[Uid] {
        &self.fetched
    }

    /// They are removed.
    pub fn done(self, session: &mut Session, wire: &mut Wire) {
        if session.open.answered(self.ticket) {
            Positive::Bye.write(session.language, &mut wire.output);
        }
    }

    /// Some or all are still there.
    pub fn failed(self, session: &mut Session, wire: &mut Wire) {
        if session.open.answered(self.ticket) {
            Refusal::NotRemoved.write(session.language, &mut wire.output);
        }
    }
}
