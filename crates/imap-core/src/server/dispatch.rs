//! From a framed command to its answer or its question.

use conversation::{Step, Ticket, Upgrade, Wire};

use super::{
    Question, Session,
    append::Append,
    ask::SignOut,
    session::{Access, Activity, Flow, Running},
};
use crate::{
    UidRuns,
    command::{Appends, Arrange, Command, Numbering, PartialRange, SearchReturn},
    frame::{Framed, Literal},
    order::Verb,
    parse::{self, Announced, Rejected},
    response::{self, Code, Completion},
    sequence_set::SequenceSet,
};

impl Session {
    /// Reads the next command and goes on with it.
    pub(super) fn read_command(&mut self, wire: &mut Wire) -> Flow {
        match self.framer.next(&mut wire.input) {
            Framed::Incomplete => Flow::NeedInput,
            Framed::Announced(literal) => self.literal_announced(wire, literal),
            Framed::TooLong => {
                let tag = parse::tag(self.framer.text(&wire.input));
                let long = Completion::bad("The line is too long");
                self.refuse_framed(wire, tag, Framed::TooLong, long);
                Flow::Again
            }
            Framed::Complete => {
                let parsed =
                    parse::command(self.framer.text(&wire.input), self.state(), self.dialect());
                self.framer.finish(&mut wire.input);
                match parsed {
                    Ok(parsed) => self.run(wire, parsed.tag, parsed.verb, parsed.command),
                    Err(Rejected { tag, completion, forgets_saved }) => {
                        if forgets_saved && let Some(view) = self.view_mut() {
                            view.save(&UidRuns::new());
                        }
                        self.say_tagged(wire, tag.as_deref(), &completion);
                        Flow::Again
                    }
                }
            }
            Framed::Discarded => Flow::Again,
        }
    }

    /// Whether the client may send a literal is decided when it is announced (RFC 3501 §7.5).
    fn literal_announced(&mut self, wire: &mut Wire, literal: Literal) -> Flow {
        let text = self.framer.text(&wire.input);
        let before = text.len() as u64;
        let refusal = match parse::announced(text, literal, self.state(), self.dialect()) {
            Ok(Announced::Argument { tag, verb }) => {
                match self.literal_refusal(before, literal.size, verb) {
                    Some(completion) => Rejected::new(Some(tag), completion),
                    None => {
                        self.framer.accept(literal);
                        if literal.synchronising {
                            let ready = self.language.say("Ready for the literal");
                            response::continuation(&mut wire.output, &ready);
                        }
                        return Flow::Again;
                    }
                }
            }
            Ok(Announced::Append { tag, verb, steps, catenating }) => {
                let append = Append::new(tag.clone(), verb, steps);
                let append = append.map(|append| append.with_literal(literal, catenating));
                match append.map(|append| (self.append_refusal(&append), append)) {
                    Some((Ok((head, replaced)), append)) => {
                        self.framer.finish(&mut wire.input);
                        return self.append_begin(append, head, replaced);
                    }
                    Some((Err(refusal), _)) => Rejected::new(Some(tag), refusal),
                    None => Rejected::new(Some(tag), Completion::unavailable()),
                }
            }
            Err(rejected) => rejected,
        };
        self.refuse_framed(wire, refusal.tag, Framed::Announced(literal), refusal.completion);
        Flow::Again
    }

    pub(super) fn literal_refusal(&self, before: u64, size: u64, verb: Verb) -> Option<Completion> {
        let limits = &self.options.limits;
        if verb == Verb::SetMetadata {
            return limits.annotation_refusal(before, size);
        }
        let whole_max = if self.is_signed_in() {
            limits.command_max
        } else {
            limits.command_before_sign_in_max
        };
        let too_large = size > limits.literal_max || before.saturating_add(size) > whole_max;
        too_large.then(|| Completion::no(Code::Limit, "The literal is too large"))
    }

    /// Refuses what was framed; what comes of it all the same is thrown away first.
    pub(super) fn refuse_framed(
        &mut self,
        wire: &mut Wire,
        tag: Option<Box<str>>,
        framed: Framed,
        completion: Completion,
    ) {
        match framed {
            Framed::Announced(Literal { synchronising: false, size, .. }) => {
                self.discard(wire, tag, size, completion);
            }
            Framed::TooLong => {
                self.framer.discard_line();
                self.activity = Activity::Discarding { tag, completion };
            }
            Framed::Announced(_) | Framed::Complete | Framed::Discarded | Framed::Incomplete => {
                self.framer.finish(&mut wire.input);
                self.say_tagged(wire, tag.as_deref(), &completion);
            }
        }
    }

    /// Throws octets and the rest of their command away, then says why.
    pub(super) fn discard(
        &mut self,
        wire: &mut Wire,
        tag: Option<Box<str>>,
        octets: u64,
        completion: Completion,
    ) {
        if octets > self.options.limits.discard_max {
            // RFC 7888 §4: reading it all only to throw it away is not worth it.
            self.say_tagged(wire, tag.as_deref(), &completion);
            self.dismiss(Some(Code::TooBig), "Too much to throw away");
            return;
        }
        self.framer.discard(octets);
        self.activity = Activity::Discarding { tag, completion };
    }

    pub(super) fn discard_step(&mut self, wire: &mut Wire) -> Flow {
        if self.framer.next(&mut wire.input) != Framed::Discarded {
            return Flow::NeedInput;
        }
        if let Activity::Discarding { tag, completion } =
            std::mem::replace(&mut self.activity, Activity::Reading)
        {
            self.say_tagged(wire, tag.as_deref(), &completion);
        }
        Flow::Again
    }

    fn run(&mut self, wire: &mut Wire, tag: Box<str>, verb: Verb, command: Command) -> Flow {
        if command.needs_qresync() && !self.enabled.qresync {
            // RFC 7162 §3.2.5, §3.2.6.
            return self.end(wire, tag, verb, Completion::bad("ENABLE QRESYNC first"));
        }
        if matches!(command, Command::Select(_)) {
            self.leave_selected(wire);
        }
        if command.enables_condstore() {
            self.enable_condstore(wire);
        }
        match command {
            Command::Capability => {
                let line = format!("* CAPABILITY {}\r\n", self.capabilities());
                wire.output.extend_from_slice(line.as_bytes());
                self.done(wire, tag, verb)
            }
            Command::Noop => self.done(wire, tag, verb),
            Command::Id => {
                self.say_id(wire);
                self.done(wire, tag, verb)
            }
            Command::Namespace => {
                self.say_namespace(wire);
                self.done(wire, tag, verb)
            }
            Command::Enable(wanted) => {
                self.enable(wire, wanted);
                self.done(wire, tag, verb)
            }
            Command::Language(ranges) => self.choose_language(wire, tag, verb, &ranges),
            Command::Logout => {
                response::bye(&mut wire.output, None, &self.language.say("See you"));
                let done = Completion::ok("LOGOUT completed");
                response::tagged(&mut wire.output, Some(&tag), &done, self.language);
                self.activity = Activity::Over;
                Flow::Again
            }
            Command::StartTls => self.start_tls(wire, &tag),
            Command::Compress => self.compress(wire, &tag),
            Command::Unauthenticate if self.compressed => {
                // RFC 8437 §3: BAD where it is not announced.
                self.end(wire, tag, verb, Completion::bad("Not while all is compressed"))
            }
            Command::Unauthenticate => {
                self.activity = Activity::Running(Running { tag, verb, end: None, lowest: None });
                Flow::Step(Step::Ask(Question::SignOut(self.ask(SignOut(()), UidRuns::new()))))
            }
            Command::Login { name, password } => self.login(wire, tag, &name, &password),
            Command::Authenticate { mechanism, initial } => {
                self.authenticate(wire, tag, &mechanism, initial.as_ref())
            }
            Command::Append(Appends(steps)) => match Append::new(tag.clone(), verb, steps) {
                Some(append) => match self.append_refusal(&append) {
                    Ok((head, replaced)) => self.append_begin(append, head, replaced),
                    Err(refusal) => self.end(wire, tag, verb, refusal),
                },
                None => self.end(wire, tag, verb, Completion::unavailable()),
            },
            Command::Idle => self.idle_begin(wire, tag),
            Command::CancelUpdate(tags) => {
                let done = self.cancel_contexts(&tags);
                self.end(wire, tag, verb, done)
            }
            Command::MultiSearch(multi) => self.search_many(wire, tag, verb, multi),
            Command::Notify(notify) => self.notify(tag, verb, notify),
            Command::SetQuota => {
                let refused = Completion::no(Code::NoPerm, "Quotas are not set from here");
                self.end(wire, tag, verb, refused)
            }
            command => self.ask_about(wire, tag, verb, command),
        }
    }

    /// The commands that the agent answers.
    fn ask_about(
        &mut self,
        wire: &mut Wire,
        tag: Box<str>,
        mut verb: Verb,
        command: Command,
    ) -> Flow {
        let asked = match command {
            Command::Mailboxes(command) => Question::Mailboxes(self.ask(command, UidRuns::new())),
            Command::Metadata(command) => Question::Metadata(self.ask(command, UidRuns::new())),
            Command::Acl(command) => Question::Acl(self.ask(command, UidRuns::new())),
            Command::Urls(command) => Question::Urls(self.ask(command, UidRuns::new())),
            Command::Quota(command) => Question::Quota(self.ask(command, UidRuns::new())),
            Command::Select(select) => Question::Select(self.ask(select, UidRuns::new())),
            Command::Close(mut close) => {
                close.expunge &= !self.is_read_only();
                self.access = Access::Authenticated;
                Question::Close(self.ask(close, UidRuns::new()))
            }
            Command::Search(search) if search.update.is_some() && self.has_context(&tag) => {
                // RFC 5267 §4.3.
                let again = Completion::bad("This tag stands for another search");
                return self.end(wire, tag, verb, again);
            }
            Command::Search(mut search) => {
                if self.is_rev2() && search.arrange == Arrange::Ascending {
                    // RFC 9051 §6.4.4: the old response is not for these.
                    let all = SearchReturn { all: true, ..SearchReturn::default() };
                    search.returns.get_or_insert(all);
                }
                if search.key.names_sequence() {
                    // RFC 7162 §3.2.10.2: UID SEARCH too, if numbers stand in it. To the news,
                    // SORT and THREAD are searches.
                    verb = Verb::Search;
                }
                let all = self.existing(None);
                Question::Search(self.ask(search, all))
            }
            Command::Expunge(_) | Command::Store(_) if self.is_read_only() => {
                return self.read_only(wire, tag, verb);
            }
            Command::Expunge(expunge) => {
                let messages = self.existing(expunge.uids.as_ref());
                Question::Expunge(self.ask(expunge, messages))
            }
            Command::Copy(copy) if copy.remove && self.is_read_only() => {
                return self.read_only(wire, tag, verb);
            }
            Command::Fetch(fetch) if fetch.vanished => {
                let messages = part_of(self.existing(Some(&fetch.messages)), fetch.partial);
                Question::Fetch(self.ask(fetch, messages))
            }
            Command::Fetch(fetch) => match self.resolve(&fetch.messages, fetch.numbering) {
                Ok(messages) => {
                    let messages = part_of(messages, fetch.partial);
                    Question::Fetch(self.ask(fetch, messages))
                }
                Err(completion) => return self.end(wire, tag, verb, completion),
            },
            Command::Store(store) => match self.resolve(&store.messages, store.numbering) {
                Ok(messages) => Question::Store(self.ask(store, messages)),
                Err(completion) => return self.end(wire, tag, verb, completion),
            },
            Command::Copy(copy) => match self.resolve(&copy.messages, copy.numbering) {
                Ok(messages) => Question::Copy(self.ask(copy, messages)),
                Err(completion) => return self.end(wire, tag, verb, completion),
            },
            // All others were run before.
            _ => return self.end(wire, tag, verb, Completion::unavailable()),
        };
        match self.within_limit(asked) {
            Ok((asked, lowest)) => {
                self.activity = Activity::Running(Running { tag, verb, end: None, lowest });
                Flow::Step(Step::Ask(asked))
            }
            Err(completion) => self.end(wire, tag, verb, completion),
        }
    }

    /// The messages a command names, or how it ends without the agent.
    fn resolve(&self, set: &SequenceSet, numbering: Numbering) -> Result<UidRuns, Completion> {
        let view = self.view().ok_or_else(Completion::unavailable)?;
        let messages = view
            .resolve(set, numbering)
            .map_err(|_| Completion::bad("There is no message with such a number"))?;
        if messages.is_empty() {
            // RFC 3501 §6.4.8: a UID that nobody has is ignored without a word.
            return Err(Completion::ok("No such messages"));
        }
        Ok(messages)
    }

    fn existing(&self, uids: Option<&SequenceSet>) -> UidRuns {
        match (self.view(), uids) {
            (Some(view), Some(set)) => view.resolve(set, Numbering::Uid).unwrap_or_default(),
            (Some(view), None) => view.uids().clone(),
            (None, _) => UidRuns::new(),
        }
    }

    fn read_only(&mut self, wire: &mut Wire, tag: Box<str>, verb: Verb) -> Flow {
        let refused = Completion::no(Code::ReadOnly, "The mailbox is open for reading only");
        self.end(wire, tag, verb, refused)
    }

    pub(super) fn done(&mut self, wire: &mut Wire, tag: Box<str>, verb: Verb) -> Flow {
        self.end(wire, tag, verb, Completion::ok(format!("{} completed", verb.rule().name)))
    }

    pub(super) fn end(
        &mut self,
        wire: &mut Wire,
        tag: Box<str>,
        verb: Verb,
        completion: Completion,
    ) -> Flow {
        self.complete(wire, tag, verb, completion);
        Flow::Again
    }

    /// RFC 2971 §3.1: a list of pairs.
    fn say_id(&self, wire: &mut Wire) {
        let out = &mut wire.output;
        out.extend_from_slice(b"* ID (\"name\" ");
        response::string(out, self.options.product.as_bytes());
        if let Some(version) = &self.options.version {
            out.extend_from_slice(b" \"version\" ");
            response::string(out, version.as_bytes());
        }
        out.extend_from_slice(b")\r\n");
    }

    /// RFC 3501 §6.2.1.
    fn start_tls(&mut self, wire: &mut Wire, tag: &str) -> Flow {
        let refusal = if self.tls().is_some() {
            Some(Completion::bad("TLS is there already"))
        } else if !self.options.starttls {
            Some(Completion::bad("TLS is not to be had here"))
        } else {
            None
        };
        if let Some(completion) = refusal {
            self.say_tagged(wire, Some(tag), &completion);
            return Flow::Again;
        }
        self.say_tagged(wire, Some(tag), &Completion::ok("Begin TLS now"));
        Flow::Step(Step::Upgrade(Upgrade::Tls))
    }
}

/// The messages of a PARTIAL (RFC 9394 §3.3).
fn part_of(messages: UidRuns, range: Option<PartialRange>) -> UidRuns {
    match range {
        None => messages,
        Some(range) => match range.within(messages.len()) {
            Some((start, count)) => messages.part(start, count),
            None => UidRuns::new(),
        },
    }
}

impl Session {
    /// RFC 4978 §3: BAD if it is active already. News waits for the next command, which is
    /// compressed.
    fn compress(&mut self, wire: &mut Wire, tag: &str) -> Flow {
        if self.compressed {
            self.say_tagged(wire, Some(tag), &Completion::bad("DEFLATE is active already"));
            return Flow::Again;
        }
        self.say_tagged(wire, Some(tag), &Completion::ok("DEFLATE active"));
        Flow::Step(Step::Upgrade(Upgrade::Deflate))
    }

    /// An answer has ended the command in progress.
    pub(super) fn finish(&mut self, ticket: Ticket, wire: &mut Wire, completion: Completion) {
        if self.open.answered(ticket) {
            self.end_running(wire, completion);
        }
    }

    pub(super) fn end_running(&mut self, wire: &mut Wire, completion: Completion) {
        match std::mem::replace(&mut self.activity, Activity::Reading) {
            Activity::Running(Running { tag, verb, lowest, .. }) => {
                let completion = self.tell_limit(wire, (verb, lowest), completion);
                self.complete(wire, tag, verb, completion);
            }
            Activity::Judging(exchanging) => {
                self.complete(wire, exchanging.tag, Verb::Authenticate, completion);
            }
            _ => {}
        }
    }
}
