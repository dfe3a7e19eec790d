//! Whether a message can go to a host without SMTPUTF8, and why not (RFC 6531 §3.2).
//!
//! Two things need it: addresses of the envelope, and headers with octets above 127 (RFC 6532 §3),
//! those of parts included. Most such headers can be written in ASCII (RFC 2047, RFC 2231); what
//! cannot is named. Bodies are another matter: see [`crate::seven_bit`].

use std::ops::Range;

use mail_types::Address;

use crate::{
    header::fields,
    seven_bit::field::{self, ADDRESS_FIELDS, ID_FIELDS},
    structure::Structure,
};

/// Whether a message can go without SMTPUTF8.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum WithoutSmtputf8 {
    /// As it is: everything in it is ASCII.
    AsItIs,
    /// Once [`crate::seven_bit::Converter`] has written its headers in ASCII.
    Converted,
    /// It cannot, for these reasons; at most [`WithoutSmtputf8::REASONS_MAX`].
    Never(Vec<Reason>),
}

/// What needs SMTPUTF8.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Reason {
    /// An address of the envelope has a local part that is not ASCII (RFC 6531 §3.3).
    #[error("the address {0} is not in ASCII")]
    Envelope(Address),
    /// An address in a header field has such a local part, or cannot be read.
    #[error("the field {0} holds an address that is not in ASCII")]
    Address(String),
    /// A message id: in other words it is another one.
    #[error("the field {0} holds an identifier that is not in ASCII")]
    Identifier(String),
    /// A field whose syntax leaves no place for encoded words.
    #[error("the field {0} cannot be written in ASCII")]
    Field(String),
    /// Headers would have to change, and a signature covers them.
    #[error("the message is signed and its header must not be changed")]
    Signed,
}

impl WithoutSmtputf8 {
    /// More reasons are not listed.
    pub const REASONS_MAX: usize = 20;

    /// The answer for a message with this structure and envelope, given the octets of those headers
    /// that [`eight_bit_headers`] names.
    pub fn of<'a>(
        structure: &Structure,
        envelope: impl IntoIterator<Item = &'a Address>,
        headers: impl IntoIterator<Item = &'a [u8]>,
    ) -> Self {
        let mut reasons: Vec<Reason> = Vec::new();
        let addresses = envelope.into_iter().filter(|address| address.needs_smtputf8());
        reasons.extend(addresses.map(|address| Reason::Envelope(address.clone())));
        let converts =
            structure.body.root.octets.eight_bit_header || !eight_bit_headers(structure).is_empty();
        if converts && is_signed(structure) {
            reasons.push(Reason::Signed);
        }
        reasons.extend(headers.into_iter().flat_map(fields).filter_map(|field| {
            let needs = !field.raw.is_ascii() && field::in_ascii(field.raw).is_err();
            needs.then(|| reason(field.name))
        }));
        reasons.truncate(Self::REASONS_MAX);
        match (reasons.is_empty(), converts) {
            (true, false) => Self::AsItIs,
            (true, true) => Self::Converted,
            (false, _) => Self::Never(reasons),
        }
    }
}

/// Where the headers with octets above 127 are, in the order of the message.
pub fn eight_bit_headers(structure: &Structure) -> Vec<Range<u64>> {
    let mut ranges = Vec::new();
    structure.body.root.visit(&mut |part| {
        if part.octets.eight_bit_header {
            ranges.push(part.header.clone());
        }
    });
    ranges
}

/// Whether a signature covers a header that is not ASCII.
fn is_signed(structure: &Structure) -> bool {
    let mut signed = structure.dkim_signed;
    structure.body.root.visit(&mut |part| {
        if part.media_type.is("multipart", "signed") {
            part.children().iter().for_each(|child| {
                child.visit(&mut |inner| signed |= inner.octets.eight_bit_header);
            });
        }
    });
    signed
}

fn reason(name: &[u8]) -> Reason {
    let name = String::from_utf8_lossy(name).into_owned();
    let is_in = |names: &[&str]| names.iter().any(|known| name.eq_ignore_ascii_case(known));
    if is_in(ADDRESS_FIELDS) {
        Reason::Address(name)
    } else if is_in(ID_FIELDS) {
        Reason::Identifier(name)
    } else {
        Reason::Field(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seven_bit::Converter;

    fn of(message: &str, envelope: &[Address]) -> WithoutSmtputf8 {
        let structure = Structure::of(message.as_bytes());
        let ranges = eight_bit_headers(&structure).into_iter();
        let headers = ranges.map(|range| {
            let at = |offset| usize::try_from(offset).unwrap();
            &message.as_bytes()[at(range.start)..at(range.end)]
        });
        WithoutSmtputf8::of(&structure, envelope, headers.collect::<Vec<_>>())
    }

    #[track_caller]
    fn check(message: &str, expected: WithoutSmtputf8) {
        assert_eq!(of(message, &[]), expected, "{message:?}");
        // The conversion does what is said here.
        let structure = Structure::of(message.as_bytes());
        let converts = || -> Result<(), crate::seven_bit::Refused> {
            let mut converter = Converter::new(&structure)?;
            let mut out = Vec::new();
            converter.push(message.as_bytes(), &mut out)?;
            converter.finish(&mut out)
        };
        assert_eq!(converts().is_err(), matches!(expected, WithoutSmtputf8::Never(_)));
    }

    #[test]
    fn headers() {
        use WithoutSmtputf8::{AsItIs, Converted, Never};
        check("Subject: a\r\n\r\né", AsItIs);
        check("Subject: é\r\n\r\n", Converted);
        check("From: é <a@b.example>\r\n\r\n", Converted);
        check("From: <a@é.example>\r\n\r\n", Converted);
        check("From: <é@b.example>\r\n\r\n", Never(vec![Reason::Address("From".into())]));
        check("MESSAGE-ID: <é@b>\r\n\r\n", Never(vec![Reason::Identifier("MESSAGE-ID".into())]));
        check(
            "Content-Type: a/b; boundary=é\r\n\r\n",
            Never(vec![Reason::Field("Content-Type".into())]),
        );
        check("DKIM-Signature: v=1\r\nSubject: é\r\n\r\n", Never(vec![Reason::Signed]));
    }

    #[test]
    fn headers_of_parts() {
        use WithoutSmtputf8::{Converted, Never};
        let part = "--a\r\nContent-Disposition: inline; filename=\"é\"\r\n\r\n\r\n--a--";
        check(&format!("Content-Type: multipart/mixed; boundary=a\r\n\r\n{part}"), Converted);
        check(
            &format!("Content-Type: multipart/signed; boundary=a\r\n\r\n{part}"),
            Never(vec![Reason::Signed]),
        );
        check(
            "Content-Type: message/rfc822\r\n\r\nTo: <é@b.example>\r\n\r\n",
            Never(vec![Reason::Address("To".into())]),
        );
    }

    #[test]
    fn envelopes() {
        let addresses = |text: &[&str]| -> Vec<Address> {
            text.iter().map(|address| Address::parse(address).unwrap()).collect()
        };
        let plain = addresses(&["a@b.example", "a@é.example"]);
        assert_eq!(of("\r\n", &plain), WithoutSmtputf8::AsItIs, "domains are sent as A-labels");
        let one = addresses(&["é@b.example"]);
        let why = WithoutSmtputf8::Never(vec![Reason::Envelope(one[0].clone())]);
        assert_eq!(of("\r\n", &one), why);
        let many = vec![one[0].clone(); 50];
        let WithoutSmtputf8::Never(reasons) = of("\r\n", &many) else { panic!("it needs it") };
        assert_eq!(reasons.len(), WithoutSmtputf8::REASONS_MAX);
    }
}
