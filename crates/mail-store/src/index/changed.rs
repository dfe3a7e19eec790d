//! What happened in a mailbox since a modseq, as one thread asks for it: rows that changed, and the log of
//! those that went.

use std::collections::BTreeSet;

use mail_types::{Keyword, MailboxId, ModSeq, Uid};
use rusqlite::ToSql;

use super::{Here, mailboxes::uid, messages::modseq};
use crate::{Changes, MessageFlags, StoreError, UidSet, mailbox::flags_from};

/// The most UIDs that are told to be gone where the log does not reach: beyond them a session begins
/// anew.
const GONE_MAX: usize = 1_000_000;
/// And the most gaps between UIDs that they lie in.
const GAPS_MAX: usize = 100_000;

/// As a column has it.
fn number(since: ModSeq) -> i64 {
    i64::try_from(since.0).unwrap_or(i64::MAX)
}

impl Here {
    /// What happened since a modseq, and the mailbox as it is now.
    pub(crate) fn changes(&self, mailbox: MailboxId, since: ModSeq) -> Result<Changes, StoreError> {
        let state = self.state_of(mailbox)?;
        if state.highest_modseq <= since {
            return Ok(Changes { state, changed: Vec::new(), expunged: Vec::new() });
        }
        self.at_one_moment(|| {
            let state = self.state_of(mailbox)?;
            let changed = self.changed_since(mailbox, since)?;
            let expunged = if self.log_reaches(mailbox, number(since))? {
                self.expunged_since(mailbox, number(since))?
            } else {
                // The index was lost, and the log with it: all that isn't there may have gone.
                let gone = self.uids_of_none(mailbox, i64::from(state.uid_next.number()))?;
                gone.ok_or(StoreError::MailboxGone(mailbox))?
            };
            Ok(Changes { state, changed, expunged })
        })
    }

    /// Messages that came or changed after a modseq, by UID.
    fn changed_since(
        &self,
        mailbox: MailboxId,
        since: ModSeq,
    ) -> Result<Vec<MessageFlags>, StoreError> {
        let mut changed = Vec::new();
        self.each(
            "read changes",
            "select uid, flags, keywords, modseq from messages
             where mailbox = $1 and modseq > $2 order by uid",
            &[&mailbox.0, &number(since)],
            |row| {
                let flags = flags_from(row.get(1)?, row.get_ref(2)?.as_str()?);
                let (uid, modseq) = (uid(row.get(0)?), modseq(row.get(3)?));
                changed.push(MessageFlags { uid, flags, modseq });
                Ok(())
            },
        )?;
        Ok(changed)
    }

    /// The UIDs of messages that came or changed after a modseq, ascending.
    pub(crate) fn uids_changed_since(
        &self,
        mailbox: MailboxId,
        since: ModSeq,
    ) -> Result<Vec<Uid>, StoreError> {
        let sql = "select uid from messages where mailbox = $1 and modseq > $2 order by uid";
        self.uids("list changed UIDs", sql, &[&mailbox.0, &number(since)])
    }

    /// Which messages went after a modseq, ascending; none if the log does not reach back so far.
    pub(crate) fn logged_since(
        &self,
        mailbox: MailboxId,
        since: ModSeq,
    ) -> Result<Option<Vec<Uid>>, StoreError> {
        self.at_one_moment(|| {
            let reaches = self.log_reaches(mailbox, number(since))?;
            reaches.then(|| self.expunged_since(mailbox, number(since))).transpose()
        })
    }

    /// The UIDs below `below` that are there or went after `since`, ascending: those of a former moment.
    pub(crate) fn uids_at(
        &self,
        mailbox: MailboxId,
        since: ModSeq,
        below: i64,
    ) -> Result<Vec<Uid>, StoreError> {
        self.going_to_read(self.messages(mailbox)?)?;
        self.uids(
            "list UIDs",
            "select uid from messages where mailbox = $1 and uid < $3
             union
             select uid from expunged where mailbox = $1 and modseq > $2 and uid < $3
             order by uid",
            &[&mailbox.0, &number(since), &below],
        )
    }

    /// The same as ranges. A mailbox without a gap between its UIDs is not walked through, so that it
    /// costs the same whatever is in it.
    pub(crate) fn numbering_at(
        &self,
        mailbox: MailboxId,
        since: ModSeq,
        below: i64,
    ) -> Result<UidSet, StoreError> {
        type Ends = (Option<i64>, Option<i64>, i64, bool);
        let ends: Option<Ends> = self.one(
            "look for gaps between UIDs",
            "select (select min(uid) from messages where mailbox = $1),
                 (select max(uid) from messages where mailbox = $1), messages,
                 exists (select 1 from expunged where mailbox = $1 and modseq > $2)
             from mailboxes where id = $1",
            &[&mailbox.0, &number(since)],
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)),
        )?;
        match ends {
            Some((Some(first), Some(last), count, false))
                if last.saturating_sub(first).saturating_add(1) == count =>
            {
                let last = last.min(below.saturating_sub(1));
                let (none, all) = (first > last, uid(first)..=uid(last));
                Ok(if none { UidSet::default() } else { UidSet::range(all) })
            }
            _ => Ok(self.uids_at(mailbox, since, below)?.into_iter().collect()),
        }
    }

    /// The keywords that messages of the mailbox have, sorted. Jumps from one combination of them to
    /// the next: the cost goes with the number of combinations.
    pub(crate) fn keywords_in_use(&self, mailbox: MailboxId) -> Result<Vec<Keyword>, StoreError> {
        let mut all = BTreeSet::new();
        self.each(
            "read the keywords in use",
            "with recursive used (list) as (
                 select min(keywords) from messages where mailbox = $1 and keywords <> ''
                 union all
                 select (select min(keywords) from messages
                         where mailbox = $1 and keywords <> '' and keywords > used.list)
                 from used where used.list is not null)
             select list from used where list is not null",
            &[&mailbox.0],
            |row| {
                all.extend(flags_from(0, row.get_ref(0)?.as_str()?).keywords().iter().cloned());
                Ok(())
            },
        )?;
        Ok(all.into_iter().collect())
    }

    /// Whether more messages than these came or changed after a modseq.
    pub(crate) fn changed_more_than(
        &self,
        mailbox: MailboxId,
        since: i64,
        messages: usize,
    ) -> Result<bool, StoreError> {
        let most = i64::try_from(messages).unwrap_or(i64::MAX);
        let found = self.one(
            "count what changed",
            "select 1 from messages where mailbox = $1 and modseq > $2 limit 1 offset $3",
            &[&mailbox.0, &since, &most],
            |_| Ok(()),
        )?;
        Ok(found.is_some())
    }

    /// Whether all that went after a modseq is in the log.
    pub(crate) fn log_reaches(&self, mailbox: MailboxId, since: i64) -> Result<bool, StoreError> {
        let sql = "select expunges_since from mailboxes where id = $1";
        let from: Option<i64> =
            self.one("read how far the expunge log reaches", sql, &[&mailbox.0], |row| row.get(0))?;
        Ok(from.ok_or(StoreError::MailboxGone(mailbox))? <= since)
    }

    /// Messages that went after a modseq, by UID.
    pub(crate) fn expunged_since(
        &self,
        mailbox: MailboxId,
        since: i64,
    ) -> Result<Vec<Uid>, StoreError> {
        self.uids(
            "read the expunge log",
            "select distinct uid from expunged where mailbox = $1 and modseq > $2 order by uid",
            &[&mailbox.0, &since],
        )
    }

    /// All UIDs below `below` that no message has; none if they are too many. For whoever can't be told
    /// from the log.
    fn uids_of_none(&self, mailbox: MailboxId, below: i64) -> Result<Option<Vec<Uid>>, StoreError> {
        self.going_to_read(self.messages(mailbox)?)?;
        let mut gaps: Vec<(i64, i64)> = Vec::new();
        self.each(
            "look for UIDs that are gone",
            "select former + 1, uid - 1 from (
                 select uid, lag(uid, 1, 0) over (order by uid) as former from (
                     select uid from messages where mailbox = $1 and uid < $2
                     union all select $2))
             where uid > former + 1 limit $3",
            &[&mailbox.0, &below, &i64::try_from(GAPS_MAX).unwrap_or(i64::MAX)],
            |row| {
                gaps.push((row.get(0)?, row.get(1)?));
                Ok(())
            },
        )?;
        let count: i64 = gaps.iter().map(|(first, last)| last - first + 1).sum();
        if usize::try_from(count).unwrap_or(usize::MAX) > GONE_MAX || gaps.len() == GAPS_MAX {
            return Ok(None);
        }
        Ok(Some(gaps.into_iter().flat_map(|(first, last)| first..=last).map(uid).collect()))
    }

    /// UIDs, in the order in which a statement returns them.
    pub(super) fn uids(
        &self,
        operation: &'static str,
        sql: &str,
        parameters: &[&dyn ToSql],
    ) -> Result<Vec<Uid>, StoreError> {
        let mut uids = Vec::new();
        self.each(operation, sql, parameters, |row| {
            uids.push(uid(row.get(0)?));
            Ok(())
        })?;
        Ok(uids)
    }
}
