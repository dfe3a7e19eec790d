//! APPEND: asked about before the client sends a message, which then goes through in pieces
//! (RFC 3501 §6.3.11). There may be several, each asked about (RFC 3502 §6.3.11).

use conversation::{Input, Step, Wire};
use mail_types::{MailboxName, UidValidity};

use super::{
    Ask, Question, Session,
    answers::tell_vanished,
    session::{Activity, Flow},
};
use crate::{
    UidRuns,
    command::{AppendHead, Replaced},
    frame::{Framed, Literal},
    order::Verb,
    parse,
    response::{self, Code, Completion},
};

/// Octets of a piece, at most.
const PIECE_MAX: usize = 64 * 1024;

/// A piece of the message, lying at the start of the input.
#[derive(Debug)]
pub struct AppendPiece {
    length: usize,
}

/// The last message is whole.
#[derive(Debug)]
pub struct AppendComplete(());

/// The command turned out to be malformed behind the message.
#[derive(Debug)]
pub struct AppendAbandoned(());

/// An APPEND on its way.
#[derive(Debug)]
pub(super) struct Append {
    pub(super) tag: Box<str>,
    verb: Verb,
    mailbox: MailboxName,
    /// The message whose place it takes, for REPLACE.
    replaced: UidRuns,
    messages: u32,
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
        (tag, verb): (Box<str>, Verb),
        head: AppendHead,
        literal: Literal,
        replaced: UidRuns,
    ) -> Flow {
        let append = Append {
            tag,
            verb,
            replaced: replaced.clone(),
            mailbox: head.mailbox.clone(),
            messages: 1,
            synchronising: literal.synchronising,
            left: literal.size,
            stage: Stage::Begin,
        };
        self.activity = Activity::Append(append);
        Flow::Step(Step::Ask(Question::AppendBegin(self.ask(head, replaced))))
    }

    /// The message that a REPLACE is to remove, or why it can't (RFC 8508 §3.2); nothing for APPEND.
    pub(super) fn replaced(&self, head: &AppendHead) -> Result<UidRuns, Completion> {
        let Some(Replaced { message, numbering }) = &head.replaces else {
            return Ok(UidRuns::new());
        };
        let view = self.view().ok_or_else(Completion::unavailable)?;
        let found = view.resolve(message, *numbering);
        let found = found.map_err(|_| Completion::bad("There is no message with such a number"))?;
        if self.is_read_only() {
            Err(Completion::no(Code::ReadOnly, "The mailbox is open for reading only"))
        } else if found.is_empty() {
            Err(Completion::no(Code::NonExistent, "There is no such message"))
        } else {
            Ok(found)
        }
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
                let replaced = append.replaced.clone();
                self.framer.finish(&mut wire.input);
                let complete = self.ask(AppendComplete(()), replaced);
                Flow::Step(Step::Ask(Question::AppendComplete(complete)))
            }
            // RFC 8508 §4.7: one message takes the place of one.
            Framed::Announced(literal) if append.replaced.is_empty() => {
                self.append_further(wire, literal)
            }
            framed => {
                let bad = Completion::bad("Expected another message or the end of the line");
                self.append_abandon(wire, framed, bad)
            }
        }
    }

    /// Another message is announced behind one.
    fn append_further(&mut self, wire: &mut Wire, literal: Literal) -> Flow {
        let dialect = self.dialect();
        let Activity::Append(append) = &mut self.activity else { return Flow::Again };
        let text = self.framer.text(&wire.input);
        let head = parse::further_message(text, literal, append.mailbox.clone(), dialect);
        let refusal = match &head {
            Err(refusal) => Some(refusal.clone()),
            Ok(_) if append.messages >= self.options.limits.append_messages_max => {
                Some(Completion::no(Code::Limit, "Too many messages at once"))
            }
            Ok(head) => size_refusal(head.size, self.options.limits.append_max),
        };
        if let (Ok(head), None) = (head, &refusal) {
            append.messages += 1;
            append.synchronising = literal.synchronising;
            append.left = literal.size;
            append.stage = Stage::Begin;
            self.framer.finish(&mut wire.input);
            let asked = self.ask(head, UidRuns::new());
            return Flow::Step(Step::Ask(Question::AppendBegin(asked)));
        }
        let refusal = refusal.unwrap_or_else(Completion::unavailable);
        self.append_abandon(wire, Framed::Announced(literal), refusal)
    }

    /// Refuses all of the APPEND for what is framed behind a message.
    fn append_abandon(&mut self, wire: &mut Wire, framed: Framed, completion: Completion) -> Flow {
        let tag = match &self.activity {
            Activity::Append(append) => Some(append.tag.clone()),
            _ => None,
        };
        self.refuse_framed(wire, tag, framed, completion);
        let abandoned = self.ask(AppendAbandoned(()), UidRuns::new());
        Flow::Step(Step::Ask(Question::AppendAbandoned(abandoned)))
    }

    /// Refuses the APPEND in progress; what the client sends of it all the same is thrown away.
    pub(super) fn append_refuse(&mut self, wire: &mut Wire, completion: Completion) {
        let Activity::Append(append) = std::mem::replace(&mut self.activity, Activity::Reading)
        else {
            return;
        };
        let waits = append.stage == Stage::Begin && append.synchronising;
        if waits || append.stage == Stage::End {
            self.complete(wire, append.tag, append.verb, completion);
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
            self.complete(wire, append.tag, append.verb, completion);
        }
    }
}

/// Why a message of this size is not taken: too many octets, or none, which is how a client calls
/// an APPEND off (RFC 3502 §6.3.11).
pub(super) fn size_refusal(size: u64, append_max: u64) -> Option<Completion> {
    if size == 0 {
        return Some(Completion::no(Code::Cannot, "There is no message of no octets"));
    }
    let large = size > append_max;
    large.then(|| Completion::no(Code::TooBig, "The message is too large"))
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
        response::untagged_ok(&mut wire.output, &Code::AppendUid(validity, uids), "Replaced by");
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
