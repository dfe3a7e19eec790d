//! The statements of COPY, MOVE, EXPUNGE and STORE, run by the thread that does the whole change. Each is
//! prepared once, and what was parsed of messages goes from mailbox to mailbox inside SQLite.

use std::ops::RangeInclusive;

use mail_types::{MailboxId, Timestamp, Uid};
use rusqlite::{Row, ToSql};

use super::{
    Counted, Here, NAME_BEHIND, Turned,
    mailboxes::uid,
    messages::{FileRow, Place},
    pending::DOOM_MESSAGES,
    rows::{FlagUpdate, NewRow},
};
use crate::{
    StoreError, UidSet,
    mailbox::{flags_from, keywords_text},
};

impl Here {
    /// Messages of a set, by UID.
    pub(crate) fn file_rows(
        &self,
        mailbox: MailboxId,
        uids: &UidSet,
    ) -> Result<Vec<FileRow>, StoreError> {
        let mut rows = Vec::new();
        let mut read = self.repeated(
            "read messages",
            "select uid, flags, keywords, modseq, size, octets, internal_date, base, info, place,
                 behind, bare_lf
             from messages
             where mailbox = $1 and uid between $2 and $3",
        )?;
        for range in uids.ranges() {
            let (first, last) = (range.start().number(), range.end().number());
            read.each(&[&mailbox.0, &first, &last], |row| {
                rows.push(file_row(row)?);
                Ok(())
            })?;
        }
        Ok(rows)
    }

    /// Adds copies of messages, with what was parsed of each; `old`: their UIDs in the mailbox that
    /// they are in, ascending, in the same order.
    pub(crate) fn insert_copies(
        &self,
        (from, old): (MailboxId, &[Uid]),
        to: MailboxId,
        copies: &[NewRow],
    ) -> Result<(), StoreError> {
        self.insert_rows(to, copies)?;
        let new = copies.iter().map(|copy| copy.row.uid);
        let keys = self.copy_parsed(from, to, &runs(old.iter().copied().zip(new)))?;
        if keys < copies.len() as u64 {
            self.miss_keys(to)?;
        }
        Ok(())
    }

    /// Copies what was parsed; answers how many messages have something to sort by.
    fn copy_parsed(&self, from: MailboxId, to: MailboxId, runs: &[Run]) -> Result<u64, StoreError> {
        let mut details = self.repeated(
            "add messages' details",
            "insert into details (mailbox, uid, envelope, structure, email_id, preview)
             select $2, uid + $5, envelope, structure, email_id, preview from details
             where mailbox = $1 and uid between $3 and $4",
        )?;
        let mut keys = self.repeated(
            "add sort keys",
            "insert into sort_keys (mailbox, uid, sent, subject, from_box, to_box, cc_box,
                 from_shown, to_shown, ids)
             select $2, uid + $5, sent, subject, from_box, to_box, cc_box, from_shown, to_shown, ids
             from sort_keys where mailbox = $1 and uid between $3 and $4",
        )?;
        let mut copied = 0;
        for Run { old, shift } in runs {
            let parameters: &[&dyn ToSql] =
                &[&from.0, &to.0, &old.start().number(), &old.end().number(), shift];
            details.run(parameters)?;
            copied += keys.run(parameters)?;
        }
        Ok(copied)
    }

    /// Messages of a set, by UID; all, or those that have `\Deleted`.
    pub(crate) fn counted(
        &self,
        mailbox: MailboxId,
        uids: &UidSet,
        only_deleted: bool,
    ) -> Result<Vec<Counted>, StoreError> {
        let mut messages = Vec::new();
        let all = "select uid, flags, size from messages
             where mailbox = $1 and uid between $2 and $3";
        let deleted = "select uid, flags, size from messages indexed by messages_deleted
             where mailbox = $1 and uid between $2 and $3 and flags & 8 <> 0";
        let mut read = self.repeated("read messages", if only_deleted { deleted } else { all })?;
        for range in uids.ranges() {
            let (first, last) = (range.start().number(), range.end().number());
            read.each(&[&mailbox.0, &first, &last], |row| {
                let (flags, size) = (row.get(1)?, row.get(2)?);
                messages.push(Counted { uid: uid(row.get(0)?), flags, size });
                Ok(())
            })?;
        }
        Ok(messages)
    }

    /// Removes messages, and notes that they are gone. What was parsed of many goes later.
    pub(crate) fn expunge(
        &self,
        mailbox: MailboxId,
        messages: &[Counted],
        modseq: i64,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        const REMOVE: &str = "remove messages";
        let mut statements = vec![
            "insert into expunged (mailbox, modseq, uid, gone_at)
             select mailbox, $4, uid, $5 from messages
             where mailbox = $1 and uid between $2 and $3",
            "delete from messages where mailbox = $1 and uid between $2 and $3",
        ];
        if self.is_for_many() {
            statements.push(
                "insert or replace into parsed_left (mailbox, first, last) values ($1, $2, $3)",
            );
        }
        let statements = statements.into_iter().map(|sql| self.repeated(REMOVE, sql));
        let mut statements = statements.collect::<Result<Vec<_>, _>>()?;
        let uids: UidSet = messages.iter().map(|message| message.uid).collect();
        self.counting_out(mailbox, messages.iter().copied(), || {
            for range in uids.ranges() {
                let (first, last) = (range.start().number(), range.end().number());
                for statement in &mut statements {
                    statement.run(&[&mailbox.0, &first, &last, &modseq, &now.millis()])?;
                }
            }
            Ok(())
        })
    }

    /// Adds the files of messages to what is to go, which are removed at this time.
    pub(crate) fn doom(
        &self,
        mailbox: MailboxId,
        uids: &UidSet,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let mut insert = self.repeated("write what is to go", DOOM_MESSAGES)?;
        for range in uids.ranges() {
            let (first, last) = (range.start().number(), range.end().number());
            insert.run(&[&mailbox.0, &first, &last, &now.millis()])?;
        }
        Ok(())
    }

    /// Whether something parsed is there of messages that went.
    pub(crate) fn is_parsed_left(&self) -> Result<bool, StoreError> {
        let sql = "select 1 from parsed_left limit 1";
        let left = self.one("look for what was parsed", sql, &[], |_| Ok(()))?;
        Ok(left.is_some())
    }

    /// Removes it of some of them, at most so many.
    pub(crate) fn remove_parsed(&self, most: u32) -> Result<(), StoreError> {
        const REMOVE: &str = "remove what was parsed";
        let left: Option<(i64, u32, u32)> = self.one(
            REMOVE,
            "select mailbox, first, last from parsed_left order by mailbox, first limit 1",
            &[],
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
        )?;
        let Some((mailbox, first, last)) = left else { return Ok(()) };
        let end = last.min(first.saturating_add(most.saturating_sub(1)));
        self.run(
            REMOVE,
            "delete from details where mailbox = $1 and uid between $2 and $3 and not exists (
                 select 1 from messages m where m.mailbox = $1 and m.uid = details.uid);
             delete from sort_keys where mailbox = $1 and uid between $2 and $3 and not exists (
                 select 1 from messages m where m.mailbox = $1 and m.uid = sort_keys.uid);
             delete from parsed_left where mailbox = $1 and first = $2;
             insert into parsed_left (mailbox, first, last) select $1, $3 + 1, $4 where $3 < $4",
            &[&mailbox, &first, &end, &last],
        )
    }

    /// Writes flags; the change has one modseq.
    pub(crate) fn update_flags(
        &self,
        mailbox: MailboxId,
        updates: &[FlagUpdate],
        modseq: i64,
    ) -> Result<(), StoreError> {
        let mut update = self.repeated(
            "write flags",
            "update messages set flags = $3, keywords = $4, behind = behind | $5, modseq = $6
             where mailbox = $1 and uid = $2",
        )?;
        for FlagUpdate { uid, flags, behind } in updates {
            let (system, keywords) = (flags.system_bits(), keywords_text(flags));
            let parameters: &[&dyn ToSql] =
                &[&mailbox.0, &uid.number(), &system, &keywords, behind, &modseq];
            update.run(parameters)?;
        }
        Ok(())
    }

    /// Sets some system flags and clears others, of messages that all change by it and whose names
    /// must follow; the change has one modseq, and turns some that are counted.
    pub(crate) fn update_bits(
        &self,
        mailbox: MailboxId,
        (uids, turned): (&UidSet, Turned),
        (set, cleared): (u8, u8),
        modseq: i64,
    ) -> Result<(), StoreError> {
        let mut update = self.repeated(
            "write flags",
            "update messages set flags = (flags | $4) & ~$5, behind = behind | $6, modseq = $7
             where mailbox = $1 and uid between $2 and $3",
        )?;
        self.counting_turned(mailbox, turned, || {
            for range in uids.ranges() {
                let (first, last) = (range.start().number(), range.end().number());
                let parameters: &[&dyn ToSql] =
                    &[&mailbox.0, &first, &last, &set, &cleared, &NAME_BEHIND, &modseq];
                update.run(parameters)?;
            }
            Ok(())
        })
    }
}

fn file_row(row: &Row<'_>) -> rusqlite::Result<FileRow> {
    let keywords = row.get_ref(2)?.as_str()?;
    Ok(FileRow {
        uid: uid(row.get(0)?),
        flags: flags_from(row.get(1)?, keywords),
        modseq: row.get(3)?,
        size: row.get(4)?,
        octets: row.get(5)?,
        internal_date: Timestamp::from_millis(row.get(6)?),
        base: row.get(7)?,
        info: row.get(8)?,
        place: Place::from(row.get(9)?),
        behind: row.get(10)?,
        bare_lf: row.get(11)?,
    })
}

/// UIDs that follow one another, and how much is added to each.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Run {
    old: RangeInclusive<Uid>,
    shift: i64,
}

/// Pairs of ascending old and new UIDs, as runs that all become others by the same number.
fn runs(pairs: impl IntoIterator<Item = (Uid, Uid)>) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    for (old, new) in pairs {
        let shift = i64::from(new.number()) - i64::from(old.number());
        match runs.last_mut() {
            Some(last)
                if last.shift == shift
                    && last.old.end().number().checked_add(1) == Some(old.number()) =>
            {
                last.old = *last.old.start()..=old;
            }
            _ => runs.push(Run { old: old..=old, shift }),
        }
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_that_stay_neighbours_are_one_run() {
        let uid = |number| Uid::new(number).unwrap();
        let run = |first, last, shift| Run { old: uid(first)..=uid(last), shift };
        let of = |pairs: &[(u32, u32)]| runs(pairs.iter().map(|(old, new)| (uid(*old), uid(*new))));
        assert_eq!(of(&[]), []);
        assert_eq!(of(&[(1, 11), (2, 12), (3, 13)]), [run(1, 3, 10)]);
        assert_eq!(of(&[(5, 1), (6, 2), (8, 3)]), [run(5, 6, -4), run(8, 8, -5)]);
        assert_eq!(of(&[(u32::MAX, 7)]), [run(u32::MAX, u32::MAX, 7 - i64::from(u32::MAX))]);
    }
}
