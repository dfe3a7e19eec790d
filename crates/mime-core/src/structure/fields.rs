//! The fields of a part's header that the structure needs: collected while the header passes,
//! parsed as each ends. All other fields leave nothing.

use super::open_part::default_type;
use crate::{
    Envelope, Octets,
    body_structure::{Disposition, MediaType},
    header::{
        address::{self, AddressItem},
        blank_controls, content,
    },
};

/// The values of the Content- fields.
#[derive(Debug, Default)]
pub(super) struct ContentFields {
    pub(super) encoding: Option<Octets>,
    pub(super) id: Option<Octets>,
    pub(super) description: Option<Octets>,
    pub(super) md5: Option<Octets>,
    pub(super) disposition: Option<Disposition>,
    pub(super) language: Vec<Octets>,
    pub(super) location: Option<Octets>,
}

/// The fields of one part.
#[derive(Debug)]
pub(super) struct PartFields {
    in_digest: bool,
    /// Bit `n` is set if the field of that number was there.
    seen: u32,
    media_type: Option<MediaType>,
    bad_media_type: bool,
    content: ContentFields,
    /// Only for a message's own header.
    envelope: Option<Box<Envelope>>,
}

/// The field that is being collected: one in the whole message, so its room is used again and again.
#[derive(Debug, Default)]
pub(super) struct Current {
    name: Option<Name>,
    value: Vec<u8>,
    room: usize,
    truncated: bool,
}

/// What became of a field's beginning.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum FieldStart {
    Kept,
    NotKept,
    /// It was there before; the first one holds.
    Again,
    /// Nothing more can be kept.
    NoRoom,
}

/// What became of a field's end.
#[derive(Clone, Copy, Default)]
pub(super) struct FieldEnd {
    pub(super) kept: usize,
    pub(super) truncated: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Name {
    ContentType,
    ContentTransferEncoding,
    ContentId,
    ContentDescription,
    ContentMd5,
    ContentDisposition,
    ContentLanguage,
    ContentLocation,
    Date,
    Subject,
    InReplyTo,
    MessageId,
    From,
    Sender,
    ReplyTo,
    To,
    Cc,
    Bcc,
    /// Only counted.
    References,
    /// Likewise.
    MimeVersion,
}

impl Name {
    fn parse(name: &[u8]) -> Option<Self> {
        let table: &[(&str, Self)] = match name.first()?.to_ascii_lowercase() {
            b'b' => &[("bcc", Self::Bcc)],
            b'c' => &[
                ("cc", Self::Cc),
                ("content-type", Self::ContentType),
                ("content-transfer-encoding", Self::ContentTransferEncoding),
                ("content-disposition", Self::ContentDisposition),
                ("content-id", Self::ContentId),
                ("content-description", Self::ContentDescription),
                ("content-md5", Self::ContentMd5),
                ("content-language", Self::ContentLanguage),
                ("content-location", Self::ContentLocation),
            ],
            b'd' => &[("date", Self::Date)],
            b'f' => &[("from", Self::From)],
            b'i' => &[("in-reply-to", Self::InReplyTo)],
            b'm' => &[("message-id", Self::MessageId), ("mime-version", Self::MimeVersion)],
            b'r' => &[("reply-to", Self::ReplyTo), ("references", Self::References)],
            b's' => &[("subject", Self::Subject), ("sender", Self::Sender)],
            b't' => &[("to", Self::To)],
            _ => &[],
        };
        table
            .iter()
            .find(|(known, _)| name.eq_ignore_ascii_case(known.as_bytes()))
            .map(|(_, name)| *name)
    }

    fn is_content(self) -> bool {
        matches!(
            self,
            Self::ContentType
                | Self::ContentTransferEncoding
                | Self::ContentId
                | Self::ContentDescription
                | Self::ContentMd5
                | Self::ContentDisposition
                | Self::ContentLanguage
                | Self::ContentLocation
        )
    }

    fn is_address_list(self) -> bool {
        matches!(self, Self::From | Self::Sender | Self::ReplyTo | Self::To | Self::Cc | Self::Bcc)
    }

    fn is_kept(self) -> bool {
        !matches!(self, Self::References | Self::MimeVersion)
    }

    fn bit(self) -> u32 {
        1 << (self as u32)
    }
}

impl PartFields {
    /// For the header of a message: its envelope fields count.
    pub(super) fn of_message() -> Self {
        Self { envelope: Some(Box::default()), ..Self::of_part(false) }
    }

    /// For the header of a part of a multipart, which may be a digest.
    pub(super) fn of_part(in_digest: bool) -> Self {
        Self {
            in_digest,
            seen: 0,
            media_type: None,
            bad_media_type: false,
            content: ContentFields::default(),
            envelope: None,
        }
    }

    /// A field begins, of which at most `room` octets are kept.
    pub(super) fn begin(&mut self, name: &[u8], room: usize, current: &mut Current) -> FieldStart {
        let Some(name) = Name::parse(name) else { return FieldStart::NotKept };
        if !name.is_content() && self.envelope.is_none() {
            return FieldStart::NotKept;
        }
        let again = self.seen & name.bit() != 0;
        self.seen |= name.bit();
        if again && !name.is_address_list() {
            return FieldStart::Again;
        }
        if !name.is_kept() {
            return FieldStart::NotKept;
        }
        if room == 0 {
            return FieldStart::NoRoom;
        }
        current.begin(name, room);
        if again { FieldStart::Again } else { FieldStart::Kept }
    }

    /// The current field has ended, if there is one.
    pub(super) fn end(&mut self, current: &mut Current, addresses_max: usize) -> FieldEnd {
        let Some(name) = current.name.take() else { return FieldEnd::default() };
        let truncated = current.truncated;
        let value = current.sendable().trim_ascii();
        let mut end = FieldEnd { kept: value.len(), truncated };
        match &mut self.envelope {
            _ if name.is_content() => self.end_content(name, value),
            Some(envelope) if name.is_address_list() => {
                let used = envelope.items();
                let list = list_of(envelope, name);
                end.truncated |= extend(list, value, addresses_max.saturating_sub(used));
            }
            Some(envelope) => {
                let text = Some(value.into());
                match name {
                    Name::Date => envelope.date = text,
                    Name::Subject => envelope.subject = text,
                    Name::InReplyTo => envelope.in_reply_to = text,
                    _ => envelope.message_id = text,
                }
            }
            None => {}
        }
        end
    }

    fn end_content(&mut self, name: Name, value: &[u8]) {
        let text = || Some(Octets::from(value)).filter(|text| !text.is_empty());
        match name {
            Name::ContentType => {
                self.media_type = content::parse_media_type(value);
                self.bad_media_type = self.media_type.is_none();
            }
            Name::ContentTransferEncoding => {
                self.content.encoding = Some(content::first_word(value).into())
                    .filter(|word: &Octets| !word.is_empty());
            }
            Name::ContentDisposition => {
                self.content.disposition = content::parse_disposition(value);
            }
            Name::ContentLanguage => self.content.language = content::parse_language(value),
            Name::ContentId => self.content.id = text(),
            Name::ContentDescription => self.content.description = text(),
            Name::ContentMd5 => self.content.md5 = text(),
            _ => self.content.location = text(),
        }
    }

    /// The type; the one that stands for it once the header has ended without one.
    pub(super) fn media_type(&mut self) -> &MediaType {
        // RFC 2045 §5.2: what cannot be read counts as text, in a digest too.
        let in_digest = self.in_digest && !self.bad_media_type;
        self.media_type.get_or_insert_with(|| default_type(in_digest))
    }

    /// A type was given that could not be read.
    pub(super) fn bad_media_type(&self) -> bool {
        self.bad_media_type
    }

    pub(super) fn encoding(&self) -> Option<&[u8]> {
        self.content.encoding.as_deref()
    }

    pub(super) fn is_digest(&self) -> bool {
        self.media_type.as_ref().is_some_and(|media_type| media_type.is("multipart", "digest"))
    }

    pub(super) fn has_content_id(&self) -> bool {
        self.content.id.is_some()
    }

    pub(super) fn into_values(mut self) -> (MediaType, ContentFields, Envelope) {
        self.media_type();
        // There is one now.
        let media_type = self.media_type.unwrap_or_else(|| default_type(false));
        (media_type, self.content, self.envelope.map(|envelope| *envelope).unwrap_or_default())
    }
}

impl Current {
    fn begin(&mut self, name: Name, room: usize) {
        self.name = Some(name);
        self.value.clear();
        self.room = room;
        self.truncated = false;
    }

    /// What IMAP cannot send in a string must not come out of here.
    fn sendable(&mut self) -> &[u8] {
        blank_controls(&mut self.value);
        &self.value
    }

    /// Octets of the field, if it is kept; with the line's end if `complete`.
    pub(super) fn append(&mut self, octets: &[u8], complete: bool) {
        if self.name.is_none() {
            return;
        }
        let octets = if complete { octets.strip_suffix(b"\n").unwrap_or(octets) } else { octets };
        let left = self.room.saturating_sub(self.value.len());
        self.truncated |= octets.len() > left;
        self.value.extend_from_slice(octets.get(..left).unwrap_or(octets));
        if complete && self.value.last() == Some(&b'\r') {
            self.value.pop();
        }
    }
}

fn list_of(envelope: &mut Envelope, name: Name) -> &mut Vec<AddressItem> {
    match name {
        Name::From => &mut envelope.from,
        Name::Sender => &mut envelope.sender,
        Name::ReplyTo => &mut envelope.reply_to,
        Name::To => &mut envelope.to,
        Name::Cc => &mut envelope.cc,
        _ => &mut envelope.bcc,
    }
}

/// Adds the addresses of a field, `room` items at most; whether some were left out.
fn extend(list: &mut Vec<AddressItem>, value: &[u8], room: usize) -> bool {
    let mut items = address::items(value);
    list.extend(items.by_ref().take(room));
    let truncated = items.next().is_some();
    if truncated && items.in_group() {
        list.push(AddressItem::GroupEnd);
    }
    truncated
}
