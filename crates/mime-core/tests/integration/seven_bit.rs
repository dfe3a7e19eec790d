//! Conversion to 7 bits keeps what the message says.

use mime_core::{
    body_structure::{Content, Part},
    seven_bit::{Converter, Refused},
    structure::Structure,
    transfer::{Base64Decoder, Encoding, QuotedPrintableDecoder},
};

use crate::corpus::{samples, slice, with_crlf};

fn convert(message: &[u8], size: usize) -> Result<Vec<u8>, Refused> {
    let mut converter = Converter::new(&Structure::of(message))?;
    let mut out = Vec::new();
    for piece in message.chunks(size) {
        converter.push(piece, &mut out)?;
    }
    converter.finish(&mut out)?;
    Ok(out)
}

/// The decoded content of each leaf, line ends as LF, without those at its end.
fn contents(message: &[u8]) -> Vec<Vec<u8>> {
    let mut contents = Vec::new();
    Structure::of(message).body.root.visit(&mut |part: &Part| {
        if matches!(part.content, Content::Leaf) {
            contents.push(decoded(part, message));
        }
    });
    contents
}

fn decoded(part: &Part, message: &[u8]) -> Vec<u8> {
    let body = slice(message, part.body.clone());
    let mut out = Vec::new();
    match Encoding::parse(part.encoding.as_deref().unwrap_or_default()) {
        Encoding::Base64 => {
            let mut decoder = Base64Decoder::default();
            decoder.push(body, &mut out);
            decoder.finish(&mut out);
        }
        Encoding::QuotedPrintable => {
            let mut decoder = QuotedPrintableDecoder::default();
            decoder.push(body, &mut out);
            decoder.finish(&mut out);
        }
        _ => out.extend_from_slice(body),
    }
    let mut out: Vec<u8> = String::from_utf8_lossy(&out).replace("\r\n", "\n").into_bytes();
    while out.last() == Some(&b'\n') {
        out.pop();
    }
    out
}

#[test]
fn the_corpus() {
    let (mut converted, mut refused) = (0, Vec::new());
    for sample in samples() {
        let message = with_crlf(&sample.octets);
        if !Converter::needed(&Structure::of(&message)) {
            assert_eq!(
                convert(&message, 100).unwrap_or(message.clone()),
                message,
                "{}",
                sample.name
            );
            continue;
        }
        match convert(&message, 4096) {
            Err(reason) => refused.push((sample.name, reason)),
            Ok(out) => {
                converted += 1;
                assert!(out.is_ascii(), "{}", sample.name);
                assert_eq!(convert(&message, 1).unwrap(), out, "{}", sample.name);
                assert_eq!(contents(&out), contents(&message), "{}", sample.name);
            }
        }
    }
    assert!(converted > 30, "converted {converted}, refused {refused:?}");
}
