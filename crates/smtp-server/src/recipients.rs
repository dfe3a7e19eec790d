//! From what the directory says to what the queue takes: the same for whoever enqueues.

use directory::{Directory, Occasion, Refusal as NoRoute, Route, Target};
use mail_types::{Address, FlagSet, ForwardPath, ReversePath, Timestamp};
use message_queue::{FileInto, NewRecipient};
use smtp_core::reply::Refusal;

/// A target as the queue takes it.
pub fn recipient(target: Target) -> NewRecipient {
    let Target { address, lane, account, mailbox, reverse_path, list } = target;
    // Strangers write subaddresses: they make no mailboxes.
    let into = |mailbox| FileInto { mailbox, or_inbox: true, flags: FlagSet::new() };
    let mut new = NewRecipient::new(address, lane);
    new.account = account;
    new.file_into = mailbox.map(into);
    new.reverse_path = reverse_path;
    if let Some(list) = list {
        new.list = Some(list.name);
        new.head = list.head;
    }
    new
}

/// What a client hears if nobody gets the mail of an address.
pub fn no_route(why: NoRoute, to: &ForwardPath) -> Refusal {
    match why {
        NoRoute::UnknownMailbox => Refusal::UnknownMailbox,
        NoRoute::Disabled => Refusal::MailboxDisabled,
        NoRoute::MayNotPost => Refusal::PostingDenied,
        NoRoute::AliasLoop | NoRoute::TooManyTargets => {
            // The operator can mend it, the sender can't.
            tracing::error!(%why, %to, "an alias cannot be followed");
            Refusal::Failure
        }
    }
}

/// Who gets a notification to this address; nobody, if the address leads to nobody any more.
pub async fn notified(
    directory: &Directory,
    to: &Address,
    now: Timestamp,
) -> Result<Vec<NewRecipient>, String> {
    let occasion = Occasion::message(&ReversePath::Null, now);
    match directory.route(to, occasion).await.map_err(|error| error.to_string())? {
        Route::Ours(targets) => Ok(targets.into_iter().map(recipient).collect()),
        Route::Elsewhere(target) => Ok(vec![recipient(target)]),
        Route::Refused(refusal) => {
            tracing::warn!(%to, %refusal, "a notification leads to nobody");
            Ok(Vec::new())
        }
    }
}

/// Who gets what is for this host's postmaster; nobody, if there is no such mailbox.
pub async fn postmaster(
    directory: &Directory,
    now: Timestamp,
) -> Result<Vec<NewRecipient>, String> {
    let occasion = Occasion::message(&ReversePath::Null, now);
    let route = directory.route_postmaster(occasion).await.map_err(|error| error.to_string())?;
    match route {
        Route::Ours(targets) => Ok(targets.into_iter().map(recipient).collect()),
        Route::Elsewhere(target) => Ok(vec![recipient(target)]),
        Route::Refused(_) => Ok(Vec::new()),
    }
}
