//! The mailbox that is an account's maildrop, opened and locked for one session.

use std::collections::VecDeque;

use account_usage::{Usage, UsagePublisher};
use agent_kit::now;
use mail_store::{
    AccountMailboxes, FlagChange, MaildropLock, MessageFile, MessageReader, MessageRow, SpecialUse,
    StoreError, UidSet, Want,
};
use mail_types::{Flag, FlagSet, MailboxId, MailboxName, Uid};
use pop3_core::{Entry, Maildrop, Update};

use crate::policy::Policy;

/// So many messages are looked up at a time when a maildrop is opened.
const ROWS_AT_ONCE: usize = 1000;
/// So many UIDs from the wanted one on are looked up at a time: clients fetch one after the other.
const LOOK_AHEAD: u32 = 64;
/// So much of them is read at a time, in octets.
const READ_AHEAD: u64 = 128 * 1024;

/// A message, open to be sent.
pub(crate) enum Opened {
    /// All of it.
    Whole(Vec<u8>),
    /// To be read in pieces.
    Reader(MessageReader),
}

/// An open maildrop.
pub(crate) struct OpenMaildrop {
    mailboxes: AccountMailboxes,
    mailbox: MailboxId,
    /// Where the next messages lie, as far as that was looked up.
    ahead: VecDeque<(Uid, MessageFile)>,
    /// The first of these, as far as they were read.
    read: VecDeque<Vec<u8>>,
    /// The message that was wanted last.
    last: Option<Uid>,
    /// Other sessions are kept away as long as this lives (RFC 1939 §4).
    _lock: MaildropLock,
}

impl OpenMaildrop {
    /// Locks the maildrop, and lists what is in it.
    pub(crate) async fn open(
        mailboxes: AccountMailboxes,
        policy: &Policy,
    ) -> Result<(Self, Maildrop), StoreError> {
        let lock = mailboxes.lock_maildrop().await?;
        let mailbox = mailboxes.mailbox(&policy.mailbox).await?.id;
        // What other tools did to the folder counts as well.
        mailboxes.refresh(mailbox).await?;
        let state = mailboxes.state(mailbox).await?;
        let uids = mailboxes.uids(&state).await?;
        let maildrop = Self {
            mailboxes,
            mailbox,
            ahead: VecDeque::new(),
            read: VecDeque::new(),
            last: None,
            _lock: lock,
        };
        let mut entries = Vec::new();
        let opened = now();
        for uids in uids.chunks(ROWS_AT_ONCE) {
            let rows = maildrop.rows(&uids.iter().copied().collect()).await?;
            let shown = rows.iter().filter(|row| policy.shows(row, opened));
            entries.extend(shown.map(|row| Entry { uid: row.uid, octets: row.size }));
        }
        policy.limit(&mut entries);
        Ok((maildrop, Maildrop::new(state.uid_validity, entries)))
    }

    /// Opens a message. What a client fetches one after the other is read some at a time.
    pub(crate) async fn message(&mut self, uid: Uid) -> Result<Opened, StoreError> {
        let in_a_row = self.last.replace(uid).is_some_and(|last| last < uid);
        while self.ahead.front().is_some_and(|(next, _)| *next < uid) {
            self.ahead.pop_front();
            self.read.pop_front();
        }
        if self.ahead.front().is_none_or(|(next, _)| *next != uid) {
            self.look_ahead_from(uid).await?;
        }
        let Some((_, file)) = self.ahead.front().filter(|(next, _)| *next == uid) else {
            return Err(StoreError::MessageGone);
        };
        if self.read.is_empty() {
            let many = if in_a_row { self.ahead.len() } else { 1 };
            let files: Vec<_> =
                self.ahead.iter().take(many).map(|(_, file)| file.clone()).collect();
            self.read = self.mailboxes.read_whole(&files, READ_AHEAD).await?.into();
        }
        match self.read.pop_front() {
            Some(octets) => {
                self.ahead.pop_front();
                Ok(Opened::Whole(octets))
            }
            None => self.mailboxes.read(file).await.map(Opened::Reader),
        }
    }

    async fn look_ahead_from(&mut self, uid: Uid) -> Result<(), StoreError> {
        let last = uid.number().saturating_add(LOOK_AHEAD);
        let uids = UidSet::range(uid..=Uid::new(last).unwrap_or(Uid::MAX));
        let rows = self.rows(&uids).await?;
        self.ahead = rows.into_iter().map(|row| (row.uid, row.file)).collect();
        self.read.clear();
        Ok(())
    }

    /// UPDATE (RFC 1939 §6): removes what is marked, all or nothing. What follows from it (what was
    /// read before and is too old goes; what was fetched is seen) is done as well, and is no reason
    /// to tell the client that something was not removed.
    pub(crate) async fn update(
        &self,
        update: &Update,
        policy: &Policy,
        usage: &UsagePublisher,
    ) -> Result<(), StoreError> {
        let deleted = match update.deleted() {
            [] => Ok(0),
            deleted if policy.to_trash => self.move_to_trash(deleted).await,
            deleted => self.remove(deleted).await,
        };
        // What was read before this session; what it fetched first has its time before it.
        let aged = match &deleted {
            Ok(_) => self.remove_aged(policy).await,
            Err(_) => Ok(0),
        };
        let noted = self.note_fetched(update.fetched()).await;
        for error in [aged.as_ref().err(), noted.as_ref().err()].into_iter().flatten() {
            let error = error as &dyn std::error::Error;
            tracing::error!(error, "what follows from a session is not done");
        }
        if deleted.as_ref().is_ok_and(|count| *count > 0) || aged.is_ok_and(|count| count > 0) {
            self.publish_usage(usage).await;
        }
        deleted.map(|_| ())
    }

    /// Removes messages; answers how many.
    async fn remove(&self, messages: &[Uid]) -> Result<usize, StoreError> {
        let uids: UidSet = messages.iter().copied().collect();
        let removed = self.mailboxes.remove(self.mailbox, &uids).await?.len();
        tracing::info!(account = %self.mailboxes.id(), messages = removed, "expunged");
        Ok(removed)
    }

    /// Moves messages into the mailbox for deleted messages, which is made if there is none;
    /// answers how many. In a maildrop that is this mailbox they are removed.
    async fn move_to_trash(&self, messages: &[Uid]) -> Result<usize, StoreError> {
        let list = self.mailboxes.list().await?;
        let trash = list.into_iter().find(|one| one.special_use == Some(SpecialUse::Trash));
        let trash = match trash.and_then(|listed| listed.id) {
            Some(trash) => trash,
            None => {
                let name = MailboxName::parse("Trash")
                    .map_err(|_| StoreError::NoSuchMailbox(MailboxName::inbox()))?;
                self.mailboxes.create(&name, Some(SpecialUse::Trash)).await?.id
            }
        };
        if trash == self.mailbox {
            return self.remove(messages).await;
        }
        let uids: UidSet = messages.iter().copied().collect();
        self.mailboxes.move_messages(self.mailbox, &uids, trash).await?;
        tracing::info!(account = %self.mailboxes.id(), messages = messages.len(), "moved to trash");
        Ok(messages.len())
    }

    /// IMAP clients see what a POP3 client has fetched as read.
    async fn note_fetched(&self, messages: &[Uid]) -> Result<(), StoreError> {
        if messages.is_empty() {
            return Ok(());
        }
        let (uids, seen) = (messages.iter().copied().collect(), FlagSet::from_iter([Flag::Seen]));
        self.mailboxes.store_flags(self.mailbox, &uids, FlagChange::Add(seen), None).await?;
        Ok(())
    }

    /// Removes the messages whose time is over; answers how many.
    async fn remove_aged(&self, policy: &Policy) -> Result<usize, StoreError> {
        if !policy.expires() {
            return Ok(0);
        }
        let state = self.mailboxes.state(self.mailbox).await?;
        let now = now();
        let mut over = Vec::new();
        for uids in self.mailboxes.uids(&state).await?.chunks(ROWS_AT_ONCE) {
            let rows = self.rows(&uids.iter().copied().collect()).await?;
            over.extend(rows.iter().filter(|row| policy.is_over(row, now)).map(|row| row.uid));
        }
        if over.is_empty() { Ok(0) } else { self.remove(&over).await }
    }

    async fn rows(&self, uids: &UidSet) -> Result<Vec<MessageRow>, StoreError> {
        self.mailboxes.fetch(self.mailbox, uids, Want::Facts).await
    }

    /// That it fails does not undo the removal; the next change brings the numbers right.
    async fn publish_usage(&self, usage: &UsagePublisher) {
        let totals = match self.mailboxes.totals().await {
            Ok(totals) => totals,
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "usage is not known");
                return;
            }
        };
        let now =
            Usage { octets: totals.octets, messages: totals.messages, version: totals.version };
        if let Err(error) = usage.publish(self.mailboxes.id(), now).await {
            tracing::warn!(error = &error as &dyn std::error::Error, "usage is not published");
        }
    }
}
