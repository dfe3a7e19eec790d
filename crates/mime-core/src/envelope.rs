//! The envelope fields of a message header, as IMAP's ENVELOPE has them, and their stored form.
//!
//! Not the SMTP envelope: this is what the header says (RFC 9051 §7.5.2). Texts are unfolded and
//! otherwise raw: encoded words are not decoded.

use crate::{
    Octets,
    compact::{Corrupt, Reader, Writer},
    header::address::{AddressItem, Mailbox},
};

/// The fields of ENVELOPE. A field that is missing is `None` or an empty list.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Envelope {
    /// The Date field.
    pub date: Option<Octets>,
    /// The Subject field.
    pub subject: Option<Octets>,
    /// The From field.
    pub from: Vec<AddressItem>,
    /// The Sender field as it stands; see [`Envelope::shown_sender`].
    pub sender: Vec<AddressItem>,
    /// The Reply-To field as it stands; see [`Envelope::shown_reply_to`].
    pub reply_to: Vec<AddressItem>,
    /// The To field.
    pub to: Vec<AddressItem>,
    /// The Cc field.
    pub cc: Vec<AddressItem>,
    /// The Bcc field.
    pub bcc: Vec<AddressItem>,
    /// The In-Reply-To field.
    pub in_reply_to: Option<Octets>,
    /// The Message-ID field.
    pub message_id: Option<Octets>,
}

impl Envelope {
    const VERSION: u8 = 1;

    /// The sender as IMAP shows it: From, if Sender is missing or empty (RFC 9051 §7.5.2).
    pub fn shown_sender(&self) -> &[AddressItem] {
        if self.sender.is_empty() { &self.from } else { &self.sender }
    }

    /// The reply-to as IMAP shows it: From, if Reply-To is missing or empty (RFC 9051 §7.5.2).
    pub fn shown_reply_to(&self) -> &[AddressItem] {
        if self.reply_to.is_empty() { &self.from } else { &self.reply_to }
    }

    /// The stored form. Its first octet is the version.
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::new(Self::VERSION);
        self.put(&mut writer);
        writer.finish()
    }

    /// Reads the stored form back.
    pub fn decode(stored: &[u8]) -> Result<Self, Corrupt> {
        let mut reader = Reader::new(stored, Self::VERSION)?;
        let envelope = Self::take(&mut reader)?;
        reader.end()?;
        Ok(envelope)
    }

    /// How many addresses and group marks it holds.
    pub(crate) fn items(&self) -> usize {
        [&self.from, &self.sender, &self.reply_to, &self.to, &self.cc, &self.bcc]
            .iter()
            .fold(0, |sum, list| sum.saturating_add(list.len()))
    }

    pub(crate) fn put(&self, writer: &mut Writer) {
        for text in [&self.date, &self.subject, &self.in_reply_to, &self.message_id] {
            writer.option(text.as_deref());
        }
        for list in [&self.from, &self.sender, &self.reply_to, &self.to, &self.cc, &self.bcc] {
            writer.count(list.len());
            list.iter().for_each(|item| put_item(writer, item));
        }
    }

    pub(crate) fn take(reader: &mut Reader<'_>) -> Result<Self, Corrupt> {
        // In the order of `put`: fields of a struct literal are evaluated as written.
        Ok(Self {
            date: reader.option()?,
            subject: reader.option()?,
            in_reply_to: reader.option()?,
            message_id: reader.option()?,
            from: reader.list(take_item)?,
            sender: reader.list(take_item)?,
            reply_to: reader.list(take_item)?,
            to: reader.list(take_item)?,
            cc: reader.list(take_item)?,
            bcc: reader.list(take_item)?,
        })
    }
}

fn put_item(writer: &mut Writer, item: &AddressItem) {
    match item {
        AddressItem::GroupEnd => writer.number(0),
        AddressItem::GroupStart(name) => {
            writer.number(1);
            writer.octets(name);
        }
        AddressItem::Mailbox(mailbox) => {
            writer.number(2);
            writer.option(mailbox.name.as_deref());
            writer.option(mailbox.route.as_deref());
            writer.octets(&mailbox.local);
            writer.option(mailbox.domain.as_deref());
        }
    }
}

fn take_item(reader: &mut Reader<'_>) -> Result<AddressItem, Corrupt> {
    match reader.number()? {
        0 => Ok(AddressItem::GroupEnd),
        1 => Ok(AddressItem::GroupStart(reader.octets()?)),
        2 => Ok(AddressItem::Mailbox(Mailbox {
            name: reader.option()?,
            route: reader.option()?,
            local: reader.octets()?,
            domain: reader.option()?,
        })),
        _ => Err(Corrupt("an address is of no known kind")),
    }
}
