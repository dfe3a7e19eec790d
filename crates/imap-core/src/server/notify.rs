//! NOTIFY (RFC 5465): what is told without being asked for, and when. What happens outside of the
//! selected mailbox is for the agent to find.

use conversation::{Step, Wire};

use super::{
    Ask, Question, Session,
    session::{Activity, Flow, Running},
};
use crate::{
    UidRuns,
    command::{Fetch, Notify, SelectedEvents},
    order::Verb,
    response::{self, Code, Completion, Condition},
};

/// There may be news of mailboxes that are not selected: tell it now.
#[derive(Debug)]
pub struct Elsewhere(());

/// What the last NOTIFY said. A session without one is told of its selected mailbox only, and only
/// while a command is in progress (RFC 5465 §3.1).
#[derive(Debug, Default)]
pub(super) struct Notifying {
    selected: Option<SelectedEvents>,
    /// Other mailboxes are looked after.
    elsewhere: bool,
    /// There may be something to tell, of the selected mailbox and of others.
    due: (bool, bool),
}

/// What of the selected mailbox may be told.
pub(super) struct Wanted {
    pub(super) any: bool,
    pub(super) flags: bool,
    pub(super) fetch: Option<Fetch>,
}

impl Session {
    /// NOTIFY has come: the agent looks whether it can be done.
    pub(super) fn notify(&mut self, tag: Box<str>, verb: Verb, notify: Notify) -> Flow {
        let asked = Question::Notify(self.ask(notify, UidRuns::new()));
        self.activity = Activity::Running(Running { tag, verb, end: None, lowest: None });
        Flow::Step(Step::Ask(asked))
    }

    /// What the client wants to hear of the selected mailbox.
    pub(super) fn wanted_news(&self) -> Wanted {
        match self.notifying.as_deref() {
            None => Wanted { any: true, flags: true, fetch: None },
            Some(Notifying { selected: None, .. }) => {
                Wanted { any: false, flags: false, fetch: None }
            }
            Some(Notifying { selected: Some(events), .. }) => {
                Wanted { any: true, flags: events.flags, fetch: events.fetch.clone() }
            }
        }
    }

    /// Something may have happened while no command is in progress, or in IDLE, which tells of the
    /// selected mailbox itself.
    pub(super) fn news_is_due(&mut self, idling: bool) {
        if let Some(notifying) = self.notifying.as_deref_mut() {
            notifying.due = (notifying.selected.is_some() && !idling, notifying.elsewhere);
        }
    }

    /// The next question about news that a client is told without a command.
    pub(super) fn unsolicited(&mut self) -> Option<Step<Question>> {
        if !matches!(self.activity, Activity::Reading | Activity::Idling { .. }) {
            return None;
        }
        let selected = self.view().is_some();
        let notifying = self.notifying.as_deref_mut()?;
        if std::mem::take(&mut notifying.due.0) && selected {
            // RFC 5465 §6.1.2: what goes waits for a command.
            let delayed = notifying.selected.as_ref().is_some_and(|events| events.delayed);
            return Some(self.ask_changes(!delayed, true));
        }
        if std::mem::take(&mut notifying.due.1) {
            let asked = self.ask(Elsewhere(()), UidRuns::new());
            return Some(Step::Ask(Question::Elsewhere(asked)));
        }
        None
    }
}

impl Ask<Notify> {
    /// Ends the command. If it went well, it counts from here on: what happened to the selected
    /// mailbox meanwhile is told as it says (RFC 5465 §3.1).
    pub fn finish(self, session: &mut Session, wire: &mut Wire, completion: Completion) {
        if completion.condition == Condition::Ok {
            let notifying = match &self.command {
                Notify::None => Notifying::default(),
                Notify::Set(set) => Notifying {
                    selected: set.selected.clone(),
                    elsewhere: set.groups.iter().any(|group| group.events.is_any()),
                    due: (false, false),
                },
            };
            session.notifying = Some(Box::new(notifying));
        }
        session.finish(self.ticket, wire, completion);
    }
}

impl Ask<Elsewhere> {
    /// That is all.
    pub fn finish(self, session: &mut Session) {
        // Nothing waits for this answer: a lost one changes nothing.
        let _ = session.open.answered(self.ticket);
    }

    /// It is more than can be looked after: from here on nothing is told (RFC 5465 §5.8).
    pub fn overflow(self, session: &mut Session, wire: &mut Wire) {
        let text = session.language.say("Too much happens to tell it all");
        response::untagged_ok(&mut wire.output, &Code::NotificationOverflow, &text);
        session.notifying = Some(Box::default());
        self.finish(session);
    }
}
