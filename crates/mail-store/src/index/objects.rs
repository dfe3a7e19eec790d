//! Rows of what is known of a message's content beside its structure: its ids, and its first words.

use mail_types::{MailboxId, Uid};
use sqlx::{Row, sqlite::SqliteRow};

use super::{Look, mailboxes::uid, rows::Parsed, sorting};
use crate::{StoreError, UidSet, object_ids::EmailId};

/// What the index knows of a message; none of what came before it was kept.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    pub(crate) uid: Uid,
    pub(crate) email_id: Option<EmailId>,
    pub(crate) preview: Option<String>,
    /// The ids of the message and of its ancestors.
    pub(crate) ids: Option<Vec<u8>>,
}

/// What is known of the messages of a set, by UID.
pub(crate) async fn known(
    look: &mut Look,
    mailbox: MailboxId,
    uids: &UidSet,
) -> Result<Vec<Known>, StoreError> {
    let failed = look.failed("read what identifies messages");
    let rows = sqlx::query(
        "select d.uid, d.email_id, d.preview, k.ids
         from json_each(?1) r cross join details d
         left join sort_keys k on k.mailbox = d.mailbox and k.uid = d.uid
         where d.mailbox = ?2 and d.uid between r.value ->> 0 and r.value ->> 1
             and exists (select 1 from messages m where m.mailbox = d.mailbox and m.uid = d.uid)",
    )
    .bind(uids.json())
    .bind(mailbox.0)
    .fetch_all(look.db()?)
    .await
    .map_err(&failed)?;
    let known = |row: &SqliteRow| {
        Ok(Known {
            uid: uid(row.try_get(0)?),
            email_id: row.try_get::<Option<&[u8]>, _>(1)?.and_then(EmailId::from_octets),
            preview: row.try_get(2)?,
            ids: row.try_get(3)?,
        })
    };
    rows.iter().map(known).collect::<Result<_, sqlx::Error>>().map_err(failed)
}

/// Notes what was not known. What was known stays as it was told; who is gone gets nothing.
pub(crate) async fn fill(
    look: &mut Look,
    mailbox: MailboxId,
    messages: &[(Uid, Parsed)],
) -> Result<(), StoreError> {
    let failed = look.failed("note what identifies messages");
    for (uid, parsed) in messages {
        sqlx::query(
            "update details set email_id = coalesce(email_id, ?3), preview = coalesce(preview, ?4)
             where mailbox = ?1 and uid = ?2",
        )
        .bind(mailbox.0)
        .bind(i64::from(uid.number()))
        .bind(parsed.email_id.as_ref().map(EmailId::as_octets))
        .bind(parsed.preview.as_deref())
        .execute(look.db()?)
        .await
        .map_err(&failed)?;
    }
    let keys: Vec<_> =
        messages.iter().filter_map(|(uid, parsed)| Some((*uid, parsed.keys.as_ref()?))).collect();
    sorting::insert(look, mailbox, &keys).await
}
