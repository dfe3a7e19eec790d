//! The encoder and the decoder undo each other, however the bytes are cut.

use proptest::prelude::*;

use super::*;

/// Decodes in pieces of `step` bytes; returns content, what was left over, and the fault.
fn decode(input: &[u8], step: usize) -> (Vec<u8>, Option<Vec<u8>>, Option<ContentFault>) {
    let mut decoder = Decoder::dotted();
    let mut content = Vec::new();
    for (place, chunk) in input.chunks(step).enumerate() {
        let mut piece = chunk.to_vec();
        let decoded = decoder.decode(&mut piece);
        content.extend_from_slice(&piece[..decoded.content]);
        if decoded.ended {
            let rest = input[place * step + decoded.consumed..].to_vec();
            return (content, Some(rest), decoder.fault());
        }
        assert_eq!(decoded.consumed, chunk.len());
    }
    (content, None, decoder.fault())
}

fn check(name: &str, input: &str, expected: (&str, Option<&str>, Option<ContentFault>)) {
    for step in 1..=input.len() {
        let (content, rest, fault) = decode(input.as_bytes(), step);
        assert_eq!(fault, expected.2, "{name}, by {step}");
        assert_eq!(rest.as_deref(), expected.1.map(str::as_bytes), "{name}, by {step}");
        if fault.is_none() {
            assert_eq!(content, expected.0.as_bytes(), "{name}, by {step}");
        }
    }
}

#[test]
fn decodes_whatever_the_split() {
    use ContentFault::{BareCr, BareLf, Nul};
    let end = Some("");
    check("RFC 5321 §4.5.2: the end", "a\r\n.\r\n", ("a\r\n", end, None));
    check("the next command stays", "a\r\n.\r\nQUIT\r\n", ("a\r\n", Some("QUIT\r\n"), None));
    check("no content at all", ".\r\n", ("", end, None));
    check("RFC 5321 §4.5.2: a first dot goes", "..\r\n.a\r\n.\r\n", (".\r\na\r\n", end, None));
    check("other dots stay", "a..b.\r\n.\r\n", ("a..b.\r\n", end, None));
    check("not ended yet", "a\r\n.\r", ("a\r\n", None, None));
    check("RFC 5321 §2.3.8: bare LF", "a\nb\r\n.\r\n", ("", end, Some(BareLf)));
    check("RFC 5321 §2.3.8: bare CR", "a\rb\r\n.\r\n", ("", end, Some(BareCr)));
    check("two CR", "a\r\r\n.\r\n", ("", end, Some(BareCr)));
    check("smuggling by LF dot LF", "a\n.\nb\r\n.\r\n", ("", end, Some(BareLf)));
    check("smuggling by LF dot CRLF", "a\n.\r\nb\r\n.\r\n", ("", end, Some(BareLf)));
    check("smuggling by CRLF dot LF", "a\r\n.\nb\r\n.\r\n", ("", end, Some(BareLf)));
    check("smuggling by CRLF dot CR", "a\r\n.\rb\r\n.\r\n", ("", end, Some(BareCr)));
    check("smuggling by CR dot CRLF", "a\r.\r\nb\r\n.\r\n", ("", end, Some(BareCr)));
    check("NUL", "a\0b\r\n.\r\n", ("", end, Some(Nul)));
    check("the first fault counts", "a\0\n\r\r\n.\r\n", ("", end, Some(Nul)));
}

#[test]
fn counted_content_has_no_dots_but_the_same_lines() {
    let mut bytes = *b".a\r\n.\r\n\r";
    let mut decoder = Decoder::counted();
    let decoded = decoder.decode(&mut bytes);
    assert_eq!(decoded, Decoded { content: 8, consumed: 8, ended: false });
    assert_eq!(decoder.fault(), None);
    assert_eq!(decoder.fault_at_end(), Some(ContentFault::BareCr));
}

#[test]
fn the_last_line_gets_its_end() {
    for (content, wire) in [("", ".\r\n"), ("a", "a\r\n.\r\n"), (".", "..\r\n.\r\n")] {
        let (mut encoder, mut output) = (Encoder::new(), Vec::new());
        encoder.encode(content.as_bytes(), &mut output);
        encoder.finish(&mut output);
        assert_eq!(output, wire.as_bytes(), "{content:?}");
    }
}

proptest! {
    /// Content of clean lines comes back, whatever the cuts on both sides.
    #[test]
    fn decoder_undoes_encoder(
        lines in proptest::collection::vec("[.a\u{e4}]{0,6}", 0..8),
        cut in 1usize..9,
        step in 1usize..9,
    ) {
        let content: String = lines.iter().map(|line| format!("{line}\r\n")).collect();
        let (mut encoder, mut wire) = (Encoder::new(), Vec::new());
        for piece in content.as_bytes().chunks(cut) {
            encoder.encode(piece, &mut wire);
        }
        encoder.finish(&mut wire);
        wire.extend_from_slice(b"NOOP\r\n");
        prop_assert_eq!(
            decode(&wire, step),
            (content.into_bytes(), Some(b"NOOP\r\n".to_vec()), None)
        );
    }

    /// Any bytes from the alphabet of trouble: every split gives the same.
    #[test]
    fn any_split_gives_the_same(input in "[\r\n.a\0]{0,24}", step in 1usize..9) {
        let (content, rest, fault) = decode(input.as_bytes(), input.len().max(1));
        let pieces = decode(input.as_bytes(), step);
        prop_assert_eq!((&pieces.1, pieces.2), (&rest, fault));
        prop_assert!(fault.is_some() || pieces.0 == content);
    }
}

#[test]
fn what_is_tolerated_is_no_fault_and_no_end() {
    let input = b"a\nb\r.\nc\0\r\n.\r\n";
    for (tolerance, fault) in [
        (Tolerance::None, Some(ContentFault::BareLf)),
        (Tolerance::BareLineEnds, Some(ContentFault::Nul)),
        (Tolerance::Everything, None),
    ] {
        let mut decoder = Decoder::dotted().tolerating(tolerance);
        let decoded = decoder.decode(&mut input.to_vec());
        assert_eq!((decoder.fault(), decoded.consumed), (fault, input.len()), "{tolerance:?}");
        assert!(decoded.ended, "{tolerance:?}");
    }
    for smuggling in ["a\r\n.\nb\r\n.\r\n", "a\r\n.\rb\r\n.\r\n", "a\r\n.\r\r\n.\r\n"] {
        let mut decoder = Decoder::dotted().tolerating(Tolerance::BareLineEnds);
        let decoded = decoder.decode(&mut smuggling.as_bytes().to_vec());
        assert!(decoder.fault().is_some(), "{smuggling:?}");
        assert_eq!(decoded.consumed, smuggling.len(), "{smuggling:?}");
    }
    let mut cut = Decoder::counted().tolerating(Tolerance::BareLineEnds);
    let _ = cut.decode(&mut b"a\r".to_vec());
    assert_eq!(cut.fault_at_end(), None);
}

#[test]
fn bare_line_ends_are_repaired() {
    let cases = [
        ("a\r\nb\r\n", "a\r\nb\r\n"),
        ("a\nb\n", "a\r\nb\r\n"),
        ("a\rb\r", "a\r\nb\r\n"),
        ("a\r\r\nb", "a\r\n\r\nb"),
        ("\n\r\n\r", "\r\n\r\n\r\n"),
        ("a\n.\nb", "a\r\n.\r\nb"),
        ("", ""),
    ];
    for (input, expected) in cases {
        for size in 1..=input.len().max(1) {
            let (mut ends, mut out) = (LineEnds::default(), Vec::new());
            input.as_bytes().chunks(size).for_each(|piece| ends.repair(piece, &mut out));
            ends.finish(&mut out);
            assert_eq!(String::from_utf8_lossy(&out), expected, "{input:?} by {size}");
        }
    }
}
