//! One header field with 8-bit octets, written in ASCII.

use super::Refused;
use crate::{
    body_structure::Param,
    header::{
        address::{self, AddressItem, Mailbox},
        blank_controls, content, fields,
        write::{fold, phrase, unstructured},
    },
    text::{ascii_param, decode_header, encode_param},
};

/// The whole field in ASCII, line ends included.
pub(crate) fn in_ascii(raw: &[u8]) -> Result<Vec<u8>, Refused> {
    written(raw, mailbox_in_ascii)
}

/// What of the field can be shown in ASCII (RFC 6858 §2): nothing, if it is one that programs read.
/// Parameters are not left out as there: RFC 2231 has a spelling for each.
pub(crate) fn shown_in_ascii(raw: &[u8]) -> Option<Vec<u8>> {
    let name = fields(raw).next()?.name;
    let is_for_programs = PROGRAM_FIELDS.iter().any(|f| name.eq_ignore_ascii_case(f.as_bytes()));
    if is_for_programs { None } else { written(raw, mailbox_shown).ok() }
}

/// Fields in which an encoded word would be read as something else.
const PROGRAM_FIELDS: &[&str] = &[
    "Received",
    "Delivered-To",
    "X-Original-To",
    "DKIM-Signature",
    "Authentication-Results",
    "Received-SPF",
    "ARC-Seal",
    "ARC-Message-Signature",
    "ARC-Authentication-Results",
];

fn written(
    raw: &[u8],
    mailbox: fn(&Mailbox) -> Result<String, Refused>,
) -> Result<Vec<u8>, Refused> {
    let field = fields(raw).next().ok_or(Refused::Header)?;
    let name = std::str::from_utf8(field.name).map_err(|_| Refused::Header)?;
    let mut value = field.unfolded().into_owned();
    blank_controls(&mut value);
    let value = value.trim_ascii();
    let is = |names: &[&str]| names.iter().any(|known| name.eq_ignore_ascii_case(known));
    let written = if is(ADDRESS_FIELDS) {
        address_list(value, mailbox)?
    } else if is(ID_FIELDS) {
        // An id in other words is another id.
        return Err(Refused::Header);
    } else if is(&["Content-Type"]) {
        let media_type = content::parse_media_type(value).ok_or(Refused::Header)?;
        let kind = [&*media_type.kind, b"/", &media_type.subtype].concat();
        with_params(&kind, &media_type.params)?
    } else if is(&["Content-Disposition"]) {
        let disposition = content::parse_disposition(value).ok_or(Refused::Header)?;
        with_params(&disposition.kind, &disposition.params)?
    } else if is(&["Content-Transfer-Encoding"]) {
        // Nothing behind its word counts. One that is not known must not become one that is.
        let graphic = |octet: &u8| if octet.is_ascii_graphic() { char::from(*octet) } else { '-' };
        content::first_word(value).iter().map(graphic).collect()
    } else {
        unstructured(&decode_header(value))
    };
    Ok(format!("{name}: {written}\r\n").into_bytes())
}

pub(crate) const ADDRESS_FIELDS: &[&str] = &[
    "From",
    "Sender",
    "Reply-To",
    "To",
    "Cc",
    "Bcc",
    "Resent-From",
    "Resent-Sender",
    "Resent-Reply-To",
    "Resent-To",
    "Resent-Cc",
    "Resent-Bcc",
    "Disposition-Notification-To",
];
pub(crate) const ID_FIELDS: &[&str] =
    &["Message-ID", "In-Reply-To", "References", "Resent-Message-ID", "Content-ID", "Return-Path"];

fn address_list(
    value: &[u8],
    write: fn(&Mailbox) -> Result<String, Refused>,
) -> Result<String, Refused> {
    let mut pieces: Vec<String> = Vec::new();
    let mut separate = false;
    for item in address::items(value) {
        if separate
            && item != AddressItem::GroupEnd
            && let Some(last) = pieces.last_mut()
        {
            last.push(',');
        }
        separate = !matches!(item, AddressItem::GroupStart(_));
        match item {
            AddressItem::GroupStart(name) => {
                pieces.push(format!("{}:", phrase(&decode_header(&name))))
            }
            AddressItem::GroupEnd => match pieces.last_mut() {
                Some(last) => last.push(';'),
                None => pieces.push(";".to_owned()),
            },
            AddressItem::Mailbox(mailbox) => pieces.push(write(&mailbox)?),
        }
    }
    Ok(fold(&pieces.iter().map(String::as_str).collect::<Vec<_>>()))
}

fn mailbox_in_ascii(mailbox: &Mailbox) -> Result<String, Refused> {
    // An address that is not ASCII needs SMTPUTF8 (RFC 6531 §3.2); its domain is as an A-label.
    let address = match mailbox.address() {
        Some(address) if !address.needs_smtputf8() => address.to_string(),
        Some(_) => return Err(Refused::Header),
        None if mailbox.domain.is_none() => ascii(&mailbox.local)?.to_owned(),
        None => format!(
            "{}@{}",
            ascii(&mailbox.local)?,
            ascii(mailbox.domain.as_deref().unwrap_or_default())?
        ),
    };
    Ok(match &mailbox.name {
        Some(name) => format!("{} <{address}>", phrase(&decode_header(name))),
        None if mailbox.domain.is_none() => address,
        None => format!("<{address}>"),
    })
}

/// An address that cannot be told in ASCII is one that reaches nobody, under a name that tells what
/// it was (RFC 6858 §2.1).
fn mailbox_shown(mailbox: &Mailbox) -> Result<String, Refused> {
    mailbox_in_ascii(mailbox).or_else(|_| {
        let local = decode_header(&mailbox.local);
        let mut was = match mailbox.domain.as_deref() {
            Some(domain) => format!("{local}@{}", decode_header(domain)),
            None => local,
        };
        if let Some(name) = &mailbox.name {
            was = format!("{} {was}", decode_header(name));
        }
        Ok(format!("{} <invalid@internationalized-address.invalid>", phrase(&was)))
    })
}

fn with_params(kind: &[u8], params: &[Param]) -> Result<String, Refused> {
    let mut out = ascii(kind)?.to_owned();
    for param in params {
        let name = ascii(&param.name)?;
        // A boundary must stay what its delimiters are.
        if !param.value.is_ascii() && name.eq_ignore_ascii_case("boundary") {
            return Err(Refused::Header);
        }
        out.push_str(";\r\n ");
        // ASCII stays as it is: an encoded word in it is left to the reader.
        out.push_str(&match std::str::from_utf8(&param.value) {
            Ok(value) if value.is_ascii() => ascii_param(name, value),
            Ok(value) => encode_param(name, value),
            Err(_) => encode_param(name, &decode_header(&param.value)),
        });
    }
    Ok(out)
}

fn ascii(octets: &[u8]) -> Result<&str, Refused> {
    std::str::from_utf8(octets).ok().filter(|text| text.is_ascii()).ok_or(Refused::Header)
}
