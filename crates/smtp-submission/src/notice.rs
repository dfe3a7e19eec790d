//! The mail that tells an account's owner and the postmaster that something is held.
//!
//! It goes the way of all mail: through the queue, to whoever the directory says. At most one an
//! hour is written about an account; after a restart there may be one more.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use directory::{Account, Directory, DirectoryError, Occasion, Route};
use mail_types::{AccountId, Address, Domain, LocalPart, QueueId, ReversePath, Timestamp};
use message_queue::{NewEntry, NewRecipient, Queue, QueueError, SentHour};
use mime_core::{
    build::{Head, NewMessage, Person},
    header::date::DateTime,
};
use smtp_server::recipient;

/// What is held.
#[derive(Debug, Clone)]
pub(crate) struct Held {
    /// Whose it is.
    pub(crate) account: AccountId,
    /// Where its notifications go: by this the operator finds all of them.
    pub(crate) reverse_path: ReversePath,
    /// What was too much.
    pub(crate) reason: String,
}

/// About which accounts somebody was told, and in which hour.
#[derive(Debug, Default)]
pub(crate) struct Told(Mutex<HashMap<AccountId, i64>>);

/// Why nobody could be told.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoticeError {
    #[error(transparent)]
    Directory(#[from] DirectoryError),
    #[error(transparent)]
    Queue(#[from] QueueError),
    #[error("neither the owner nor the postmaster has a mailbox here")]
    Nobody,
}

impl Told {
    /// Whether it is time to tell of this account; if so, it counts as told.
    fn is_due(&self, account: AccountId, now: Timestamp) -> bool {
        let hour = SentHour::of(now);
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // What is past is of no use: the table holds no more than accounts that send now.
        told.retain(|_, at| *at == hour);
        told.insert(account, hour).is_none()
    }

    fn forget(&self, account: AccountId) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&account);
    }
}

/// Tells of it, unless that was done lately. A failure is the log's: the message is held all the
/// same, and the next one tries again.
pub(crate) async fn tell(
    (directory, queue, host): (&Directory, &Queue, &Domain),
    told: &Told,
    (held, id): (&Held, QueueId),
    now: Timestamp,
) {
    if !told.is_due(held.account, now) {
        return;
    }
    match write(directory, queue, host, held, now).await {
        Ok(notice) => tracing::warn!(
            queue_id = %id, account = %held.account, why = held.reason, %notice,
            "held: an account sends too much; owner and postmaster are told"
        ),
        Err(error) => {
            told.forget(held.account);
            let error = &error as &dyn std::error::Error;
            tracing::error!(
                queue_id = %id, account = %held.account, why = held.reason, error,
                "held: an account sends too much; nobody could be told"
            );
        }
    }
}

async fn write(
    directory: &Directory,
    queue: &Queue,
    host: &Domain,
    held: &Held,
    now: Timestamp,
) -> Result<QueueId, NoticeError> {
    let owner = directory.account(held.account).await?.ok_or(NoticeError::Nobody)?;
    let mut recipients: Vec<NewRecipient> = Vec::new();
    let occasion = Occasion::message(&ReversePath::Null, now);
    for route in [
        directory.route(&owner.address, occasion).await?,
        directory.route_postmaster(occasion).await?,
    ] {
        let Route::Ours(targets) = route else { continue };
        for new in targets.into_iter().map(recipient) {
            if recipients.iter().all(|known| known.address.folded() != new.address.folded()) {
                recipients.push(new);
            }
        }
    }
    if recipients.is_empty() {
        return Err(NoticeError::Nobody);
    }
    let id = queue.new_id(now);
    let message_id = format!("{id}@{host}");
    let message = message(&owner, held, &message_id, now);
    let mut content = queue.draft();
    content.write(&message.octets).await?;
    let entry = NewEntry::notice("smtp-submission", message.smtputf8, message_id, recipients);
    let entry = NewEntry { id: Some(id), ..entry };
    Ok(queue.enqueue(entry, content, now).await?)
}

fn message(
    owner: &Account,
    held: &Held,
    message_id: &str,
    now: Timestamp,
) -> mime_core::build::BuiltMessage {
    let address = &owner.address;
    let postmaster = LocalPart::from_content("postmaster")
        .map_or_else(|_| address.clone(), |local| Address::new(local, address.domain().clone()));
    // Whoever has the password chose it.
    let from = quoted_for_shell(&held.reverse_path.to_string());
    let text = format!(
        "Mail that {address} sends to other servers is held, because it is far more than usual:\n\
         {reason}.\n\n\
         Nothing is lost, and mail to people on this server goes its way. What is held waits until \
         the postmaster lets it go.\n\n\
         If you are {address} and did not send it, somebody else knows your password: change it, \
         and tell the postmaster. If you did, tell the postmaster that it may go.\n\n\
         For the postmaster:\n\n\
         postrider queue list --state held --from {from}\n\
         postrider queue release --state held --from {from}\n\
         postrider queue remove --state held --from {from}\n\
         postrider account disable {address}\n\n\
         The limits are [submission.sending] in the configuration.\n",
        reason = held.reason,
    );
    NewMessage {
        head: Head {
            from: Person { name: "Postrider", address: &postmaster },
            reply_to: &[],
            to: &[Person { name: "", address }],
            cc: &[Person { name: "", address: &postmaster }],
            subject: &format!("Mail from {address} is held"),
            date: DateTime { at: now, offset_minutes: 0 },
            message_id,
            in_reply_to: &[],
            references: &[],
            // RFC 3834 §5.
            auto_submitted: Some("auto-generated"),
        },
        charset: None,
        text: Some(&text),
        html: None,
        attachments: &[],
        boundary: "notice",
    }
    .build()
}

/// As one word of a POSIX shell, whatever is in it.
fn quoted_for_shell(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_notice_an_hour_for_each_account() {
        let told = Told::default();
        let (one, two) = (AccountId(1), AccountId(2));
        let at = |minutes: u64| {
            Timestamp::from_secs(1_700_000_000 / 3600 * 3600)
                .plus(std::time::Duration::from_secs(minutes * 60))
        };
        assert!(told.is_due(one, at(0)));
        assert!(!told.is_due(one, at(59)));
        assert!(told.is_due(two, at(59)));
        assert!(told.is_due(one, at(60)));
        told.forget(one);
        assert!(told.is_due(one, at(61)), "what failed is tried again");
    }
}
