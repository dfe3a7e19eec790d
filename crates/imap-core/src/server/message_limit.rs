//! How many messages one command works on, where the operator has set a limit (RFC 9738).
//!
//! Messages count that a command names, not those that it finds something to do with. Of too many
//! the highest are taken, and the client hears which was the lowest of these; what must be done as a
//! whole is not begun. EXPUNGE, CLOSE and STATUS know no limit (RFC 9738 §3.1), nor does SORT, whose
//! orders the index keeps (RFC 9738 §3.3). ESEARCH, of many mailboxes, is none of the commands that
//! the standard names.

use conversation::Wire;
use mail_types::Uid;

use super::{
    Ask, Question, Session,
    session::{Activity, Running},
};
use crate::{
    UidRuns,
    command::{Arrange, Copy, Expunge, Numbering, Search, SearchKey},
    order::Verb,
    response::{self, Code, Completion, Condition},
};

/// How many messages one command works on at most.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum MessageLimit {
    /// As many as there are.
    #[default]
    Unlimited,
    /// So many, whatever it does with them: `MESSAGELIMIT`.
    All(u32),
    /// So many, if it is COPY or APPEND: `SAVELIMIT`.
    Saving(u32),
}

impl MessageLimit {
    /// For what is read, changed and moved.
    pub(super) fn of_all(self) -> Option<u32> {
        match self {
            Self::All(limit) => Some(limit),
            Self::Saving(_) | Self::Unlimited => None,
        }
    }

    /// For COPY and APPEND.
    pub(super) fn of_saving(self) -> Option<u32> {
        match self {
            Self::All(limit) | Self::Saving(limit) => Some(limit),
            Self::Unlimited => None,
        }
    }
}

impl Session {
    /// Whether the limit has left messages out of the command in progress: those that it works on
    /// come in descending order then (RFC 9738 §3.1).
    pub fn highest_first(&self) -> bool {
        self.lowest_processed().is_some()
    }

    fn lowest_processed(&self) -> Option<Uid> {
        match &self.activity {
            Activity::Running(running) => running.lowest,
            _ => None,
        }
    }

    /// The question for no more messages than may be, with the lowest of them if there were more; or
    /// how the command ends without an answer.
    pub(super) fn within_limit(
        &mut self,
        mut question: Question,
    ) -> Result<(Question, Option<Uid>), Completion> {
        let (all, saving) =
            (self.options.message_limit.of_all(), self.options.message_limit.of_saving());
        let kept = match &mut question {
            Question::Fetch(ask) => match ask.command.partial {
                // A part that the client has chosen itself is not made smaller (RFC 9738 §3.1).
                Some(_) if all.is_some_and(|limit| ask.messages.len() > limit) => Err((all, None)),
                Some(_) => Ok(None),
                None => Ok(highest(&mut ask.messages, all)),
            },
            Question::Store(ask) => Ok(highest(&mut ask.messages, all)),
            Question::Copy(Ask { command: Copy { remove: true, .. }, messages, .. }) => {
                Ok(highest(messages, all))
            }
            Question::Copy(ask) => match highest(&mut ask.messages, saving) {
                None => Ok(None),
                lowest => Err((saving, lowest)),
            },
            Question::Search(ask) if all.is_some() && !is_sorted(&ask.command) => {
                ask.messages = self.searched(&ask.command.key);
                match highest(&mut ask.messages, all) {
                    Some(_) if needs_all(&ask.command) => Err((all, None)),
                    lowest => Ok(lowest),
                }
            }
            _ => Ok(None),
        };
        match kept {
            Ok(lowest) => Ok((question, lowest)),
            Err((limit, lowest)) => {
                if let Question::Search(ask) = &question
                    && ask.command.returns.is_some_and(|wanted| wanted.save)
                    && let Some(view) = self.view_mut()
                {
                    // RFC 5182 §2.1.
                    view.save(&UidRuns::new());
                }
                // The question is gone, and nobody asks for an answer.
                let _ = self.open.abandoned();
                Err(too_many(limit.unwrap_or_default(), lowest))
            }
        }
    }

    /// The messages that a search has to look at, by the numbers in its key.
    fn searched(&self, key: &SearchKey) -> UidRuns {
        let Some(view) = self.view() else { return UidRuns::new() };
        key.narrowed(view.uids().clone(), &|key| match key {
            SearchKey::Sequence(set) => view.existing(set, Numbering::Sequence),
            SearchKey::Uid(set) => view.existing(set, Numbering::Uid),
            _ => UidRuns::new(),
        })
    }

    /// Tells in the tagged response, or before it, if messages were left out. There is one code in a
    /// response: what became of some messages, or of the mailbox, stands there, and the limit before
    /// it (RFC 9738 §3.1); after messages that are gone the command has done what it could.
    pub(super) fn tell_limit(
        &self,
        wire: &mut Wire,
        (verb, lowest): (Verb, Option<Uid>),
        mut completion: Completion,
    ) -> Completion {
        let (Some(limit), Some(_)) = (self.options.message_limit.of_all(), lowest) else {
            return completion;
        };
        const PART: &str = "Done for the last of these messages only";
        let code = Code::MessageLimit { limit, lowest };
        match (completion.condition, &completion.code) {
            (Condition::Ok, None) if !self.tells_highest_mod_seq(verb) => {
                return Completion::ok(PART).with(code);
            }
            (Condition::Ok, _) => {}
            (Condition::No, Some(Code::ExpungeIssued)) => completion.condition = Condition::Ok,
            (Condition::No, Some(Code::Modified(_) | Code::UnknownCte)) => {}
            _ => return completion,
        }
        response::untagged_no(&mut wire.output, &code, &self.language.say(PART));
        completion
    }
}

impl Ask<Expunge> {
    /// Whether these may be more than one UID EXPUNGE removes: of those that are `\Deleted` only so
    /// many are (RFC 9738 §3.1). How many, then.
    pub fn limit(&self, session: &Session) -> Option<u32> {
        let limit = session.options.message_limit.of_all()?;
        (self.command.uids.is_some() && self.messages.len() > limit).then_some(limit)
    }

    /// Of these, which are `\Deleted`, the ones that are removed.
    pub fn keep_to_limit(&self, session: &mut Session, mut deleted: UidRuns) -> UidRuns {
        let lowest = highest(&mut deleted, self.limit(session));
        if let Activity::Running(Running { lowest: processed, .. }) = &mut session.activity {
            *processed = lowest;
        }
        deleted
    }
}

/// Whether it is SORT, which knows no limit.
fn is_sorted(search: &Search) -> bool {
    matches!(search.arrange, Arrange::Sorted(_))
}

/// Whether the last messages alone would give a wrong answer: half of a mailbox has other threads
/// than all of it (RFC 9738 §3.3), and the lowest of its results is another one, from which the
/// client counts (RFC 9394 §3.1).
fn needs_all(search: &Search) -> bool {
    let part = search.returns.and_then(|wanted| wanted.partial);
    matches!(search.arrange, Arrange::Threaded(_)) || part.is_some_and(|part| !part.from_end)
}

/// What a command of more messages than may be is answered.
pub(super) fn too_many(limit: u32, lowest: Option<Uid>) -> Completion {
    Completion::no(Code::MessageLimit { limit, lowest }, "Too many messages at once")
}

/// Keeps the highest of them. If some are left out: the lowest that is not.
fn highest(messages: &mut UidRuns, limit: Option<u32>) -> Option<Uid> {
    let too_many = messages.len().checked_sub(limit?).filter(|more| *more > 0)?;
    *messages = messages.split_at(too_many).1;
    messages.first()
}
