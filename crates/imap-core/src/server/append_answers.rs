//! The answers about messages that are appended.

use conversation::Wire;
use mail_types::UidValidity;

use super::{
    Ask, Session,
    answers::tell_vanished,
    append::{AppendAbandoned, AppendComplete, AppendPiece, AppendUrl},
};
use crate::{
    UidRuns,
    command::AppendHead,
    response::{self, Code, Completion},
};

impl Ask<AppendHead> {
    /// Yes: the client may send it.
    pub fn accept(self, session: &mut Session, wire: &mut Wire) {
        // The session goes on with what follows the message's head.
        let _ = (session.open.answered(self.ticket), wire);
    }

    /// No, for this reason.
    pub fn refuse(self, session: &mut Session, wire: &mut Wire, completion: Completion) {
        if session.open.answered(self.ticket) {
            session.append_refuse(wire, completion);
        }
    }
}

impl Ask<AppendPiece> {
    /// The octets of the piece.
    pub fn octets<'w>(&self, wire: &'w Wire) -> &'w [u8] {
        wire.input.bytes().get(..self.command.length).unwrap_or_default()
    }

    /// It is taken care of.
    pub fn taken(self, session: &mut Session, wire: &mut Wire) {
        if session.open.answered(self.ticket) {
            session.append_taken(&mut wire.input, self.command.length);
        }
    }

    /// It can't be taken, nor can the rest; what there was of the message is to be forgotten.
    pub fn refuse(self, session: &mut Session, wire: &mut Wire, completion: Completion) {
        if session.open.answered(self.ticket) {
            session.append_refuse(wire, completion);
        }
    }
}

impl Ask<AppendUrl> {
    /// So many octets of it are part of the message now.
    pub fn taken(self, session: &mut Session, octets: u64) {
        if session.open.answered(self.ticket) {
            session.append_grown(octets);
        }
    }

    /// It means no message here, or its octets can't be taken (RFC 4469 §4.1); what there was of the
    /// message is to be forgotten.
    pub fn refuse(self, session: &mut Session, wire: &mut Wire, completion: Completion) {
        if session.open.answered(self.ticket) {
            session.append_refuse(wire, completion);
        }
    }

    /// The refusal of a URL that means no message here.
    pub fn bad_url(&self) -> Completion {
        let code = Code::BadUrl(self.command.url.clone());
        Completion::no(code, "This means no message here")
    }
}

impl Ask<AppendComplete> {
    /// It is stored, as these messages, in their order (RFC 4315 §3).
    pub fn stored(
        self,
        session: &mut Session,
        wire: &mut Wire,
        validity: UidValidity,
        uids: UidRuns,
    ) {
        let done = Completion::ok("APPEND completed").with(Code::AppendUid(validity, uids));
        self.finish(session, wire, done);
    }

    /// It is stored, as this message, and the one that it replaces is gone: both are told before the
    /// end of the command (RFC 8508 §4.3).
    pub fn replaced(
        self,
        session: &mut Session,
        wire: &mut Wire,
        validity: UidValidity,
        uids: UidRuns,
    ) {
        let text = session.language.say("Replaced by");
        response::untagged_ok(&mut wire.output, &Code::AppendUid(validity, uids), &text);
        tell_vanished(session, wire, &self.messages, true);
        self.finish(session, wire, Completion::ok("REPLACE completed"));
    }

    /// It is not.
    pub fn finish(self, session: &mut Session, wire: &mut Wire, completion: Completion) {
        if session.open.answered(self.ticket) {
            session.append_end(wire, completion);
        }
    }
}

impl Ask<AppendAbandoned> {
    /// It is forgotten.
    pub fn forgotten(self, session: &mut Session) {
        // The session has said what there was to say; nothing depends on the answer.
        let _ = session.open.answered(self.ticket);
    }
}
