//! What data of messages must be read as (RFC 9051 §7.5.2).

use mime_core::{
    Envelope, Octets,
    body_structure::{Content, Param, Part},
    header::address::AddressItem,
    transfer::Encoding,
};

use super::reader::{Value, adjacent, atom, nstring, text};

pub(super) fn envelope(envelope: &Envelope) -> Value {
    let or_from =
        |list: &Vec<AddressItem>| addresses(if list.is_empty() { &envelope.from } else { list });
    Value::List(vec![
        nstring(envelope.date.as_deref()),
        nstring(envelope.subject.as_deref()),
        addresses(&envelope.from),
        or_from(&envelope.sender),
        or_from(&envelope.reply_to),
        addresses(&envelope.to),
        addresses(&envelope.cc),
        addresses(&envelope.bcc),
        nstring(envelope.in_reply_to.as_deref()),
        nstring(envelope.message_id.as_deref()),
    ])
}

fn addresses(items: &[AddressItem]) -> Value {
    if items.is_empty() {
        return Value::Nil;
    }
    let address = |item: &AddressItem| {
        Value::List(match item {
            AddressItem::Mailbox(mailbox) => vec![
                nstring(mailbox.name.as_deref()),
                nstring(mailbox.route.as_deref()),
                text(&mailbox.local),
                text(mailbox.domain.as_deref().unwrap_or_default()),
            ],
            AddressItem::GroupStart(name) => vec![Value::Nil, Value::Nil, text(name), Value::Nil],
            AddressItem::GroupEnd => vec![Value::Nil; 4],
        })
    };
    Value::List(vec![adjacent(items.iter().map(address).collect())])
}

/// BODY, or BODYSTRUCTURE with what it has more.
pub(super) fn body(part: &Part, whole: bool, rev2: bool) -> Value {
    let number = |value: u64| atom(if rev2 { value } else { value.min(u32::MAX.into()) });
    let mut values = Vec::new();
    if let Content::Multipart(parts) = &part.content {
        values.push(adjacent(parts.iter().map(|part| body(part, whole, rev2)).collect()));
        values.push(text(&part.media_type.subtype));
        values.extend(whole.then(|| params(&part.media_type.params)));
    } else {
        let (kind, subtype) = part.shown_type();
        let encoding = part.encoding.as_deref().unwrap_or(b"7BIT");
        let mut params = params(&part.media_type.params);
        // Nobody says `charset` here, nor an encoding that there is.
        let said = part.encoding.as_deref().map(Encoding::parse).unwrap_or_default();
        let is_plain = part.media_type.is("text", "plain") && said == Encoding::SevenBit;
        if is_plain && !part.octets.eight_bit {
            let charset = [text(b"charset"), text(b"us-ascii")];
            match &mut params {
                Value::List(values) => values.extend(charset),
                none => *none = Value::List(charset.into()),
            }
        }
        values.extend([text(kind), text(subtype), params]);
        values.extend([nstring(part.id.as_deref()), nstring(part.description.as_deref())]);
        values.extend([text(encoding), number(part.body.end - part.body.start)]);
        match &part.content {
            Content::Message(message) if rev2 || subtype.eq_ignore_ascii_case(b"rfc822") => {
                let inside = body(&message.part, whole, rev2);
                values.extend([envelope(&message.envelope), inside, number(part.lines)]);
            }
            _ if kind.eq_ignore_ascii_case(b"text") => values.push(number(part.lines)),
            _ => {}
        }
        values.extend(whole.then(|| nstring(part.md5.as_deref())));
    }
    if whole {
        values.push(part.disposition.as_ref().map_or(Value::Nil, |disposition| {
            Value::List(vec![text(&disposition.kind), params(&disposition.params)])
        }));
        values.push(match &part.language[..] {
            [] => Value::Nil,
            [only] => text(only),
            several => Value::List(several.iter().map(|tag: &Octets| text(tag)).collect()),
        });
        values.push(nstring(part.location.as_deref()));
    }
    Value::List(values)
}

fn params(params: &[Param]) -> Value {
    if params.is_empty() {
        return Value::Nil;
    }
    Value::List(params.iter().flat_map(|param| [text(&param.name), text(&param.value)]).collect())
}
