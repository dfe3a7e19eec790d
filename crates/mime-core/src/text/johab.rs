//! Johab (KS X 1001 annex 3, Windows-1361): a syllable is written as its letters, five bits each.
//!
//! No table is needed: syllables are computed, and what is no Hangul is KS X 1001 in another
//! arrangement of rows, which EUC-KR has as well.

use encoding_rs::EUC_KR;

/// The letters that begin a syllable, in the order of Unicode.
const INITIALS: &str = "ㄱㄲㄴㄷㄸㄹㅁㅂㅃㅅㅆㅇㅈㅉㅊㅋㅌㅍㅎ";
/// Those that end one.
const FINALS: &str = "ㄱㄲㄳㄴㄵㄶㄷㄹㄺㄻㄼㄽㄾㄿㅀㅁㅂㅄㅅㅆㅇㅈㅊㅋㅌㅍㅎ";

/// Decodes by pieces.
#[derive(Debug, Default)]
pub(super) struct Johab {
    lead: Option<u8>,
}

impl Johab {
    pub(super) fn push(&mut self, octets: &[u8], out: &mut String) {
        for octet in octets {
            match self.lead.take() {
                None if octet.is_ascii() => out.push(char::from(*octet)),
                None => self.lead = Some(*octet),
                Some(lead) => match character(lead, *octet) {
                    Some(character) => out.push(character),
                    None => {
                        out.push(char::REPLACEMENT_CHARACTER);
                        // A line end or a tag must not be lost to a broken pair.
                        if octet.is_ascii() {
                            out.push(char::from(*octet));
                        }
                    }
                },
            }
        }
    }

    pub(super) fn finish(self, out: &mut String) {
        if self.lead.is_some() {
            out.push(char::REPLACEMENT_CHARACTER);
        }
    }
}

/// Whether a pair is one of the 2,350 syllables that KS X 1001 has too.
pub(super) fn is_common_syllable(lead: u8, trail: u8) -> bool {
    let syllable = hangul(u16::from_be_bytes([lead, trail])).filter(|c| ('가'..='힣').contains(c));
    let mut buffer = [0; 4];
    syllable.is_some_and(|c| {
        // The extension that encoding_rs adds has its octets elsewhere.
        let (octets, _, lossy) = EUC_KR.encode(c.encode_utf8(&mut buffer));
        !lossy && matches!(*octets, [0xb0..=0xc8, 0xa1..=0xfe])
    })
}

fn character(lead: u8, trail: u8) -> Option<char> {
    match lead {
        0x84..=0xd3 => hangul(u16::from_be_bytes([lead, trail])),
        0xd9..=0xde | 0xe0..=0xf9 => from_ks_x_1001(lead, trail),
        _ => None,
    }
}

/// Bits: 1, then initial, medial, final. Each has a code for its absence and gaps between codes.
fn hangul(pair: u16) -> Option<char> {
    let letter = |shift: u32| u32::from(pair >> shift) & 31;
    let initial = match letter(10) {
        1 => None,
        code @ 2..=20 => Some(code.wrapping_sub(2)),
        _ => return None,
    };
    let medial = match letter(5) {
        2 => None,
        code @ 3..=7 => Some(code.wrapping_sub(3)),
        code @ 10..=15 => Some(code.wrapping_sub(5)),
        code @ 18..=23 => Some(code.wrapping_sub(7)),
        code @ 26..=29 => Some(code.wrapping_sub(9)),
        _ => return None,
    };
    let last = match letter(0) {
        1 => None,
        code @ 2..=17 => Some(code.wrapping_sub(1)),
        code @ 19..=29 => Some(code.wrapping_sub(2)),
        _ => return None,
    };
    match (initial, medial, last) {
        (Some(initial), Some(medial), last) => {
            // The arithmetic of Unicode: 21 medials, 28 finals with none among them.
            let index = (initial.wrapping_mul(21).wrapping_add(medial)).wrapping_mul(28);
            char::from_u32(index.wrapping_add(last.unwrap_or(0)).wrapping_add(0xac00))
        }
        (Some(initial), None, None) => nth(INITIALS, initial),
        (None, Some(medial), None) => char::from_u32(medial.wrapping_add(0x314f)),
        (None, None, Some(last)) => nth(FINALS, last.wrapping_sub(1)),
        (None, None, None) => Some('\u{3000}'),
        _ => None,
    }
}

fn nth(letters: &str, index: u32) -> Option<char> {
    letters.chars().nth(usize::try_from(index).ok()?)
}

/// A lead octet holds two rows of 94 characters.
fn from_ks_x_1001(lead: u8, trail: u8) -> Option<char> {
    let first_row = match lead {
        0xd9..=0xde => lead.wrapping_sub(0xd9).wrapping_mul(2),
        _ => lead.wrapping_sub(0xe0).wrapping_mul(2).wrapping_add(41),
    };
    let place = match trail {
        0x31..=0x7e => trail.wrapping_sub(0x31),
        0x91..=0xfe => trail.wrapping_sub(0x43),
        _ => return None,
    };
    let row = first_row.wrapping_add(place / 94).wrapping_add(0xa1);
    let pair = [row, (place % 94).wrapping_add(0xa1)];
    let text = EUC_KR.decode_without_bom_handling_and_without_replacement(&pair)?;
    text.chars().next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(octets: &[u8], expected: &str) {
        for size in [1, 2, octets.len().max(1)] {
            let mut decoder = Johab::default();
            let mut out = String::new();
            octets.chunks(size).for_each(|piece| decoder.push(piece, &mut out));
            decoder.finish(&mut out);
            assert_eq!(out, expected, "{}", octets.escape_ascii());
        }
    }

    #[test]
    fn known_answers() {
        check(b"\xb4e\x91w\xd0a\xadA\xb6a.", "안녕하세요.");
        check(b"\xa6\xca", "뷁");
        check(b"\x88A \x84a \x84D \x84A", "ㄱ ㅏ ㄳ \u{3000}");
        check(b"\xd92\xe4\xde\xf7\xdb\xe2\xd0", "、大韓國");
        check(b"plain\r\n", "plain\r\n");
    }

    #[test]
    fn broken_pairs() {
        check(b"\xb4", "\u{fffd}");
        check(b"\xb4\n\xb4e", "\u{fffd}\n안");
        check(b"\xff\xff", "\u{fffd}");
    }

    /// The layout by its definition: all syllables in the order of their letters.
    #[test]
    fn every_syllable_has_one_code() {
        let codes = (0x8441_u16..=0xd3fd).filter_map(hangul);
        let syllables: Vec<char> = codes.filter(|c| ('가'..='힣').contains(c)).collect();
        assert!(syllables.is_sorted());
        assert_eq!(syllables.len(), 11_172);
        assert_eq!((syllables.first(), syllables.last()), (Some(&'가'), Some(&'힣')));
    }
}
