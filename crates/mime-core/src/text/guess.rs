//! Guessing the charset of text without a label, or with one that is known to lie.
//!
//! Valid UTF-8 is UTF-8: little else looks like it by chance. Else Korean text in EUC-KR is told
//! by its syllables. Else the label holds, or Windows-1252, in which everything means something.

use encoding_rs::{EUC_KR, Encoding, ISO_2022_JP, UTF_8, WINDOWS_1252};

use super::charset::{Charset, Decoder};

/// How much text is looked at.
const SAMPLE_OCTETS: usize = 4096;

/// Holds text back until there is enough of it to guess from; ASCII before that passes at once.
pub(super) struct Guess {
    label: Option<&'static Encoding>,
    held: Vec<u8>,
}

impl Guess {
    pub(super) fn new(label: Option<&'static Encoding>) -> Self {
        Self { label, held: Vec::new() }
    }

    /// Takes a piece; gives the decoder once it is decided, for what is held and all that follows.
    pub(super) fn push(&mut self, octets: &[u8], out: &mut String) -> Option<Decoder> {
        let mut rest = octets;
        if self.held.is_empty() {
            let plain = plain_length(rest);
            let (ascii, behind) = rest.split_at_checked(plain).unwrap_or((rest, &[]));
            out.push_str(std::str::from_utf8(ascii).unwrap_or_default());
            rest = behind;
        }
        self.held.extend_from_slice(rest);
        (self.held.len() >= SAMPLE_OCTETS).then(|| self.decide())
    }

    /// The text ended, or enough of it is there.
    pub(super) fn decide(&self) -> Decoder {
        // Only the sample counts: how much more is held depends on how the text was cut.
        let sample = self.held.get(..SAMPLE_OCTETS).unwrap_or(&self.held);
        let charset = charset_of(sample, self.label);
        let decoder = charset.decoder_of_guess();
        // Text that was ASCII to its end needs no guess.
        if sample.is_empty() || self.label.map(Charset::Known) == Some(charset) {
            decoder
        } else {
            Decoder::Guessed(Box::new(decoder))
        }
    }

    pub(super) fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.held)
    }
}

/// How many octets are ASCII in every charset: no 8-bit ones, no escapes of ISO 2022.
fn plain_length(octets: &[u8]) -> usize {
    if octets.is_ascii() {
        return memchr::memchr2(0x0e, 0x1b, octets).unwrap_or(octets.len());
    }
    let ends = |octet: &u8| !octet.is_ascii() || matches!(octet, 0x0e | 0x1b);
    octets.iter().position(ends).unwrap_or(octets.len())
}

impl Charset {
    /// As [`Charset::decoder`], without guessing again.
    fn decoder_of_guess(self) -> Decoder {
        match self {
            Self::Known(encoding) | Self::Doubtful(encoding) => Decoder::of(encoding),
            Self::Unknown => Decoder::of(WINDOWS_1252),
            Self::Iso2022Kr | Self::Johab | Self::Utf7 => self.decoder(),
        }
    }
}

/// What this text is most likely in.
pub(super) fn charset_of(sample: &[u8], label: Option<&'static Encoding>) -> Charset {
    // The ISO 2022 charsets of mail are of seven bits.
    if sample.is_ascii() {
        if contains(sample, b"\x1b$)C") || sample.contains(&0x0e) {
            return Charset::Iso2022Kr;
        }
        if [b"\x1b$B", b"\x1b$@", b"\x1b(J"].iter().any(|escape| contains(sample, *escape)) {
            return Charset::Known(ISO_2022_JP);
        }
    }
    // Two octets may be a character of both; three are none of EUC-KR.
    let may_be_utf_8 = label != Some(EUC_KR) || sample.iter().any(|octet| *octet >= 0xe1);
    if may_be_utf_8 && is_utf_8(sample) {
        return Charset::Known(UTF_8);
    }
    if is_korean(sample, label == Some(WINDOWS_1252)) {
        return Charset::Known(EUC_KR);
    }
    Charset::Known(label.unwrap_or(WINDOWS_1252))
}

/// Valid UTF-8; a full sample may end inside a character.
fn is_utf_8(sample: &[u8]) -> bool {
    match std::str::from_utf8(sample) {
        Ok(_) => true,
        Err(error) => is_cut(sample) && error.error_len().is_none(),
    }
}

/// Whether every octet above 127 is half of a pair, most pairs are syllables of KS X 1001, and not
/// one of the extension's pairs stands in text that is labelled as Latin (`ÄPFEL` would be one).
fn is_korean(sample: &[u8], labelled_latin: bool) -> bool {
    let (mut pairs, mut syllables, mut extended) = (0_usize, 0_usize, 0_usize);
    let mut octets = sample.iter();
    while let Some(lead) = octets.next() {
        if lead.is_ascii() {
            continue;
        }
        let Some(trail) = octets.next() else {
            if is_cut(sample) {
                break;
            }
            return false;
        };
        match (lead, trail) {
            (0xb0..=0xc8, 0xa1..=0xfe) => syllables = syllables.saturating_add(1),
            (0xa1..=0xfe, 0xa1..=0xfe) => {}
            // Windows-949 holds the other 8,822 syllables.
            (0x81..=0xc6, 0x41..=0x5a | 0x61..=0x7a | 0x81..=0xfe) => {
                extended = extended.saturating_add(1);
            }
            _ => return false,
        }
        pairs = pairs.saturating_add(1);
    }
    let enough = syllables.saturating_mul(2) >= pairs && syllables > 0;
    if labelled_latin { enough && extended == 0 && pairs > 1 } else { enough }
}

/// Whether more text follows the sample.
fn is_cut(sample: &[u8]) -> bool {
    sample.len() >= SAMPLE_OCTETS
}

fn contains(text: &[u8], wanted: &[u8]) -> bool {
    memchr::memmem::find(text, wanted).is_some()
}
