//! Many messages come, change or go in one change: what they count for is added to their mailbox once.
//!
//! Triggers do it for each row, which costs more than the row. So they rest meanwhile; whatever else
//! is done to rows, they keep the counters.

use mail_types::{MailboxId, Uid};

use super::{Here, messages::FileRow};
use crate::StoreError;

/// `messages.flags`: what mailboxes count.
const SEEN: i64 = 1;
const DELETED: i64 = 8;

/// What of a message counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Counted {
    pub(crate) uid: Uid,
    /// [`mail_types::FlagSet::system_bits`].
    pub(crate) flags: i64,
    pub(crate) size: i64,
}

impl From<&FileRow> for Counted {
    fn from(row: &FileRow) -> Self {
        Self { uid: row.uid, flags: row.flags.system_bits().into(), size: row.size }
    }
}

/// What is added to a mailbox's counters.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Sum {
    messages: i64,
    unseen: i64,
    deleted: i64,
    octets: i64,
    recent: i64,
}

impl Sum {
    /// Of messages; those from `recent_from` on are recent.
    fn of(messages: impl IntoIterator<Item = Counted>, recent_from: i64) -> Self {
        let mut sum = Self::default();
        for Counted { uid, flags, size } in messages {
            sum.messages += 1;
            sum.unseen += i64::from(flags & SEEN == 0);
            sum.deleted += i64::from(flags & DELETED != 0);
            sum.octets = sum.octets.saturating_add(size);
            sum.recent += i64::from(i64::from(uid.number()) >= recent_from);
        }
        sum
    }

    /// The same of messages that go.
    fn negative(self) -> Self {
        let Self { messages, unseen, deleted, octets, recent } = self;
        let (messages, unseen, deleted) = (-messages, -unseen, -deleted);
        Self { messages, unseen, deleted, octets: -octets, recent: -recent }
    }
}

/// How often flags changed that count.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Turned(Sum);

impl Turned {
    /// A message has other flags now, as [`mail_types::FlagSet::system_bits`].
    pub(crate) fn add(&mut self, before: u8, now: u8) {
        let differ = |bit: i64| {
            i64::from(i64::from(now) & bit != 0) - i64::from(i64::from(before) & bit != 0)
        };
        self.0.unseen -= differ(SEEN);
        self.0.deleted += differ(DELETED);
    }
}

impl Here {
    /// Adds the rows of messages to a mailbox by `add`.
    pub(super) fn counting_in(
        &self,
        mailbox: MailboxId,
        messages: impl IntoIterator<Item = Counted>,
        add: impl FnOnce() -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        self.counting(mailbox, |recent_from| Sum::of(messages, recent_from), add)
    }

    /// Takes the rows of messages away from a mailbox by `remove`.
    pub(super) fn counting_out(
        &self,
        mailbox: MailboxId,
        messages: impl IntoIterator<Item = Counted>,
        remove: impl FnOnce() -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        self.counting(mailbox, |recent_from| Sum::of(messages, recent_from).negative(), remove)
    }

    /// Changes flags of messages by `update`.
    pub(super) fn counting_turned(
        &self,
        mailbox: MailboxId,
        Turned(sum): Turned,
        update: impl FnOnce() -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        self.counting(mailbox, |_| sum, update)
    }

    fn counting(
        &self,
        mailbox: MailboxId,
        sum: impl FnOnce(i64) -> Sum,
        work: impl FnOnce() -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        if !self.is_for_many() {
            return work();
        }
        const COUNT: &str = "count messages";
        let sql = "select recent_from from mailboxes where id = $1";
        let recent_from = self.one(COUNT, sql, &[&mailbox.0], |row| row.get(0))?;
        let sum = sum(recent_from.ok_or(StoreError::MailboxGone(mailbox))?);
        self.without_triggers(work)?;
        self.run(
            COUNT,
            "update mailboxes set messages = messages + $2, unseen = unseen + $3,
                 deleted = deleted + $4, octets = octets + $5, recent = recent + $6
             where id = $1;
             update account set version = version + abs($2)",
            &[&mailbox.0, &sum.messages, &sum.unseen, &sum.deleted, &sum.octets, &sum.recent],
        )
    }
}
