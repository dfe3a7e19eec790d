//! Decoding of text parts and conversion to 7 bits.

use mime_core::{
    body_structure::Content,
    seven_bit::{Converter, Refused},
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
    if let Ok(converted) = convert(&structure, octets, octets.len().max(1)) {
        assert!(converted.is_ascii());
        assert_eq!(convert(&structure, octets, 1).as_ref(), Ok(&converted));
        if !Converter::needed(&structure) && !Converter::shortens(&structure) {
            assert_eq!(converted, octets);
        }
    }
}

fn convert(structure: &Structure, octets: &[u8], size: usize) -> Result<Vec<u8>, Refused> {
    let mut converter = Converter::new(structure)?;
    let mut out = Vec::new();
    for piece in octets.chunks(size) {
        converter.push(piece, &mut out)?;
    }
    converter.finish(&mut out)?;
    Ok(out)
}
