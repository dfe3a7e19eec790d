//! ESEARCH (RFC 7377): a search of many mailboxes.

use conversation::{Step, Wire};
use mail_types::{MailboxName, Uid, UidValidity};

use super::{
    Ask, Question, Session,
    session::{Activity, Flow, Running},
};
use crate::{
    UidRuns,
    command::{MultiSearch, SearchSource},
    order::Verb,
    response::{Completion, Condition, Correlator, Extended, FoundModSeqs},
};

/// What was found in a mailbox.
#[derive(Clone, Copy, Debug)]
pub struct FoundIn<'f> {
    /// Its name.
    pub mailbox: &'f MailboxName,
    /// The epoch of its UIDs.
    pub uid_validity: UidValidity,
    /// Ascending.
    pub found: &'f [Uid],
    /// If it was a search for mod-sequences.
    pub mod_seqs: Option<FoundModSeqs>,
    /// It is the one that is open.
    pub is_selected: bool,
}

impl Session {
    /// ESEARCH has come: what needs an open mailbox has one (RFC 7377 §2.2).
    pub(super) fn search_many(
        &mut self,
        wire: &mut Wire,
        tag: Box<str>,
        verb: Verb,
        multi: MultiSearch,
    ) -> Flow {
        let updates = multi.search.update.is_some();
        let needs_selected = updates || multi.sources.contains(&SearchSource::Selected);
        if needs_selected && self.view().is_none() {
            return self.end(wire, tag, verb, Completion::bad("Select a mailbox first"));
        }
        if updates && self.has_context(&tag) {
            // RFC 5267 §4.3.
            let again = Completion::bad("This tag stands for another search");
            return self.end(wire, tag, verb, again);
        }
        let by_number = multi.search.key.names_sequence();
        // To the news it is a search like others (RFC 7162 §3.2.10.2).
        let verb = if by_number { Verb::Search } else { verb };
        let asked = Question::MultiSearch(self.ask(multi, UidRuns::new()));
        self.activity = Activity::Running(Running { tag, verb, end: None, lowest: None });
        Flow::Step(Step::Ask(asked))
    }
}

impl Ask<MultiSearch> {
    /// Tells what was found in one mailbox; of one in which nothing was, nothing is told
    /// (RFC 7377 §2.1).
    pub fn found(&self, session: &mut Session, wire: &mut Wire, found_in: FoundIn<'_>) {
        let FoundIn { mailbox, uid_validity, found, mod_seqs, is_selected } = found_in;
        let search = &self.command.search;
        let wanted = search.returns.unwrap_or_default();
        if !found.is_empty() {
            let runs: UidRuns = found.iter().copied().collect();
            let runs: Vec<_> = runs.ranges().map(|(a, b)| (a.number(), b.number())).collect();
            let correlator = Correlator {
                tag: session.running_tag(),
                by_uid: true,
                mailbox: Some((mailbox, uid_validity, session.spelling())),
            };
            Extended { correlator, wanted, found: &runs, mod_seqs }.render(&mut wire.output);
        }
        if is_selected {
            let place = Some((mailbox.clone(), uid_validity));
            session.keep_updating(wire, search, place, found);
            session.save_found(search.returns, found);
        }
    }

    /// The open mailbox is none of those that were searched: nothing of it is kept up to date.
    pub fn without_selected(&self, session: &Session, wire: &mut Wire) {
        if self.command.search.update.is_some() {
            let why = "The selected mailbox is not among these";
            session.say_no_update(wire, session.running_tag(), why);
        }
    }

    /// Ends the command. One that fails and was to save its result leaves none (RFC 5182 §2.1).
    pub fn finish(self, session: &mut Session, wire: &mut Wire, completion: Completion) {
        let saves = self.command.search.returns.is_some_and(|wanted| wanted.save);
        if let (true, Condition::No, Some(view)) = (saves, completion.condition, session.view_mut())
        {
            view.save(&UidRuns::new());
        }
        if completion.condition != Condition::Ok && self.command.search.update.is_some() {
            session.drop_running_context();
        }
        session.finish(self.ticket, wire, completion);
    }
}
