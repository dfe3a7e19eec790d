//! The rules of the message queue, in memory: who waits, who is leased by whom, what a settlement
//! changes and what is told of it afterwards.
//!
//! `message-queue` keeps the same in SQLite and files. Its suite of random operations proves the
//! two equal; whatever simulates the queue's users (the relay's simulation of a whole network)
//! stands on this one, which costs nothing. It is for tests and nothing else: nothing of it lasts.
//!
//! The order in which recipients are leased is part of the rules (docs/queue.md, the section on
//! turns), so that equal means equal; module `turns` has it. What a dead holder had comes when a turn finds
//! nothing else.
//!
//! It does not know contents, addresses beyond their text, or what time it is.

mod operate;
mod records;
mod turns;

use std::collections::{BTreeMap, BTreeSet};

use mail_types::{Lane, Outcome, QueueId, RecipientNumber, Timestamp};

pub use operate::{Filter, Operation};
pub use records::{Event, Journey, NewEntry, NewRecipient, Recipient, State, Summary};

use records::{Entry, Row, Story};

/// Somebody who leases; which lanes he may is his request's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Holder(pub u64);

/// What is to be leased.
#[derive(Debug, Clone)]
pub struct Request {
    /// The local lane, or all others.
    pub local: bool,
    /// The most recipients to begin with; others of their entries come along.
    pub leases_max: usize,
    /// Of them, the most that come again.
    pub again_max: usize,
    /// The same for one lane.
    pub per_lane_max: usize,
    /// Not of these lanes.
    pub except: Vec<Lane>,
}

/// One entry's recipients in one lane.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// The entry.
    pub id: QueueId,
    /// The lane.
    pub lane: Lane,
    /// By their numbers.
    pub recipients: Vec<LeaseRecipient>,
    /// What its turn within the lane goes by.
    pub place: i64,
    token: u64,
}

/// A recipient of a lease.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeaseRecipient {
    /// Its place in the entry.
    pub number: RecipientNumber,
    /// Attempts that came to nothing so far.
    pub attempts: u32,
    /// What the last of them came to.
    pub problem: Option<String>,
    /// Whether the sender knows of a delay.
    pub delay_told: bool,
}

/// What was leased.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leased {
    /// The leases, by lane and id.
    pub leases: Vec<Lease>,
    /// When the next recipient of a lane that was not excepted is due.
    pub next_due: Option<Timestamp>,
    /// Lanes that are paused, and of which this holder has leases.
    pub paused: Vec<Lane>,
}

/// The end of a lease. Recipients without an end wait as they did.
#[derive(Debug, Clone)]
pub struct Settlement {
    /// The lease.
    pub lease: Lease,
    /// The ends of its recipients.
    pub ends: Vec<End>,
    /// What is queued with it.
    pub notifications: Vec<NewEntry>,
}

/// The end of one recipient.
#[derive(Debug, Clone)]
pub struct End {
    /// Which.
    pub number: RecipientNumber,
    /// Nothing if it was not tried.
    pub outcome: Option<Outcome>,
    /// When it is due again, if it waits.
    pub next_at: Option<Timestamp>,
    /// Whether a notification of this settlement tells of a delay.
    pub delay_told: bool,
}

/// How many recipients of the settled leases were settled, and how many were somebody else's.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Settled {
    /// Settled.
    pub settled: usize,
    /// Left alone.
    pub superseded: usize,
}

/// The queue.
#[derive(Debug, Clone, Default)]
pub struct MemoryQueue {
    entries: BTreeMap<QueueId, Entry>,
    /// In the order in which they came.
    rows: Vec<Row>,
    holders: BTreeMap<Lane, Holder>,
    /// Since when lanes with a line wait for their turn.
    lines: BTreeMap<Lane, i64>,
    /// Lanes, or all of other servers.
    paused: BTreeSet<Option<Lane>>,
    dead: BTreeSet<Holder>,
    stories: Vec<Story>,
    events: Vec<(QueueId, Event)>,
    sent: BTreeMap<(i64, i64), (u64, u64)>,
    token: u64,
}

impl MemoryQueue {
    /// Takes an entry in.
    pub fn enqueue(&mut self, new: &NewEntry, now: Timestamp) {
        self.take_in(new, now);
        let leave = new.recipients.iter().filter(|one| one.lane != Lane::Local).count() as u64;
        if let (Some(account), 1..) = (new.account, leave) {
            let hour = now.millis().div_euclid(HOUR_MS);
            let (messages, recipients) = self.sent.entry((account, hour)).or_default();
            *messages += 1;
            *recipients += leave;
        }
    }

    /// Settles leases, then leases anew: one transaction.
    pub fn settle_and_lease(
        &mut self,
        settlements: &[Settlement],
        holder: Holder,
        request: &Request,
        now: Timestamp,
    ) -> (Settled, Leased) {
        let settled = self.settle(settlements, now);
        (settled, self.lease(holder, request, now))
    }

    /// Settles leases that are still what they were.
    pub fn settle(&mut self, settlements: &[Settlement], now: Timestamp) -> Settled {
        let mut done = Settled::default();
        let mut notifications = Vec::new();
        for settlement in settlements {
            let lease = &settlement.lease;
            let still = |row: &Row| row.entry == lease.id && row.token == Some(lease.token);
            if !self.rows.iter().any(still) {
                continue;
            }
            for notification in &settlement.notifications {
                let detail = Some(notification.id.to_string());
                self.tell(lease.id, Event { at: now, recipient: None, what: "notified", detail });
                notifications.push(notification.clone());
            }
        }
        self.take_in_all(&notifications, now);
        for settlement in settlements {
            for recipient in &settlement.lease.recipients {
                let end = settlement.ends.iter().find(|end| end.number == recipient.number);
                match self.settle_one(&settlement.lease, recipient.number, end, now) {
                    true => done.settled += 1,
                    false => done.superseded += 1,
                }
            }
        }
        for settlement in settlements {
            self.end_entry(settlement.lease.id);
        }
        self.free_lanes();
        self.lines_go_on(settlements.iter().map(|settlement| settlement.lease.lane.clone()));
        done
    }

    /// Leases what is due.
    pub fn lease(&mut self, holder: Holder, request: &Request, now: Timestamp) -> Leased {
        let mut leased = self.lease_once(holder, request, now);
        let of_the_dead = |(lane, other): (&Lane, &Holder)| {
            ((*lane == Lane::Local) == request.local && self.dead.contains(other)).then_some(*other)
        };
        let dead: BTreeSet<Holder> = self.holders.iter().filter_map(of_the_dead).collect();
        if dead.is_empty() {
            return leased;
        }
        self.free(&dead);
        if leased.leases.is_empty() {
            return self.lease_once(holder, request, now);
        }
        leased.next_due = Some(now);
        leased
    }

    /// This holder is dead: whoever leases next finds out.
    pub fn die(&mut self, holder: Holder) {
        self.dead.insert(holder);
    }

    /// Everybody is dead, and found so.
    pub fn restart(&mut self) {
        let all: BTreeSet<Holder> = self.holders.values().copied().collect();
        self.free(&all);
    }

    fn take_in(&mut self, new: &NewEntry, now: Timestamp) {
        self.take_in_all(std::slice::from_ref(new), now);
    }

    /// Takes entries in at one moment: none of them sees another one.
    fn take_in_all(&mut self, all: &[NewEntry], now: Timestamp) {
        let mut rows = Vec::new();
        for new in all {
            self.entries.insert(new.id, Entry::of(new, now));
            self.stories.push(Story::of(new, now));
            for (recipient, number) in new.recipients.iter().zip(0..) {
                let mut row = Row::of(new, RecipientNumber(number), recipient, now);
                if row.is_due(now) {
                    row.place = self.place_in_line(&row, &rows);
                    self.line_begins(&row, now);
                }
                let (what, detail) = match &recipient.held {
                    Some(reason) => ("held", reason.clone()),
                    None if row.lane == Lane::Local => ("queued", "for delivery-agent".to_owned()),
                    None => ("queued", format!("for smtp-relay, lane {}", row.lane)),
                };
                let (at, recipient, detail) = (now, Some(row.recipient()), Some(detail));
                self.tell(new.id, Event { at, recipient, what, detail });
                rows.push(row);
            }
        }
        self.rows.extend(rows);
    }

    fn settle_one(
        &mut self,
        lease: &Lease,
        number: RecipientNumber,
        end: Option<&End>,
        now: Timestamp,
    ) -> bool {
        let is_it = |row: &&mut Row| {
            row.entry == lease.id && row.number == number && row.token == Some(lease.token)
        };
        let Some(row) = self.rows.iter_mut().find(is_it) else { return false };
        row.token = None;
        row.state = State::Waiting;
        row.delay_told |= end.is_some_and(|end| end.delay_told);
        if let Some(next_at) = end.and_then(|end| end.next_at) {
            row.wait_until(next_at);
        }
        let Some(outcome) = end.and_then(|end| end.outcome.as_ref()) else { return true };
        row.attempts += 1;
        let (state, what) = match outcome {
            Outcome::Delivered { .. } => (State::Delivered, "delivered"),
            Outcome::Deferred(_) => (State::Waiting, "deferred"),
            Outcome::Failed(_) => (State::Failed, "failed"),
        };
        row.state = state;
        let detail = match outcome {
            Outcome::Delivered { by, reply } => format!("{by}: {reply}"),
            Outcome::Deferred(problem) | Outcome::Failed(problem) => problem.to_string(),
        };
        if state != State::Delivered {
            row.problem = Some(detail.clone());
        }
        let (at, recipient, detail) = (now, Some(row.recipient()), Some(detail));
        self.tell(lease.id, Event { at, recipient, what, detail });
        true
    }

    fn lease_once(&mut self, holder: Holder, request: &Request, now: Timestamp) -> Leased {
        self.token += 1;
        let mut leases = Vec::new();
        for (lane, id) in self.choose(holder, request, now) {
            let (mut recipients, mut place) = (Vec::new(), i64::MAX);
            for row in self.rows.iter_mut() {
                if row.entry == id && row.lane == lane && row.is_due_by_place(now) {
                    row.state = State::Leased;
                    row.token = Some(self.token);
                    place = place.min(row.place);
                    recipients.push(row.lease_recipient());
                }
            }
            self.holders.insert(lane.clone(), holder);
            leases.push(Lease { id, lane, recipients, place, token: self.token });
        }
        for lease in &leases {
            self.line_had_its_turn(&lease.lane, now);
        }
        let next_due = self.next_due(holder, request, now);
        Leased { leases, next_due, paused: self.paused_of(holder) }
    }

    fn is_paused(&self, lane: &Lane) -> bool {
        self.paused.contains(&Some(lane.clone()))
            || (*lane != Lane::Local && self.paused.contains(&None))
    }

    fn paused_of(&self, holder: Holder) -> Vec<Lane> {
        let own = self.holders.iter().filter(|(lane, of)| **of == holder && self.is_paused(lane));
        own.map(|(lane, _)| lane.clone()).collect()
    }

    /// What these had waits again, as it was.
    fn free(&mut self, holders: &BTreeSet<Holder>) {
        for row in self.rows.iter_mut().filter(|row| row.state == State::Leased) {
            if self.holders.get(&row.lane).is_some_and(|holder| holders.contains(holder)) {
                row.state = State::Waiting;
                row.token = None;
            }
        }
        let of_these = self.holders.iter().filter(|(_, holder)| holders.contains(holder));
        let lanes: Vec<Lane> = of_these.map(|(lane, _)| lane.clone()).collect();
        self.free_lanes();
        self.lines_go_on(lanes);
    }

    /// A lane in which nothing is leased is nobody's.
    fn free_lanes(&mut self) {
        let leased: BTreeSet<&Lane> = self
            .rows
            .iter()
            .filter_map(|row| (row.state == State::Leased).then_some(&row.lane))
            .collect();
        self.holders.retain(|lane, _| leased.contains(lane));
    }

    /// An entry goes when no recipient of it is open.
    fn end_entry(&mut self, id: QueueId) {
        if !self.rows.iter().any(|row| row.entry == id && row.state.is_open()) {
            self.entries.remove(&id);
            self.rows.retain(|row| row.entry != id);
        }
    }

    fn tell(&mut self, id: QueueId, event: Event) {
        self.events.push((id, event));
    }
}

const HOUR_MS: i64 = 60 * 60 * 1000;
