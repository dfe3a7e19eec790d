//! An operation with what it is about: the same value is given to the store and to the rules, and
//! both answer alike.

use std::collections::BTreeSet;

use mail_store::{AccountMailboxes, Delivery, FlagChange, NewMessage, StoreError, UidSet};
use mail_types::{
    Flag, FlagSet, MailboxId, MailboxName, ModSeq, QueueId, RecipientNumber, Timestamp, Uid,
};

use super::{
    operations::{Do, FLAGS, NAMES, Which},
    rules::{Flags, How, Message, NOW_S, Refused, Rules},
};
use crate::world::message;

pub(super) const NOW: Timestamp = Timestamp::from_secs(NOW_S as i64);

#[derive(Debug, Clone)]
pub(super) enum Order {
    Deliver { entry: usize, into: Option<String>, or_inbox: bool, seen: bool },
    Append { mailbox: i64, texts: Vec<String>, flags: Flags, date: i64 },
    Store { mailbox: i64, uids: BTreeSet<u32>, how: How, flags: Flags, since: Option<u64> },
    Copy { from: i64, uids: BTreeSet<u32>, to: i64 },
    Move { from: i64, uids: BTreeSet<u32>, to: i64 },
    Expunge { mailbox: i64, uids: BTreeSet<u32>, only_deleted: bool },
    Create(String),
    Delete(String),
    Rename(String, String),
    Subscribe(String, bool),
    ClaimRecent(i64),
    Refresh(i64),
}

/// What is answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Answer {
    Nothing,
    Refused(Refused),
    Delivered { mailbox: i64, uid: u32 },
    Before,
    Uids(Vec<u32>),
    Pairs(Vec<(u32, u32)>),
    Stored(Vec<(u32, Flags, u64)>, Vec<u32>),
}

/// What every message of a text is.
pub(super) fn new_message(text: &str, flags: Flags, date: i64) -> Message {
    let size = message(text).len() as u64;
    Message { text: text.to_owned(), flags, modseq: 0, date, size, outside: None }
}

pub(super) fn entry_text(entry: usize) -> String {
    format!("e{entry}")
}

pub(super) fn queue_id(entry: usize) -> QueueId {
    QueueId::new(NOW, u32::try_from(entry).unwrap().to_be_bytes())
}

impl Order {
    /// What an operation means now. `serial` numbers what is new.
    pub(super) fn of(what: &Do, rules: &Rules, entries: usize, serial: &mut u32) -> Self {
        let uids = |mailbox: i64, which: &Which| -> BTreeSet<u32> {
            let there = rules.mailboxes[&mailbox].messages.keys().copied();
            match which {
                Which::All => (1..=u32::MAX / 2).rev().take(1).chain(there).collect(),
                Which::One(place) => there.skip(*place).take(1).collect(),
                Which::Some(bits) => there
                    .enumerate()
                    .filter(|(n, _)| bits >> (n % 64) & 1 == 1)
                    .map(|(_, u)| u)
                    .collect(),
            }
        };
        let name = |place: &usize| NAMES[*place].to_owned();
        let named = |place: &usize| FLAGS[*place].iter().map(|flag| (*flag).to_owned()).collect();
        match what {
            Do::Deliver { into, or_inbox, seen } => Self::Deliver {
                entry: entries,
                into: into.as_ref().map(name),
                or_inbox: *or_inbox,
                seen: *seen,
            },
            Do::DeliverAgain(entry) => Self::Deliver {
                entry: entry % entries.max(1),
                into: None,
                or_inbox: false,
                seen: false,
            },
            Do::Append { mailbox, count, flags, date } => {
                let texts = (0..*count).map(|_| {
                    *serial += 1;
                    format!("a{serial}")
                });
                let (texts, flags) = (texts.collect(), named(flags));
                Self::Append { mailbox: rules.at(*mailbox), texts, flags, date: *date }
            }
            Do::Store { mailbox, which, how, flags, since } => {
                let mailbox = rules.at(*mailbox);
                let (uids, flags) = (uids(mailbox, which), named(flags));
                let since = since.map(|ago| rules.mailboxes[&mailbox].modseq.saturating_sub(ago));
                Self::Store { mailbox, uids, how: *how, flags, since }
            }
            Do::Copy { from, which, to } => {
                let from = rules.at(*from);
                Self::Copy { from, uids: uids(from, which), to: rules.at(*to) }
            }
            Do::Move { from, which, to } => {
                let from = rules.at(*from);
                Self::Move { from, uids: uids(from, which), to: rules.at(*to) }
            }
            Do::Expunge { mailbox, which } | Do::Remove { mailbox, which } => {
                let mailbox = rules.at(*mailbox);
                let only_deleted = matches!(what, Do::Expunge { .. });
                Self::Expunge { mailbox, uids: uids(mailbox, which), only_deleted }
            }
            Do::Create(place) => Self::Create(name(place)),
            Do::Delete(place) => Self::Delete(name(place)),
            Do::Rename(from, to) => Self::Rename(name(from), name(to)),
            Do::Subscribe(place, subscribed) => Self::Subscribe(name(place), *subscribed),
            Do::ClaimRecent(mailbox) => Self::ClaimRecent(rules.at(*mailbox)),
            Do::Refresh(mailbox) => Self::Refresh(rules.at(*mailbox)),
        }
    }

    /// Done to the rules. `served` are the entries that were delivered before.
    pub(super) fn apply(&self, rules: &mut Rules, served: &BTreeSet<usize>) -> Answer {
        let refused = |done: Result<(), Refused>| match done {
            Ok(()) => Answer::Nothing,
            Err(why) => Answer::Refused(why),
        };
        match self {
            Self::Deliver { entry, .. } if served.contains(entry) => Answer::Before,
            Self::Deliver { entry, into, or_inbox, seen } => {
                let name = into.clone().unwrap_or_else(|| "INBOX".to_owned());
                let name =
                    if *or_inbox && rules.by_name(&name).is_none() { "INBOX" } else { &name };
                let mailbox = rules.find_or_create(name);
                let flags = seen.then(|| "\\Seen".to_owned()).into_iter().collect();
                let new = new_message(&entry_text(*entry), flags, NOW.millis());
                let uid = rules.mailbox(mailbox).arrive(vec![new])[0];
                Answer::Delivered { mailbox, uid }
            }
            Self::Append { mailbox, texts, flags, date } => {
                let new = texts.iter().map(|text| new_message(text, flags.clone(), *date));
                Answer::Uids(rules.mailbox(*mailbox).arrive(new.collect()))
            }
            Self::Store { mailbox, uids, how, flags, since } => {
                let (done, modified) = rules.mailbox(*mailbox).store(uids, *how, flags, *since);
                Answer::Stored(done, modified)
            }
            Self::Copy { from, uids, to } => Answer::Pairs(rules.copy(*from, uids, *to)),
            Self::Move { from, uids, to } => Answer::Pairs(rules.move_messages(*from, uids, *to)),
            Self::Expunge { mailbox, uids, only_deleted } => {
                Answer::Uids(rules.mailbox(*mailbox).remove(uids, *only_deleted))
            }
            Self::Create(name) => refused(rules.create(name)),
            Self::Delete(name) => refused(rules.delete(name)),
            Self::Rename(from, to) => refused(rules.rename(from, to)),
            Self::Subscribe(name, true) => {
                rules.subscribed.insert(name.clone());
                Answer::Nothing
            }
            Self::Subscribe(name, false) => {
                rules.subscribed.remove(name);
                Answer::Nothing
            }
            Self::ClaimRecent(mailbox) => {
                let mailbox = rules.mailbox(*mailbox);
                let from = std::mem::replace(&mut mailbox.recent_from, mailbox.next);
                Answer::Uids(vec![from])
            }
            Self::Refresh(mailbox) => {
                if rules.mailboxes[mailbox].touched {
                    rules.compare();
                }
                Answer::Nothing
            }
        }
    }

    /// Done to the store.
    pub(super) async fn perform(&self, account: &AccountMailboxes) -> Result<Answer, StoreError> {
        let numbers = |uids: &[Uid]| Answer::Uids(uids.iter().map(|uid| uid.number()).collect());
        let pairs = |copied: mail_store::Copied| {
            let pair = |(old, new): &(Uid, Uid)| (old.number(), new.number());
            Answer::Pairs(copied.uids.iter().map(pair).collect())
        };
        let done = match self {
            Self::Deliver { entry, into, or_inbox, seen } => {
                deliver(account, *entry, into.as_deref(), *or_inbox, *seen).await?
            }
            Self::Append { mailbox, texts, flags, date } => {
                let mut messages = Vec::new();
                for text in texts {
                    let mut incoming = account.incoming(Timestamp::from_millis(*date))?;
                    incoming.write(&message(text)).await?;
                    let written = incoming.finish().await?;
                    messages.push(NewMessage { written, flags: flag_set(flags) });
                }
                numbers(&account.append(MailboxId(*mailbox), messages).await?.uids)
            }
            Self::Store { mailbox, uids, how, flags, since } => {
                let flags = flag_set(flags);
                let change = match how {
                    How::Add => FlagChange::Add(flags),
                    How::Remove => FlagChange::Remove(flags),
                    How::Replace => FlagChange::Replace(flags),
                };
                let (mailbox, since) = (MailboxId(*mailbox), since.map(ModSeq));
                let stored = account.store_flags(mailbox, &set(uids), change, since).await?;
                let done = stored
                    .done
                    .iter()
                    .map(|one| (one.uid.number(), words(&one.flags), one.modseq.0));
                let modified = stored.modified.iter().map(|uid| uid.number());
                Answer::Stored(done.collect(), modified.collect())
            }
            Self::Copy { from, uids, to } => {
                pairs(account.copy(MailboxId(*from), &set(uids), MailboxId(*to)).await?)
            }
            Self::Move { from, uids, to } => {
                pairs(account.move_messages(MailboxId(*from), &set(uids), MailboxId(*to)).await?)
            }
            Self::Expunge { mailbox, uids, only_deleted: true } => {
                numbers(&account.expunge(MailboxId(*mailbox), &set(uids)).await?)
            }
            Self::Expunge { mailbox, uids, only_deleted: false } => {
                numbers(&account.remove(MailboxId(*mailbox), &set(uids)).await?)
            }
            Self::Create(new) => refused(account.create(&name(new), None).await.map(drop))?,
            Self::Delete(old) => refused(account.delete(&name(old)).await)?,
            Self::Rename(from, to) => refused(account.rename(&name(from), &name(to)).await)?,
            Self::Subscribe(to, subscribed) => {
                refused(account.subscribe(&name(to), *subscribed).await)?
            }
            Self::ClaimRecent(mailbox) => {
                numbers(&[account.claim_recent(MailboxId(*mailbox)).await?.0])
            }
            Self::Refresh(mailbox) => {
                refused(account.refresh(MailboxId(*mailbox)).await.map(drop))?
            }
        };
        Ok(done)
    }
}

async fn deliver(
    account: &AccountMailboxes,
    entry: usize,
    into: Option<&str>,
    or_inbox: bool,
    seen: bool,
) -> Result<Answer, StoreError> {
    let (queue_id, recipient) = (queue_id(entry), RecipientNumber(0));
    let mut incoming = account.incoming_delivery(queue_id, recipient, NOW);
    incoming.write(&message(&entry_text(entry))).await?;
    let flags = seen.then_some(Flag::Seen).into_iter().collect();
    let (written, file_into) = (incoming.finish().await?, into.map(name));
    let delivery = Delivery { queue_id, recipient, written, file_into, or_inbox, flags };
    let delivered = account.deliver(vec![delivery]).await?.delivered.remove(0);
    let (mailbox, uid) = (delivered.mailbox.0, delivered.uid.number());
    Ok(if delivered.before { Answer::Before } else { Answer::Delivered { mailbox, uid } })
}

fn refused(done: Result<(), StoreError>) -> Result<Answer, StoreError> {
    Ok(Answer::Refused(match done {
        Ok(()) => return Ok(Answer::Nothing),
        Err(StoreError::NoSuchMailbox(_)) => Refused::None,
        Err(StoreError::MailboxExists(_)) => Refused::Taken,
        Err(StoreError::NotPossible { .. }) => Refused::NotPossible,
        Err(other) => return Err(other),
    }))
}

pub(super) fn name(text: &str) -> MailboxName {
    MailboxName::parse(text).unwrap()
}

fn set(uids: &BTreeSet<u32>) -> UidSet {
    uids.iter().map(|uid| Uid::new(*uid).unwrap()).collect()
}

fn flag_set(flags: &Flags) -> FlagSet {
    flags.iter().map(|flag| Flag::parse(flag).unwrap()).collect()
}

pub(super) fn words(flags: &FlagSet) -> Flags {
    flags.iter().map(|flag| flag.as_str().to_owned()).collect()
}
