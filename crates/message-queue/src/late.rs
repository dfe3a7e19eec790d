//! What was to be delivered by a time that has come, and that nobody leases: its destination is
//! paused or has no room, or its route holds it (RFC 2852 §4.1.3 knows no exception for those).
//!
//! What the operator holds is left alone: somebody looks into it, and its time counts when it is
//! released. So is what is set aside.

use std::collections::BTreeMap;

use mail_types::{Domain, RecipientNumber, Timestamp};

use crate::{
    Consumes, Lateness, Queue, QueueError,
    conclude::{Ended, Policy, RouteNotification, conclude},
    encode,
    jobs::{Answer, BounceJob, Job, SettleJob},
    sql::{self, Behind, LateRow},
};

/// The most entries that are looked at together.
const PAGE: u32 = 200;

/// Whose part of the queue is gone through.
#[derive(Debug, Clone, Copy)]
pub struct LateIn<'a> {
    /// The lanes.
    pub consumes: Consumes,
    /// What is held for one of these reasons counts as waiting.
    pub held_for: &'a [String],
}

impl Queue {
    /// Ends what is to be returned because its time is over, and tells the senders who want to know
    /// that theirs is; returns how many recipients that were. To be called now and then, beside all
    /// else, by whoever settles that part of the queue.
    pub async fn end_late(
        &self,
        which: LateIn<'_>,
        policy: &Policy,
        reporting_mta: &Domain,
        routes: &impl RouteNotification,
        now: Timestamp,
    ) -> Result<u64, QueueError> {
        let held_for = encode::texts(which.held_for);
        let late = sql::Late {
            local: which.consumes == Consumes::Local,
            now: now.millis(),
            held_for: &held_for,
            entries_max: PAGE,
        };
        let mut behind = Some(Behind { at: i64::MIN, entry: String::new() });
        let mut ended = 0_u64;
        while let Some(from) = behind.take() {
            let rows = {
                let mut reader = self.database().reader().acquire().await?;
                let rows = sql::late(&mut reader, &late, &from).await?;
                behind = sql::last_looked_at(&mut reader, &late, &from).await?;
                rows
            };
            for of_entry in by_entry(rows).into_values() {
                let ends = self.end_one(of_entry, policy, reporting_mta, routes, now).await?;
                ended = ended.saturating_add(ends as u64);
            }
        }
        Ok(ended)
    }

    async fn end_one(
        &self,
        rows: Vec<LateRow>,
        policy: &Policy,
        reporting_mta: &Domain,
        routes: &impl RouteNotification,
        now: Timestamp,
    ) -> Result<usize, QueueError> {
        let held: Vec<i64> = rows.iter().filter(|row| row.is_held).map(|row| row.number).collect();
        let meant: Vec<_> = rows.into_iter().map(|row| row.meant).collect();
        let (opened, _) = self.opened(&meant).await?;
        // What can't be read is set aside by whoever leases it.
        let Some((lease, lanes)) = opened else { return Ok(0) };
        let ends = match lease.lateness(now) {
            Lateness::InTime => return Ok(0),
            Lateness::Tell => Vec::new(),
            Lateness::Over(outcome) => {
                let end = |number| Ended { number, outcome: outcome.clone(), on_success: None };
                lease.recipients.iter().map(|recipient| end(recipient.number)).collect()
            }
        };
        let numbers: Vec<RecipientNumber> = lease.recipients.iter().map(|one| one.number).collect();
        let (entry, token) = (lease.entry.id.to_string(), lease.token);
        let mut settlement = conclude(self, lease, ends, policy, reporting_mta, now, routes).await;
        for number in numbers.iter().filter(|number| held.contains(&i64::from(number.0))) {
            settlement.still_held(*number);
        }
        let settle = SettleJob::of_lanes(&[settlement], &lanes, now)?;
        let numbers = numbers.iter().map(|number| number.0).collect();
        let job = BounceJob { entry, numbers, token: token.0, settle };
        let Answer::Turned(done) = self.submit(Job::Bounce(Box::new(job))).await? else {
            return Err(QueueError::wrong_answer());
        };
        self.remove_contents(done.settled.finished_files).await;
        Ok(done.settled.settled)
    }
}

fn by_entry(rows: Vec<LateRow>) -> BTreeMap<(i64, String), Vec<LateRow>> {
    let mut all: BTreeMap<_, Vec<LateRow>> = BTreeMap::new();
    for row in rows {
        all.entry((row.at, row.meant.entry.clone())).or_default().push(row);
    }
    all
}
