//! What is asked of a copy of an index, of which nobody knows by which version's tables it was made:
//! only columns that all versions have are named here.

use mail_types::{MailboxId, MailboxName, Timestamp, Uid};
use mime_core::{Envelope, header::message_ids};
use sqlx::{Row, SqliteConnection, sqlite::SqliteRow};

use super::{
    mailboxes::{uid, uid_validity},
    messages::{self, Place},
};
use crate::{
    SpecialUse,
    backup::{CopiedMailbox, CopiedMessage},
    mailbox::flags_from,
    naming::file,
};

/// All mailboxes, by id.
pub(crate) async fn mailboxes(copy: &mut SqliteConnection) -> sqlx::Result<Vec<CopiedMailbox>> {
    let rows = sqlx::query(
        "select id, name, dir, special_use, uid_validity, uid_next,
             exists (select 1 from subscriptions s where s.name = mailboxes.name)
         from mailboxes order by id",
    );
    let mailbox = |row: &SqliteRow| {
        let name = MailboxName::parse(row.try_get(1)?);
        Ok(CopiedMailbox {
            id: MailboxId(row.try_get(0)?),
            name: name.map_err(|error| sqlx::Error::Decode(Box::new(error)))?,
            folder: row.try_get(2)?,
            special_use: row.try_get::<Option<&str>, _>(3)?.and_then(SpecialUse::parse),
            uid_validity: uid_validity(row.try_get(4)?),
            uid_next: row.try_get(5)?,
            subscribed: row.try_get(6)?,
        })
    };
    rows.fetch_all(copy).await?.iter().map(mailbox).collect()
}

/// Messages of a mailbox behind a UID, at most so many.
pub(crate) async fn messages(
    copy: &mut SqliteConnection,
    mailbox: &CopiedMailbox,
    after: Option<Uid>,
    limit: u32,
) -> sqlx::Result<Vec<CopiedMessage>> {
    let rows = sqlx::query(
        "select uid, flags, keywords, size, octets, internal_date, base, info, place
         from messages where mailbox = ? and uid > ? order by uid limit ?",
    )
    .bind(mailbox.id.0)
    .bind(after.map_or(0, |uid| i64::from(uid.number())))
    .bind(limit);
    let message = |row: &SqliteRow| {
        let (base, info): (&str, &str) = (row.try_get(6)?, row.try_get(7)?);
        Ok(CopiedMessage {
            uid: uid(row.try_get(0)?),
            flags: flags_from(row.try_get(1)?, row.try_get(2)?),
            size: u64::try_from(row.try_get::<i64, _>(3)?).unwrap_or(0),
            octets: u64::try_from(row.try_get::<i64, _>(4)?).unwrap_or(0),
            internal_date: Timestamp::from_millis(row.try_get(5)?),
            path: messages::path(&mailbox.folder, Place::from(row.try_get(8)?), base, info),
            unique: file::unique_in(base).to_owned(),
        })
    };
    rows.fetch_all(copy).await?.iter().map(message).collect()
}

/// The messages of a mailbox with this Message-ID (RFC 5322 §3.6.4), angle brackets included.
pub(crate) async fn with_message_id(
    copy: &mut SqliteConnection,
    mailbox: MailboxId,
    message_id: &[u8],
) -> sqlx::Result<Vec<Uid>> {
    let rows = sqlx::query(
        "select uid, envelope from details d where mailbox = ? and instr(envelope, ?) > 0
             and exists (select 1 from messages m where m.mailbox = d.mailbox and m.uid = d.uid)
         order by uid",
    )
    .bind(mailbox.0)
    .bind(message_id.to_vec());
    let mut found = Vec::new();
    for row in rows.fetch_all(copy).await? {
        let envelope = Envelope::decode(row.try_get(1)?);
        let named = envelope.ok().and_then(|envelope| envelope.message_id).unwrap_or_default();
        if message_ids(&named).first().is_some_and(|named| **named == *message_id) {
            found.push(uid(row.try_get(0)?));
        }
    }
    Ok(found)
}
