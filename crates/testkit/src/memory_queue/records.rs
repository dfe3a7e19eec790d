//! What the queue knows of entries and recipients, and what can be seen of it.

use std::collections::BTreeMap;

use mail_types::{Lane, QueueId, RecipientNumber, Timestamp};

use super::{HOUR_MS, LeaseRecipient, MemoryQueue, turns::class};

/// An entry that is to be taken in.
#[derive(Debug, Clone)]
pub struct NewEntry {
    /// Its id.
    pub id: QueueId,
    /// Its reverse-path, empty for the null one.
    pub sender: String,
    /// The account that submitted it.
    pub account: Option<i64>,
    /// Its length in octets.
    pub size: u64,
    /// Its priority, from -9 to 9.
    pub priority: i8,
    /// To whom.
    pub recipients: Vec<NewRecipient>,
}

/// A recipient of it.
#[derive(Debug, Clone)]
pub struct NewRecipient {
    /// Its address.
    pub address: String,
    /// Where it waits.
    pub lane: Lane,
    /// Not to be tried before.
    pub not_before: Option<Timestamp>,
    /// Held from the beginning, for this reason.
    pub held: Option<String>,
}

/// The state of a recipient.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It waits for its next attempt.
    Waiting,
    /// It is being handed over.
    Leased,
    /// It waits for the operator.
    Held,
    /// It was handed over.
    Delivered,
    /// It was given up.
    Failed,
    /// The operator removed it.
    Removed,
}

impl State {
    /// Whether the entry is kept for its sake.
    pub fn is_open(self) -> bool {
        matches!(self, Self::Waiting | Self::Leased | Self::Held)
    }
}

/// An entry as a list shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// Its id.
    pub id: QueueId,
    /// When it was queued.
    pub queued_at: Timestamp,
    /// Its reverse-path, empty for the null one.
    pub sender: String,
    /// The account that submitted it.
    pub account: Option<i64>,
    /// Its length in octets.
    pub size: u64,
    /// All its recipients.
    pub recipients: Vec<Recipient>,
}

/// A recipient as a list shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipient {
    /// Its place in the entry.
    pub number: RecipientNumber,
    /// Its address.
    pub address: String,
    /// Where it waits.
    pub lane: Lane,
    /// Its state.
    pub state: State,
    /// Attempts so far.
    pub attempts: u32,
    /// When it is due.
    pub next_at: Timestamp,
    /// Why the last attempt came to nothing, or why it is held.
    pub problem: Option<String>,
}

/// What happened to one entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Journey {
    /// Its id.
    pub id: QueueId,
    /// When it was queued.
    pub queued_at: Timestamp,
    /// Its reverse-path, empty for the null one.
    pub sender: String,
    /// What happened, in that order.
    pub events: Vec<Event>,
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// When.
    pub at: Timestamp,
    /// To whom, with the address; to the whole entry if to none.
    pub recipient: Option<(RecipientNumber, String)>,
    /// What.
    pub what: &'static str,
    /// In words.
    pub detail: Option<String>,
}

#[derive(Debug, Clone)]
pub(super) struct Entry {
    queued_at: Timestamp,
    pub(super) sender: String,
    account: Option<i64>,
    size: u64,
}

#[derive(Debug, Clone)]
pub(super) struct Row {
    pub(super) entry: QueueId,
    pub(super) number: RecipientNumber,
    pub(super) address: String,
    pub(super) lane: Lane,
    pub(super) state: State,
    pub(super) attempts: u32,
    pub(super) next_at: Timestamp,
    /// Below zero in its lane's line, otherwise when it comes again.
    pub(super) place: i64,
    pub(super) of_sender: String,
    pub(super) token: Option<u64>,
    pub(super) delay_told: bool,
    pub(super) problem: Option<String>,
}

#[derive(Debug, Clone)]
pub(super) struct Story {
    pub(super) id: QueueId,
    pub(super) queued_at: Timestamp,
    sender: String,
}

impl Entry {
    pub(super) fn of(new: &NewEntry, now: Timestamp) -> Self {
        let NewEntry { sender, account, size, .. } = new;
        Self { queued_at: now, sender: sender.clone(), account: *account, size: *size }
    }
}

impl Story {
    pub(super) fn of(new: &NewEntry, now: Timestamp) -> Self {
        Self { id: new.id, queued_at: now, sender: new.sender.clone() }
    }
}

impl Row {
    /// A new one; where it stands in a line is the queue's to say.
    pub(super) fn of(
        entry: &NewEntry,
        number: RecipientNumber,
        new: &NewRecipient,
        now: Timestamp,
    ) -> Self {
        let next_at = new.not_before.unwrap_or(now);
        let in_line = next_at <= now && new.held.is_none();
        // Whoever submits is known by his account, others by their domain.
        let domain = entry.sender.rsplit_once('@').map_or("", |(_, domain)| domain);
        let account = entry.account.map(|account| account.to_string());
        Self {
            entry: entry.id,
            number,
            address: new.address.clone(),
            lane: new.lane.clone(),
            state: if new.held.is_some() { State::Held } else { State::Waiting },
            attempts: 0,
            next_at,
            place: if in_line { class(entry.priority) } else { next_at.millis().max(0) },
            of_sender: account.unwrap_or_else(|| format!("@{domain}")),
            token: None,
            delay_told: false,
            problem: new.held.clone(),
        }
    }

    /// It comes again then.
    pub(super) fn wait_until(&mut self, time: Timestamp) {
        self.next_at = time;
        self.place = time.millis().max(0);
    }

    pub(super) fn is_due(&self, now: Timestamp) -> bool {
        self.state == State::Waiting && self.next_at <= now
    }

    pub(super) fn is_due_by_place(&self, now: Timestamp) -> bool {
        self.state == State::Waiting && self.place <= now.millis()
    }

    pub(super) fn recipient(&self) -> (RecipientNumber, String) {
        (self.number, self.address.clone())
    }

    pub(super) fn lease_recipient(&self) -> LeaseRecipient {
        LeaseRecipient {
            number: self.number,
            attempts: self.attempts,
            problem: self.problem.clone(),
            delay_told: self.delay_told,
        }
    }
}

impl MemoryQueue {
    /// All entries, by id.
    pub fn list(&self) -> Vec<Summary> {
        let mut recipients: BTreeMap<QueueId, Vec<Recipient>> = BTreeMap::new();
        for row in self.rows.iter() {
            recipients.entry(row.entry).or_default().push(Recipient {
                number: row.number,
                address: row.address.clone(),
                lane: row.lane.clone(),
                state: row.state,
                attempts: row.attempts,
                next_at: row.next_at,
                problem: row.problem.clone(),
            });
        }
        let summary = |(id, entry): (&QueueId, &Entry)| Summary {
            id: *id,
            queued_at: entry.queued_at,
            sender: entry.sender.clone(),
            account: entry.account,
            size: entry.size,
            recipients: recipients.remove(id).unwrap_or_default(),
        };
        self.entries.iter().map(summary).collect()
    }

    /// How many recipients are in this state, of the local lane or of the others.
    pub fn count(&self, local: bool, state: State) -> u64 {
        let of = |row: &&Row| (row.lane == Lane::Local) == local && row.state == state;
        self.rows.iter().filter(of).count() as u64
    }

    /// What is told of all entries, the oldest first; also of those that are gone.
    pub fn journeys(&self) -> Vec<Journey> {
        let events = |id| {
            let of = self.events.iter().filter(move |(of, _)| *of == id);
            of.map(|(_, event)| event.clone()).collect()
        };
        let journey = |story: &Story| Journey {
            id: story.id,
            queued_at: story.queued_at,
            sender: story.sender.clone(),
            events: events(story.id),
        };
        self.stories.iter().map(journey).collect()
    }

    /// What an account sent elsewhere: hour, messages, recipients.
    pub fn sending(&self, account: i64) -> Vec<(i64, u64, u64)> {
        let of = self.sent.iter().filter(|((one, _), _)| *one == account);
        of.map(|((_, hour), (messages, recipients))| (*hour, *messages, *recipients)).collect()
    }

    /// Forgets what is older than this time, and whatever came before it; `not_after` is a time
    /// that no right clock has shown yet.
    pub fn prune(&mut self, before: Timestamp, not_after: Timestamp) {
        let is_old = |at: Timestamp| at < before;
        let events = self.events.iter().rposition(|(_, event)| is_old(event.at));
        self.events.drain(..events.map_or(0, |last| last + 1));
        let stories = self.stories.iter().rposition(|story| is_old(story.queued_at));
        self.stories.drain(..stories.map_or(0, |last| last + 1));
        let hour = not_after.millis() / HOUR_MS - 24 * 32;
        self.sent.retain(|(_, of), _| *of >= hour);
    }
}
