//! Every sequence of octets is a message, however it is cut.

use mime_core::{
    BodyStructure, Envelope,
    fixup::{DROPPED_AT_SUBMISSION, HeaderEditor, Progress},
    header::{FieldFilter, address, header_length, message_ids},
    section::FieldChoice,
    structure::{Limits, Parser, Structure},
    text::decode_header,
};
use proptest::prelude::*;

use crate::corpus::check_ranges;

/// Lines that mean something, put together at random.
fn message() -> impl Strategy<Value = Vec<u8>> {
    let line = prop_oneof![
        Just("Content-Type: multipart/mixed; boundary=a"),
        Just("Content-Type: multipart/digest; boundary=\"a b\""),
        Just("Content-Type: message/rfc822"),
        Just("Content-Type: text/plain; charset=utf-8"),
        Just("Content-Transfer-Encoding: base64"),
        Just("Content-Type: multipart/mixed;"),
        Just(" boundary=aa"),
        Just("From: a <b@c>, d: e@f, g;"),
        Just("Bcc: x@y"),
        Just("--a"),
        Just("--a--"),
        Just("--a b"),
        Just("--a b--"),
        Just("--aa"),
        Just("--aa-- "),
        Just("-"),
        Just("--"),
        Just(""),
        Just("text"),
        Just("\r"),
        Just("\u{e9}\0"),
        Just("Content-Type: multipart/mixed; boundary=\u{e9}"),
        Just("--\u{e9}"),
    ];
    let end = prop_oneof![4 => Just("\r\n"), 2 => Just("\n"), 1 => Just("")];
    proptest::collection::vec((line, end), 0..40).prop_map(|lines| {
        lines.into_iter().flat_map(|(line, end)| [line, end].concat().into_bytes()).collect()
    })
}

fn octets() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![message(), proptest::collection::vec(any::<u8>(), 0..300)]
}

fn cut(octets: &[u8], at: &prop::sample::Index) -> (Vec<u8>, Vec<u8>) {
    let at = if octets.is_empty() { 0 } else { at.index(octets.len()) };
    (octets[..at].to_vec(), octets[at..].to_vec())
}

proptest! {
    #[test]
    fn structure_of_any_cut(octets in octets(), first in any::<prop::sample::Index>(), second in any::<prop::sample::Index>()) {
        let whole = Structure::of(&octets);
        check_ranges(&whole, &octets, "any");
        let (head, tail) = cut(&octets, &first);
        let (middle, tail) = cut(&tail, &second);
        let mut parser = Parser::new(Limits::default());
        for piece in [&head, &middle, &tail] {
            parser.push(piece);
        }
        prop_assert_eq!(parser.finish(), whole);
    }

    #[test]
    fn structure_within_small_limits(octets in message()) {
        let limits = Limits { depth_max: 3, parts_max: 4, field_octets_max: 20, kept_octets_max: 60, addresses_max: 2 };
        let mut parser = Parser::new(limits);
        parser.push(&octets);
        let structure = parser.finish();
        check_ranges(&structure, &octets, "any");
        let mut parts = 0;
        structure.body.root.visit(&mut |_| parts += 1);
        prop_assert!(parts <= 4);
    }

    #[test]
    fn stored_values_come_back(octets in message()) {
        let structure = Structure::of(&octets);
        let (body, envelope) = (structure.body.encode(), structure.envelope.encode());
        prop_assert_eq!(&BodyStructure::decode_in_place(&body).unwrap().encode(), &body);
        prop_assert_eq!(&Envelope::decode_in_place(&envelope).unwrap().encode(), &envelope);
        prop_assert_eq!(BodyStructure::decode(&body), Ok(structure.body));
        prop_assert_eq!(Envelope::decode(&envelope), Ok(structure.envelope));
    }

    #[test]
    fn damaged_stored_values_are_refused_or_read(octets in message(), at in any::<prop::sample::Index>(), with in any::<u8>()) {
        let mut stored = Structure::of(&octets).body.encode();
        let at = at.index(stored.len());
        stored[at] = with;
        let _ = BodyStructure::decode(&stored);
        let _ = BodyStructure::decode(&stored[..at]);
        let _ = Envelope::decode(&stored);
    }

    #[test]
    fn an_editor_that_drops_nothing_changes_nothing(octets in octets(), at in any::<prop::sample::Index>()) {
        let (head, tail) = cut(&octets, &at);
        let mut editor = HeaderEditor::new(&[]);
        let mut out = Vec::new();
        let mut rest = Vec::new();
        for piece in [head, tail] {
            if let Progress::Ended(taken) = editor.push(&piece, &mut out) {
                rest.extend_from_slice(&piece[taken..]);
            }
        }
        editor.finish(b"", &mut out);
        out.extend_from_slice(&rest);
        prop_assert_eq!(out, octets);
    }

    #[test]
    fn an_editor_leaves_no_blind_recipient(octets in message(), at in any::<prop::sample::Index>()) {
        let (head, tail) = cut(&octets, &at);
        let mut editor = HeaderEditor::new(DROPPED_AT_SUBMISSION);
        let mut out = Vec::new();
        for piece in [head, tail] {
            editor.push(&piece, &mut out);
        }
        editor.finish(b"Date: x\r\n", &mut out);
        prop_assert!(mime_core::header::find(&out, "Bcc").is_none());
        prop_assert!(mime_core::header::find(&out, "Date").is_some());
    }

    #[test]
    fn named_and_not_named_fields_are_all_fields(octets in octets(), at in any::<prop::sample::Index>()) {
        let header = &octets[..header_length(&octets)];
        let names = ["From".into(), "Content-Type".into()];
        let named = FieldFilter::apply(header, &names, FieldChoice::Named);
        let others = FieldFilter::apply(header, &names, FieldChoice::NotNamed);
        let count = |header: &[u8]| mime_core::header::fields(header).count();
        prop_assert_eq!(count(&named) + count(&others), count(header));

        let (head, tail) = cut(header, &at);
        let mut filter = FieldFilter::new(&names, FieldChoice::Named);
        let mut out = Vec::new();
        filter.push(&head, &mut out);
        filter.push(&tail, &mut out);
        filter.finish(&mut out);
        prop_assert_eq!(out, named);
    }

    #[test]
    fn values_of_any_octets(octets in octets()) {
        let _ = address::parse_list(&octets);
        let _ = message_ids(&octets);
        let _ = decode_header(&octets);
    }

    #[test]
    fn address_lists_of_their_alphabet(text in "[ab<>@,:;()\\\\\". \t\r\n\\[\\]]{0,60}") {
        let items = address::parse_list(text.as_bytes());
        prop_assert!(items.len() <= text.len() + 1);
    }
}
