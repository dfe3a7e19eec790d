//! From what the directory says to what the queue takes: the same for whoever enqueues.

use std::collections::HashSet;

use directory::{Directory, Occasion, Refusal as NoRoute, Route, Target};
use mail_types::{Address, FlagSet, ForwardPath, ReversePath, Timestamp};
use message_queue::{FileInto, NewRecipient};
use mime_core::{fixup::Seen, header::address::addresses};
use smtp_core::reply::Refusal;

/// A target as the queue takes it.
pub fn recipient(target: Target) -> NewRecipient {
    let Target { address, lane, account, mailbox, reverse_path, list, head, asked: _ } = target;
    // Strangers write subaddresses: they make no mailboxes.
    let into = |mailbox| FileInto { mailbox, or_inbox: true, flags: FlagSet::new() };
    let mut new = NewRecipient::new(address, lane);
    new.account = account;
    new.file_into = mailbox.map(into);
    new.reverse_path = reverse_path;
    new.list = list;
    new.head = head;
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

/// Whether a message goes round in circles: it has been with all of its recipients before, or with the
/// lists that lead to them (RFC 5321 §6.3).
pub fn goes_round(seen: &Seen, recipients: &[NewRecipient]) -> bool {
    let been: HashSet<String> =
        addresses(&seen.delivered_to).map(|address| address.folded()).collect();
    let has_been = |recipient: &NewRecipient| {
        let list = recipient.list.iter();
        list.chain([&recipient.address]).any(|address| been.contains(&address.folded()))
    };
    !been.is_empty() && recipients.iter().all(has_been)
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
