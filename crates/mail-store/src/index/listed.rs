//! Lists of many messages, each as one text: a million rows would cost seconds, a million lines in
//! one text don't.

use std::collections::HashSet;

use mail_types::{MailboxId, Timestamp, Uid};

use super::{
    Look,
    messages::{Place, path},
};
use crate::{DropEntry, MessageFile, StoreError};

/// What a maildrop's listing is made of, by UID.
pub(crate) async fn drop_entries(
    look: &mut Look,
    mailbox: MailboxId,
) -> Result<Vec<DropEntry>, StoreError> {
    let failed = look.failed("list a maildrop");
    let list: Option<String> = sqlx::query_scalar(
        "select group_concat(uid || ' ' || size || ' ' || internal_date || ' ' || (flags & 1), '/')
         from (select * from messages where mailbox = ? order by uid)",
    )
    .bind(mailbox.0)
    .fetch_one(look.db()?)
    .await
    .map_err(failed)?;
    Ok(list.unwrap_or_default().split('/').filter_map(drop_entry).collect())
}

fn drop_entry(line: &str) -> Option<DropEntry> {
    let mut words = line.split(' ');
    Some(DropEntry {
        uid: Uid::new(words.next()?.parse().ok()?)?,
        size: words.next()?.parse().ok()?,
        internal_date: Timestamp::from_millis(words.next()?.parse().ok()?),
        seen: words.next()? == "1",
    })
}

/// The parts of all messages' names that never change, of all mailboxes.
pub(crate) async fn uniques(look: &mut Look) -> Result<HashSet<String>, StoreError> {
    let failed = look.failed("list names");
    let list: Option<String> = sqlx::query_scalar(
        "select group_concat(substr(base, 1, instr(base || ',', ',') - 1), '/') from messages",
    )
    .fetch_one(look.db()?)
    .await
    .map_err(failed)?;
    Ok(list.unwrap_or_default().split('/').map(str::to_owned).collect())
}

/// Where the next messages from a UID on lie; at most so many.
pub(crate) async fn files_from(
    look: &mut Look,
    mailbox: MailboxId,
    first: Uid,
    most: u32,
) -> Result<Vec<MessageFile>, StoreError> {
    let failed = look.failed("list files");
    // No name of a file has a slash in it.
    let found: Option<(String, Option<String>)> = sqlx::query_as(
        "select b.dir, (
             select group_concat(uid || ' ' || size || ' ' || bare_lf || ' ' || place || ' ' || base || info, '/')
             from (select * from messages where mailbox = b.id and uid >= ? order by uid limit ?))
         from mailboxes b where b.id = ?",
    )
    .bind(i64::from(first.number()))
    .bind(i64::from(most))
    .bind(mailbox.0)
    .fetch_optional(look.db()?)
    .await
    .map_err(failed)?;
    let Some((dir, list)) = found else { return Err(StoreError::MailboxGone(mailbox)) };
    let list = list.unwrap_or_default();
    Ok(list.split('/').filter_map(|line| message_file(mailbox, &dir, line)).collect())
}

fn message_file(mailbox: MailboxId, dir: &str, line: &str) -> Option<MessageFile> {
    let mut words = line.splitn(5, ' ');
    let uid = Uid::new(words.next()?.parse().ok()?)?;
    let size = words.next()?.parse().ok()?;
    let bare_lf = words.next()? == "1";
    let place = Place::from(words.next()?.parse().ok()?);
    Some(MessageFile { mailbox, uid, path: path(dir, place, words.next()?, ""), size, bare_lf })
}
