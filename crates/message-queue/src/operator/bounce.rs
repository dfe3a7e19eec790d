//! What the operator gives up: it fails now, and its sender is told.

use std::collections::BTreeMap;

use mail_types::{Domain, EnhancedStatus, Outcome, Problem, RecipientNumber, Scope, Timestamp};
use stable_storage::on_blocking_thread;
use tokio::task::JoinSet;

use super::change::Search;
use crate::{
    Lease, Notification, Queue, QueueError, Settlement, chance,
    conclude::RouteNotification,
    decode, encode,
    jobs::{Answer, BounceJob, Job, SettleJob, TurnDone},
    operator::Filter,
    report::{self, Reported, Reporter, To, What},
    sql::{self, LeaseRows, Meant},
};

/// How many settlements may be under way at once: they share a flush.
const AT_ONCE: usize = 64;

/// What was given up.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Bounced {
    /// Recipients that failed.
    pub recipients: u64,
    /// Notifications that were queued.
    pub notifications: u64,
    /// The ids of entries that cannot be read: nobody can be told about them.
    pub unreadable: Vec<String>,
}

/// Why recipients are given up, and who says so.
#[derive(Debug, Clone, Copy)]
pub struct GiveUp<'a> {
    /// In the operator's words; the sender reads them.
    pub reason: &'a str,
    /// This host.
    pub reporting_mta: &'a Domain,
}

impl Queue {
    /// Fails recipients that wait, are held or set aside, and tells their senders as NOTIFY asks.
    pub async fn bounce(
        &self,
        filter: &Filter,
        give_up: GiveUp<'_>,
        routes: &impl RouteNotification,
        now: Timestamp,
    ) -> Result<Bounced, QueueError> {
        let mut search = Search::begin(self, filter, sql::REMOVABLE, None).await?;
        let (mut bounced, mut settling) = (Bounced::default(), JoinSet::new());
        while let Some(meant) = search.page(self).await? {
            for of_entry in by_entry(meant) {
                let (lease, unreadable) = self.opened(&of_entry).await?;
                bounced.unreadable.extend(unreadable);
                let Some(lease) = lease else { continue };
                let job = self.bounce_job(lease, give_up, routes, now).await?;
                let queue = self.clone();
                settling.spawn(async move { queue.submit(Job::Bounce(Box::new(job))).await });
                while settling.len() >= AT_ONCE {
                    self.settled(&mut settling, &mut bounced).await?;
                }
            }
        }
        while !settling.is_empty() {
            self.settled(&mut settling, &mut bounced).await?;
        }
        Ok(bounced)
    }

    /// What a lease of these recipients, all of one entry, would be, though they are not leased,
    /// with their lanes; and the entry's id if something of it cannot be read.
    pub(crate) async fn opened(
        &self,
        meant: &[Meant],
    ) -> Result<(Option<(Lease, Vec<String>)>, Option<String>), QueueError> {
        let Some(Meant { entry: id, .. }) = meant.first() else { return Ok((None, None)) };
        let Some(entry) = sql::show(self.database().reader(), id).await? else {
            return Ok((None, None));
        };
        let rows = encode::texts(meant.iter().map(|meant| meant.row));
        let token = chance::token();
        let recipients = sql::as_leased(self.database().reader(), id, &rows, token).await?;
        let rows = LeaseRows { recipients, entries: vec![entry], ..LeaseRows::default() };
        let (spool, files) = (self.spool(), self.files().clone());
        let opened =
            on_blocking_thread(move || Ok::<_, QueueError>(decode::open(rows, &spool, &files)))
                .await?;
        let unreadable = (!opened.unreadable.is_empty()).then(|| id.clone());
        let lanes = opened.leases.iter().map(|lease| lease.lane.to_string()).collect();
        // One notification for all of them, whatever their lanes.
        let one = opened.leases.into_iter().reduce(|mut one, mut other| {
            one.recipients.append(&mut other.recipients);
            one
        });
        Ok((one.map(|lease| (lease, lanes)), unreadable))
    }

    async fn bounce_job(
        &self,
        (lease, lanes): (Lease, Vec<String>),
        give_up: GiveUp<'_>,
        routes: &impl RouteNotification,
        now: Timestamp,
    ) -> Result<BounceJob, QueueError> {
        // RFC 3463 §3.1, X.0.0: only the class is known; the rest is the operator's to say.
        let text = format!("returned by the operator: {}", give_up.reason);
        let problem = Problem::new(EnhancedStatus::new(5, 0, 0), Scope::Message, text);
        let outcome = Outcome::Failed(problem);
        let numbers: Vec<RecipientNumber> = lease.recipients.iter().map(|one| one.number).collect();
        let reported: Vec<Reported> = numbers
            .iter()
            .map(|number| Reported {
                number: *number,
                what: What::Failed,
                outcome: outcome.clone(),
            })
            .collect();
        let mut notifications: Vec<Notification> = Vec::new();
        for due in report::due(&lease, &reported, false) {
            let recipients = route(routes, &due.to).await?;
            if recipients.is_empty() {
                continue;
            }
            let mut by = Reporter::from(give_up.reporting_mta);
            if let To::Sender(to) = &due.to
                && let Some(languages) = routes.languages(to)
            {
                by.languages = languages;
            }
            notifications.push(report::write(self, &lease, &due, recipients, by, now).await?);
        }
        let (entry, token) = (lease.entry.id.to_string(), lease.token);
        let mut settlement = Settlement::of(lease);
        for number in &numbers {
            settlement.recipient(*number, outcome.clone(), None);
        }
        notifications.into_iter().for_each(|notification| settlement.notify(notification));
        let settle = SettleJob::of_lanes(&[settlement], &lanes, now)?;
        let numbers = numbers.iter().map(|number| number.0).collect();
        Ok(BounceJob { entry, numbers, token: token.0, settle })
    }

    async fn settled(
        &self,
        settling: &mut JoinSet<Result<Answer, QueueError>>,
        bounced: &mut Bounced,
    ) -> Result<(), QueueError> {
        let Some(joined) = settling.join_next().await else { return Ok(()) };
        let Ok(answer) = joined else { return Err(QueueError::wrong_answer()) };
        let Answer::Turned(done) = answer? else { return Err(QueueError::wrong_answer()) };
        let TurnDone { settled, .. } = *done;
        bounced.recipients = bounced.recipients.saturating_add(settled.settled as u64);
        let notified = settled.notified.len() as u64;
        bounced.notifications = bounced.notifications.saturating_add(notified);
        self.remove_contents(settled.finished_files).await;
        Ok(())
    }
}

async fn route(
    routes: &impl RouteNotification,
    to: &To,
) -> Result<Vec<crate::NewRecipient>, QueueError> {
    let To::Sender(to) = to else { return Ok(Vec::new()) };
    let routed = routes.route(to).await;
    routed.map_err(|why| QueueError::Unroutable { to: to.clone(), why })
}

/// Recipients of one entry need not stand together.
fn by_entry(meant: Vec<Meant>) -> impl Iterator<Item = Vec<Meant>> {
    let mut all: BTreeMap<String, Vec<Meant>> = BTreeMap::new();
    for one in meant {
        all.entry(one.entry.clone()).or_default().push(one);
    }
    all.into_values()
}
