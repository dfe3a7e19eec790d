//! The statements of a delivery, run by its own thread. Each is prepared once for as long as the
//! index is open, so a message has one of each kind, and no text is made for many.

use mail_types::{MailboxId, MailboxName, QueueId, RecipientNumber, Uid};
use rusqlite::{Error, Row, types::Type};

use super::{
    Counted, Here,
    deliveries::Pair,
    here::Repeated,
    mailboxes::{FolderTimes, MailboxRow, columns, uid, uid_validity},
    messages::{FileRow, Place},
    pending::LeftOver,
    rows::{NewRow, detail_columns, key_columns, message_columns},
};
use crate::{
    SpecialUse, StoreError, Totals, mailbox::keywords_text, object_ids::EmailId,
    sort_keys::StoredKeys,
};

impl Here {
    /// Where the message of a recipient went that was served already.
    pub(crate) fn served(
        &self,
        (queue_id, recipient): (QueueId, RecipientNumber),
    ) -> Result<Option<(MailboxId, Uid)>, StoreError> {
        self.one(
            "look for deliveries",
            "select mailbox, uid from delivered where queue_id = $1 and recipient = $2",
            &[&queue_id.bytes(), &recipient.0],
            |row| Ok((MailboxId(row.get(0)?), uid(row.get(1)?))),
        )
    }

    /// The mailbox of this name.
    pub(crate) fn mailbox(&self, name: &MailboxName) -> Result<Option<MailboxRow>, StoreError> {
        self.one(
            "read a mailbox",
            concat!("select ", columns!(), " from mailboxes where name = $1"),
            &[&name.as_str()],
            mailbox,
        )
    }

    /// The mailbox with this id.
    pub(crate) fn mailbox_with(&self, id: MailboxId) -> Result<MailboxRow, StoreError> {
        let found = self.one(
            "read a mailbox",
            concat!("select ", columns!(), " from mailboxes where id = $1"),
            &[&id.0],
            mailbox,
        );
        found?.ok_or(StoreError::MailboxGone(id))
    }

    /// How many messages a mailbox has.
    pub(crate) fn messages(&self, id: MailboxId) -> Result<usize, StoreError> {
        let sql = "select messages from mailboxes where id = $1";
        let count: Option<i64> =
            self.one("count the messages of a mailbox", sql, &[&id.0], |row| row.get(0))?;
        Ok(count.and_then(|count| usize::try_from(count).ok()).unwrap_or(0))
    }

    /// All mailboxes.
    pub(crate) fn mailboxes(&self) -> Result<Vec<MailboxRow>, StoreError> {
        let mut all = Vec::new();
        let sql = concat!("select ", columns!(), " from mailboxes");
        self.each("read the mailboxes", sql, &[], |row| {
            all.push(mailbox(row)?);
            Ok(())
        })?;
        Ok(all)
    }

    /// The boot id of the last opening, and what a former process may have left to do.
    pub(crate) fn state(&self) -> Result<(String, LeftOver), StoreError> {
        let state = self.one(
            "read the account",
            "select boot, exists (select 1 from doomed) or exists (select 1 from parsed_left),
                 exists (select 1 from renames), exists (select 1 from messages where behind <> 0)
             from account",
            &[],
            |row| {
                let (doomed, renames, behind) = (row.get(1)?, row.get(2)?, row.get(3)?);
                Ok((row.get(0)?, LeftOver { doomed, renames, behind }))
            },
        )?;
        state.ok_or(StoreError::Closing)
    }

    /// The names of all mailboxes.
    pub(crate) fn names(&self) -> Result<Vec<MailboxName>, StoreError> {
        Ok(self.mailboxes()?.into_iter().map(|mailbox| mailbox.name).collect())
    }

    /// Writes what messages that came have changed of a mailbox; its counters are left to the
    /// triggers.
    pub(crate) fn raise(&self, mailbox: &MailboxRow) -> Result<(), StoreError> {
        self.run(
            "write a mailbox",
            "update mailboxes set uid_next = $2, uids_below = $3, modseq = $4, modseqs_below = $5,
                 new_time = $6, cur_time = $7
             where id = $1",
            &[
                &mailbox.id.0,
                &mailbox.uid_next,
                &mailbox.uids_below,
                &mailbox.modseq,
                &mailbox.modseqs_below,
                &mailbox.times.new,
                &mailbox.times.cur,
            ],
        )
    }

    /// Adds messages.
    pub(crate) fn insert(&self, mailbox: MailboxId, messages: &[NewRow]) -> Result<(), StoreError> {
        self.insert_rows(mailbox, messages)?;
        for NewRow { row, parsed } in messages {
            let uid = row.uid.number();
            self.run(
                "add a message's details",
                concat!(
                    "insert or replace into details (",
                    detail_columns!(),
                    ") values ($1, $2, $3, $4, $5, $6)"
                ),
                &[
                    &mailbox.0,
                    &uid,
                    &parsed.envelope,
                    &parsed.structure,
                    &parsed.email_id.as_ref().map(EmailId::as_octets),
                    &parsed.preview,
                ],
            )?;
            match &parsed.keys {
                Some(keys) => self.insert_keys(mailbox, uid, keys)?,
                None => self.miss_keys(mailbox)?,
            }
        }
        Ok(())
    }

    /// Adds the rows of messages, without what was parsed of them.
    pub(super) fn insert_rows(
        &self,
        mailbox: MailboxId,
        messages: &[NewRow],
    ) -> Result<(), StoreError> {
        let mut insert = self.repeated(
            "add a message",
            concat!(
                "insert into messages (",
                message_columns!(),
                ") values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)"
            ),
        )?;
        let counted = messages.iter().map(|new| Counted::from(&new.row));
        self.counting_in(mailbox, counted, || {
            messages.iter().try_for_each(|new| insert_row(&mut insert, mailbox, &new.row))
        })
    }

    /// Some messages of the mailbox have no sort keys yet.
    pub(super) fn miss_keys(&self, mailbox: MailboxId) -> Result<(), StoreError> {
        let sql = "update mailboxes set keys_missing = 1 where id = $1";
        self.run("note missing sort keys", sql, &[&mailbox.0])
    }

    fn insert_keys(
        &self,
        mailbox: MailboxId,
        uid: u32,
        keys: &StoredKeys,
    ) -> Result<(), StoreError> {
        self.run(
            "add sort keys",
            concat!(
                "insert into sort_keys (",
                key_columns!(),
                ") values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) on conflict do nothing"
            ),
            &[
                &mailbox.0,
                &uid,
                &keys.sent,
                &keys.subject,
                &keys.from,
                &keys.to,
                &keys.cc,
                &keys.shown_from,
                &keys.shown_to,
                &keys.ids,
            ],
        )
    }

    /// Remembers recipients that are served.
    pub(crate) fn remember(&self, pairs: &[Pair]) -> Result<(), StoreError> {
        pairs.iter().try_for_each(|((queue_id, recipient), (mailbox, uid))| {
            self.run(
                "remember a delivery",
                "insert into delivered (queue_id, recipient, mailbox, uid)
                 values ($1, $2, $3, $4) on conflict do nothing",
                &[&queue_id.bytes(), &recipient.0, &mailbox.0, &uid.number()],
            )
        })
    }

    /// Forgets recipients of queue entries, and all of those that came before `before`.
    pub(crate) fn forget(
        &self,
        settled: &[(QueueId, RecipientNumber)],
        before: QueueId,
    ) -> Result<(), StoreError> {
        const FORGET: &str = "forget deliveries";
        self.run(FORGET, "delete from delivered where queue_id < $1", &[&before.bytes()])?;
        settled.iter().try_for_each(|(queue_id, recipient)| {
            let sql = "delete from delivered where queue_id = $1 and recipient = $2";
            self.run(FORGET, sql, &[&queue_id.bytes(), &recipient.0])
        })
    }

    /// Octets and messages of all mailboxes.
    pub(crate) fn totals(&self) -> Result<Totals, StoreError> {
        let natural = |number: i64| u64::try_from(number).unwrap_or(0);
        let totals = self.one(
            "read the totals",
            "select coalesce(sum(octets), 0), coalesce(sum(messages), 0),
                 coalesce((select version from account), 0) from mailboxes",
            &[],
            |row| {
                let (octets, messages) = (natural(row.get(0)?), natural(row.get(1)?));
                Ok(Totals { octets, messages, version: row.get(2)? })
            },
        )?;
        // A sum without grouping is one row, always.
        totals.ok_or(StoreError::Closing)
    }
}

fn insert_row(
    insert: &mut Repeated<'_>,
    mailbox: MailboxId,
    row: &FileRow,
) -> Result<(), StoreError> {
    let done = insert.run(&[
        &mailbox.0,
        &row.uid.number(),
        &row.flags.system_bits(),
        &keywords_text(&row.flags),
        &row.modseq,
        &row.size,
        &row.octets,
        &row.internal_date.millis(),
        &row.base,
        &row.info,
        &i64::from(row.place == Place::Cur),
        &row.behind,
        &row.bare_lf,
    ]);
    done.map(drop)
}

/// A row of [`columns`].
fn mailbox(row: &Row<'_>) -> rusqlite::Result<MailboxRow> {
    let special_use: Option<String> = row.get(3)?;
    Ok(MailboxRow {
        id: MailboxId(row.get(0)?),
        name: name(row, 1)?,
        dir: row.get(2)?,
        special_use: special_use.as_deref().and_then(SpecialUse::parse),
        uid_validity: uid_validity(row.get(4)?),
        uid_next: row.get(5)?,
        uids_below: row.get(6)?,
        modseq: row.get(7)?,
        modseqs_below: row.get(8)?,
        recent_from: row.get(9)?,
        times: FolderTimes { new: row.get(10)?, cur: row.get(11)? },
        compared: row.get(12)?,
    })
}

/// A mailbox's name of a column.
pub(super) fn name(row: &Row<'_>, at: usize) -> rusqlite::Result<MailboxName> {
    let text: String = row.get(at)?;
    let broken = |error| Error::FromSqlConversionFailure(at, Type::Text, Box::new(error));
    MailboxName::parse(&text).map_err(broken)
}
