//! The messages that wait for one account, brought into its mailboxes together.
//!
//! First every copy is written, several at once; then one transaction of the account's index makes them
//! all durable and visible. Each part ends with an outcome.

use std::{collections::BTreeMap, sync::Arc};

use account_usage::Usage;
use agent_kit::now;
use directory::Account;
use mail_store::{AccountMailboxes, Delivered, Delivery, Filed, Once, StoreError, Totals, Written};
use mail_types::{
    AccountId, Address, Allotment, EnhancedStatus, FlagSet, MailboxName, Outcome, Problem,
    RecipientNumber, Reply, Scope,
};
use message_queue::{LeaseEntry, LeaseRecipient};
use tokio::task::JoinSet;

use crate::{
    copy::{self, CopyError},
    once, room,
    service::Shared,
};

/// One recipient of a lease.
#[derive(Debug, Clone)]
pub(crate) struct Part {
    /// Which lease it is of.
    pub(crate) lease: u64,
    /// The entry.
    pub(crate) entry: Arc<LeaseEntry>,
    /// The recipient.
    pub(crate) recipient: LeaseRecipient,
    /// By what another copy of the message is known, where one is enough.
    pub(crate) once: Option<Once>,
}

/// How a part ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) lease: u64,
    pub(crate) number: RecipientNumber,
    pub(crate) outcome: Outcome,
}

impl Part {
    /// The part's end.
    pub(crate) fn ended(&self, outcome: Outcome) -> Ended {
        Ended { lease: self.lease, number: self.recipient.number, outcome }
    }
}

/// Delivers to one account whatever waits for it.
pub(crate) async fn deliver(shared: Arc<Shared>, id: AccountId, parts: Vec<Part>) -> Vec<Ended> {
    let all = |outcome: Outcome| parts.iter().map(|part| part.ended(outcome.clone())).collect();
    let account = match shared.directory.account(id).await {
        Ok(Some(account)) if account.is_shut(now()) => return all(disabled()),
        Ok(Some(account)) => account,
        Ok(None) => return all(unknown()),
        Err(error) => {
            tracing::error!(account = %id, %error, "the directory can't be read");
            return all(trouble("the directory can't be read"));
        }
    };
    let allotment = match shared.directory.allotment(id).await {
        Ok(allotment) => allotment.unwrap_or(Allotment::alone(id, account.quota())),
        Err(error) => {
            tracing::error!(account = %id, %error, "the directory can't be read");
            return all(trouble("the directory can't be read"));
        }
    };
    let mailboxes = shared.store.account(id).within(allotment.own);
    let within = shared.config.delivery.duplicates_within;
    let Ok(marked) = once::mark(within, parts.clone()).await else {
        return all(trouble("the message can't be read now"));
    };
    let divided = room::divide(&shared, &mailboxes, &allotment, marked).await;
    let (room, mut ended) = match divided {
        Ok(divided) => divided,
        Err(error) => return all(of_store(id, &error)),
    };
    let (written, not_written) = write_all(&shared, &mailboxes, room).await;
    ended.extend(not_written);
    let (filed, totals) = file_all(&shared, &mailboxes, &account, written).await;
    ended.extend(filed);
    if let Some(totals) = totals {
        publish(&shared, &mailboxes, totals).await;
    }
    ended
}

/// The most messages that a thread writes one after the other, while others may write others.
const TOGETHER_MAX: usize = 8;
/// The most octets of them.
const TOGETHER_OCTETS: u64 = 1 << 20;

/// Divides what is to be written among threads: small messages share one.
fn together<T>(all: Vec<T>, octets: impl Fn(&T) -> u64) -> Vec<Vec<T>> {
    let mut groups: Vec<Vec<T>> = Vec::new();
    let mut sum = 0_u64;
    for one in all {
        let octets = octets(&one);
        sum = sum.saturating_add(octets);
        match groups.last_mut() {
            Some(group) if group.len() < TOGETHER_MAX && sum <= TOGETHER_OCTETS => group.push(one),
            _ => {
                sum = octets;
                groups.push(vec![one]);
            }
        }
    }
    groups
}

/// Writes the copies, several at once; those that can't be written have ended.
async fn write_all(
    shared: &Shared,
    mailboxes: &AccountMailboxes,
    parts: Vec<Part>,
) -> (Vec<(Part, Written)>, Vec<Ended>) {
    let mut writing = JoinSet::new();
    for group in together(parts, |part| part.entry.content.len()) {
        let Ok(permit) = shared.writing.clone().acquire_owned().await else { break };
        let mailboxes = mailboxes.clone();
        writing.spawn_blocking(move || {
            let _permit = permit;
            copy::write_here(&mailboxes, group, now())
        });
    }
    let (mut done, mut ended) = (Vec::new(), Vec::new());
    while let Some(joined) = writing.join_next().await {
        // What has no end is looked after by the desk.
        let written = joined.unwrap_or_else(|error| {
            tracing::error!(%error, "writing copies broke");
            Vec::new()
        });
        for (part, written) in written {
            match written {
                Ok(written) => done.push((part, written)),
                Err(error) => {
                    let outcome = of_copy(mailboxes.id(), &part, error);
                    ended.push(part.ended(outcome));
                }
            }
        }
    }
    // In the order in which they were queued.
    done.sort_by_key(|(part, _)| (part.entry.queued_at, part.entry.id, part.recipient.number));
    (done, ended)
}

/// Makes the copies visible, a transaction for each mailbox that they go to; and what the account
/// holds then, if anything came in.
async fn file_all(
    shared: &Shared,
    mailboxes: &AccountMailboxes,
    account: &Account,
    written: Vec<(Part, Written)>,
) -> (Vec<Ended>, Option<Totals>) {
    let mut groups: BTreeMap<Option<MailboxName>, Vec<(Part, Written)>> = BTreeMap::new();
    for (part, copy) in written {
        let mailbox = part.recipient.file_into.as_ref().map(|into| into.mailbox.clone());
        groups.entry(mailbox).or_default().push((part, copy));
    }
    let (mut ended, mut totals) = (Vec::new(), None);
    for group in groups.into_values() {
        let (parts, copies): (Vec<Part>, Vec<Written>) = group.into_iter().unzip();
        let error = match file(mailboxes, &parts, copies).await {
            Ok(filed) => {
                totals = Some(filed.totals);
                let outcomes = filed.delivered.iter().map(|one| delivered(account, one));
                ended.extend(parts.iter().zip(outcomes).map(|(part, end)| part.ended(end)));
                continue;
            }
            Err(error) => error,
        };
        if parts.len() == 1 || error.is_full() {
            let outcome = of_store(account.id, &error);
            ended.extend(parts.iter().map(|part| part.ended(outcome.clone())));
            continue;
        }
        tracing::warn!(account = %account.id, %error, "messages can't be filed together: one by one");
        for part in parts {
            let (alone, held) = file_alone(shared, mailboxes, account, part).await;
            totals = held.or(totals);
            ended.extend(alone);
        }
    }
    (ended, totals)
}

/// Makes copies visible, all or none.
async fn file(
    mailboxes: &AccountMailboxes,
    parts: &[Part],
    copies: Vec<Written>,
) -> Result<Filed, StoreError> {
    let delivery = |(part, written): (&Part, Written)| {
        let into = part.recipient.file_into.as_ref();
        Delivery {
            queue_id: part.entry.id,
            recipient: part.recipient.number,
            written,
            file_into: into.map(|into| into.mailbox.clone()),
            or_inbox: into.is_some_and(|into| into.or_inbox),
            flags: into.map_or_else(FlagSet::new, |into| into.flags.clone()),
        }
    };
    mailboxes.deliver(parts.iter().zip(copies).map(delivery).collect()).await
}

/// A copy that failed among others is written and filed once more by itself, so that one message
/// is not the trouble of the rest.
async fn file_alone(
    shared: &Shared,
    mailboxes: &AccountMailboxes,
    account: &Account,
    part: Part,
) -> (Vec<Ended>, Option<Totals>) {
    let (written, mut ended) = write_all(shared, mailboxes, vec![part]).await;
    let mut totals = None;
    for (part, copy) in written {
        let outcome = match file(mailboxes, std::slice::from_ref(&part), vec![copy]).await {
            Ok(filed) => {
                totals = Some(filed.totals);
                filed.delivered.first().map_or_else(unknown, |one| delivered(account, one))
            }
            Err(error) => of_store(account.id, &error),
        };
        ended.push(part.ended(outcome));
    }
    (ended, totals)
}

/// Counts what the account holds now, and tells it.
pub(crate) async fn count_and_publish(shared: &Shared, mailboxes: &AccountMailboxes) {
    match mailboxes.totals().await {
        Ok(totals) => publish(shared, mailboxes, totals).await,
        Err(error) => {
            tracing::warn!(account = %mailboxes.id(), %error, "the usage can't be counted");
        }
    }
}

/// Tells what the account holds now. If that fails, the next change tells it.
async fn publish(shared: &Shared, mailboxes: &AccountMailboxes, totals: Totals) {
    if let Err(error) = try_publish(shared, mailboxes, totals).await {
        let error = &*error;
        tracing::warn!(account = %mailboxes.id(), error, "the usage can't be published");
    }
}

async fn try_publish(
    shared: &Shared,
    mailboxes: &AccountMailboxes,
    totals: Totals,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let told = (mailboxes.quota(), now());
    let count = async || Ok(usage(mailboxes.totals().await?));
    shared.usage.publish_counted(mailboxes.id(), usage(totals), told, count).await
}

fn usage(totals: Totals) -> Usage {
    Usage { octets: totals.octets, messages: totals.messages, version: totals.version }
}

fn delivered(account: &Account, filed: &Delivered) -> Outcome {
    let text = match filed.duplicate {
        true => "not filed: a message with its Message-ID was filed there before",
        false => "delivered to the mailbox",
    };
    let reply = Reply::new(250, Some(EnhancedStatus::new(2, 0, 0)), text);
    Outcome::Delivered { by: format!("mailbox {}", account.address), reply }
}

/// Others have it.
pub(crate) fn expanded(name: &Address) -> Outcome {
    let reply = Reply::new(250, Some(EnhancedStatus::new(2, 1, 5)), "passed on to its members");
    Outcome::Delivered { by: format!("the members of {name}"), reply }
}

/// RFC 3463 §3.2, X.1.1: the account was removed since its address was accepted.
pub(crate) fn unknown() -> Outcome {
    failed((1, 1), "there is no such mailbox any more")
}

/// RFC 3463 §3.3, X.2.1: its owner may be let in again before the message's time is over.
fn disabled() -> Outcome {
    deferred((2, 1), "the mailbox is disabled")
}

/// RFC 3463 §3.3, X.2.2.
pub(crate) fn full() -> Outcome {
    deferred((2, 2), "the mailbox is full")
}

/// The same, when waiting is in vain.
pub(crate) fn full_for_long() -> Outcome {
    failed((2, 2), "the mailbox has been full for a long time")
}

/// RFC 3463 §3.3, X.2.0, in words that tell the sender nothing about this installation.
pub(crate) fn trouble(text: &str) -> Outcome {
    deferred((2, 0), text)
}

fn of_copy(account: AccountId, part: &Part, error: CopyError) -> Outcome {
    match error {
        // RFC 3463 §3.5, X.4.6.
        CopyError::Loop => failed((4, 6), "the message has been in this mailbox already: a loop"),
        CopyError::Content(error) => {
            tracing::error!(queue_id = %part.entry.id, %error, "a queued message can't be read");
            trouble("the message can't be read now")
        }
        CopyError::Store(error) => of_store(account, &error),
    }
}

fn of_store(account: AccountId, error: &StoreError) -> Outcome {
    if let StoreError::OverQuota(_) = error {
        // Others were faster: whether that is for long is looked at when it is tried again.
        return full();
    }
    let cause = std::error::Error::source(error).map(ToString::to_string).unwrap_or_default();
    if error.is_full() {
        tracing::error!(%account, %error, cause, "the disk is full");
        // RFC 3463 §3.4, X.3.1: mail system full.
        return deferred((3, 1), "the mail store is full");
    }
    tracing::error!(%account, %error, cause, "a mailbox can't take mail");
    trouble("the mailbox can't take mail now")
}

fn deferred((subject, detail): (u16, u16), text: &str) -> Outcome {
    let status = EnhancedStatus::new(4, subject, detail);
    Outcome::Deferred(Problem::new(status, Scope::Recipient, text))
}

fn failed((subject, detail): (u16, u16), text: &str) -> Outcome {
    let status = EnhancedStatus::new(5, subject, detail);
    Outcome::Failed(Problem::new(status, Scope::Recipient, text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_messages_share_a_thread() {
        const MIB: u64 = TOGETHER_OCTETS;
        let check = |octets: &[u64], expected: &[usize]| {
            let groups = together(octets.to_vec(), |octets| *octets);
            assert_eq!(groups.concat(), octets, "in their order");
            assert_eq!(groups.iter().map(Vec::len).collect::<Vec<_>>(), expected, "{octets:?}");
        };
        check(&[], &[]);
        check(&[4096; 20], &[8, 8, 4]);
        check(&[MIB, 1, 2], &[1, 2]);
        check(&[1, MIB - 1, 1], &[2, 1]);
        check(&[50 * MIB, 50 * MIB, 1], &[1, 1, 1]);
    }
}
