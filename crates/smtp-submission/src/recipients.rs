//! Who gets what is sent to a recipient.

use directory::{Directory, Refusal as NoRoute, Route, Target};
use mail_types::{FlagSet, ForwardPath};
use message_queue::{FileInto, NewRecipient};
use smtp_core::{command::RcptTo, reply::Refusal};

/// Routes one recipient: to mailboxes of ours, or to another server.
pub(crate) async fn route(
    directory: &Directory,
    rcpt: &RcptTo,
) -> Result<Vec<NewRecipient>, Refusal> {
    let route = match &rcpt.forward_path {
        ForwardPath::Postmaster => directory.route_postmaster().await,
        ForwardPath::Address(address) => directory.route(address).await,
    };
    let route = route.map_err(|error| {
        tracing::error!(error = &error as &dyn std::error::Error, "cannot route a recipient");
        Refusal::Failure
    })?;
    match route {
        Route::Ours(targets) => Ok(targets.into_iter().map(recipient).collect()),
        Route::Elsewhere(target) => Ok(vec![recipient(target)]),
        Route::Refused(NoRoute::UnknownMailbox) => Err(Refusal::UnknownMailbox),
        Route::Refused(NoRoute::Disabled) => Err(Refusal::MailboxDisabled),
        Route::Refused(why) => {
            // The operator can mend it, the sender can't.
            tracing::error!(%why, to = %rcpt.forward_path, "an alias cannot be followed");
            Err(Refusal::Failure)
        }
    }
}

/// A target as the queue takes it.
pub(crate) fn recipient(target: Target) -> NewRecipient {
    let Target { address, lane, account, mailbox } = target;
    let file_into = mailbox.map(|mailbox| FileInto { mailbox, flags: FlagSet::new() });
    NewRecipient { account, file_into, ..NewRecipient::new(address, lane) }
}
