//! Transfer encodings: any octets decode, the same for every cut, and what is encoded comes back.

use mime_core::transfer::{
    Base64Decoder, Base64Encoder, Encoding, Fault, FaultFinder, QuotedPrintableDecoder,
    QuotedPrintableEncoder,
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

    for encoding in [Encoding::SevenBit, Encoding::Base64, Encoding::QuotedPrintable] {
        let faults = faults(encoding, octets, octets.len().max(1));
        assert!(faults.iter().all(|fault| fault.at <= octets.len() as u64));
        assert_eq!(self::faults(encoding, octets, size), faults);
    }

    let encoded = through!(Base64Encoder, octets, size);
    assert_eq!(faults(Encoding::Base64, &encoded, size), []);
    assert!(encoded.split(|octet| *octet == b'\n').all(|line| line.len() <= 77));
    assert_eq!(through!(Base64Decoder, &encoded, size), octets);

    let encoded = through!(QuotedPrintableEncoder, octets, size);
    assert_eq!(faults(Encoding::QuotedPrintable, &encoded, size), []);
    assert!(encoded.is_ascii());
    assert!(encoded.split(|octet| *octet == b'\n').all(|line| line.len() <= 77));
    assert_eq!(through!(QuotedPrintableDecoder, &encoded, size), with_crlf(octets));
}

fn faults(encoding: Encoding, octets: &[u8], size: usize) -> Vec<Fault> {
    let mut finder = FaultFinder::new(encoding);
    octets.chunks(size).for_each(|piece| finder.push(piece));
    finder.finish()
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
