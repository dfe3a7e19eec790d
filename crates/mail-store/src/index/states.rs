//! What is shown of mailboxes, as one thread asks for it.

use mail_types::{MailboxId, MailboxName, Uid};
use rusqlite::{Row, ToSql};

use super::{
    Here,
    filing::name,
    mailboxes::{uid, uid_validity},
    messages::modseq,
};
use crate::{MailboxState, SpecialUse, StoreError, UidSet};

/// What is read of [`MailboxState`], in the order of [`state`].
macro_rules! select_states {
    ($which:literal) => {
        concat!(
            "select b.id, b.name, b.special_use, b.uid_validity, b.uid_next, b.modseq, b.messages,
                 b.unseen, b.deleted, b.recent_from, b.octets, b.recent,
                 (select min(m.uid) from messages m where m.mailbox = b.id and m.flags & 1 = 0)
             from mailboxes b ",
            $which
        )
    };
}

impl Here {
    /// What is shown of a mailbox.
    pub(crate) fn state_of(&self, mailbox: MailboxId) -> Result<MailboxState, StoreError> {
        let found = self.states_by(select_states!("where b.id = $1"), &[&mailbox.0])?.pop();
        found.ok_or(StoreError::MailboxGone(mailbox))
    }

    /// What is shown of the mailbox of this name, if there is one.
    pub(crate) fn state_of_name(
        &self,
        name: &MailboxName,
    ) -> Result<Option<MailboxState>, StoreError> {
        Ok(self.states_by(select_states!("where b.name = $1"), &[&name.as_str()])?.pop())
    }

    /// What is shown of all mailboxes, by name.
    pub(crate) fn states(&self) -> Result<Vec<MailboxState>, StoreError> {
        self.states_by(select_states!("order by b.name"), &[])
    }

    fn states_by(
        &self,
        sql: &str,
        parameters: &[&dyn ToSql],
    ) -> Result<Vec<MailboxState>, StoreError> {
        let mut states = Vec::new();
        self.each("read the state of mailboxes", sql, parameters, |row| {
            states.push(state(row)?);
            Ok(())
        })?;
        Ok(states)
    }

    /// The messages of a mailbox are recent no more.
    pub(crate) fn claim_recent(&self, mailbox: MailboxId) -> Result<(), StoreError> {
        let sql = "update mailboxes set recent_from = uid_next where id = $1";
        self.run("claim what is recent", sql, &[&mailbox.0])
    }

    /// Octets of the messages with `\Deleted`.
    pub(crate) fn deleted_octets(&self, mailbox: MailboxId) -> Result<u64, StoreError> {
        let octets: Option<Option<i64>> = self.one(
            "add up what is deleted",
            "select sum(size) from messages indexed by messages_deleted
             where mailbox = $1 and flags & 8 <> 0",
            &[&mailbox.0],
            |row| row.get(0),
        )?;
        Ok(octets.flatten().and_then(|octets| u64::try_from(octets).ok()).unwrap_or(0))
    }

    /// The highest messages of the set that have `\Deleted`, by UID; at most so many.
    pub(crate) fn deleted(
        &self,
        mailbox: MailboxId,
        uids: &UidSet,
        at_most: u32,
    ) -> Result<Vec<Uid>, StoreError> {
        let mut found = self.uids(
            "look for what is deleted",
            "select m.uid from json_each($1) r cross join messages m indexed by messages_deleted
             where m.mailbox = $2 and m.uid between r.value ->> 0 and r.value ->> 1
                 and m.flags & 8 <> 0
             order by m.uid desc limit $3",
            &[&uids.json(), &mailbox.0, &at_most],
        )?;
        found.reverse();
        Ok(found)
    }

    /// The names that are subscribed.
    pub(crate) fn subscriptions(&self) -> Result<Vec<MailboxName>, StoreError> {
        let mut names = Vec::new();
        let sql = "select name from subscriptions order by name";
        self.each("read the subscriptions", sql, &[], |row| {
            names.extend(MailboxName::parse(row.get_ref(0)?.as_str()?).ok());
            Ok(())
        })?;
        Ok(names)
    }
}

fn state(row: &Row<'_>) -> rusqlite::Result<MailboxState> {
    let count =
        |at: usize| Ok::<_, rusqlite::Error>(u32::try_from(row.get::<_, i64>(at)?).unwrap_or(0));
    Ok(MailboxState {
        id: MailboxId(row.get(0)?),
        name: name(row, 1)?,
        special_use: row.get_ref(2)?.as_str_or_null()?.and_then(SpecialUse::parse),
        uid_validity: uid_validity(row.get(3)?),
        uid_next: uid(row.get(4)?),
        highest_modseq: modseq(row.get(5)?),
        messages: count(6)?,
        unseen: count(7)?,
        deleted: count(8)?,
        recent_from: uid(row.get(9)?),
        octets: u64::try_from(row.get::<_, i64>(10)?).unwrap_or(0),
        recent: count(11)?,
        first_unseen: row.get::<_, Option<i64>>(12)?.map(uid),
    })
}
