//! Who has room: looked at before copies are written, so that nothing is written in vain. The store
//! looks again when it takes them, exactly.

use std::collections::HashSet;

use account_usage::{Patience, Room};
use agent_kit::now;
use mail_store::{AccountMailboxes, Coming, StoreError};
use mail_types::{Allotment, MailVolume};

use crate::{
    copy,
    handover::{self, Ended, Part},
    service::Shared,
};

/// Divides into what has room and what hasn't. What was delivered before has room, and what will not be
/// filed: they take none.
pub(crate) async fn divide(
    shared: &Shared,
    mailboxes: &AccountMailboxes,
    allotment: &Allotment,
    parts: Vec<Part>,
) -> Result<(Vec<Part>, Vec<Ended>), StoreError> {
    if !allotment.is_limited() {
        return Ok((parts, Vec::new()));
    }
    let pair = |part: &Part| (part.entry.id, part.recipient.number);
    let (without, held) = mailboxes.room_for(parts.iter().map(coming).collect()).await?;
    // Of copies that come at once the first one needs room.
    let mut first = HashSet::new();
    let mut own = held.volume();
    let mut together = held_together(shared, allotment).await;
    let (mut room, mut ended) = (Vec::new(), Vec::new());
    for part in parts {
        let more = MailVolume::message(copy::size(&part.recipient, &part.entry.content));
        let over = allotment.own.refuses(own, more).or(allotment.domain.refuses(together, more));
        let into = part.recipient.file_into.as_ref().map(|into| into.mailbox.clone());
        let copy = part.once.map(|once| (once, into));
        let is_copy = copy.as_ref().is_some_and(|copy| first.contains(copy));
        if is_copy || without.contains(&pair(&part)) {
            room.push(part);
        } else if over.is_none() {
            first.extend(copy);
            (own, together) = (own.plus(more), together.plus(more));
            room.push(part);
        } else {
            ended.push(refuse(shared, allotment, &part, own, more).await);
        }
    }
    Ok((room, ended))
}

fn coming(part: &Part) -> Coming {
    let into = part.recipient.file_into.as_ref();
    Coming {
        queue_id: part.entry.id,
        recipient: part.recipient.number,
        file_into: into.map(|into| into.mailbox.clone()),
        or_inbox: into.is_some_and(|into| into.or_inbox),
        once: part.once,
    }
}

/// What all accounts of the domain hold, as far as it is published: what is in flight elsewhere may
/// go beyond its limit.
async fn held_together(shared: &Shared, allotment: &Allotment) -> MailVolume {
    let together = shared.usage.reader().together(&allotment.sharing).await;
    together.unwrap_or_else(|error| {
        tracing::warn!(%error, "the usage of a domain can't be read");
        MailVolume::default()
    })
}

/// The end of a part without room: for now, until the account or the message has waited for as long
/// as the configuration says.
async fn refuse(
    shared: &Shared,
    allotment: &Allotment,
    part: &Part,
    held: MailVolume,
    more: MailVolume,
) -> Ended {
    let (id, now) = (allotment.account, now());
    let patience = Patience { grace: shared.config.storage.full_grace, now };
    // That the domain is full is no reason to give this account up any earlier.
    if allotment.own.refuses(held, more).is_some()
        && let Err(error) = shared.usage.note_refused(id, held, &allotment.own, now).await
    {
        tracing::warn!(account = %id, %error, "that a mailbox is full can't be noted");
    }
    let room = shared.usage.reader().room(allotment, more, &patience).await;
    let in_vain = matches!(room, Ok(Room::NotAnyMore(_))) || patience.is_over(part.entry.queued_at);
    part.ended(if in_vain { handover::full_for_long() } else { handover::full() })
}
