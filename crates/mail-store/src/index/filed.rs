//! What was filed of which a second copy is not wanted, and when.
//!
//! Invariant: it does not grow without end, in time or in number; and whoever notes something forgets
//! only a little, so that no delivery pays for many.

use mail_types::{MailboxId, Timestamp, Uid};

use super::{Here, Look, mailboxes::uid};
use crate::{StoreError, once::Key};

/// The most that an account remembers.
const KEPT_MAX: i64 = 50_000;
/// The most that are forgotten at a time where nothing is noted.
const STEP: i64 = 500;

/// Looks at the oldest ones only (`$3`), and forgets those that are too old or too many.
const FORGET: &str = "delete from filed
    where number in (select number from filed order by number limit $3)
    and (filed_at < $1 or number <= (select max(number) from filed) - $2)";

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

    /// Remembers that these are filed now, and forgets some of what was filed before `before`.
    pub(crate) fn note_filed(
        &self,
        mailbox: MailboxId,
        filed: &[(Key, Uid)],
        (now, before): (Timestamp, Timestamp),
    ) -> Result<(), StoreError> {
        for (key, uid) in filed {
            self.run(
                "remember what was filed",
                "insert or replace into filed (mailbox, key, uid, filed_at)
                 values ($1, $2, $3, $4)",
                &[&mailbox.0, key, &uid.number(), &now.millis()],
            )?;
        }
        // More than come: so they get fewer.
        let some = i64::try_from(filed.len()).unwrap_or(STEP).saturating_mul(2);
        self.run("forget what was filed", FORGET, &[&before.millis(), &KEPT_MAX, &some])
    }
}

/// Forgets some of what was filed before that.
pub(crate) async fn forget(look: &mut Look, before: Timestamp) -> Result<(), StoreError> {
    let failed = look.failed("forget what was filed");
    sqlx::query(FORGET)
        .bind(before.millis())
        .bind(KEPT_MAX)
        .bind(STEP)
        .execute(look.db()?)
        .await
        .map_err(failed)?;
    Ok(())
}
