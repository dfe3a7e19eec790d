//! What is done to a message that is complete: its recipients at other servers are held if the
//! account sends too much, and a copy goes into the account's Sent mailbox if it wants that.

use std::time::Duration;

use config::Sending;
use directory::{Account, Directory};
use mail_types::{AccountId, Flag, FlagSet, Lane, MailboxName, Notify, ReversePath};
use message_queue::{FileInto, NewEntry, NewRecipient, Queue, QueueError};
use smtp_core::reply::Refusal;

use crate::{
    allowance::{self, Verdict},
    failure,
    notice::Held,
};

/// The mailbox for copies of what was sent.
const SENT: &str = "Sent";

/// Holds what goes to other servers if the account has sent too much; says so, if that was done.
pub(crate) async fn limit(
    queue: &Queue,
    limits: &Sending,
    account: AccountId,
    entry: &mut NewEntry,
) -> Result<Option<Held>, Refusal> {
    let leaves = |recipient: &&mut NewRecipient| recipient.lane != Lane::Local;
    let count = entry.recipients.iter_mut().filter(leaves).count();
    if count == 0 || allowance::is_unlimited(limits) {
        return Ok(None);
    }
    let now = agent_kit::now();
    let memory = Duration::from_secs(allowance::MEMORY_HOURS.unsigned_abs() * 60 * 60);
    let hours = queue.sending(account, now.minus(memory)).await.map_err(|error| illness(&error))?;
    match allowance::judge(limits, &hours, now, count as u64) {
        Verdict::Fine => Ok(None),
        Verdict::Refuse => Err(Refusal::SendingTooMuch),
        Verdict::Hold(reason) => {
            let why = format!("the account sends too much: {reason}");
            for recipient in entry.recipients.iter_mut().filter(leaves) {
                recipient.held = Some(why.clone());
            }
            let reverse_path = entry.reverse_path.clone();
            Ok(Some(Held { account, reverse_path, reason }))
        }
    }
}

/// Puts a copy into the account's Sent mailbox, if it wants that. What mail clients send by
/// themselves, without a reverse-path, is not kept.
pub(crate) async fn copy_to_sent(
    directory: &Directory,
    account: &Account,
    entry: &mut NewEntry,
) -> Result<(), Refusal> {
    if entry.account != Some(account.id) || entry.reverse_path == ReversePath::Null {
        return Ok(());
    }
    let sending = directory.sending(account.id).await.map_err(|error| failure(&error))?;
    let Some(mailbox) = MailboxName::parse(SENT).ok().filter(|_| sending.sent_copy) else {
        return Ok(());
    };
    entry.recipients.push(NewRecipient {
        account: Some(account.id),
        file_into: Some(FileInto {
            mailbox,
            or_inbox: false,
            flags: FlagSet::from_iter([Flag::Seen]),
        }),
        // That it could not be kept is no business of those whom the message is to.
        notify: Notify::NEVER,
        ..NewRecipient::new(account.address.clone(), Lane::Local)
    });
    Ok(())
}

fn illness(error: &QueueError) -> Refusal {
    let error = error as &dyn std::error::Error;
    tracing::error!(error, "cannot tell how much an account has sent");
    Refusal::Failure
}
