//! The statements by which a thread learns what is said of all messages of a mailbox: row by row, where
//! SQLite has them. To put them into one text for another thread costs several times as much.

use mail_types::{MailboxId, Timestamp, Uid};
use rusqlite::{Row, ToSql};

use super::{Here, mailboxes::uid, messages::modseq};
use crate::{
    Facts, StoreError,
    facts::{FactRow, Gathered},
};

/// The columns of [`fact_row`].
macro_rules! facts_where {
    ($which:literal) => {
        concat!(
            "select uid, flags, keywords, modseq, size, internal_date, base from messages
             where mailbox = $1 and ",
            $which
        )
    };
}

impl Here {
    /// Lets several questions see the same moment.
    pub(crate) fn at_one_moment<T>(
        &self,
        ask: impl FnOnce() -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.run("begin", "begin", &[])?;
        let answer = ask();
        // Nothing was changed: it ends in the same way whatever the answer is.
        self.run("end", "commit", &[]).and(answer)
    }

    /// What is said of all messages.
    pub(crate) fn facts(&self, mailbox: MailboxId) -> Result<Facts, StoreError> {
        self.gather(facts_where!("true order by uid"), &[&mailbox.0])
    }

    /// Of those that came or changed after a modseq.
    pub(crate) fn facts_since(&self, mailbox: MailboxId, since: i64) -> Result<Facts, StoreError> {
        self.gather(facts_where!("modseq > $2 order by uid"), &[&mailbox.0, &since])
    }

    fn gather(&self, sql: &str, parameters: &[&dyn ToSql]) -> Result<Facts, StoreError> {
        let mut gathered = Gathered::default();
        self.each("read what is said of messages", sql, parameters, |row| {
            gathered.add(&fact_row(row)?);
            Ok(())
        })?;
        Ok(gathered.facts())
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
        let mut gone = Vec::new();
        self.each(
            "read the expunge log",
            "select distinct uid from expunged where mailbox = $1 and modseq > $2 order by uid",
            &[&mailbox.0, &since],
            |row| {
                gone.push(uid(row.get(0)?));
                Ok(())
            },
        )?;
        Ok(gone)
    }
}

fn fact_row<'r>(row: &'r Row<'_>) -> rusqlite::Result<FactRow<'r>> {
    Ok(FactRow {
        uid: uid(row.get(0)?),
        system: row.get(1)?,
        keywords: row.get_ref(2)?.as_str()?,
        modseq: modseq(row.get(3)?),
        size: u64::try_from(row.get::<_, i64>(4)?).unwrap_or(0),
        internal_date: Timestamp::from_millis(row.get(5)?),
        base: row.get_ref(6)?.as_str()?,
    })
}
