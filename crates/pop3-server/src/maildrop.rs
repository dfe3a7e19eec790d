//! The mailbox that is an account's maildrop, opened and locked for one session.

use std::{borrow::Cow, collections::VecDeque};

use account_usage::{Usage, UsagePublisher};
use agent_kit::now;
use mail_store::{
    AccountMailboxes, FlagChange, MaildropLock, MessageFile, MessageReader, MessageRow, ReadWhole,
    SpecialUse, StoreError, UidSet, Want,
};
use mail_types::{Flag, FlagSet, MailboxId, MailboxName, Uid};
use mime_core::{structure::Structure, surrogate::Surrogate};
use pop3_core::{Entry, Maildrop, Update};

use crate::policy::Policy;

/// So many messages are looked up at a time when their age is judged.
const ROWS_AT_ONCE: usize = 1000;
/// So many messages from the wanted one on are looked up at a time: clients fetch one after the
/// other.
const LOOK_AHEAD: u32 = 500;
/// So much of them is read at a time, in octets.
const READ_AHEAD: u64 = 256 * 1024;

/// A message, open to be sent.
pub(crate) enum Opened<'a> {
    /// All of it, as the client takes it.
    Whole(Cow<'a, [u8]>),
    /// To be read in pieces, and to be shown as this makes it.
    Reader(MessageReader, Option<Surrogate>),
}

/// An open maildrop.
pub(crate) struct OpenMaildrop {
    mailboxes: AccountMailboxes,
    mailbox: MailboxId,
    /// What was not yet read by anybody when it was opened.
    unseen: UidSet,
    /// Where the next messages lie, as far as that was looked up.
    ahead: VecDeque<MessageFile>,
    /// The first of these, as far as they were read.
    read: ReadWhole,
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
        let uid_validity = mailboxes.state(mailbox).await?.uid_validity;
        let (mut listed, opened) = (mailboxes.drop_entries(mailbox).await?, now());
        listed.retain(|entry| policy.shows(entry.internal_date, opened));
        policy.limit(&mut listed);
        let unseen = listed.iter().filter(|entry| !entry.seen).map(|entry| entry.uid).collect();
        let maildrop = Self {
            mailboxes,
            mailbox,
            unseen,
            ahead: VecDeque::new(),
            read: ReadWhole::default(),
            last: None,
            _lock: lock,
        };
        let entries = listed.iter().map(|entry| Entry { uid: entry.uid, octets: entry.size });
        let imported = maildrop.mailboxes.unique_ids(mailbox).await?;
        Ok((maildrop, Maildrop::new(uid_validity, entries).with_unique_ids(imported)))
    }

    /// Opens a message; for a client that takes no UTF-8 in headers, its surrogate. What a client
    /// fetches one after the other is read some at a time.
    pub(crate) async fn message(
        &mut self,
        uid: Uid,
        takes_utf8: bool,
    ) -> Result<Opened<'_>, StoreError> {
        let in_a_row = self.last.replace(uid).is_some_and(|last| last < uid);
        while self.ahead.front().is_some_and(|file| file.uid() < uid) {
            self.ahead.pop_front();
            self.read.take();
        }
        if self.ahead.front().is_none_or(|file| file.uid() != uid) {
            self.ahead = self.mailboxes.files_from(self.mailbox, uid, LOOK_AHEAD).await?.into();
            self.read.clear();
        }
        if self.ahead.front().is_none_or(|file| file.uid() != uid) {
            return Err(StoreError::MessageGone);
        }
        if self.read.is_empty() {
            let files = self.ahead.make_contiguous();
            let files = if in_a_row { files } else { files.get(..1).unwrap_or_default() };
            let earlier = std::mem::take(&mut self.read);
            self.read = self.mailboxes.read_whole(files, READ_AHEAD, earlier).await?;
        }
        let Some(file) = self.ahead.pop_front() else { return Err(StoreError::MessageGone) };
        let (mailboxes, mailbox) = (&self.mailboxes, self.mailbox);
        match self.read.take() {
            Some(octets) if takes_utf8 || octets.is_ascii() => Ok(Opened::Whole(octets.into())),
            Some(octets) => Ok(Opened::Whole(shown(octets))),
            None => {
                let reader = mailboxes.read(&file).await?;
                let surrogate = match takes_utf8 {
                    true => None,
                    false => surrogate(mailboxes, mailbox, uid).await?,
                };
                Ok(Opened::Reader(reader, surrogate))
            }
        }
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
        let unseen = messages.iter().copied().filter(|uid| self.unseen.contains(*uid));
        let uids: UidSet = unseen.collect();
        if uids.is_empty() {
            return Ok(());
        }
        let seen = FlagSet::from_iter([Flag::Seen]);
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
        if let Err(error) = self.try_publish_usage(usage).await {
            tracing::warn!(error = &*error as &dyn std::error::Error, "usage is not published");
        }
    }

    async fn try_publish_usage(
        &self,
        usage: &UsagePublisher,
    ) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        let count = async || {
            let totals = self.mailboxes.totals().await?;
            let (octets, messages) = (totals.octets, totals.messages);
            Ok(Usage { octets, messages, version: totals.version })
        };
        let (id, told) = (self.mailboxes.id(), (self.mailboxes.quota(), now()));
        usage.publish_counted(id, count().await?, told, count).await
    }
}

/// How a message is shown to a client that takes no UTF-8 in headers; `None`: as it is.
async fn surrogate(
    mailboxes: &AccountMailboxes,
    mailbox: MailboxId,
    uid: Uid,
) -> Result<Option<Surrogate>, StoreError> {
    let uids = UidSet::from(uid);
    let row = mailboxes.fetch(mailbox, &uids, Want::Details).await?.pop();
    let details = row.and_then(|row| row.details).ok_or(StoreError::MessageGone)?;
    Ok(Surrogate::needed(&details.structure))
}

/// A message in memory as such a client is shown it: to look through the octets is quicker than to
/// ask for what is known of them.
fn shown(octets: &[u8]) -> Cow<'_, [u8]> {
    let Some(mut surrogate) = Surrogate::needed(&Structure::of(octets).body) else {
        return octets.into();
    };
    let mut shown = Vec::new();
    surrogate.push(octets, &mut shown);
    surrogate.finish(&mut shown);
    shown.into()
}
