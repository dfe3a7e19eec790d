//! What the index holds of a message.

use mail_types::{
    FlagSet, MailboxId, MailboxName, ModSeq, QueueId, RecipientNumber, Timestamp, Uid,
};

use crate::{Details, Fact, Once, Totals, Written};

/// How much of each message a query brings.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Want {
    /// UID, flags, modseq, size, internal date, and where its bytes are.
    Facts,
    /// These, and what was parsed at delivery.
    Details,
}

/// One message, as its row was at the moment of the query.
#[derive(Clone, Debug)]
pub struct MessageRow {
    /// Its UID.
    pub uid: Uid,
    /// Its flags.
    pub flags: FlagSet,
    /// When they changed last, or when it came.
    pub modseq: ModSeq,
    /// Octets in wire form (RFC822.SIZE).
    pub size: u64,
    /// When it was received (INTERNALDATE).
    pub internal_date: Timestamp,
    /// When it was saved in this mailbox, to the second (RFC 8514 §3).
    pub saved: Timestamp,
    /// What was parsed at delivery; only with [`Want::Details`].
    pub details: Option<Details>,
    /// Where its bytes are; for `AccountMailboxes::read`.
    pub file: MessageFile,
}

impl MessageRow {
    /// What the index says of it.
    pub fn fact(&self) -> Fact<'_> {
        let Self { uid, modseq, size, internal_date, saved, .. } = *self;
        Fact { uid, flags: &self.flags, modseq, size, internal_date, saved }
    }
}

/// Where a message's bytes were at the moment of the query. Other processes may rename the file
/// later; whoever reads through the store needn't know.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MessageFile {
    pub(crate) mailbox: MailboxId,
    pub(crate) uid: Uid,
    /// Below the account's folder, such as `.Sent/cur/1700000000.x.postrider,U=3,S=9:2,S`.
    pub(crate) path: String,
    /// Octets in wire form.
    pub(crate) size: u64,
    /// Whether bare LF line ends have to be made CRLF.
    pub(crate) bare_lf: bool,
}

impl MessageFile {
    /// Where it is.
    pub fn mailbox(&self) -> MailboxId {
        self.mailbox
    }

    /// Whose bytes they are.
    pub fn uid(&self) -> Uid {
        self.uid
    }
}

/// A message to deliver for one recipient of a queue entry.
#[derive(Debug)]
pub struct Delivery {
    /// The queue entry.
    pub queue_id: QueueId,
    /// The recipient's place in it.
    pub recipient: RecipientNumber,
    /// The message, synced.
    pub written: Written,
    /// The mailbox to file it in; INBOX if none.
    pub file_into: Option<MailboxName>,
    /// What is done if that mailbox is missing: INBOX takes its place, or it is made. Who wants it
    /// in INBOX then may have written the name in another case.
    pub or_inbox: bool,
    /// The flags it gets.
    pub flags: FlagSet,
}

/// Where a delivery went.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Delivered {
    /// The mailbox.
    pub mailbox: MailboxId,
    /// The UID it got there.
    pub uid: Uid,
    /// Whether this recipient of this queue entry had been served before: nothing was done.
    pub before: bool,
    /// Whether it was not filed, because this message is one of the same Message-ID ([`crate::Once`]).
    pub duplicate: bool,
}

/// A delivery that is yet to be written.
#[derive(Clone, Debug)]
pub struct Coming {
    /// The queue entry.
    pub queue_id: QueueId,
    /// The recipient of it.
    pub recipient: RecipientNumber,
    /// Where it will go, as in [`Delivery`].
    pub file_into: Option<MailboxName>,
    /// As in [`Delivery`].
    pub or_inbox: bool,
    /// By what another copy of it is known, where one is enough.
    pub once: Option<Once>,
}

/// What deliveries came to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Filed {
    /// Where each went, in the order of the deliveries.
    pub delivered: Vec<Delivered>,
    /// What the account holds now.
    pub totals: Totals,
}

/// A message to append.
#[derive(Debug)]
pub struct NewMessage {
    /// The message, synced.
    pub written: Written,
    /// The flags it gets.
    pub flags: FlagSet,
}
