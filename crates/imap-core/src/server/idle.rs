//! The selected mailbox: its opening, its news, and IDLE, which waits for them.

use conversation::{Step, Ticket, Wire};
use mail_types::{MailboxName, Rights, SeqNum};

use super::{
    Changes, Opened, Question, Session,
    session::{Access, Activity, Flow, Running, Selected},
};
use crate::{
    UidRuns,
    frame::Framed,
    order::Verb,
    response::{self, Code, Completion, ListLine},
    view::View,
};

impl Session {
    /// Says what RFC 3501 §6.3.1 requires before the tagged line.
    pub(super) fn opened_mailbox(&mut self, wire: &mut Wire, name: &MailboxName, opened: Opened) {
        let (rev2, spelling) = (self.is_rev2(), self.spelling());
        let language = self.language;
        // It is a sequence number (RFC 9586 §3).
        let tells_unseen = !self.enabled.uid_only;
        let out = &mut wire.output;
        let view = View::new(opened.uids, opened.recent);
        let size = view.size();
        response::mailbox_flags(out, &opened.keywords);
        let rights = if opened.read_only { Rights::NONE } else { opened.rights };
        response::permanent_flags(out, &opened.keywords, rights, language);
        response::exists(out, size.exists);
        if rev2 {
            // RFC 9051 §6.3.2.
            let (name, attributes) = (name.as_str(), opened.attributes);
            let line = ListLine { attributes, name, child_info: vec![] };
            response::list_line(out, &line, spelling);
        } else {
            response::recent(out, size.recent);
            let first_unseen = opened
                .first_unseen
                .filter(|_| tells_unseen)
                .and_then(|uid| view.sequence_number(uid));
            if let Some(number) = first_unseen.map(SeqNum::number) {
                response::untagged_ok(
                    out,
                    &Code::Unseen(number),
                    &language.say("The first unseen message"),
                );
            }
        }
        response::untagged_ok(
            out,
            &Code::UidValidity(opened.uid_validity),
            &language.say("UIDs are valid"),
        );
        response::untagged_ok(out, &Code::UidNext(opened.uid_next), &language.say("The next UID"));
        // RFC 7162 §3.1.2.1 asks for it once the client knows of it; to others it says nothing.
        let highest = Code::HighestModSeq(opened.highest_mod_seq);
        response::untagged_ok(out, &highest, &language.say("The last change"));
        response::untagged_ok(
            out,
            &Code::MailboxId(opened.mailbox_id),
            &language.say("The mailbox"),
        );
        let (read_only, mod_seq) = (opened.read_only, opened.highest_mod_seq);
        let rights = opened.rights;
        self.say_url_mechanisms(wire);
        let selected = Selected { view, read_only, rights, mod_seq, contexts: Vec::new() };
        self.access = Access::Selected(Box::new(selected));
    }

    /// Says the tagged line of SELECT. News waits for the next command.
    pub(super) fn opening_done(&mut self, ticket: Ticket, wire: &mut Wire) {
        if !self.open.answered(ticket) {
            return;
        }
        let taken = std::mem::replace(&mut self.activity, Activity::Reading);
        let Activity::Running(Running { tag, verb, .. }) = taken else { return };
        let code = if self.is_read_only() { Code::ReadOnly } else { Code::ReadWrite };
        let done = Completion::ok(format!("{} completed", verb.rule().name)).with(code);
        self.say_tagged(wire, Some(&tag), &done);
    }

    /// A command has ended: asks for the news that may be told before its tagged line.
    pub(super) fn tell_news(&mut self, _wire: &mut Wire) -> Flow {
        let Activity::Running(Running { verb, .. }) = &self.activity else { return Flow::Again };
        let rule = verb.rule();
        self.ask_news(rule.may_tell_vanished(self.hears_of_uids()), rule.may_exists)
    }

    fn ask_news(&mut self, may_expunge: bool, may_exists: bool) -> Flow {
        Flow::Step(self.ask_changes(may_expunge, may_exists))
    }

    /// Asks for the news, as far as it may be told now and the client wants to hear it.
    pub(super) fn ask_changes(&mut self, may_expunge: bool, may_exists: bool) -> Step<Question> {
        let wanted = self.wanted_news();
        let changes = Changes {
            may_expunge: may_expunge && wanted.any,
            may_exists: may_exists && wanted.any,
            flags: wanted.flags,
            fetch: wanted.fetch,
        };
        Step::Ask(Question::Changes(self.ask(changes, UidRuns::new())))
    }

    /// The news is told.
    pub(super) fn news_told(&mut self, ticket: Ticket, wire: &mut Wire) {
        if !self.open.answered(ticket) {
            return;
        }
        match std::mem::replace(&mut self.activity, Activity::Reading) {
            Activity::Running(Running { tag, verb, end: Some(mut completion), .. }) => {
                self.add_highest_mod_seq(verb, &mut completion);
                self.say_tagged(wire, Some(&tag), &completion);
            }
            other => self.activity = other,
        }
    }

    /// RFC 2177 §3. What happened between the last command and this one is told at once.
    pub(super) fn idle_begin(&mut self, wire: &mut Wire, tag: Box<str>) -> Flow {
        response::continuation(&mut wire.output, &self.language.say("idling"));
        let news = self.view().is_some();
        self.activity = Activity::Idling { tag, news };
        Flow::Again
    }

    pub(super) fn idle_step(&mut self, wire: &mut Wire) -> Flow {
        let selected = self.view().is_some();
        let Activity::Idling { news, .. } = &mut self.activity else { return Flow::Again };
        if std::mem::take(news) {
            self.news_is_due(true);
            return if selected {
                self.ask_news(true, true)
            } else {
                Flow::Step(self.ask_to_go_on())
            };
        }
        let framed = self.framer.next_line(&mut wire.input);
        if framed == Framed::Incomplete {
            return Flow::NeedInput;
        }
        let done = is_done(self.framer.text(&wire.input));
        let Activity::Idling { tag, .. } = std::mem::replace(&mut self.activity, Activity::Reading)
        else {
            return Flow::Again;
        };
        if done {
            self.framer.finish(&mut wire.input);
            return self.end(wire, tag, Verb::Idle, Completion::ok("IDLE terminated"));
        }
        // RFC 2177 §3: the client sends DONE and nothing else.
        self.refuse_framed(wire, Some(tag), framed, Completion::bad("Expected DONE"));
        Flow::Again
    }
}

fn is_done(line: &[u8]) -> bool {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line).eq_ignore_ascii_case(b"DONE")
}
