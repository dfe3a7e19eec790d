//! COPY and MOVE.
//!
//! A copy shares its bytes with the original. A move renames the file inside the transaction: at
//! every moment there is one file, and whichever mailbox's row doesn't agree is put right by
//! comparing. Either is one thread's change; of many messages, another one gives the names.

use mail_types::{MailboxId, Quota, Timestamp, Uid};

use super::{
    arrive::{Arrival, Way, bring},
    room,
};
use crate::{
    Copied, StoreError, UidSet,
    index::{Counted, Here, mailboxes::MailboxRow, messages::FileRow, rows::Parsed},
    maildir::Maildir,
    naming::file,
    open_account::{OpenAccount, unique},
};

/// Copies messages, all or none, within the quota.
pub(crate) async fn copy(
    account: &OpenAccount,
    from: MailboxId,
    uids: UidSet,
    to: MailboxId,
    quota: Quota,
) -> Result<Copied, StoreError> {
    let (maildir, clock) = (account.maildir.clone(), account.clock);
    let copy = move |here: &Here| {
        let (source, mut target) = (here.mailbox_with(from)?, here.mailbox_with(to)?);
        let messages = here.file_rows(from, &uids)?;
        if messages.is_empty() {
            return Ok(copied(&target, Vec::new(), Vec::new()));
        }
        let sizes = messages.iter().map(|message| u64::try_from(message.size).unwrap_or(0));
        room::check_here(here, &quota, room::volume(sizes))?;
        let mut arrivals = arrivals(&maildir, &source, &messages, clock());
        for arrival in &mut arrivals {
            // A copy is another message: a name of its own, and no delivery's.
            arrival.unique = unique(&maildir, clock)?;
        }
        here.make_room_for(messages.len())?;
        let old: Vec<Uid> = messages.iter().map(|message| message.uid).collect();
        let coming = (arrivals, Way::Link);
        let new = bring(here, &maildir, &mut target, coming, |rows| {
            here.insert_copies((from, &old), to, rows)
        })?;
        Ok(copied(&target, old, new))
    };
    account.index.change_here(copy, |copied| copied).await
}

/// Moves messages, all or none.
pub(crate) async fn move_messages(
    account: &OpenAccount,
    from: MailboxId,
    uids: UidSet,
    to: MailboxId,
) -> Result<Copied, StoreError> {
    let (maildir, clock) = (account.maildir.clone(), account.clock);
    let relocate = move |here: &Here| {
        let (mut source, mut target) = (here.mailbox_with(from)?, here.mailbox_with(to)?);
        let messages = here.file_rows(from, &uids)?;
        if messages.is_empty() {
            return Ok(copied(&target, Vec::new(), Vec::new()));
        }
        let (now, undisturbed) = (clock(), maildir.times(&source.dir) == source.times);
        let coming = (arrivals(&maildir, &source, &messages, now), Way::Rename);
        here.make_room_for(messages.len())?;
        let old: Vec<Uid> = messages.iter().map(|message| message.uid).collect();
        let going: Vec<Counted> = messages.iter().map(Counted::from).collect();
        // The same mailbox may be both: what comes has one modseq, what goes the next one.
        let gone_at = if from == to {
            target.modseq.saturating_add(2)
        } else {
            source.modseq.saturating_add(1)
        };
        if from != to {
            // Before the first name: without room for the marks nothing has moved.
            source.modseq = gone_at;
            maildir.reserve(&mut source)?;
        }
        let new = bring(here, &maildir, &mut target, coming, |rows| {
            here.insert_copies((from, &old), to, rows)?;
            here.expunge(from, &going, gone_at, now)
        })?;
        if from == to {
            source = target.clone();
            source.modseq = gone_at;
            maildir.reserve(&mut source)?;
        }
        if undisturbed {
            source.times = maildir.times(&source.dir);
        }
        here.raise(&source)?;
        Ok(copied(&target, old, new))
    };
    account.index.change_here(relocate, |moved| moved).await
}

fn arrivals(
    maildir: &Maildir,
    source: &MailboxRow,
    messages: &[FileRow],
    now: Timestamp,
) -> Vec<Arrival> {
    let arrival = |message: &FileRow| Arrival {
        source: maildir.path(&message.path(&source.dir)),
        unique: file::unique_in(&message.base).to_owned(),
        flags: message.flags.clone(),
        is_new: false,
        size: message.size,
        octets: message.octets,
        internal_date: message.internal_date,
        saved: now,
        bare_lf: message.bare_lf,
        // It goes from mailbox to mailbox in the index.
        parsed: Parsed::nothing(),
        unsynced: None,
    };
    messages.iter().map(arrival).collect()
}

fn copied(target: &MailboxRow, old: Vec<Uid>, new: Vec<Uid>) -> Copied {
    Copied { uid_validity: target.uid_validity, uids: old.into_iter().zip(new).collect() }
}
