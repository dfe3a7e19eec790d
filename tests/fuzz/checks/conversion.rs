//! Decoding of text parts and conversion to 7 bits.

use mime_core::{
    body_structure::Content,
    reading::Numbered,
    seven_bit::{Aim, Converter, Refused},
    smtputf8::{WithoutSmtputf8, eight_bit_headers},
    structure::Structure,
    text::{TextDecoder, decode_text_part},
    transfer::Encoding,
};

pub(crate) fn check(octets: &[u8]) {
    let structure = Structure::of(octets);
    structure.body.root.visit(&mut |part| {
        if matches!(part.content, Content::Leaf) {
            let body = &octets[part.body.start as usize..part.body.end as usize];
            let encoding = Encoding::parse(part.encoding.as_deref().unwrap_or_default());
            let charset = part.media_type.param("charset");
            let whole = decode_text_part(body, encoding, charset);
            let mut by_octets = String::new();
            let mut decoder = TextDecoder::new(encoding, charset);
            body.chunks(1).for_each(|piece| decoder.push(piece, &mut by_octets));
            decoder.finish(&mut by_octets);
            assert_eq!(by_octets, whole);
        }
    });
    for aim in [Aim::SevenBit, Aim::Lines, Aim::SevenBitLines] {
        let converted = convert(aim, &structure, octets, octets.len().max(1));
        assert_eq!(convert(aim, &structure, octets, 1), converted);
        let Ok(converted) = converted else { continue };
        assert!(converted.is_ascii() || aim == Aim::Lines);
        let changes = Converter::needed(&structure)
            || Converter::shortens(&structure)
            || (aim != Aim::SevenBit && Converter::makes_lines(&structure));
        if !changes && aim == Aim::SevenBit {
            assert_eq!(converted, octets);
        }
        assert_eq!(contents(&converted), contents(octets), "{}", converted.escape_ascii());
    }

    // What is said about SMTPUTF8 is what conversion does.
    let headers = eight_bit_headers(&structure);
    let slices = headers.iter().map(|range| &octets[range.start as usize..range.end as usize]);
    let without = WithoutSmtputf8::of(&structure, [], slices);
    let converted = convert(Aim::SevenBit, &structure, octets, octets.len().max(1));
    match without {
        WithoutSmtputf8::AsItIs => assert!(headers.is_empty()),
        WithoutSmtputf8::Converted => assert_ne!(converted, Err(Refused::Header)),
        WithoutSmtputf8::Never(reasons) => assert!(!reasons.is_empty() && converted.is_err()),
    }
}

fn convert(
    aim: Aim,
    structure: &Structure,
    octets: &[u8],
    size: usize,
) -> Result<Vec<u8>, Refused> {
    let mut converter = Converter::towards(aim, structure)?;
    let mut out = Vec::new();
    for piece in octets.chunks(size) {
        converter.push(piece, &mut out)?;
    }
    converter.finish(&mut out)?;
    Ok(out)
}

/// What each leaf holds, decoded, with line ends as LF and none at its end.
fn contents(message: &[u8]) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    Structure::of(message).body.root.visit(&mut |part| {
        if matches!(part.content, Content::Leaf) {
            let leaf = Numbered { part, number: Vec::new() };
            let content = leaf.content(&message[part.body.start as usize..part.body.end as usize]);
            let mut lines: Vec<u8> = Vec::with_capacity(content.len());
            for octet in content {
                if octet == b'\n' && lines.last() == Some(&b'\r') {
                    lines.pop();
                }
                lines.push(octet);
            }
            lines.truncate(lines.trim_ascii_end().len());
            found.push(lines);
        }
    });
    found
}
