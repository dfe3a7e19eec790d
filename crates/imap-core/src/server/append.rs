//! APPEND and REPLACE: asked about before the client sends a message, which then goes through in
//! pieces (RFC 3501 §6.3.11). There may be several, each asked about (RFC 3502 §6.3.11), and a message
//! may be put together from texts that the client sends and from other messages (RFC 4469 §3).
//!
//! The command is read up to a literal; what that text asks for is done step by step before the
//! octets of the literal are taken, so that a refusal comes before they are sent.

use std::collections::VecDeque;

use conversation::{Input, Step, Wire};
use mail_types::MailboxName;

use super::{
    Question, Session,
    message_limit::too_many,
    session::{Activity, Flow},
};
use crate::{
    UidRuns,
    command::{AppendHead, AppendStep, Replaced},
    frame::{Framed, Literal},
    order::Verb,
    parse::{self, Text},
    response::{self, Code, Completion},
};

/// Octets of a piece, at most.
const PIECE_MAX: usize = 64 * 1024;

/// A piece of the message, lying at the start of the input.
#[derive(Debug)]
pub struct AppendPiece {
    pub(super) length: usize,
}

/// The octets that a URL means, as a part of the message (RFC 4469 §3).
#[derive(Debug)]
pub struct AppendUrl {
    /// As the client wrote it.
    pub url: Box<str>,
    /// How many octets the message may still have.
    pub room: u64,
}

/// The last message is whole.
#[derive(Debug)]
pub struct AppendComplete(pub(super) ());

/// The command turned out to be malformed behind the message.
#[derive(Debug)]
pub struct AppendAbandoned(pub(super) ());

/// An APPEND on its way.
#[derive(Debug)]
pub(super) struct Append {
    pub(super) tag: Box<str>,
    verb: Verb,
    mailbox: MailboxName,
    /// The message whose place it takes, for REPLACE.
    replaced: UidRuns,
    messages: u32,
    /// What the text that was read asks for and is not done yet.
    steps: VecDeque<AppendStep>,
    /// The literal behind that text, until its octets are taken.
    announced: Option<Literal>,
    /// It belongs to a CATENATE, as does what follows it.
    catenating: bool,
    /// Octets of the literal that are still to come.
    left: u64,
    /// Octets of the message so far, if it is put together.
    octets: Option<u64>,
}

impl Append {
    pub(super) fn new(tag: Box<str>, verb: Verb, steps: VecDeque<AppendStep>) -> Option<Self> {
        let Some(AppendStep::Begin(head)) = steps.front() else { return None };
        Some(Self {
            tag,
            verb,
            mailbox: head.mailbox.clone(),
            replaced: UidRuns::new(),
            messages: 0,
            steps,
            announced: None,
            catenating: false,
            left: 0,
            octets: None,
        })
    }

    /// A literal is announced behind the text.
    pub(super) fn with_literal(self, literal: Literal, catenating: bool) -> Self {
        Self { announced: Some(literal), catenating, ..self }
    }
}

impl Session {
    /// The first text of an APPEND has been read; its literal is not taken yet.
    pub(super) fn append_begin(
        &mut self,
        append: Append,
        head: AppendHead,
        replaced: UidRuns,
    ) -> Flow {
        let mut append = Append { replaced, messages: 1, octets: no_size(&head), ..append };
        // It is asked about now.
        append.steps.pop_front();
        let replaced = append.replaced.clone();
        self.activity = Activity::Append(append);
        Flow::Step(Step::Ask(Question::AppendBegin(self.ask(head, replaced))))
    }

    /// Why the first message is refused without asking, or the message that it replaces.
    pub(super) fn append_refusal(
        &self,
        append: &Append,
    ) -> Result<(AppendHead, UidRuns), Completion> {
        let Some(AppendStep::Begin(head)) = append.steps.front() else {
            return Err(Completion::unavailable());
        };
        if let Some(refusal) = self.size_refusal(head) {
            return Err(refusal);
        }
        Ok((head.clone(), self.replaced(head)?))
    }

    /// The message that a REPLACE is to remove, or why it can't (RFC 8508 §3.2); nothing for APPEND.
    fn replaced(&self, head: &AppendHead) -> Result<UidRuns, Completion> {
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

    /// Why a message of this size is not taken: too many octets, or none, which is how a client
    /// calls an APPEND off (RFC 3502 §6.3.11).
    fn size_refusal(&self, head: &AppendHead) -> Option<Completion> {
        match head.size? {
            0 => Some(no_octets()),
            size if size > self.append_max() => Some(too_large()),
            _ => None,
        }
    }

    /// Goes on with the message, then with the text behind it.
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
        let room = match append.octets {
            Some(octets) => self.options.limits.append_max.saturating_sub(octets),
            None => u64::MAX,
        };
        match append.steps.pop_front() {
            None => self.append_text(wire),
            Some(AppendStep::Literal(size)) if size > room => {
                self.append_give_up(wire, too_large())
            }
            Some(AppendStep::Literal(size)) => {
                append.octets = append.octets.map(|octets| octets.saturating_add(size));
                append.left = size;
                if append.announced.take().is_some_and(|literal| literal.synchronising) {
                    let ready = self.language.say("Ready for the message");
                    response::continuation(&mut wire.output, &ready);
                }
                Flow::Again
            }
            Some(AppendStep::Url(url)) => {
                let url = AppendUrl { url, room };
                Flow::Step(Step::Ask(Question::AppendUrl(self.ask(url, UidRuns::new()))))
            }
            Some(AppendStep::Begin(_) | AppendStep::End) if append.octets == Some(0) => {
                self.append_give_up(wire, no_octets())
            }
            Some(AppendStep::Begin(head)) => self.append_further(wire, head),
            Some(AppendStep::End) => {
                let replaced = append.replaced.clone();
                let complete = self.ask(AppendComplete(()), replaced);
                Flow::Step(Step::Ask(Question::AppendComplete(complete)))
            }
        }
    }

    /// Reads what stands behind a literal.
    fn append_text(&mut self, wire: &mut Wire) -> Flow {
        let dialect = self.dialect();
        let framed = self.framer.next(&mut wire.input);
        let literal = match framed {
            Framed::Incomplete => return Flow::NeedInput,
            Framed::Announced(literal) => Some(literal),
            Framed::Complete => None,
            framed => {
                let long = Completion::bad("The line is too long");
                return self.append_abandon(wire, framed, long);
            }
        };
        let Activity::Append(append) = &mut self.activity else { return Flow::Again };
        let text = self.framer.text(&wire.input);
        let before = text.len() as u64;
        let dialect = (append.catenating, dialect);
        match parse::behind_literal(text, literal, append.mailbox.clone(), dialect) {
            Ok(Text::Steps { steps, catenating }) => {
                append.steps = steps;
                append.announced = literal;
                append.catenating = catenating;
                self.framer.finish(&mut wire.input);
                Flow::Again
            }
            Ok(Text::Argument) => {
                let Some(literal) = literal else { return Flow::Again };
                match self.literal_refusal(before, literal.size, Verb::Append) {
                    Some(refusal) => self.append_abandon(wire, framed, refusal),
                    None => {
                        self.framer.accept(literal);
                        if literal.synchronising {
                            let ready = self.language.say("Ready for the literal");
                            response::continuation(&mut wire.output, &ready);
                        }
                        Flow::Again
                    }
                }
            }
            Err(refusal) => self.append_abandon(wire, framed, refusal),
        }
    }

    /// Another message begins behind one.
    fn append_further(&mut self, wire: &mut Wire, head: AppendHead) -> Flow {
        let size = self.size_refusal(&head);
        let limit = self.options.message_limit.of_saving();
        let most = self.options.limits.append_messages_max;
        let Activity::Append(append) = &mut self.activity else { return Flow::Again };
        let refusal = if !append.replaced.is_empty() {
            // RFC 8508 §4.7: one message takes the place of one.
            Some(Completion::bad("One message takes the place of one"))
        } else if let Some(limit) = limit.filter(|limit| append.messages >= *limit) {
            // RFC 9738 §3.1.
            Some(too_many(limit, None))
        } else if append.messages >= most {
            // However many messages the operator's limit permits.
            Some(Completion::no(Code::Limit, "Too many messages at once"))
        } else {
            size
        };
        if let Some(refusal) = refusal {
            return self.append_give_up(wire, refusal);
        }
        append.messages += 1;
        append.octets = no_size(&head);
        Flow::Step(Step::Ask(Question::AppendBegin(self.ask(head, UidRuns::new()))))
    }

    /// Refuses all of the APPEND for what is framed behind a message.
    fn append_abandon(&mut self, wire: &mut Wire, framed: Framed, completion: Completion) -> Flow {
        let tag = match &self.activity {
            Activity::Append(append) => Some(append.tag.clone()),
            _ => None,
        };
        self.refuse_framed(wire, tag, framed, completion);
        self.ask_to_forget()
    }

    /// Refuses all of the APPEND for what it asks for.
    fn append_give_up(&mut self, wire: &mut Wire, completion: Completion) -> Flow {
        self.append_refuse(wire, completion);
        self.ask_to_forget()
    }

    fn ask_to_forget(&mut self) -> Flow {
        let abandoned = self.ask(AppendAbandoned(()), UidRuns::new());
        Flow::Step(Step::Ask(Question::AppendAbandoned(abandoned)))
    }

    /// Refuses the APPEND in progress; what the client sends of it all the same is thrown away.
    pub(super) fn append_refuse(&mut self, wire: &mut Wire, completion: Completion) {
        let Activity::Append(append) = std::mem::replace(&mut self.activity, Activity::Reading)
        else {
            return;
        };
        match append.announced {
            // It comes unasked.
            Some(Literal { synchronising: false, size, .. }) => {
                self.discard(wire, Some(append.tag), size, completion);
            }
            None if append.left > 0 => {
                self.discard(wire, Some(append.tag), append.left, completion);
            }
            _ => self.complete(wire, append.tag, append.verb, completion),
        }
    }

    pub(super) fn append_taken(&mut self, input: &mut Input, length: usize) {
        if let Activity::Append(append) = &mut self.activity {
            input.consume(length);
            append.left = append.left.saturating_sub(length as u64);
        }
    }

    /// A URL has given so many octets.
    pub(super) fn append_grown(&mut self, more: u64) {
        if let Activity::Append(append) = &mut self.activity {
            append.octets = append.octets.map(|octets| octets.saturating_add(more));
        }
    }

    pub(super) fn append_end(&mut self, wire: &mut Wire, completion: Completion) {
        if let Activity::Append(append) = std::mem::replace(&mut self.activity, Activity::Reading) {
            self.complete(wire, append.tag, append.verb, completion);
        }
    }
}

/// A message whose size is not known yet has no octets so far.
fn no_size(head: &AppendHead) -> Option<u64> {
    head.size.is_none().then_some(0)
}

fn no_octets() -> Completion {
    Completion::no(Code::Cannot, "There is no message of no octets")
}

fn too_large() -> Completion {
    Completion::no(Code::TooBig, "The message is too large")
}
