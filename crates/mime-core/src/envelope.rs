//! The envelope fields of a message header, as IMAP's ENVELOPE has them, and their stored form.
//!
//! Not the SMTP envelope: this is what the header says (RFC 9051 §7.5.2). Texts are unfolded and
//! otherwise raw: encoded words are not decoded.

use std::ops::Deref;

use crate::{
    Octets,
    compact::{Corrupt, Reader, Writer},
    header::address::{AddressItem, Mailbox},
};

/// The fields of ENVELOPE. A field that is missing is `None` or an empty list. Its texts are its own,
/// or stand in the stored form ([`Envelope::decode_in_place`]).
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Envelope<O = Octets> {
    /// The Date field.
    pub date: Option<O>,
    /// The Subject field.
    pub subject: Option<O>,
    /// The From field.
    pub from: Vec<AddressItem<O>>,
    /// The Sender field as it stands; see [`Envelope::shown_sender`].
    pub sender: Vec<AddressItem<O>>,
    /// The Reply-To field as it stands; see [`Envelope::shown_reply_to`].
    pub reply_to: Vec<AddressItem<O>>,
    /// The To field.
    pub to: Vec<AddressItem<O>>,
    /// The Cc field.
    pub cc: Vec<AddressItem<O>>,
    /// The Bcc field.
    pub bcc: Vec<AddressItem<O>>,
    /// The In-Reply-To field.
    pub in_reply_to: Option<O>,
    /// The Message-ID field.
    pub message_id: Option<O>,
}

/// Of the stored form.
const VERSION: u8 = 1;

impl<O> Envelope<O> {
    /// The sender as IMAP shows it: From, if Sender is missing or empty (RFC 9051 §7.5.2).
    pub fn shown_sender(&self) -> &[AddressItem<O>] {
        if self.sender.is_empty() { &self.from } else { &self.sender }
    }

    /// The reply-to as IMAP shows it: From, if Reply-To is missing or empty (RFC 9051 §7.5.2).
    pub fn shown_reply_to(&self) -> &[AddressItem<O>] {
        if self.reply_to.is_empty() { &self.from } else { &self.reply_to }
    }

    pub(crate) fn take<'s>(reader: &mut Reader<'s>) -> Result<Self, Corrupt>
    where
        O: From<&'s [u8]>,
    {
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

impl<'s> Envelope<&'s [u8]> {
    /// Reads the stored form without copying its texts.
    pub fn decode_in_place(stored: &'s [u8]) -> Result<Self, Corrupt> {
        let mut reader = Reader::new(stored, VERSION)?;
        let envelope = Self::take(&mut reader)?;
        reader.end()?;
        Ok(envelope)
    }
}

impl Envelope {
    /// Reads the stored form back.
    pub fn decode(stored: &[u8]) -> Result<Self, Corrupt> {
        let mut reader = Reader::new(stored, VERSION)?;
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
}

impl<O: Deref<Target = [u8]>> Envelope<O> {
    /// The stored form. Its first octet is the version.
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::new(VERSION);
        self.put(&mut writer);
        writer.finish()
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
}

fn put_item<O: Deref<Target = [u8]>>(writer: &mut Writer, item: &AddressItem<O>) {
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

fn take_item<'s, O: From<&'s [u8]>>(reader: &mut Reader<'s>) -> Result<AddressItem<O>, Corrupt> {
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
