//! The session: what it owns, and the loop that goes from one command to the next.

use std::{sync::Arc, time::Instant};

use conversation::{
    Machine, Notice, OpenQuestion, PeerFacts, Step, TlsFacts, Upgraded, Wait, Wire,
};
use mail_types::{ModSeq, Rights, Uid};

use super::{
    Ask, GoOn, Options, Question, append::Append, contexts::Context, notify::Notifying,
    sign_in::Exchanging,
};
use crate::{
    Language, UidRuns,
    capability::{self, Circumstances},
    command::Enable,
    frame::Framer,
    order::{State, Verb},
    response::{self, Code, Completion, Condition},
    view::View,
};

/// Commands are held back while more output than this waits to be sent, in octets.
const OUTPUT_HIGH: usize = 64 * 1024;

/// One client's connection.
#[derive(Debug)]
pub struct Session {
    pub(super) options: Arc<Options>,
    pub(super) open: OpenQuestion,
    pub(super) framer: Framer,
    pub(super) access: Access,
    pub(super) activity: Activity,
    pub(super) bad_commands: u32,
    pub(super) failed_sign_ins: u32,
    peer: Option<Box<PeerFacts>>,
    ending: Option<Box<Ending>>,
    /// What the last NOTIFY said.
    pub(super) notifying: Option<Box<Notifying>>,
    /// There was news that IDLE did not wait for.
    changed: bool,
    /// All is compressed (RFC 4978 §3).
    pub(super) compressed: bool,
    /// What the client has turned on. CONDSTORE also by using it.
    pub(super) enabled: Enable,
    /// In which texts are said.
    pub(super) language: Language,
    pub(super) deadline: Option<Instant>,
}

/// The state of RFC 3501 §3, with what exists only in it.
#[derive(Debug)]
pub(super) enum Access {
    NotAuthenticated,
    Authenticated,
    Selected(Box<Selected>),
}

/// A mailbox that is open.
#[derive(Debug)]
pub(super) struct Selected {
    pub(super) view: View,
    pub(super) read_only: bool,
    /// What may be done with it beyond that.
    pub(super) rights: Rights,
    /// All changes up to this one are told, or wait in the view.
    pub(super) mod_seq: ModSeq,
    /// Searches whose results are kept up to date.
    pub(super) contexts: Vec<Context>,
}

/// What the session is doing.
#[derive(Debug)]
pub(super) enum Activity {
    /// The greeting has to be said.
    Greeting,
    /// It reads a command.
    Reading,
    /// A command waits for its answer, or for the news that is told before its tagged line.
    Running(Running),
    /// A SASL exchange waits for the client.
    Exchanging(Exchanging),
    /// A SASL exchange waits for the agent.
    Judging(Exchanging),
    /// An APPEND's message goes through.
    Append(Append),
    /// The rest of a refused command is thrown away.
    Discarding { tag: Option<Box<str>>, completion: Completion },
    /// IDLE; `news` if there is some to tell.
    Idling { tag: Box<str>, news: bool },
    /// All is said.
    Over,
}

/// A command in progress.
#[derive(Debug)]
pub(super) struct Running {
    pub(super) tag: Box<str>,
    pub(super) verb: Verb,
    /// How it ended; its tagged line comes after the news.
    pub(super) end: Option<Completion>,
    /// If the message limit has left some out: the lowest message that it is about.
    pub(super) lowest: Option<Uid>,
}

/// Why the session is to end.
#[derive(Debug)]
struct Ending {
    code: Option<Code>,
    text: &'static str,
}

/// What a part of the loop has come to.
pub(super) enum Flow {
    /// Something was done: look again.
    Again,
    /// Nothing can be done without more input.
    NeedInput,
    /// The driver's turn.
    Step(Step<Question>),
}

impl Session {
    /// A session; `number` is unique among those of the process.
    pub fn new(number: u64, options: Arc<Options>) -> Self {
        let line_max = usize::try_from(options.limits.command_before_sign_in_max);
        Self {
            open: OpenQuestion::new(number),
            framer: Framer::new(line_max.unwrap_or(options.limits.line_max)),
            access: Access::NotAuthenticated,
            activity: Activity::Greeting,
            bad_commands: 0,
            failed_sign_ins: 0,
            peer: None,
            ending: None,
            notifying: None,
            changed: false,
            compressed: false,
            enabled: Enable::default(),
            language: Language::default(),
            deadline: None,
            options,
        }
    }

    /// The selected mailbox as the client knows it.
    pub fn view(&self) -> Option<&View> {
        match &self.access {
            Access::Selected(selected) => Some(&selected.view),
            Access::NotAuthenticated | Access::Authenticated => None,
        }
    }

    /// Takes what another session's client knows of the same mailbox, if it is the same.
    pub fn share(&mut self, uids: &UidRuns) {
        if let Some(view) = self.view_mut() {
            view.share(uids);
        }
    }

    pub(super) fn view_mut(&mut self) -> Option<&mut View> {
        match &mut self.access {
            Access::Selected(selected) => Some(&mut selected.view),
            Access::NotAuthenticated | Access::Authenticated => None,
        }
    }

    /// Whether the selected mailbox must not be changed by this session.
    pub fn is_read_only(&self) -> bool {
        matches!(&self.access, Access::Selected(selected) if selected.read_only)
    }

    /// What lets flags of the selected mailbox be changed.
    pub(super) fn flag_rights(&self) -> Rights {
        match &self.access {
            Access::Selected(selected) if !selected.read_only => selected.rights,
            _ => Rights::NONE,
        }
    }

    /// Whether somebody is signed in.
    pub fn is_signed_in(&self) -> bool {
        !matches!(self.access, Access::NotAuthenticated)
    }

    /// Who is at the other end; the TLS facts are those of now, STARTTLS included.
    pub fn peer(&self) -> Option<&PeerFacts> {
        self.peer.as_deref()
    }

    /// The TLS session, if there is one.
    pub fn tls(&self) -> Option<&TlsFacts> {
        self.peer.as_deref().and_then(|peer| peer.tls.as_ref())
    }

    /// Ends the session after the command in progress, with these words: the account was disabled,
    /// the mailbox is gone.
    pub fn dismiss(&mut self, code: Option<Code>, text: &'static str) {
        self.ending = Some(Box::new(Ending { code, text }));
    }

    /// Tells that the command in progress is, and how far it has come (RFC 9585 §4). Not between
    /// the parts of another response.
    pub fn in_progress(&self, wire: &mut Wire, done: u32, goal: Option<u32>) {
        if goal.is_some_and(|goal| goal <= done) {
            return;
        }
        let tag = self.running_tag();
        let tag = (!tag.is_empty() && !tag.contains(']')).then(|| tag.into());
        let code = Code::InProgress { tag, done, goal };
        response::untagged_ok(&mut wire.output, &code, &self.language.say("Still working on it"));
    }

    pub(super) fn state(&self) -> State {
        match self.access {
            Access::NotAuthenticated => State::NotAuthenticated,
            Access::Authenticated => State::Authenticated,
            Access::Selected(_) => State::Selected,
        }
    }

    pub(super) fn ask<T>(&mut self, command: T, messages: UidRuns) -> Ask<T> {
        Ask { ticket: self.open.ask(), command, messages }
    }

    /// The octets that an APPEND's message may have.
    pub fn append_max(&self) -> u64 {
        self.options.limits.append_max
    }

    /// The tag of the command in progress.
    pub(super) fn running_tag(&self) -> &str {
        match &self.activity {
            Activity::Running(running) => &running.tag,
            _ => "",
        }
    }

    pub(super) fn capabilities(&self) -> String {
        let tls = self.tls().is_some();
        capability::list(Circumstances {
            signed_in: self.is_signed_in(),
            starttls: self.options.starttls && !tls && !self.is_signed_in(),
            passwords: self.may_send_password(),
            mechanisms: &self.announced(),
            append_max: self.append_max(),
            utf8_accept: self.options.utf8_accept,
            uid_only: self.options.uid_only,
            sharing: self.options.sharing,
            message_limit: self.options.message_limit,
            compressed: self.compressed,
        })
    }

    /// A command has ended; what is left is to tell the news and then its tagged line.
    pub(super) fn complete(
        &mut self,
        wire: &mut Wire,
        tag: Box<str>,
        verb: Verb,
        completion: Completion,
    ) {
        let tells_news =
            matches!(self.access, Access::Selected(_)) && completion.condition != Condition::Bad;
        if tells_news {
            let end = Some(completion);
            self.activity = Activity::Running(Running { tag, verb, end, lowest: None });
        } else {
            self.say_tagged(wire, Some(&tag), &completion);
        }
    }

    /// Says the tagged line: the command is over.
    pub(super) fn say_tagged(
        &mut self,
        wire: &mut Wire,
        tag: Option<&str>,
        completion: &Completion,
    ) {
        response::tagged(&mut wire.output, tag, completion, self.language);
        self.activity = Activity::Reading;
        // A gathered command's memory was given back before; nothing of it is left here.
        if completion.condition == Condition::Bad {
            self.bad_commands += 1;
            if self.bad_commands >= self.options.limits.bad_commands_max {
                self.dismiss(Some(Code::ClientBug), "Too many malformed commands");
            }
        } else {
            self.bad_commands = 0;
        }
    }

    /// A SELECT that fails after the mailbox was open leaves none open (RFC 3501 §6.3.1).
    pub(super) fn unselect_if_opening(&mut self, verb: Verb) {
        if matches!(verb, Verb::Select | Verb::Examine) {
            self.access = Access::Authenticated;
        }
    }

    /// The open question was dropped: a temporary failure of ours.
    fn answer_lost(&mut self, wire: &mut Wire) {
        match std::mem::replace(&mut self.activity, Activity::Reading) {
            // RFC 8437 §3: NO is no answer to it.
            Activity::Running(Running { verb: Verb::Unauthenticate, .. }) => {
                self.dismiss(Some(Code::Unavailable), "Temporary trouble, please connect again");
            }
            Activity::Running(Running { tag, verb, end: None, .. }) => {
                self.unselect_if_opening(verb);
                self.complete(wire, tag, verb, Completion::unavailable());
            }
            Activity::Running(Running { tag, end: Some(completion), .. }) => {
                self.say_tagged(wire, Some(&tag), &completion);
            }
            Activity::Judging(exchanging) => {
                self.end(wire, exchanging.tag, Verb::Authenticate, Completion::unavailable());
            }
            append @ Activity::Append(_) => {
                self.activity = append;
                self.append_refuse(wire, Completion::unavailable());
            }
            other => self.activity = other,
        }
    }

    fn advance(&mut self, wire: &mut Wire) -> Flow {
        match &self.activity {
            Activity::Greeting => {
                let capabilities = self.capabilities();
                let text = format!("{} ready", self.options.product);
                response::greeting(&mut wire.output, capabilities, &text);
                self.activity = Activity::Reading;
                Flow::Again
            }
            Activity::Reading => self.read_command(wire),
            Activity::Running(_) => self.tell_news(wire),
            Activity::Exchanging(_) => self.exchange_step(wire),
            // Not before its question is answered.
            Activity::Judging(_) => Flow::NeedInput,
            Activity::Append(_) => self.append_step(wire),
            Activity::Discarding { .. } => self.discard_step(wire),
            Activity::Idling { .. } => self.idle_step(wire),
            Activity::Over => Flow::Step(Step::Close),
        }
    }

    /// Whether good-bye can be said now, or something has to be brought to its end first.
    fn may_end(&self) -> bool {
        !matches!(self.activity, Activity::Running(_) | Activity::Judging(_) | Activity::Greeting)
    }

    fn say_bye(&mut self, wire: &mut Wire, code: Option<&Code>, text: &str) -> Step<Question> {
        response::bye(&mut wire.output, code, &self.language.say(text));
        self.activity = Activity::Over;
        Step::Close
    }

    /// Nothing to do until something comes.
    fn wait(&mut self, wire: &mut Wire, now: Instant) -> Step<Question> {
        let limits = &self.options.limits;
        let patience = if self.is_signed_in() { limits.idle_time } else { limits.sign_in_time };
        let until = *self.deadline.get_or_insert(now + patience);
        if now >= until {
            let text =
                if self.is_signed_in() { "Silent for too long" } else { "Sign-in took too long" };
            return self.say_bye(wire, None, text);
        }
        // Besides what IDLE tells: whether whoever is signed in still may be.
        Step::Wait(Wait { until: Some(until), news: self.is_signed_in() })
    }

    /// Asks whether the session may go on.
    pub(super) fn ask_to_go_on(&mut self) -> Step<Question> {
        Step::Ask(Question::GoOn(self.ask(GoOn(()), UidRuns::new())))
    }
}

impl Machine for Session {
    type Question = Question;

    fn opened(&mut self, peer: &PeerFacts) {
        self.peer = Some(Box::new(peer.clone()));
    }

    fn step(&mut self, wire: &mut Wire, now: Instant) -> Step<Question> {
        if self.open.abandoned() {
            self.answer_lost(wire);
        }
        // RFC 3501 §5.4: what the client sends shows that it is there. Before sign-in it shows
        // nothing of the kind.
        if self.is_signed_in() && !wire.input.is_empty() {
            self.deadline = None;
        }
        loop {
            if self.may_end()
                && let Some(ending) = self.ending.take()
            {
                return self.say_bye(wire, ending.code.as_ref(), ending.text);
            }
            if wire.output.len() > OUTPUT_HIGH && matches!(self.activity, Activity::Reading) {
                return Step::Wait(Wait { until: Some(now), news: false });
            }
            if matches!(self.activity, Activity::Reading) && std::mem::take(&mut self.changed) {
                self.news_is_due(false);
                return self.ask_to_go_on();
            }
            if let Some(step) = self.unsolicited() {
                return step;
            }
            match self.advance(wire) {
                Flow::Again => {}
                Flow::NeedInput => return self.wait(wire, now),
                Flow::Step(step) => {
                    // A command is in progress: the time of silence begins after it.
                    if self.is_signed_in() {
                        self.deadline = None;
                    }
                    return step;
                }
            }
        }
    }

    fn upgraded(&mut self, upgraded: Upgraded) {
        match (self.peer.as_deref_mut(), upgraded) {
            (peer, Upgraded::Tls(facts)) => {
                if let Some(peer) = peer {
                    peer.tls = Some(facts);
                }
                // RFC 5255 §3.1: the client says again what may have been said by another.
                self.language = Language::default();
            }
            (_, Upgraded::Deflate) => self.compressed = true,
        }
    }

    fn notice(&mut self, notice: Notice) {
        match notice {
            Notice::Shutdown => self.dismiss(Some(Code::Unavailable), "The server is stopping"),
            Notice::Changed => match &mut self.activity {
                Activity::Idling { news, .. } => *news = true,
                _ => self.changed = true,
            },
        }
    }
}
