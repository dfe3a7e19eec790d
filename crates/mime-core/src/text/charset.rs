//! Charsets by their labels, and decoding by pieces.
//!
//! encoding_rs does most of it. What it lacks is added here: labels of real mail that the WHATWG
//! list has not, ISO-2022-KR, Johab and UTF-7.

use encoding_rs::{EUC_KR, Encoding, ISO_2022_JP, UTF_8, WINDOWS_1252};

use super::{
    guess::Guess, iso_2022_jp::LastEscape, iso_2022_kr::ToEucKr, johab::Johab, utf_7::Utf7,
};

/// How octets become characters.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Charset {
    /// One that encoding_rs decodes, and that is believed.
    Known(&'static Encoding),
    /// One whose label often lies (UTF-8, ISO 8859-1, EUC-KR, ISO-2022-JP): believed unless the
    /// octets say otherwise.
    Doubtful(&'static Encoding),
    /// ISO-2022-KR (RFC 1557).
    Iso2022Kr,
    /// Johab.
    Johab,
    /// UTF-7 (RFC 2152).
    Utf7,
    /// No label, US-ASCII, or a label that nobody knows: guessed.
    Unknown,
}

impl Charset {
    /// The charset of a label: a charset parameter, or that of an encoded word.
    pub fn of_label(label: &[u8]) -> Self {
        // Some quote it twice.
        let is_around = |octet: &u8| octet.is_ascii_whitespace() || matches!(octet, b'"' | b'\'');
        let begin = label.iter().position(|octet| !is_around(octet)).unwrap_or(label.len());
        let end = label
            .iter()
            .rposition(|octet| !is_around(octet))
            .map_or(begin, |at| at.saturating_add(1));
        let label = label.get(begin..end).unwrap_or_default().to_ascii_lowercase();
        // RFC 2231 §5: a language may follow in an encoded word.
        let label = label.split(|octet| *octet == b'*').next().unwrap_or_default();
        let known = match label {
            b"iso-2022-kr" | b"csiso2022kr" => return Self::Iso2022Kr,
            // The label of software that did not know better: octets above 127 are in none.
            b"us-ascii" | b"ascii" | b"ansi_x3.4-1968" | b"iso646-us" => return Self::Unknown,
            b"utf-7" | b"unicode-1-1-utf-7" | b"csunicode11utf7" => return Self::Utf7,
            b"johab" | b"x-johab" | b"cp1361" | b"ms1361" | b"windows-1361" | b"ks_c_5601-1992" => {
                return Self::Johab;
            }
            b"cp949" | b"uhc" | b"ms949" | b"x-windows-949" | b"ks_c_5601" | b"ksc_5601-1987" => {
                Some(EUC_KR)
            }
            b"cp932" | b"ms_932" => Some(encoding_rs::SHIFT_JIS),
            b"cp936" | b"ms936" => Some(encoding_rs::GBK),
            b"cp950" => Some(encoding_rs::BIG5),
            _ => Encoding::for_label_no_replacement(label),
        };
        match known {
            None => Self::Unknown,
            Some(encoding) if [UTF_8, WINDOWS_1252, EUC_KR, ISO_2022_JP].contains(&encoding) => {
                Self::Doubtful(encoding)
            }
            Some(encoding) => Self::Known(encoding),
        }
    }

    pub(super) fn decoder(self) -> Decoder {
        match self {
            Self::Known(encoding) => Decoder::of(encoding),
            Self::Doubtful(encoding) => Decoder::Guess(Guess::new(Some(encoding))),
            Self::Unknown => Decoder::Guess(Guess::new(None)),
            Self::Iso2022Kr => Decoder::Iso2022Kr {
                octets: Vec::new(),
                to_euc_kr: ToEucKr::default(),
                decoder: Box::new(EUC_KR.new_decoder_without_bom_handling()),
            },
            Self::Johab => Decoder::Johab(Johab::default()),
            Self::Utf7 => Decoder::Utf7(Utf7::default()),
        }
    }

    /// All of a text at once; whether its charset was guessed.
    pub(super) fn decode(self, octets: &[u8], out: &mut String) -> bool {
        let mut decoder = self.decoder();
        decoder.push(octets, out);
        decoder.finish(out)
    }
}

/// Decodes by pieces.
pub(super) enum Decoder {
    Whole(Box<encoding_rs::Decoder>),
    Iso2022Jp {
        octets: Vec<u8>,
        last_escape: LastEscape,
        decoder: Box<encoding_rs::Decoder>,
    },
    Iso2022Kr {
        octets: Vec<u8>,
        to_euc_kr: ToEucKr,
        decoder: Box<encoding_rs::Decoder>,
    },
    Utf7(Utf7),
    Johab(Johab),
    Guess(Guess),
    /// What was guessed, against the label or without one.
    Guessed(Box<Decoder>),
}

impl Decoder {
    pub(super) fn of(encoding: &'static Encoding) -> Self {
        if encoding == ISO_2022_JP {
            return Self::Iso2022Jp {
                octets: Vec::new(),
                last_escape: LastEscape::default(),
                decoder: Box::new(encoding.new_decoder_without_bom_handling()),
            };
        }
        Self::Whole(Box::new(encoding.new_decoder_with_bom_removal()))
    }

    pub(super) fn push(&mut self, octets: &[u8], out: &mut String) {
        match self {
            Self::Whole(decoder) => decode(decoder, octets, out, false),
            Self::Iso2022Jp { octets: passed, last_escape, decoder } => {
                passed.clear();
                last_escape.push(octets, passed);
                decode(decoder, passed, out, false);
            }
            Self::Iso2022Kr { octets: euc_kr, to_euc_kr, decoder } => {
                euc_kr.clear();
                to_euc_kr.push(octets, euc_kr);
                decode(decoder, euc_kr, out, false);
            }
            Self::Utf7(decoder) => decoder.push(octets, out),
            Self::Johab(decoder) => decoder.push(octets, out),
            Self::Guessed(decoder) => decoder.push(octets, out),
            Self::Guess(guess) => {
                if let Some(mut decided) = guess.push(octets, out) {
                    let held = guess.take();
                    decided.push(&held, out);
                    *self = decided;
                }
            }
        }
    }

    /// The text has ended; whether its charset was guessed.
    pub(super) fn finish(self, out: &mut String) -> bool {
        match self {
            Self::Whole(mut decoder) | Self::Iso2022Kr { mut decoder, .. } => {
                decode(&mut decoder, &[], out, true);
            }
            Self::Iso2022Jp { mut octets, mut last_escape, mut decoder } => {
                octets.clear();
                last_escape.finish(&mut octets);
                decode(&mut decoder, &octets, out, true);
            }
            Self::Utf7(decoder) => decoder.finish(out),
            Self::Johab(decoder) => decoder.finish(out),
            Self::Guessed(decoder) => {
                decoder.finish(out);
                return true;
            }
            Self::Guess(mut guess) => {
                let mut decided = guess.decide();
                decided.push(&guess.take(), out);
                return decided.finish(out);
            }
        }
        false
    }
}

fn decode(decoder: &mut encoding_rs::Decoder, octets: &[u8], out: &mut String, last: bool) {
    // With this room one call takes all.
    let room = decoder.max_utf8_buffer_length(octets.len()).unwrap_or(0);
    if out.capacity().saturating_sub(out.len()) / 8 > room {
        // The decoder clears all the room there is before it writes: with much of it, and little to
        // write each time, that would be quadratic.
        let mut piece = String::with_capacity(room);
        let _all_taken = decoder.decode_to_string(octets, &mut piece, last);
        out.push_str(&piece);
        return;
    }
    out.reserve(room);
    let _all_taken = decoder.decode_to_string(octets, out, last);
}
