//! The facts that are kept of mailboxes, once a process, however many sessions ask: those used last,
//! and not for long.
//!
//! Invariant: what is kept is what was committed in one file at one modseq. Whoever asks compares it
//! with the mailbox's row, and brings it to the moment of his query; so it doesn't matter which
//! process changed what.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use mail_types::{AccountId, MailboxId, UidValidity};

use crate::{
    Facts, StoreError,
    index::{Here, Index, mailboxes::MailboxRow},
};

/// The most messages that facts are kept of, 8 MB; no mailbox that is larger has its facts kept.
const MESSAGES_MAX: usize = 200_000;
/// Facts of a mailbox are read if at least one message of so many is asked for. For fewer their rows
/// are asked for, as they are of a mailbox that is too large.
const SHARE: usize = 4;
/// Facts that nobody used between so many looks are dropped.
const LOOKS_UNUSED: u8 = 2;

/// The facts that a process keeps.
#[derive(Debug, Default)]
pub(crate) struct FactsKept(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    by_mailbox: HashMap<(AccountId, MailboxId), Entry>,
    uses: u64,
}

#[derive(Debug)]
struct Entry {
    moment: Moment,
    facts: Arc<Facts>,
    last_use: u64,
    unused: u8,
}

/// Which state of a mailbox facts are of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Moment {
    /// The index's file: another one may say another thing by the same modseq.
    file: u64,
    epoch: UidValidity,
    modseq: i64,
}

impl Moment {
    pub(crate) fn of(file: u64, row: &MailboxRow) -> Self {
        Self { file, epoch: row.uid_validity, modseq: row.modseq }
    }

    /// After a change by which nobody came and nobody went.
    pub(crate) fn at(self, modseq: i64) -> Self {
        Self { modseq, ..self }
    }

    fn is_before(&self, later: &Self) -> bool {
        self.file == later.file && self.epoch == later.epoch && self.modseq <= later.modseq
    }
}

impl FactsKept {
    /// The facts of a mailbox for who sees one moment of it, before he changes anything; `wanted`: of
    /// how many messages. None if rows are cheaper.
    pub(crate) fn at(
        &self,
        here: &Here,
        key: (AccountId, MailboxId),
        wanted: usize,
    ) -> Result<Option<Arc<Facts>>, StoreError> {
        let mailbox = key.1;
        let now = Moment::of(here.file(), &here.mailbox_with(mailbox)?);
        let known = self.known(key, now);
        if let Some((moment, facts)) = &known
            && *moment == now
        {
            return Ok(Some(facts.clone()));
        }
        let messages = here.messages(mailbox)?;
        if !Self::are_worth_it(messages, wanted) {
            return Ok(None);
        }
        let facts = match known {
            Some((moment, facts)) => since(here, mailbox, messages, (moment.modseq, &facts))?,
            None => None,
        };
        let facts = match facts {
            Some(facts) => facts,
            None => here.facts(mailbox, messages)?,
        };
        let facts = Arc::new(facts);
        self.keep(key, now, facts.clone());
        Ok(Some(facts))
    }

    /// Whether all are read for who wants those of some messages.
    fn are_worth_it(messages: usize, wanted: usize) -> bool {
        messages <= MESSAGES_MAX && wanted.saturating_mul(SHARE) >= messages
    }

    fn known(&self, key: (AccountId, MailboxId), now: Moment) -> Option<(Moment, Arc<Facts>)> {
        let mut kept = self.kept();
        kept.uses = kept.uses.saturating_add(1);
        let uses = kept.uses;
        let entry = kept.by_mailbox.get_mut(&key).filter(|entry| entry.moment.is_before(&now))?;
        (entry.last_use, entry.unused) = (uses, 0);
        Some((entry.moment, entry.facts.clone()))
    }

    /// Keeps facts of a moment that is committed.
    pub(crate) fn keep(&self, key: (AccountId, MailboxId), moment: Moment, facts: Arc<Facts>) {
        let mut kept = self.kept();
        let last_use = kept.uses;
        kept.by_mailbox.insert(key, Entry { moment, facts, last_use, unused: 0 });
        let all = |kept: &Kept| kept.by_mailbox.values().map(|entry| entry.facts.len()).sum();
        let mut sum: usize = all(&kept);
        while sum > MESSAGES_MAX {
            let oldest = kept.by_mailbox.iter().min_by_key(|(_, entry)| entry.last_use);
            let Some(key) = oldest.map(|(key, _)| *key) else { return };
            kept.by_mailbox.remove(&key);
            sum = all(&kept);
        }
    }

    /// Drops those of an account: its index is another one now.
    pub(crate) fn forget(&self, account: AccountId) {
        self.kept().by_mailbox.retain(|(whose, _), _| *whose != account);
    }

    /// Drops what nobody used for a while; called now and then.
    pub(crate) fn drop_unused(&self) {
        self.kept().by_mailbox.retain(|_, entry| {
            entry.unused = entry.unused.saturating_add(1);
            entry.unused <= LOOKS_UNUSED
        });
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What was known, brought to this moment; none if reading it all is cheaper, or the only way.
fn since(
    here: &Here,
    mailbox: MailboxId,
    messages: usize,
    (then, known): (i64, &Facts),
) -> Result<Option<Facts>, StoreError> {
    if !here.log_reaches(mailbox, then)? || here.changed_more_than(mailbox, then, messages / 2)? {
        return Ok(None);
    }
    let changed = here.facts_since(mailbox, then)?;
    let facts = known.with(&changed, &here.expunged_since(mailbox, then)?);
    // Whatever else happened meanwhile, also such as nobody thought of, shows in their number.
    Ok((facts.len() == messages).then_some(facts))
}

/// The facts of a mailbox now; `wanted` as above.
pub(crate) async fn now(
    kept: Arc<FactsKept>,
    index: &Index,
    key: (AccountId, MailboxId),
    wanted: usize,
) -> Result<Option<Arc<Facts>>, StoreError> {
    index.ask_in_passing(move |here| here.at_one_moment(|| kept.at(here, key, wanted))).await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moment(modseq: i64) -> Moment {
        Moment { file: 1, epoch: UidValidity::MAX, modseq }
    }

    #[test]
    fn of_another_file_or_a_later_moment_nothing_is_known() {
        let kept = FactsKept::default();
        let key = (AccountId(1), MailboxId(1));
        kept.keep(key, moment(5), Arc::default());
        assert!(kept.known(key, moment(5)).is_some());
        assert!(kept.known(key, moment(6)).is_some(), "it can be brought there");
        assert!(kept.known(key, moment(4)).is_none());
        assert!(kept.known(key, Moment { file: 2, ..moment(5) }).is_none());
        assert!(kept.known((AccountId(2), MailboxId(1)), moment(5)).is_none());
    }

    #[test]
    fn what_nobody_uses_is_dropped() {
        let kept = FactsKept::default();
        let key = |number| (AccountId(1), MailboxId(number));
        kept.keep(key(1), moment(1), Arc::default());
        kept.keep(key(2), moment(1), Arc::default());
        for _ in 0..=LOOKS_UNUSED {
            assert!(kept.known(key(2), moment(1)).is_some());
            kept.drop_unused();
        }
        assert!(kept.known(key(1), moment(1)).is_none());
        assert!(kept.known(key(2), moment(1)).is_some());
    }
}
