//! Which recipients of queue entries were served: a redelivery is no second message.

use mail_types::{MailboxId, QueueId, RecipientNumber, Uid};
use sqlx::{QueryBuilder, Sqlite};

use super::{Look, mailboxes::uid, pending::hex, rows::ROWS_MAX};
use crate::{StoreError, naming::file};

/// A recipient of a queue entry, and where its message went.
pub(crate) type Pair = ((QueueId, RecipientNumber), (MailboxId, Uid));

/// Those of the recipients that were served already.
pub(crate) async fn delivered(
    look: &mut Look,
    pairs: &[(QueueId, RecipientNumber)],
) -> Result<Vec<Pair>, StoreError> {
    let failed = look.failed("look for deliveries");
    let list: Vec<String> =
        pairs.iter().map(|(id, number)| format!("[\"{}\",{number}]", hex(&id.bytes()))).collect();
    let rows: Vec<(Vec<u8>, i64, i64, i64)> = sqlx::query_as(
        "select d.queue_id, d.recipient, d.mailbox, d.uid from json_each(?) j
         cross join delivered d
             on d.queue_id = unhex(j.value ->> 0) and d.recipient = j.value ->> 1",
    )
    .bind(format!("[{}]", list.join(",")))
    .fetch_all(look.db()?)
    .await
    .map_err(failed)?;
    let pair = |(id, number, mailbox, to): (Vec<u8>, i64, i64, i64)| {
        let queue_id = QueueId::from_bytes(id.try_into().ok()?);
        let recipient = RecipientNumber(u32::try_from(number).ok()?);
        Some(((queue_id, recipient), (MailboxId(mailbox), uid(to))))
    };
    Ok(rows.into_iter().filter_map(pair).collect())
}

/// Those that the file names of messages tell.
pub(crate) async fn told_by_names(look: &mut Look) -> Result<Vec<Pair>, StoreError> {
    let failed = look.failed("look for deliveries in names");
    let rows: Vec<(i64, i64, String)> =
        sqlx::query_as("select mailbox, uid, base from messages where instr(base, '_') > 0")
            .fetch_all(look.db()?)
            .await
            .map_err(failed)?;
    let pair = |(mailbox, number, base): (i64, i64, String)| {
        Some((file::delivery_in(&base)?, (MailboxId(mailbox), uid(number))))
    };
    Ok(rows.into_iter().filter_map(pair).collect())
}

/// Remembers recipients that are served.
pub(crate) async fn remember(look: &mut Look, pairs: &[Pair]) -> Result<(), StoreError> {
    let failed = look.failed("remember deliveries");
    for chunk in pairs.chunks(ROWS_MAX) {
        let mut sql = QueryBuilder::<Sqlite>::new(
            "insert into delivered (queue_id, recipient, mailbox, uid) ",
        );
        sql.push_values(chunk, |mut values, ((queue_id, recipient), (mailbox, uid))| {
            values
                .push_bind(queue_id.bytes().to_vec())
                .push_bind(i64::from(recipient.0))
                .push_bind(mailbox.0)
                .push_bind(i64::from(uid.number()));
        });
        sql.push(" on conflict do nothing");
        sql.build().execute(look.db()?).await.map_err(&failed)?;
    }
    Ok(())
}

/// Forgets all recipients of queue entries that came before `before`.
pub(crate) async fn forget_before(look: &mut Look, before: QueueId) -> Result<(), StoreError> {
    let failed = look.failed("forget deliveries");
    sqlx::query("delete from delivered where queue_id < ?")
        .bind(before.bytes().to_vec())
        .execute(look.db()?)
        .await
        .map_err(failed)?;
    Ok(())
}
