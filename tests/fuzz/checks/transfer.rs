//! Transfer encodings: any octets decode, the same for every cut, and what is encoded comes back.

use mime_core::transfer::{
    Base64Decoder, Base64Encoder, Encoding, QuotedPrintableDecoder, QuotedPrintableEncoder,
};

/// Passes octets through a coder, whole and by pieces; the results must be equal.
macro_rules! through {
    ($coder:ty, $octets:expr, $size:expr) => {{
        let run = |size: usize| {
            let mut coder = <$coder>::default();
            let mut out = Vec::new();
            $octets.chunks(size).for_each(|piece| coder.push(piece, &mut out));
            coder.finish(&mut out);
            out
        };
        let whole = run($octets.len().max(1));
        assert_eq!(run($size), whole);
        whole
    }};
}

pub(crate) fn check(octets: &[u8]) {
    let size = usize::from(octets.first().copied().unwrap_or_default() % 80).max(1);
    let _ = Encoding::parse(octets);
    let decoded = through!(Base64Decoder, octets, size);
    assert!(decoded.len() <= octets.len());
    let decoded = through!(QuotedPrintableDecoder, octets, size);
    assert!(decoded.len() <= octets.len());

    let encoded = through!(Base64Encoder, octets, size);
    assert!(encoded.split(|octet| *octet == b'\n').all(|line| line.len() <= 77));
    assert_eq!(through!(Base64Decoder, &encoded, size), octets);

    let encoded = through!(QuotedPrintableEncoder, octets, size);
    assert!(encoded.is_ascii());
    assert!(encoded.split(|octet| *octet == b'\n').all(|line| line.len() <= 77));
    assert_eq!(through!(QuotedPrintableDecoder, &encoded, size), with_crlf(octets));
}

/// Text is what quoted-printable encodes: each line end becomes CRLF.
fn with_crlf(octets: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut last = 0;
    for octet in octets {
        if *octet == b'\n' && last != b'\r' {
            out.push(b'\r');
        }
        out.push(*octet);
        last = *octet;
    }
    out
}
