//! The statements by which a thread learns what is said of many messages of a mailbox: row by row, where
//! SQLite has them. To put them into one text for another thread costs several times as much.

use mail_types::{MailboxId, Timestamp};
use rusqlite::{Row, ToSql};

use super::{
    Here,
    mailboxes::uid,
    messages::{FileRow, modseq},
};
use crate::{
    Details, Facts, MessageFile, MessageRow, StoreError, StoredDetails, StoredEnvelopes, UidSet,
    Want,
    details::Stored,
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
        // Nothing was changed: it ends in the same way whatever the answer is. After some errors it has
        // ended already.
        let ended = self.run("end", "commit", &[]);
        answer.and_then(|answer| ended.map(|()| answer))
    }

    /// What is said of all messages; of how many, somebody has counted.
    pub(crate) fn facts(&self, mailbox: MailboxId, messages: usize) -> Result<Facts, StoreError> {
        self.going_to_read(messages)?;
        // Row after row may be on another page.
        self.bring_ahead(messages);
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

    /// What a session fetches, by UID.
    pub(crate) fn messages_of(
        &self,
        mailbox: MailboxId,
        uids: &UidSet,
        want: Want,
    ) -> Result<Vec<MessageRow>, StoreError> {
        self.going_to_read(uids.numbers())?;
        self.at_one_moment(|| {
            let details = match want {
                Want::Facts => None,
                Want::Details => Some(self.details(mailbox, uids)?),
            };
            let sql = "select dir from mailboxes where id = $1";
            let dir: Option<String> =
                self.one("read a mailbox's folder", sql, &[&mailbox.0], |row| row.get(0))?;
            // A mailbox that is gone has no rows either.
            let dir = dir.unwrap_or_default();
            let message = |facts: FileRow| {
                let details = details.as_ref().map(|all| all.own(facts.uid)).transpose()?;
                Ok(message(mailbox, &dir, facts, details.flatten()))
            };
            self.file_rows(mailbox, uids)?.into_iter().map(message).collect()
        })
    }

    /// What was parsed of messages.
    pub(crate) fn details(
        &self,
        mailbox: MailboxId,
        uids: &UidSet,
    ) -> Result<StoredDetails, StoreError> {
        self.stored(mailbox, uids, ["envelope", "structure"]).map(StoredDetails)
    }

    /// The header fields of ENVELOPE of messages.
    pub(crate) fn envelopes(
        &self,
        mailbox: MailboxId,
        uids: &UidSet,
    ) -> Result<StoredEnvelopes, StoreError> {
        self.stored(mailbox, uids, ["envelope"]).map(StoredEnvelopes)
    }

    /// Columns of what was parsed.
    fn stored<const N: usize>(
        &self,
        mailbox: MailboxId,
        uids: &UidSet,
        columns: [&str; N],
    ) -> Result<Stored<N>, StoreError> {
        self.going_to_read(uids.numbers())?;
        let sql = format!(
            "select uid, {} from details where mailbox = $1 and uid between $2 and $3 order by uid",
            columns.join(", ")
        );
        let mut read = self.repeated("read what was parsed", &sql)?;
        let mut stored = Stored::none(self.account());
        for range in uids.ranges() {
            let (first, last) = (range.start().number(), range.end().number());
            read.each(&[&mailbox.0, &first, &last], |row| {
                let mut found = [&[][..]; N];
                for (place, value) in (1..).zip(&mut found) {
                    *value = row.get_ref(place)?.as_blob()?;
                }
                stored.add(uid(row.get(0)?), found);
                Ok(())
            })?;
        }
        Ok(stored)
    }
}

fn message(mailbox: MailboxId, dir: &str, facts: FileRow, details: Option<Details>) -> MessageRow {
    let size = u64::try_from(facts.size).unwrap_or(0);
    let (uid, path, bare_lf) = (facts.uid, facts.path(dir), facts.bare_lf);
    MessageRow {
        uid,
        modseq: modseq(facts.modseq),
        size,
        internal_date: facts.internal_date,
        saved: facts.saved(),
        flags: facts.flags,
        details,
        file: MessageFile { mailbox, uid, path, size, bare_lf },
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
