//! Delivery, exactly once for each recipient of a queue entry; and APPEND.
//!
//! The pair of queue entry and recipient is in the same transaction as the row. A file that an
//! earlier attempt linked without committing is found first, if there is any sign of one.
//!
//! A delivery is one thread's work from the first link to the last unlink. What is rare (mailboxes to
//! be made, files that were left behind) has a change of its own before it.

use std::collections::{BTreeMap, HashMap, HashSet};

use mail_types::{FlagSet, MailboxId, MailboxName, QueueId, Quota, RecipientNumber, Timestamp};

use super::{
    arrive::{Arrival, Way, arrive_here},
    create, filed,
    follow::oldest_remembered,
    merge, rename, room,
};
use crate::{
    Appended, Coming, Delivered, Delivery, Filed, NewMessage, StoreError, Written,
    index::{Here, mailboxes},
    maildir::Maildir,
    open_account::OpenAccount,
};

/// Delivers messages, all or none. What is settled needn't be remembered: one change does both.
pub(crate) async fn deliver(
    account: &OpenAccount,
    (deliveries, quota): (Vec<Delivery>, Quota),
    settled: &[(QueueId, RecipientNumber)],
) -> Result<Filed, StoreError> {
    if deliveries.iter().any(|delivery| delivery.written.tmp.former.is_some()) {
        find_left_behind(account).await?;
    }
    let mut waiting = deliveries;
    loop {
        let (maildir, now) = (account.maildir.clone(), (account.clock)());
        let settled = settled.to_vec();
        let file = move |here: &Here| {
            if !settled.is_empty() {
                here.forget(&settled, oldest_remembered(now))?;
            }
            file(here, &maildir, now, waiting, &quota)
        };
        match account.index.change_here(file, Tried::end).await? {
            Ended::Filed(filed) => return Ok(filed),
            Ended::Missing(back, names) => {
                make(account, &names).await?;
                waiting = back;
            }
        }
    }
}

/// What a change came to.
enum Tried {
    /// All are there as soon as it is committed.
    Filed(Vec<Delivery>, Filed),
    /// Nothing was done: these mailboxes are not there.
    Missing(Vec<Delivery>, Vec<MailboxName>),
}

/// The same after its commit.
enum Ended {
    Filed(Filed),
    Missing(Vec<Delivery>, Vec<MailboxName>),
}

impl Tried {
    /// It is committed: what is in `tmp` goes.
    fn end(self) -> Ended {
        match self {
            Self::Filed(mut deliveries, filed) => {
                deliveries.iter_mut().for_each(|delivery| delivery.written.tmp.done());
                Ended::Filed(filed)
            }
            Self::Missing(back, names) => Ended::Missing(back, names),
        }
    }
}

/// What became of each recipient of an entry.
type Done = HashMap<(QueueId, RecipientNumber), Delivered>;

/// Files messages in a change of this thread's.
fn file(
    here: &Here,
    maildir: &Maildir,
    now: Timestamp,
    mut deliveries: Vec<Delivery>,
    quota: &Quota,
) -> Result<Tried, StoreError> {
    let mut done = Done::new();
    let by_mailbox = by_mailbox(here, &deliveries, &mut done)?;
    let (mut mailboxes, mut missing, mut sizes) = (Vec::new(), Vec::new(), Vec::new());
    for (name, places) in by_mailbox {
        let mailbox = here.mailbox(&name)?;
        let id = mailbox.as_ref().map(|mailbox| mailbox.id);
        let division = filed::divide(here, id, (&deliveries, places), now)?;
        let fresh = division.fresh.iter().filter_map(|at| deliveries.get(*at));
        sizes.extend(fresh.map(|delivery| delivery.written.size));
        match mailbox {
            Some(mailbox) => mailboxes.push((mailbox, division)),
            None => missing.push(name),
        }
    }
    // What is not filed needs no room.
    room::check_here(here, quota, room::volume(sizes))?;
    if !missing.is_empty() {
        return Ok(Tried::Missing(deliveries, missing));
    }
    for delivery in &mut deliveries {
        // From the first link on until the commit is done, nobody can say what is in the mailbox:
        // the files in `tmp` stay, as the sign that says so to the next attempt.
        delivery.written.tmp.keep();
    }
    let mut new_pairs = Vec::new();
    for (mut mailbox, division) in mailboxes {
        let fresh = division.fresh.iter();
        let chosen: Vec<&Delivery> = fresh.filter_map(|at| deliveries.get(*at)).collect();
        let arrivals: Vec<Arrival> = chosen
            .iter()
            .map(|d| Arrival { is_new: true, ..arrival(&d.written, &d.flags, now) })
            .collect();
        let mut uids = Vec::new();
        if !arrivals.is_empty() {
            uids = arrive_here(here, maildir, &mut mailbox, arrivals, Way::Link)?;
        }
        let mailbox = mailbox.id;
        for (delivery, uid) in chosen.iter().zip(uids.iter().copied()) {
            new_pairs.push((pair(delivery), (mailbox, uid)));
            let delivered = Delivered { mailbox, uid, before: false, duplicate: false };
            done.insert(pair(delivery), delivered);
        }
        for (at, uid) in division.note(here, mailbox, (&deliveries, &uids), now)? {
            let Some(copy) = deliveries.get(at) else { continue };
            done.insert(pair(copy), Delivered { mailbox, uid, before: false, duplicate: true });
        }
    }
    here.remember(&new_pairs)?;
    let delivered = deliveries
        .iter()
        // Each pair was either known or is new.
        .map(|delivery| done.get(&pair(delivery)).cloned().ok_or(StoreError::MessageGone))
        .collect::<Result<_, _>>()?;
    Ok(Tried::Filed(deliveries, Filed { delivered, totals: here.totals()? }))
}

/// Which are for which mailbox, by their places; those that were filed before are done.
fn by_mailbox(
    here: &Here,
    deliveries: &[Delivery],
    done: &mut Done,
) -> Result<BTreeMap<MailboxName, Vec<usize>>, StoreError> {
    let mut by_mailbox: BTreeMap<MailboxName, Vec<usize>> = BTreeMap::new();
    let mut seen = HashSet::new();
    for (at, delivery) in deliveries.iter().enumerate() {
        let pair = pair(delivery);
        if !seen.insert(pair) {
            continue;
        }
        if let Some((mailbox, uid)) = here.served(pair)? {
            done.insert(pair, Delivered { mailbox, uid, before: true, duplicate: false });
            continue;
        }
        let name = destination(here, delivery.file_into.as_ref(), delivery.or_inbox)?;
        by_mailbox.entry(name).or_default().push(at);
    }
    Ok(by_mailbox)
}

/// Whether a delivery takes no room: it was done before, or it is not to be filed once more.
pub(crate) fn takes_none(here: &Here, coming: &Coming, now: Timestamp) -> Result<bool, StoreError> {
    if here.served((coming.queue_id, coming.recipient))?.is_some() {
        return Ok(true);
    }
    let Some(once) = coming.once else { return Ok(false) };
    let name = destination(here, coming.file_into.as_ref(), coming.or_inbox)?;
    let mailbox = here.mailbox(&name)?.map(|mailbox| mailbox.id);
    Ok(filed::before(here, mailbox, &once, now)?.is_some())
}

/// The mailbox that a delivery goes to.
fn destination(
    here: &Here,
    file_into: Option<&MailboxName>,
    or_inbox: bool,
) -> Result<MailboxName, StoreError> {
    let name = file_into.cloned().unwrap_or_else(MailboxName::inbox);
    if or_inbox { present(here, name) } else { Ok(name) }
}

fn pair(delivery: &Delivery) -> (QueueId, RecipientNumber) {
    (delivery.queue_id, delivery.recipient)
}

/// The mailbox that a name means to somebody who does not care for its case; INBOX if there is none.
fn present(here: &Here, name: MailboxName) -> Result<MailboxName, StoreError> {
    if here.mailbox(&name)?.is_some() {
        return Ok(name);
    }
    let folded = name.as_str().to_lowercase();
    let meant = here.names()?.into_iter().find(|name| name.as_str().to_lowercase() == folded);
    Ok(meant.unwrap_or_else(MailboxName::inbox))
}

/// Makes mailboxes that are missing, in a change of their own: if nothing gets into them after all,
/// they are empty.
async fn make(account: &OpenAccount, names: &[MailboxName]) -> Result<(), StoreError> {
    let mut change = account.change().await?;
    for name in names {
        create::find_or_create(&mut change, account, name).await?;
    }
    change.commit().await
}

/// Looks for files that an attempt linked and did not commit, wherever they are. From then on their
/// pairs are known.
async fn find_left_behind(account: &OpenAccount) -> Result<(), StoreError> {
    let mut change = account.change().await?;
    rename::finish(&mut change, &account.maildir).await?;
    for mut mailbox in mailboxes::all(&mut change).await? {
        merge::merge(&mut change, account, &mut mailbox).await?;
    }
    change.commit().await
}

/// Appends messages to a mailbox, all or none.
pub(crate) async fn append(
    account: &OpenAccount,
    mailbox: MailboxId,
    new: Vec<NewMessage>,
    quota: Quota,
) -> Result<Appended, StoreError> {
    let (maildir, now) = (account.maildir.clone(), (account.clock)());
    let append = move |here: &Here| {
        let mut row = here.mailbox_with(mailbox)?;
        let sizes = new.iter().map(|message| message.written.size);
        room::check_here(here, &quota, room::volume(sizes))?;
        let arrivals = new.iter().map(|m| arrival(&m.written, &m.flags, now)).collect();
        let uids = arrive_here(here, &maildir, &mut row, arrivals, Way::Link)?;
        let totals = here.totals()?;
        Ok((new, Appended { uid_validity: row.uid_validity, uids, totals }))
    };
    // What is in `tmp` goes once it is committed.
    let end = |(new, appended): (Vec<NewMessage>, Appended)| {
        drop(new);
        appended
    };
    account.index.change_here(append, end).await
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
        unsynced: written.unsynced.clone(),
    }
}
