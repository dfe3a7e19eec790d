//! The mailboxes of one account: every operation that a protocol needs.
//!
//! The handle is light and holds nothing open: an operation borrows the account's index for as
//! long as it lasts. What changes something runs to its end, even if its caller is dropped.
//! Nothing here waits for a peer, and nothing keeps a transaction or a row stream open.

use mail_types::{
    AccountId, MailboxId, MailboxName, ModSeq, QueueId, RecipientNumber, Timestamp, Uid,
};

use crate::{
    Appended, Changes, Copied, Delivered, Delivery, FlagChange, FlagsStored, Incoming,
    ListedMailbox, MaildropLock, MailStore, MailboxState, MessageFile, MessageReader, MessageRow,
    NewMessage, SpecialUse, StoreError, Totals, UidSet, Want, Watch,
};

/// The mailboxes of one account. A clone is the same one.
#[derive(Clone, Debug)]
pub struct AccountMailboxes {
    pub(crate) store: MailStore,
    pub(crate) id: AccountId,
}

/// Looking.
impl AccountMailboxes {
    /// Whose mailboxes these are.
    pub fn id(&self) -> AccountId {
        self.id
    }

    /// All names: mailboxes, what lies above them, and what is only subscribed; sorted.
    pub async fn list(&self) -> Result<Vec<ListedMailbox>, StoreError> {
        todo!()
    }

    /// A mailbox by its name. Costs the same whatever is in it.
    pub async fn mailbox(&self, name: &MailboxName) -> Result<MailboxState, StoreError> {
        todo!()
    }

    /// A mailbox by its id, which it keeps when it is renamed.
    pub async fn state(&self, mailbox: MailboxId) -> Result<MailboxState, StoreError> {
        todo!()
    }

    /// All mailboxes with their counters, in one query.
    pub async fn states(&self) -> Result<Vec<MailboxState>, StoreError> {
        todo!()
    }

    /// The UIDs that were in the mailbox at the moment of `state`, ascending: what a session's
    /// sequence numbers are made of. Messages that came or went since don't matter, so this can
    /// be asked when the first sequence number is needed.
    pub async fn uids(&self, state: &MailboxState) -> Result<Vec<Uid>, StoreError> {
        todo!()
    }

    /// What happened since a modseq, and the mailbox as it is now.
    pub async fn changes(
        &self,
        mailbox: MailboxId,
        since: ModSeq,
    ) -> Result<Changes, StoreError> {
        todo!()
    }

    /// The messages of the set that exist, by UID; one query. Ask for some hundreds at a time, and
    /// write to the peer between.
    pub async fn fetch(
        &self,
        mailbox: MailboxId,
        uids: &UidSet,
        want: Want,
    ) -> Result<Vec<MessageRow>, StoreError> {
        todo!()
    }

    /// Opens a message's bytes. [`StoreError::MessageGone`] if it was expunged meanwhile.
    pub async fn read(&self, file: &MessageFile) -> Result<MessageReader, StoreError> {
        todo!()
    }

    /// Octets and messages of all mailboxes.
    pub async fn totals(&self) -> Result<Totals, StoreError> {
        todo!()
    }

    /// Wakes when the mailbox changes, in whichever process. It may wake for nothing.
    pub async fn watch(&self, mailbox: MailboxId) -> Result<Watch, StoreError> {
        todo!()
    }

    /// Looks for what other tools did to the mailbox's folder and takes it over; true if there was
    /// something. Cheap if there wasn't. Do it beside SELECT, not in it.
    pub async fn refresh(&self, mailbox: MailboxId, now: Timestamp) -> Result<bool, StoreError> {
        todo!()
    }
}

/// Messages.
impl AccountMailboxes {
    /// Begins a message for APPEND.
    pub fn incoming(&self, internal_date: Timestamp) -> Result<Incoming, StoreError> {
        todo!()
    }

    /// Begins a message for one recipient of a queue entry.
    pub fn incoming_delivery(
        &self,
        queue_id: QueueId,
        recipient: RecipientNumber,
        internal_date: Timestamp,
    ) -> Result<Incoming, StoreError> {
        todo!()
    }

    /// Delivers messages, all or none, each exactly once for its queue entry and recipient. They
    /// are durable and visible when this returns. Answers in the order of the deliveries.
    pub async fn deliver(
        &self,
        deliveries: Vec<Delivery>,
        now: Timestamp,
    ) -> Result<Vec<Delivered>, StoreError> {
        todo!()
    }

    /// The queue entries are settled: their recipients needn't be remembered any longer. Takes
    /// effect within seconds.
    pub async fn forget(&self, entries: Vec<QueueId>) -> Result<(), StoreError> {
        todo!()
    }

    /// Appends messages, all or none (RFC 3502 §6.3.11).
    pub async fn append(
        &self,
        mailbox: MailboxId,
        messages: Vec<NewMessage>,
    ) -> Result<Appended, StoreError> {
        todo!()
    }

    /// Changes flags. With `unchanged_since`, messages that changed later are left as they are
    /// (RFC 7162 §3.1.3). UIDs without a message are passed over.
    pub async fn store_flags(
        &self,
        mailbox: MailboxId,
        uids: &UidSet,
        change: FlagChange,
        unchanged_since: Option<ModSeq>,
    ) -> Result<FlagsStored, StoreError> {
        todo!()
    }

    /// Copies messages with their flags and internal dates (RFC 9051 §6.4.7), all or none.
    pub async fn copy(
        &self,
        from: MailboxId,
        uids: &UidSet,
        to: MailboxId,
    ) -> Result<Copied, StoreError> {
        todo!()
    }

    /// Moves messages (RFC 6851 §3.3); each is in exactly one mailbox at every moment.
    pub async fn move_messages(
        &self,
        from: MailboxId,
        uids: &UidSet,
        to: MailboxId,
    ) -> Result<Copied, StoreError> {
        todo!()
    }

    /// Removes the messages of the set that have `\Deleted`; answers which.
    pub async fn expunge(
        &self,
        mailbox: MailboxId,
        uids: &UidSet,
    ) -> Result<Vec<Uid>, StoreError> {
        todo!()
    }

    /// Removes the messages of the set, whatever their flags (POP3's DELE); answers which.
    pub async fn remove(&self, mailbox: MailboxId, uids: &UidSet) -> Result<Vec<Uid>, StoreError> {
        todo!()
    }

    /// Takes the messages that are recent, for this session and no other (RFC 3501 §2.3.2): those
    /// from this UID on, up to the UIDNEXT of the answer's state.
    pub async fn claim_recent(&self, mailbox: MailboxId) -> Result<(Uid, MailboxState), StoreError> {
        todo!()
    }

    /// Takes the maildrop for one POP3 session (RFC 1939 §4), until the answer is dropped or this
    /// process dies. [`StoreError::MaildropInUse`] if another has it.
    pub async fn lock_maildrop(&self) -> Result<MaildropLock, StoreError> {
        todo!()
    }
}

/// Mailboxes.
impl AccountMailboxes {
    /// Makes a mailbox, and those above it that are missing (RFC 9051 §6.3.4).
    pub async fn create(
        &self,
        name: &MailboxName,
        special_use: Option<SpecialUse>,
        now: Timestamp,
    ) -> Result<MailboxState, StoreError> {
        todo!()
    }

    /// Deletes a mailbox with its messages; those below it stay (RFC 9051 §6.3.5).
    pub async fn delete(&self, name: &MailboxName) -> Result<(), StoreError> {
        todo!()
    }

    /// Renames a mailbox and those below it. Of INBOX, the messages are moved into the new one
    /// (RFC 9051 §6.3.6).
    pub async fn rename(
        &self,
        from: &MailboxName,
        to: &MailboxName,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        todo!()
    }

    /// Subscribes a name or ends its subscription, whether there is such a mailbox or not
    /// (RFC 9051 §6.3.7).
    pub async fn subscribe(&self, name: &MailboxName, subscribed: bool) -> Result<(), StoreError> {
        todo!()
    }
}
