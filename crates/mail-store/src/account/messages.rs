//! Messages come, change, move and go. Each operation runs to its end, even if its caller is dropped.

use std::collections::{BTreeSet, HashSet};

use mail_types::{MailboxId, ModSeq, QueueId, RecipientNumber, Timestamp, Uid};

use super::{AccountMailboxes, Pending};
use crate::{
    Appended, Coming, Copied, Delivery, Filed, FlagChange, FlagsStored, Incoming, MailboxState,
    MaildropLock, NewMessage, StoreError, Totals, UidSet,
    changes::{deliver, expunge, flags, relocate, replace},
    index::{Here, counters, deliveries},
    maildrop,
    naming::file::unique_of_delivery,
    open_account,
};

impl AccountMailboxes {
    /// Begins a message for APPEND.
    pub fn incoming(&self, internal_date: Timestamp) -> Result<Incoming, StoreError> {
        let maildir = self.store.shared.maildir(self.id);
        let unique = open_account::unique(&maildir, self.store.shared.options.clock)?;
        Ok(Incoming::new(maildir, unique, internal_date))
    }

    /// Begins a message for one recipient of a queue entry.
    pub fn incoming_delivery(
        &self,
        queue_id: QueueId,
        recipient: RecipientNumber,
        internal_date: Timestamp,
    ) -> Incoming {
        let maildir = self.store.shared.maildir(self.id);
        Incoming::new(maildir, unique_of_delivery(queue_id, recipient), internal_date)
    }

    /// Delivers messages, all or none, each exactly once for its queue entry and recipient. They
    /// are durable and visible when this returns.
    pub fn deliver(&self, deliveries: Vec<Delivery>) -> Pending<'_, Filed> {
        let (shared, id) = (self.store.shared.clone(), self.id);
        let borrow = async move { shared.borrow(id).await };
        Box::pin(self.in_a_task(borrow, move |handle, borrowed| async move {
            let with_keywords = deliveries.iter().any(|d| !d.flags.keywords().is_empty());
            let follow_ups = &handle.store.shared.follow_ups;
            let forgotten = follow_ups.take_forgotten(handle.id);
            let coming = (deliveries, handle.quota);
            let filed = deliver::deliver(borrowed.account()?, coming, &forgotten).await;
            if filed.is_err() && !forgotten.is_empty() {
                follow_ups.forget(handle.id, forgotten);
            }
            let filed = filed?;
            if with_keywords {
                handle.follow();
            }
            let new = filed.delivered.iter().filter(|one| !one.before && !one.duplicate);
            // Whoever waits for a mailbox hears of all of them at once.
            let changed: BTreeSet<MailboxId> = new.map(|delivered| delivered.mailbox).collect();
            Ok((filed, changed.into_iter().collect()))
        }))
    }

    /// Those of the recipients of queue entries that were served already, wherever their messages
    /// went since. What was imported counts as well ([`QueueId::of_import`]), and is never forgotten.
    pub fn delivered_before<'a>(
        &'a self,
        recipients: &'a [(QueueId, RecipientNumber)],
    ) -> Pending<'a, HashSet<(QueueId, RecipientNumber)>> {
        Box::pin(self.ask(move |mut look| async move {
            let known = deliveries::delivered(&mut look, recipients).await?;
            Ok(known.into_iter().map(|(pair, _)| pair).collect())
        }))
    }

    /// Those recipients whose deliveries take no room, because they were served already or have a
    /// copy that is enough; and what the account holds. A delivery asks before anything is written.
    pub fn room_for(
        &self,
        all: Vec<Coming>,
    ) -> Pending<'_, (HashSet<(QueueId, RecipientNumber)>, Totals)> {
        Box::pin(async move {
            let borrowed = self.store.shared.borrow(self.id).await?;
            let account = borrowed.account()?;
            let now = (account.clock)();
            let ask = move |here: &Here| {
                let mut without = HashSet::new();
                for coming in all {
                    if deliver::takes_none(here, &coming, now)? {
                        without.insert((coming.queue_id, coming.recipient));
                    }
                }
                Ok((without, here.totals()?))
            };
            let asked = account.index.ask_here(ask).await;
            if asked.as_ref().is_err_and(StoreError::is_damaged_index) {
                self.store.shared.damaged(self.id, &borrowed).await;
            }
            asked
        })
    }

    /// These recipients of queue entries are settled for good: that they were served needn't be
    /// remembered any longer. Takes effect with the next delivery, or within half a minute.
    pub fn forget(&self, settled: impl IntoIterator<Item = (QueueId, RecipientNumber)>) {
        self.store.shared.follow_ups.forget(self.id, settled);
    }

    /// Appends messages, all or none (RFC 3502 §6.3.11).
    pub fn append(&self, mailbox: MailboxId, messages: Vec<NewMessage>) -> Pending<'_, Appended> {
        Box::pin(self.to_the_end(move |handle, borrowed| async move {
            let account = borrowed.account()?;
            let with_keywords = messages.iter().any(|m| !m.flags.keywords().is_empty());
            let appended = deliver::append(account, mailbox, messages, handle.quota).await?;
            if with_keywords {
                handle.follow();
            }
            Ok((appended, vec![mailbox]))
        }))
    }

    /// Appends a message and removes another one (RFC 8508 §3.4): both or neither.
    /// [`StoreError::MessageGone`] if the other one is gone.
    pub fn replace(
        &self,
        from: MailboxId,
        old: Uid,
        to: MailboxId,
        new: NewMessage,
    ) -> Pending<'_, Appended> {
        Box::pin(self.to_the_end(move |handle, borrowed| async move {
            let account = borrowed.account()?;
            let replaced = replace::replace(account, (from, old), to, &new, &handle.quota).await?;
            handle.follow();
            Ok((replaced, vec![from, to]))
        }))
    }

    /// Changes flags. With `unchanged_since`, messages that changed later are left as they are
    /// (RFC 7162 §3.1.3). UIDs without a message are passed over.
    pub fn store_flags(
        &self,
        mailbox: MailboxId,
        uids: &UidSet,
        change: FlagChange,
        unchanged_since: Option<ModSeq>,
    ) -> Pending<'_, FlagsStored> {
        let uids = uids.clone();
        Box::pin(self.to_the_end(move |store, borrowed| async move {
            let account = borrowed.account()?;
            let (kept, messages) = ((&store.store.shared, store.id), (mailbox, &uids));
            let stored = flags::store(account, kept, messages, change, unchanged_since).await?;
            store.follow();
            Ok((stored, vec![mailbox]))
        }))
    }

    /// Copies messages with their flags and internal dates (RFC 9051 §6.4.7), all or none.
    pub fn copy(&self, from: MailboxId, uids: &UidSet, to: MailboxId) -> Pending<'_, Copied> {
        let uids = uids.clone();
        Box::pin(self.with_files_of(from, move |handle, borrowed| {
            let uids = uids.clone();
            async move {
                let account = borrowed.account()?;
                let copied = relocate::copy(account, from, uids, to, handle.quota).await;
                handle.follow();
                Ok((copied?, vec![to]))
            }
        }))
    }

    /// Moves messages (RFC 6851 §3.3); each is in exactly one mailbox at every moment.
    pub fn move_messages(
        &self,
        from: MailboxId,
        uids: &UidSet,
        to: MailboxId,
    ) -> Pending<'_, Copied> {
        let uids = uids.clone();
        Box::pin(self.with_files_of(from, move |handle, borrowed| {
            let uids = uids.clone();
            async move {
                let account = borrowed.account()?;
                let moved = relocate::move_messages(account, from, uids, to).await;
                handle.follow();
                Ok((moved?, vec![from, to]))
            }
        }))
    }

    /// Removes the messages of the set that have `\Deleted`; answers which.
    pub fn expunge(&self, mailbox: MailboxId, uids: &UidSet) -> Pending<'_, Vec<Uid>> {
        let uids = uids.clone();
        Box::pin(self.to_the_end(move |handle, borrowed| async move {
            let account = borrowed.account()?;
            let gone = expunge::expunge(account, mailbox, uids, true).await?;
            handle.follow();
            Ok((gone, vec![mailbox]))
        }))
    }

    /// Removes the messages of the set, whatever their flags (POP3's DELE); answers which.
    pub fn remove(&self, mailbox: MailboxId, uids: &UidSet) -> Pending<'_, Vec<Uid>> {
        let uids = uids.clone();
        Box::pin(self.to_the_end(move |handle, borrowed| async move {
            let account = borrowed.account()?;
            let gone = expunge::expunge(account, mailbox, uids, false).await?;
            handle.follow();
            Ok((gone, vec![mailbox]))
        }))
    }

    /// Counts the messages of all mailboxes anew, instead of believing what was added up.
    pub fn recount(&self) -> Pending<'_, ()> {
        Box::pin(self.to_the_end(move |_, borrowed| async move {
            let mut change = borrowed.account()?.change().await?;
            counters::recount(&mut change).await?;
            change.commit().await?;
            Ok(((), Vec::new()))
        }))
    }

    /// Takes the messages that are recent, for this session and no other (RFC 3501 §2.3.2): those
    /// from this UID on, up to the UIDNEXT of the answer's state.
    pub fn claim_recent(&self, mailbox: MailboxId) -> Pending<'_, (Uid, MailboxState)> {
        Box::pin(self.to_the_end(move |_, borrowed| async move {
            let claim = move |here: &Here| {
                let state = here.state_of(mailbox)?;
                here.claim_recent(mailbox)?;
                Ok((state.recent_from, state))
            };
            let claimed = borrowed.account()?.index.change_here(claim, |claimed| claimed).await?;
            Ok((claimed, Vec::new()))
        }))
    }

    /// Takes the maildrop for one POP3 session (RFC 1939 §4), until the answer is dropped or this
    /// process dies. [`StoreError::MaildropInUse`] if another has it.
    pub fn lock_maildrop(&self) -> Pending<'_, MaildropLock> {
        Box::pin(async move {
            let borrowed = self.borrow().await?;
            maildrop::lock(self.id, &borrowed.account()?.maildir.root).await
        })
    }
}
