//! Whether recipients have room, said while the client waits, so that no bounce is needed.

use std::time::Duration;

use account_usage::{Patience, Room, UsageReader};
use agent_kit::now;
use directory::{Directory, Target};
use mail_types::{AccountId, MailVolume};
use smtp_core::reply::Refusal;

/// Refuses a recipient none of whose mailboxes has room for a message of this size: for now, or for
/// good if all have been full for longer than the grace. Of several, one full mailbox does not keep
/// the message from the others.
pub async fn find_room(
    directory: &Directory,
    usage: &UsageReader,
    targets: &[Target],
    octets: u64,
    grace: Duration,
) -> Result<(), Refusal> {
    let patience = Patience { grace, now: now() };
    let mut refusal = Refusal::MailboxFullForLong;
    for target in targets {
        // Elsewhere there may be room.
        let Some(id) = target.account else { return Ok(()) };
        match room(directory, usage, id, MailVolume::message(octets), &patience).await {
            Room::Enough => return Ok(()),
            Room::NotNow(_) => refusal = Refusal::MailboxFull,
            Room::NotAnyMore(_) => {}
        }
    }
    Err(refusal)
}

/// What cannot be told is no reason to refuse: delivery looks again.
async fn room(
    directory: &Directory,
    usage: &UsageReader,
    id: AccountId,
    more: MailVolume,
    patience: &Patience,
) -> Room {
    let Ok(Some(allotment)) = directory.allotment(id).await else { return Room::Enough };
    match usage.room(&allotment, more, patience).await {
        Ok(room) => room,
        Err(error) => {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(error, account = %id, "cannot tell how full a mailbox is");
            Room::Enough
        }
    }
}
