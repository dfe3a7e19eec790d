//! APPEND: asked about before the client sends the message, which then goes through in pieces
//! (RFC 3501 §6.3.11).

use conversation::{Input, Step, Wire};
use mail_types::{Uid, UidValidity};

use super::{
    Ask, Question, Session,
    session::{Activity, Flow},
};
use crate::{
    UidRuns,
    command::AppendHead,
    frame::{Framed, Literal},
    order::Verb,
    response::{self, Code, Completion},
};

/// Octets of a piece, at most.
const PIECE_MAX: usize = 64 * 1024;

/// A piece of the message, lying at the start of the input.
#[derive(Debug)]
pub struct AppendPiece {
    length: usize,
}

/// The message is whole.
#[derive(Debug)]
pub struct AppendComplete(());

/// The command turned out to be malformed behind the message.
#[derive(Debug)]
pub struct AppendAbandoned(());

/// An APPEND on its way.
#[derive(Debug)]
pub(super) struct Append {
    pub(super) tag: Box<str>,
    synchronising: bool,
    left: u64,
    stage: Stage,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Begin,
    Message,
    End,
}

impl Session {
    /// The head of an APPEND has been read, and its message announced.
    pub(super) fn append_begin(
        &mut self,
        tag: Box<str>,
        head: AppendHead,
        literal: Literal,
    ) -> Flow {
        let synchronising = literal.synchronising;
        let append = Append { tag, synchronising, left: literal.size, stage: Stage::Begin };
        self.activity = Activity::Append(append);
        Flow::Step(Step::Ask(Question::AppendBegin(self.ask(head, UidRuns::new()))))
    }

    /// Goes on with the message, then with the line behind it.
    pub(super) fn append_step(&mut self, wire: &mut Wire) -> Flow {
        let Activity::Append(append) = &mut self.activity else { return Flow::Again };
        if append.left > 0 {
            let left = usize::try_from(append.left).unwrap_or(usize::MAX);
            let length = left.min(wire.input.len()).min(PIECE_MAX);
            if length == 0 {
                return Flow::NeedInput;
            }
            let piece = AppendPiece { length };
            return Flow::Step(Step::Ask(Question::AppendPiece(self.ask(piece, UidRuns::new()))));
        }
        append.stage = Stage::End;
        match self.framer.next(&mut wire.input) {
            Framed::Incomplete => Flow::NeedInput,
            Framed::Complete if is_line_end(self.framer.text(&wire.input)) => {
                self.framer.finish(&mut wire.input);
                let complete = self.ask(AppendComplete(()), UidRuns::new());
                Flow::Step(Step::Ask(Question::AppendComplete(complete)))
            }
            framed => {
                let tag = append.tag.clone();
                let bad = Completion::bad("Only the end of the line may follow the message");
                self.refuse_framed(wire, Some(tag), framed, bad);
                let abandoned = self.ask(AppendAbandoned(()), UidRuns::new());
                Flow::Step(Step::Ask(Question::AppendAbandoned(abandoned)))
            }
        }
    }

    /// Refuses the APPEND in progress; what the client sends of it all the same is thrown away.
    pub(super) fn append_refuse(&mut self, wire: &mut Wire, completion: Completion) {
        let Activity::Append(append) = std::mem::replace(&mut self.activity, Activity::Reading)
        else {
            return;
        };
        let waits = append.stage == Stage::Begin && append.synchronising;
        if waits || append.stage == Stage::End {
            self.complete(wire, append.tag, Verb::Append, completion);
        } else {
            self.discard(wire, Some(append.tag), append.left, completion);
        }
    }

    fn append_go_on(&mut self, wire: &mut Wire) {
        if let Activity::Append(append) = &mut self.activity {
            append.stage = Stage::Message;
            if append.synchronising {
                response::continuation(&mut wire.output, "Ready for the message");
            }
        }
    }

    fn append_taken(&mut self, input: &mut Input, length: usize) {
        if let Activity::Append(append) = &mut self.activity {
            input.consume(length);
            append.left = append.left.saturating_sub(length as u64);
        }
    }

    fn append_end(&mut self, wire: &mut Wire, completion: Completion) {
        if let Activity::Append(append) = std::mem::replace(&mut self.activity, Activity::Reading) {
            self.complete(wire, append.tag, Verb::Append, completion);
        }
    }
}

fn is_line_end(text: &[u8]) -> bool {
    matches!(text, b"\r\n" | b"\n")
}

impl Ask<AppendHead> {
    /// Yes: the client may send it.
    pub fn accept(self, session: &mut Session, wire: &mut Wire) {
        if session.open.answered(self.ticket) {
            session.append_go_on(wire);
        }
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

impl Ask<AppendComplete> {
    /// It is stored, as this message (RFC 4315 §3).
    pub fn stored(self, session: &mut Session, wire: &mut Wire, validity: UidValidity, uid: Uid) {
        let done = Completion::ok("APPEND completed").with(Code::AppendUid(validity, uid));
        self.finish(session, wire, done);
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
