//! A gzip member (RFC 1952 §2.3). Pure.

/// Compressed well, and quickly enough for reports.
const LEVEL: u8 = 6;
/// A file without a name, made at an unknown time on an unknown system.
const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];

/// The octets as one member.
pub(super) fn gzip(octets: &[u8]) -> Vec<u8> {
    let mut member = HEADER.to_vec();
    member.extend(miniz_oxide::deflate::compress_to_vec(octets, LEVEL));
    member.extend(crc32(octets).to_le_bytes());
    // RFC 1952 §2.3.1: the size modulo 2^32.
    let [a, b, c, d, ..] = (octets.len() as u64).to_le_bytes();
    member.extend([a, b, c, d]);
    member
}

/// RFC 1952 §8, bit by bit: a report is small.
fn crc32(octets: &[u8]) -> u32 {
    let step = |crc: u32, _| if crc & 1 == 1 { (crc >> 1) ^ 0xedb8_8320 } else { crc >> 1 };
    let byte = |crc: u32, octet: &u8| (0..8).fold(crc ^ u32::from(*octet), step);
    !octets.iter().fold(u32::MAX, byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums() {
        for (text, expected) in [("", 0), ("a", 0xe8b7_be43), ("123456789", 0xcbf4_3926)] {
            assert_eq!(crc32(text.as_bytes()), expected, "{text}");
        }
    }

    #[test]
    fn a_member_holds_what_was_put_in() {
        let text = "a report ".repeat(100);
        let member = gzip(text.as_bytes());
        assert!(member.len() < text.len() / 4 && member.starts_with(&[0x1f, 0x8b, 8, 0]));
        let deflated = &member[HEADER.len()..member.len() - 8];
        let inflated = miniz_oxide::inflate::decompress_to_vec(deflated).unwrap();
        assert_eq!(inflated, text.as_bytes());
        assert_eq!(member[member.len() - 4..], 900_u32.to_le_bytes());
    }
}
