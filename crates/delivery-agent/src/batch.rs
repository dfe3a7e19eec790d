//! The messages that wait for one account, delivered together: one transaction of its index.

use std::sync::Arc;

use account_usage::{Quota, Usage, UsagePublisher};
use directory::Account;
use mail_store::{AccountMailboxes, Delivered, Delivery, MailStore, StoreError, Written};
use mail_types::{
    EnhancedStatus, FlagSet, Outcome, Problem, RecipientNumber, Reply, Scope, Timestamp,
};
use message_queue::{Lease, LeaseRecipient};
use tokio::task::JoinSet;

use crate::message::{self, NotWritten, store_problem};

/// Copies of one account that are written at the same time: their syncs share the disk's effort.
const WRITERS: usize = 8;

/// One recipient of one lease, to be delivered.
#[derive(Clone)]
pub(crate) struct Job {
    /// The desk's own number of the lease.
    pub(crate) lease_key: u64,
    pub(crate) lease: Arc<Lease>,
    /// The recipient's place in the lease.
    pub(crate) place: usize,
}

/// What became of a job.
pub(crate) struct Done {
    pub(crate) lease_key: u64,
    pub(crate) number: RecipientNumber,
    pub(crate) outcome: Outcome,
}

impl Job {
    pub(crate) fn recipient(&self) -> Option<&LeaseRecipient> {
        self.lease.recipients.get(self.place)
    }

    fn done(&self, outcome: Outcome) -> Option<Done> {
        let number = self.recipient()?.number;
        Some(Done { lease_key: self.lease_key, number, outcome })
    }
}

/// What the batches of a process share.
#[derive(Clone)]
pub(crate) struct Stores {
    pub(crate) store: MailStore,
    pub(crate) usage: UsagePublisher,
}

/// Delivers the jobs of one account and tells what became of each.
pub(crate) async fn deliver(
    stores: &Stores,
    account: &Account,
    jobs: Vec<Job>,
    now: Timestamp,
) -> Vec<Done> {
    let mailboxes = stores.store.account(account.id);
    let mut done = Vec::new();
    let (fitting, refused) = within_quota(&mailboxes, account, jobs).await;
    done.extend(refused);
    let (written, failed) = write_all(&mailboxes, fitting, now).await;
    done.extend(failed);
    let (jobs, deliveries): (Vec<Job>, Vec<Delivery>) =
        written.into_iter().filter_map(|(job, written)| delivery(job, written)).unzip();
    if jobs.is_empty() {
        return done;
    }
    match mailboxes.deliver(deliveries).await {
        Ok(places) => {
            let outcomes = jobs
                .iter()
                .zip(&places)
                .filter_map(|(job, place)| job.done(delivered(account, place)));
            done.extend(outcomes);
            publish(stores, &mailboxes).await;
        }
        // All or none; which of them is to blame shows when each goes alone.
        Err(error) if jobs.len() > 1 => {
            tracing::warn!(account = %account.id, %error, "a batch failed, delivering one by one");
            for job in jobs {
                done.extend(Box::pin(deliver(stores, account, vec![job], now)).await);
            }
        }
        Err(error) => {
            let outcome = Outcome::Deferred(store_problem(&error));
            done.extend(jobs.iter().filter_map(|job| job.done(outcome.clone())));
        }
    }
    done
}

/// Sorts out what the account's quota has no room for.
async fn within_quota(
    mailboxes: &AccountMailboxes,
    account: &Account,
    jobs: Vec<Job>,
) -> (Vec<Job>, Vec<Done>) {
    let quota = Quota { octets: account.quota_bytes, messages: None };
    if quota == Quota::default() {
        return (jobs, Vec::new());
    }
    let mut usage = match usage(mailboxes).await {
        Ok(usage) => usage,
        Err(error) => {
            let outcome = Outcome::Deferred(store_problem(&error));
            return (Vec::new(), jobs.iter().filter_map(|j| j.done(outcome.clone())).collect());
        }
    };
    let (mut fitting, mut refused) = (Vec::new(), Vec::new());
    for job in jobs {
        let octets = job.lease.entry.content.len();
        if quota.refuses(&usage, octets).is_some() {
            // RFC 3463 §3.3, X.2.2: mailbox full.
            let problem =
                Problem::new(EnhancedStatus::new(4, 2, 2), Scope::Recipient, "the mailbox is full");
            refused.extend(job.done(Outcome::Deferred(problem)));
        } else {
            usage.octets = usage.octets.saturating_add(octets);
            usage.messages = usage.messages.saturating_add(1);
            fitting.push(job);
        }
    }
    (fitting, refused)
}

/// Writes the copies, some at the same time.
async fn write_all(
    mailboxes: &AccountMailboxes,
    jobs: Vec<Job>,
    now: Timestamp,
) -> (Vec<(Job, Written)>, Vec<Done>) {
    let (mut written, mut failed) = (Vec::new(), Vec::new());
    let mut writers = JoinSet::new();
    let mut waiting = jobs.into_iter().enumerate();
    loop {
        while writers.len() < WRITERS
            && let Some((order, job)) = waiting.next()
        {
            let mailboxes = mailboxes.clone();
            writers.spawn(async move {
                let result = match job.recipient() {
                    Some(recipient) => message::write(&mailboxes, &job.lease, recipient, now).await,
                    None => Err(NotWritten::Store(StoreError::MessageGone)),
                };
                (order, job, result)
            });
        }
        match writers.join_next().await {
            None => break,
            Some(Ok((order, job, Ok(copy)))) => written.push((order, job, copy)),
            Some(Ok((_, job, Err(why)))) => {
                let problem = why.problem();
                let outcome = if problem.status.class() == 5 {
                    Outcome::Failed(problem)
                } else {
                    Outcome::Deferred(problem)
                };
                failed.extend(job.done(outcome));
            }
            // Its job gets no outcome, and waits again after the settlement.
            Some(Err(broken)) => tracing::error!(%broken, "writing a copy broke"),
        }
    }
    // In the order of the queue, so that UIDs follow the order of arrival.
    written.sort_by_key(|(order, _, _)| *order);
    (written.into_iter().map(|(_, job, copy)| (job, copy)).collect(), failed)
}

fn delivery(job: Job, written: Written) -> Option<(Job, Delivery)> {
    let recipient = job.recipient()?;
    let (file_into, flags) = match &recipient.file_into {
        Some(into) => (Some(into.mailbox.clone()), into.flags.clone()),
        None => (None, FlagSet::new()),
    };
    let delivery = Delivery {
        queue_id: job.lease.entry.id,
        recipient: recipient.number,
        written,
        file_into,
        flags,
    };
    Some((job, delivery))
}

fn delivered(account: &Account, place: &Delivered) -> Outcome {
    let again = if place.before { ", delivered already by an earlier attempt" } else { "" };
    // RFC 3463 §3.2, X.1.5: destination address valid.
    let status = EnhancedStatus::new(2, 1, 5);
    let reply = Reply::new(250, Some(status), format!("stored as UID {}{again}", place.uid));
    Outcome::Delivered { by: format!("mailbox {}", account.address), reply }
}

async fn usage(mailboxes: &AccountMailboxes) -> Result<Usage, StoreError> {
    let totals = mailboxes.totals().await?;
    Ok(Usage { octets: totals.octets, messages: totals.messages, version: totals.version })
}

/// Publishes what the account holds now; a failure is made good by the next one.
async fn publish(stores: &Stores, mailboxes: &AccountMailboxes) {
    let published = match usage(mailboxes).await {
        Ok(usage) => stores.usage.publish(mailboxes.id(), usage).await.map_err(|e| e.to_string()),
        Err(error) => Err(error.to_string()),
    };
    if let Err(error) = published {
        tracing::warn!(account = %mailboxes.id(), error, "usage is not published");
    }
}
