//! Responses as imap-codec reads them, in the values of the strict reader.

use imap_codec::{
    ResponseCodec,
    decode::Decoder as _,
    imap_types::{
        body::{BodyStructure, Disposition, SpecificFields},
        core::{IString, NString},
        envelope::{Address, Envelope},
        fetch::MessageDataItem,
        mailbox::Mailbox,
        response::{Code, Data, Response, Status},
    },
};

use super::reader::{Value, adjacent, atom};

fn response(out: &[u8]) -> Response<'_> {
    match ResponseCodec::default().decode(out) {
        Ok(([], response)) => response,
        other => panic!("{}: {other:?}", out.escape_ascii()),
    }
}

/// The name in a LIST, LSUB or STATUS response, as it stands on the wire; and the attributes, or the
/// numbers.
pub(super) fn mailbox(out: &[u8]) -> (String, String) {
    let (name, told) = match response(out) {
        Response::Data(Data::List { items, delimiter: Some(_), mailbox }) => {
            (mailbox, items.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "))
        }
        Response::Data(Data::Lsub { items, delimiter: Some(_), mailbox }) => {
            (mailbox, items.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "))
        }
        Response::Data(Data::Status { mailbox, items }) => (mailbox, format!("{items:?}")),
        other => panic!("{other:?}"),
    };
    match name {
        Mailbox::Inbox => ("INBOX".to_owned(), told),
        Mailbox::Other(name) => (String::from_utf8(name.as_ref().to_vec()).unwrap(), told),
    }
}

/// The code of a tagged response, if it is one that imap-codec knows.
pub(super) fn code(out: &[u8]) -> Option<Code<'_>> {
    match response(out) {
        Response::Status(Status::No { code, .. }) => code,
        other => panic!("{other:?}"),
    }
}

/// Envelope, body and structure of a FETCH response.
pub(super) fn fetched(out: &[u8]) -> Vec<Value> {
    let response = response(out);
    let Response::Data(Data::Fetch { seq, items }) = response else { panic!("{response:?}") };
    assert_eq!(seq.get(), 7);
    let value = |item: &MessageDataItem<'_>| match item {
        MessageDataItem::Envelope(one) => envelope(one),
        MessageDataItem::Body(one) | MessageDataItem::BodyStructure(one) => structure(one),
        other => panic!("{other:?}"),
    };
    items.as_ref().iter().map(value).collect()
}

fn string(string: &IString<'_>) -> Value {
    Value::Text(string.as_ref().to_vec())
}

fn nstring(string: &NString<'_>) -> Value {
    string.0.as_ref().map_or(Value::Nil, self::string)
}

fn list_or_nil(values: Vec<Value>) -> Value {
    if values.is_empty() { Value::Nil } else { Value::List(values) }
}

fn envelope(envelope: &Envelope<'_>) -> Value {
    let address = |one: &Address<'_>| {
        let parts = [&one.name, &one.adl, &one.mailbox, &one.host];
        Value::List(parts.into_iter().map(nstring).collect())
    };
    let addresses = |all: &[Address<'_>]| match all {
        [] => Value::Nil,
        all => Value::List(vec![adjacent(all.iter().map(address).collect())]),
    };
    Value::List(vec![
        nstring(&envelope.date),
        nstring(&envelope.subject),
        addresses(&envelope.from),
        addresses(&envelope.sender),
        addresses(&envelope.reply_to),
        addresses(&envelope.to),
        addresses(&envelope.cc),
        addresses(&envelope.bcc),
        nstring(&envelope.in_reply_to),
        nstring(&envelope.message_id),
    ])
}

fn params(params: &[(IString<'_>, IString<'_>)]) -> Value {
    list_or_nil(params.iter().flat_map(|(name, value)| [string(name), string(value)]).collect())
}

fn structure(one: &BodyStructure<'_>) -> Value {
    let mut values = Vec::new();
    match one {
        BodyStructure::Multi { bodies, subtype, extension_data } => {
            values.push(adjacent(bodies.as_ref().iter().map(structure).collect()));
            values.push(string(subtype));
            if let Some(more) = extension_data {
                values.push(params(&more.parameter_list));
                values.extend(tail(more.tail.as_ref()));
            }
        }
        BodyStructure::Single { body, extension_data } => {
            let of = |text: &str| Value::Text(text.as_bytes().to_vec());
            let (kind, subtype) = match &body.specific {
                SpecificFields::Basic { r#type, subtype } => (string(r#type), string(subtype)),
                SpecificFields::Message { .. } => (of("message"), of("rfc822")),
                SpecificFields::Text { subtype, .. } => (of("text"), string(subtype)),
            };
            let basic = &body.basic;
            values.extend([kind, subtype, params(&basic.parameter_list), nstring(&basic.id)]);
            values.push(nstring(&basic.description));
            values.extend([string(&basic.content_transfer_encoding), atom(basic.size)]);
            match &body.specific {
                SpecificFields::Basic { .. } => {}
                SpecificFields::Text { number_of_lines, .. } => values.push(atom(number_of_lines)),
                SpecificFields::Message { envelope: of, body_structure, number_of_lines } => {
                    values.extend([envelope(of), structure(body_structure), atom(number_of_lines)]);
                }
            }
            if let Some(more) = extension_data {
                values.push(nstring(&more.md5));
                values.extend(tail(more.tail.as_ref()));
            }
        }
    }
    Value::List(values)
}

/// Disposition, language and location.
fn tail(tail: Option<&Disposition<'_>>) -> Vec<Value> {
    let Some(Disposition { disposition, tail }) = tail else { return Vec::new() };
    let mut values = vec![
        disposition
            .as_ref()
            .map_or(Value::Nil, |(kind, given)| Value::List(vec![string(kind), params(given)])),
    ];
    if let Some(more) = tail {
        let tags: Vec<Value> = more.language.iter().map(string).collect();
        values.push(match &tags[..] {
            [] => Value::Nil,
            [only] => only.clone(),
            _ => Value::List(tags),
        });
        values.extend(more.tail.iter().map(|location| nstring(&location.location)));
    }
    values
}
