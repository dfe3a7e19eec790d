//! Data of messages as nobody would write them: any octets anywhere.

use mime_core::{
    BodyStructure, Envelope, Octets,
    body_structure::{Content, Disposition, MediaType, Message, OctetKinds, Param, Part},
    header::address::{AddressItem, Mailbox},
};
use testkit::Random;

/// Octets with all that is special, and sometimes too many for a quoted string.
pub(super) fn octets(r: &mut Random) -> Octets {
    const SPECIAL: &[u8] = b"\"\\(){}%*[]<>~+ \r\n\0\t\x7f\x80\xc3\xa9\xff";
    let length = if r.percent(3) { 1000 + r.below(100) } else { r.below(12) };
    let plain = r.percent(50);
    let octet = |r: &mut Random| match r.below(3) {
        0 if !plain => SPECIAL[r.place(SPECIAL.len())],
        1 => b'A' + u8::try_from(r.below(26)).unwrap(),
        _ => b' ' + u8::try_from(r.below(94)).unwrap(),
    };
    (0..length).map(|_| octet(r)).collect()
}

fn maybe(r: &mut Random) -> Option<Octets> {
    r.percent(60).then(|| octets(r))
}

pub(super) fn envelope(r: &mut Random) -> Envelope {
    Envelope {
        date: maybe(r),
        subject: maybe(r),
        from: addresses(r),
        sender: addresses(r),
        reply_to: addresses(r),
        to: addresses(r),
        cc: addresses(r),
        bcc: addresses(r),
        in_reply_to: maybe(r),
        message_id: maybe(r),
    }
}

fn addresses(r: &mut Random) -> Vec<AddressItem> {
    let one = |r: &mut Random| match r.below(6) {
        0 => AddressItem::GroupStart(octets(r)),
        1 => AddressItem::GroupEnd,
        _ => AddressItem::Mailbox(Mailbox {
            name: maybe(r),
            route: maybe(r),
            local: octets(r),
            domain: maybe(r),
        }),
    };
    (0..r.below(4)).map(|_| one(r)).collect()
}

pub(super) fn structure(r: &mut Random) -> BodyStructure {
    BodyStructure { root: part(r, 4) }
}

fn part(r: &mut Random, depth: u64) -> Part {
    let start = r.below(1000);
    let content = match r.below(if depth == 0 { 1 } else { 4 }) {
        1 => Content::Multipart((0..=r.below(3)).map(|_| part(r, depth - 1)).collect()),
        2 => {
            let message = Message { envelope: envelope(r), part: part(r, depth - 1) };
            Content::Message(Box::new(message))
        }
        _ => Content::Leaf,
    };
    let (kind, subtype) = match &content {
        Content::Message(_) if r.percent(30) => ("message", "GLOBAL"),
        Content::Message(_) => ("message", "rfc822"),
        Content::Multipart(_) => ("multipart", "mixed"),
        Content::Leaf if r.percent(30) => ("multipart", "broken"),
        Content::Leaf if r.percent(50) => ("text", "plain"),
        Content::Leaf => ("image", "x"),
    };
    let mut media_type = MediaType::new(kind, subtype);
    media_type.params = params(r);
    let octets_of_body = OctetKinds { eight_bit: r.percent(50), ..OctetKinds::default() };
    let largest = if r.percent(5) { u64::from(u32::MAX) + 10 } else { 5000 };
    Part {
        header: 0..start,
        body: start..start + r.below(largest),
        lines: r.below(largest),
        octets: octets_of_body,
        media_type,
        encoding: maybe(r),
        id: maybe(r),
        description: maybe(r),
        md5: maybe(r),
        disposition: r.percent(50).then(|| Disposition { kind: octets(r), params: params(r) }),
        language: (0..r.below(4)).map(|_| octets(r)).collect(),
        location: maybe(r),
        content,
    }
}

fn params(r: &mut Random) -> Vec<Param> {
    (0..r.below(3)).map(|_| Param { name: octets(r), value: octets(r) }).collect()
}
