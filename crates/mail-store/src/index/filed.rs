//! What was filed of which a second copy is not wanted, and when.

use mail_types::{MailboxId, Timestamp, Uid};

use super::{Here, Look, mailboxes::uid};
use crate::{StoreError, once::Key};

impl Here {
    /// As which message something was filed in a mailbox, if it was, and when.
    pub(crate) fn filed(
        &self,
        mailbox: MailboxId,
        key: &Key,
    ) -> Result<Option<(Uid, Timestamp)>, StoreError> {
        self.one(
            "look for what was filed before",
            "select uid, filed_at from filed where mailbox = $1 and key = $2",
            &[&mailbox.0, key],
            |row| Ok((uid(row.get(0)?), Timestamp::from_millis(row.get(1)?))),
        )
    }

    /// Remembers that it is filed now, and forgets what was filed before `before`.
    pub(crate) fn note_filed(
        &self,
        mailbox: MailboxId,
        (key, uid): (&Key, Uid),
        (now, before): (Timestamp, Timestamp),
    ) -> Result<(), StoreError> {
        self.run(
            "remember what was filed",
            "insert or replace into filed (mailbox, key, uid, filed_at) values ($1, $2, $3, $4)",
            &[&mailbox.0, key, &uid.number(), &now.millis()],
        )?;
        self.run(
            "forget what was filed",
            "delete from filed where filed_at < $1",
            &[&before.millis()],
        )
    }
}

/// Forgets what was filed before that.
pub(crate) async fn forget(look: &mut Look, before: Timestamp) -> Result<(), StoreError> {
    let failed = look.failed("forget what was filed");
    sqlx::query("delete from filed where filed_at < ?")
        .bind(before.millis())
        .execute(look.db()?)
        .await
        .map_err(failed)?;
    Ok(())
}
