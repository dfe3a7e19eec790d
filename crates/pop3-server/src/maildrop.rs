//! An account's inbox, opened and locked for one session.

use std::collections::VecDeque;

use account_usage::{Usage, UsagePublisher};
use mail_store::{
    AccountMailboxes, MaildropLock, MessageFile, MessageReader, StoreError, UidSet, Want,
};
use mail_types::{MailboxId, MailboxName, Uid};
use pop3_core::{Entry, Maildrop};

/// So many messages are looked up at a time when a maildrop is opened.
const ROWS_AT_ONCE: usize = 1000;
/// So many UIDs from the wanted one on are looked up at a time: clients fetch one after the other.
const LOOK_AHEAD: u32 = 64;

/// An open maildrop.
pub(crate) struct OpenMaildrop {
    mailboxes: AccountMailboxes,
    inbox: MailboxId,
    /// Where the next messages lie, as far as that was looked up.
    ahead: VecDeque<(Uid, MessageFile)>,
    /// Other sessions are kept away as long as this lives (RFC 1939 §4).
    _lock: MaildropLock,
}

impl OpenMaildrop {
    /// Locks the inbox, and lists what is in it.
    pub(crate) async fn open(mailboxes: AccountMailboxes) -> Result<(Self, Maildrop), StoreError> {
        let lock = mailboxes.lock_maildrop().await?;
        let inbox = mailboxes.mailbox(&MailboxName::inbox()).await?.id;
        // What other tools did to the folder counts as well.
        mailboxes.refresh(inbox).await?;
        let state = mailboxes.state(inbox).await?;
        let mut entries = Vec::new();
        for uids in mailboxes.uids(&state).await?.chunks(ROWS_AT_ONCE) {
            let uids: UidSet = uids.iter().copied().collect();
            let rows = mailboxes.fetch(inbox, &uids, Want::Facts).await?;
            entries.extend(rows.iter().map(|row| Entry { uid: row.uid, octets: row.size }));
        }
        let list = Maildrop::new(state.uid_validity, entries);
        Ok((Self { mailboxes, inbox, ahead: VecDeque::new(), _lock: lock }, list))
    }

    /// Opens a message.
    pub(crate) async fn message(&mut self, uid: Uid) -> Result<MessageReader, StoreError> {
        while self.ahead.front().is_some_and(|(next, _)| *next < uid) {
            self.ahead.pop_front();
        }
        if self.ahead.front().is_none_or(|(next, _)| *next != uid) {
            self.look_ahead_from(uid).await?;
        }
        match self.ahead.front() {
            Some((next, file)) if *next == uid => self.mailboxes.read(file).await,
            _ => Err(StoreError::MessageGone),
        }
    }

    async fn look_ahead_from(&mut self, uid: Uid) -> Result<(), StoreError> {
        let last = uid.number().saturating_add(LOOK_AHEAD);
        let uids = UidSet::range(uid..=Uid::new(last).unwrap_or(Uid::MAX));
        let rows = self.mailboxes.fetch(self.inbox, &uids, Want::Facts).await?;
        self.ahead = rows.into_iter().map(|row| (row.uid, row.file)).collect();
        Ok(())
    }

    /// Removes messages, and publishes what is left.
    pub(crate) async fn remove(
        &self,
        messages: &[Uid],
        usage: &UsagePublisher,
    ) -> Result<(), StoreError> {
        let uids: UidSet = messages.iter().copied().collect();
        let removed = self.mailboxes.remove(self.inbox, &uids).await?;
        tracing::info!(account = %self.mailboxes.id(), messages = removed.len(), "expunged");
        self.publish_usage(usage).await;
        Ok(())
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
