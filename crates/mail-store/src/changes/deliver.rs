//! Delivery, exactly once for each recipient of a queue entry; and APPEND.
//!
//! The pair of queue entry and recipient is in the same transaction as the row. A file that an
//! earlier attempt linked without committing is found first, if there is any sign of one.

use std::collections::{BTreeMap, HashMap, HashSet};

use mail_types::{FlagSet, MailboxId, MailboxName, QueueId, Quota, RecipientNumber, Timestamp};

use super::{
    arrive::{Arrival, Way, arrive},
    create, merge, rename, room,
};
use crate::{
    Appended, Delivered, Delivery, NewMessage, StoreError, Written,
    index::{
        Change, deliveries,
        mailboxes::{self, MailboxRow},
    },
    open_account::OpenAccount,
};

/// Delivers messages, all or none; answers in their order.
pub(crate) async fn deliver(
    account: &OpenAccount,
    deliveries: &mut [Delivery],
    quota: &Quota,
) -> Result<Vec<Delivered>, StoreError> {
    let mut change = account.change().await?;
    if deliveries.iter().any(|delivery| delivery.written.tmp.former.is_some()) {
        find_left_behind(&mut change, account).await?;
    }
    let pairs: Vec<_> = deliveries.iter().map(|d| (d.queue_id, d.recipient)).collect();
    let mut done: HashMap<(QueueId, RecipientNumber), Delivered> = HashMap::new();
    for (pair, (mailbox, uid)) in deliveries::delivered(&mut change, &pairs).await? {
        done.insert(pair, Delivered { mailbox, uid, before: true });
    }
    let mut by_mailbox: BTreeMap<MailboxName, Vec<usize>> = BTreeMap::new();
    let mut seen: HashSet<_> = done.keys().copied().collect();
    for (at, delivery) in deliveries.iter().enumerate() {
        if seen.insert((delivery.queue_id, delivery.recipient)) {
            let name = delivery.file_into.clone().unwrap_or_else(MailboxName::inbox);
            let name = if delivery.or_inbox { present(&mut change, name).await? } else { name };
            by_mailbox.entry(name).or_default().push(at);
        }
    }
    let coming = by_mailbox.values().flatten().filter_map(|at| deliveries.get(*at));
    let volume = room::volume(coming.map(|delivery| delivery.written.size));
    if let Err(error) = room::check(&mut change, quota, volume).await {
        change.undo().await?;
        return Err(error);
    }
    for delivery in deliveries.iter_mut() {
        // From the first link on until the commit is done, nobody can say what is in the mailbox:
        // the files in `tmp` stay, as the sign that says so to the next attempt.
        delivery.written.tmp.keep();
    }
    let (mut new_pairs, now) = (Vec::new(), (account.clock)());
    for (name, places) in by_mailbox {
        let mut mailbox = create::find_or_create(&mut change, account, &name).await?;
        let chosen: Vec<&Delivery> = places.iter().filter_map(|at| deliveries.get(*at)).collect();
        let arrivals = chosen
            .iter()
            .map(|d| Arrival { is_new: true, ..arrival(&d.written, &d.flags, now) })
            .collect();
        let uids = arrive(&mut change, &account.maildir, &mut mailbox, arrivals, Way::Link).await?;
        for (delivery, uid) in chosen.iter().zip(uids) {
            let pair = (delivery.queue_id, delivery.recipient);
            new_pairs.push((pair, (mailbox.id, uid)));
            done.insert(pair, Delivered { mailbox: mailbox.id, uid, before: false });
        }
    }
    if !new_pairs.is_empty() {
        deliveries::remember(&mut change, &new_pairs).await?;
    }
    change.commit().await?;
    for delivery in deliveries.iter_mut() {
        delivery.written.tmp.done();
    }
    let answer = |pair| done.get(pair).cloned();
    // Each pair was either known or is new.
    pairs.iter().map(|pair| answer(pair).ok_or(StoreError::MessageGone)).collect()
}

/// The mailbox that a name means to somebody who does not care for its case; INBOX if there is none.
async fn present(change: &mut Change, name: MailboxName) -> Result<MailboxName, StoreError> {
    if mailboxes::by_name(change, &name).await?.is_some() {
        return Ok(name);
    }
    let folded = name.as_str().to_lowercase();
    let all = mailboxes::all(change).await?.into_iter().map(|mailbox| mailbox.name);
    let meant = all.into_iter().find(|name| name.as_str().to_lowercase() == folded);
    Ok(meant.unwrap_or_else(MailboxName::inbox))
}

/// Looks for files that an attempt linked and did not commit, wherever they are.
async fn find_left_behind(change: &mut Change, account: &OpenAccount) -> Result<(), StoreError> {
    rename::finish(change, &account.maildir).await?;
    for mut mailbox in mailboxes::all(change).await? {
        merge::merge(change, account, &mut mailbox).await?;
    }
    Ok(())
}

/// Appends messages to a mailbox, all or none.
pub(crate) async fn append(
    account: &OpenAccount,
    mailbox: MailboxId,
    new: Vec<NewMessage>,
    quota: &Quota,
) -> Result<Appended, StoreError> {
    let mut change = account.change().await?;
    let mut row: MailboxRow = mailboxes::by_id(&mut change, mailbox).await?;
    let volume = room::volume(new.iter().map(|message| message.written.size));
    if let Err(error) = room::check(&mut change, quota, volume).await {
        change.undo().await?;
        return Err(error);
    }
    let now = (account.clock)();
    let arrivals = new.iter().map(|m| arrival(&m.written, &m.flags, now)).collect();
    let uids = arrive(&mut change, &account.maildir, &mut row, arrivals, Way::Link).await?;
    change.commit().await?;
    Ok(Appended { uid_validity: row.uid_validity, uids })
}

/// What is written, as it is to arrive.
pub(super) fn arrival(written: &Written, flags: &FlagSet, now: Timestamp) -> Arrival {
    let size = i64::try_from(written.size).unwrap_or(i64::MAX);
    Arrival {
        source: written.tmp.path.clone(),
        unique: written.unique.clone(),
        flags: flags.clone(),
        is_new: false,
        size,
        octets: size,
        internal_date: written.internal_date,
        saved: now,
        bare_lf: false,
        parsed: written.parsed.clone(),
    }
}
