//! Guessing the charset of text without a label, or with one that is known to lie.
//!
//! Valid UTF-8 is UTF-8: little else looks like it by chance. What is left is judged by chardetng,
//! which knows how often which characters follow each other in the languages of each charset; it
//! does not know Johab, which is told by its syllables.
//!
//! A label is believed as long as the text may be what it says: a few broken characters are no
//! reason to doubt UTF-8, nor is Western text that could be something else.

use chardetng::EncodingDetector;
use encoding_rs::{EUC_KR, Encoding, ISO_2022_JP, ISO_8859_4, UTF_8, WINDOWS_1252};

use super::{
    charset::{Charset, Decoder},
    johab,
};

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

    fn is_korean(self) -> bool {
        self == Self::Known(EUC_KR)
    }
}

/// What this text is most likely in, by its beginning.
pub(super) fn charset_of(sample: &[u8], label: Option<&'static Encoding>) -> Charset {
    let sample = sample.get(..SAMPLE_OCTETS).unwrap_or(sample);
    let is_japanese = || {
        let escapes = [b"\x1b$B", b"\x1b$@", b"\x1b(J"];
        escapes.iter().any(|escape| contains(sample, *escape))
    };
    if label == Some(ISO_2022_JP) {
        return match sample.is_ascii() || is_japanese() {
            true => Charset::Known(ISO_2022_JP),
            false => charset_of(sample, None),
        };
    }
    // The ISO 2022 charsets of mail are of seven bits.
    if sample.is_ascii() {
        if contains(sample, b"\x1b$)C") || sample.contains(&0x0e) {
            return Charset::Iso2022Kr;
        }
        if is_japanese() {
            return Charset::Known(ISO_2022_JP);
        }
    }
    // Two octets may be a character of both; three are none of EUC-KR.
    let may_be_utf_8 = label != Some(EUC_KR) || sample.iter().any(|octet| *octet >= 0xe1);
    if may_be_utf_8 && is_utf_8(sample) {
        return Charset::Known(UTF_8);
    }
    match label {
        Some(label) if label == UTF_8 && mostly_utf_8(sample) => Charset::Known(UTF_8),
        None => detected(sample),
        Some(label) if label == WINDOWS_1252 || label == UTF_8 => match detected(sample) {
            found if is_dense(sample) || (found.is_korean() && is_korean(sample)) => found,
            Charset::Known(found) if found == WINDOWS_1252 => Charset::Known(found),
            _ => Charset::Known(label),
        },
        Some(label) => Charset::Known(label),
    }
}

/// What the statistics say.
fn detected(sample: &[u8]) -> Charset {
    if is_signs(sample) {
        return Charset::Known(WINDOWS_1252);
    }
    let mut detector = EncodingDetector::new();
    detector.feed(sample, !is_cut(sample));
    let lone = sample.iter().filter(|octet| !octet.is_ascii()).count() == 1;
    let found = match detector.guess(None, false) {
        // No mail is in it; it wins where a single letter is all there is to judge by.
        found if found == ISO_8859_4 => WINDOWS_1252,
        // A single octet is no character of two.
        found if lone && !found.is_single_byte() => WINDOWS_1252,
        found => found,
    };
    if found != EUC_KR && is_johab(sample) {
        return Charset::Johab;
    }
    Charset::Known(found)
}

/// Whether it is UTF-8 that was damaged. Other text has characters of UTF-8 by chance, though few of
/// them behind each other, and more that break it.
fn mostly_utf_8(sample: &[u8]) -> bool {
    const BY_CHANCE_MAX: usize = 4;
    let (mut characters, mut broken) = (0_usize, 0_usize);
    for chunk in sample.utf8_chunks() {
        let beyond_ascii = chunk.valid().chars().filter(|c| !c.is_ascii()).count();
        if beyond_ascii > BY_CHANCE_MAX {
            return true;
        }
        characters = characters.saturating_add(beyond_ascii);
        broken = broken.saturating_add(usize::from(!chunk.invalid().is_empty()));
    }
    characters > 0 && characters >= broken
}

/// Whether nothing is above 127 but single signs that are the same in all charsets of Windows, such
/// as those of trade marks, quotation and degrees: no letters to judge by.
fn is_signs(sample: &[u8]) -> bool {
    let is_sign = |octet: u8| {
        matches!(octet, 0x85 | 0x91..=0x97 | 0x99 | 0xa0 | 0xa7 | 0xa9 | 0xab)
            || matches!(octet, 0xae | 0xb0 | 0xb1 | 0xb6 | 0xb7 | 0xbb)
    };
    let pairs = sample.windows(2).any(|pair| !pair.iter().any(u8::is_ascii));
    !pairs && sample.iter().all(|octet| octet.is_ascii() || is_sign(*octet))
}

/// Whether most of it is above 127, as in no language that is written in Latin letters.
fn is_dense(sample: &[u8]) -> bool {
    let above = sample.iter().filter(|octet| !octet.is_ascii()).count();
    let letters = sample.iter().filter(|octet| octet.is_ascii_alphabetic()).count();
    above >= 6 && above > letters
}

/// Whether it is Johab: three syllables at least, all of them of the 2,350 that KS X 1001 has, and
/// no other pair. By chance one pair in fifteen is such a syllable.
fn is_johab(sample: &[u8]) -> bool {
    let mut syllables = 0_usize;
    let mut octets = sample.iter();
    while let Some(lead) = octets.next() {
        if lead.is_ascii() {
            continue;
        }
        let Some(trail) = octets.next() else { return is_cut(sample) && syllables >= 3 };
        if !johab::is_common_syllable(*lead, *trail) {
            return false;
        }
        syllables = syllables.saturating_add(1);
    }
    syllables >= 3
}

/// Valid UTF-8; a full sample may end inside a character.
fn is_utf_8(sample: &[u8]) -> bool {
    match std::str::from_utf8(sample) {
        Ok(_) => true,
        Err(error) => is_cut(sample) && error.error_len().is_none(),
    }
}

/// Whether every octet above 127 is half of a pair of KS X 1001, and most pairs are syllables.
fn is_korean(sample: &[u8]) -> bool {
    let (mut pairs, mut syllables) = (0_usize, 0_usize);
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
            _ => return false,
        }
        pairs = pairs.saturating_add(1);
    }
    syllables.saturating_mul(2) >= pairs && pairs > 1
}

/// Whether more text follows the sample.
fn is_cut(sample: &[u8]) -> bool {
    sample.len() >= SAMPLE_OCTETS
}

fn contains(text: &[u8], wanted: &[u8]) -> bool {
    memchr::memmem::find(text, wanted).is_some()
}

#[cfg(test)]
mod tests {
    use encoding_rs as e;

    use super::*;

    #[track_caller]
    fn check(encoding: &'static Encoding, texts: &[&str]) {
        for text in texts {
            let (octets, _, lossy) = encoding.encode(text);
            assert!(!lossy, "{text} cannot be written in {}", encoding.name());
            let mut found = String::new();
            charset_of(&octets, None).decode(&octets, &mut found);
            assert_eq!(found, *text, "as {:?}", charset_of(&octets, None));
        }
    }

    #[test]
    fn subjects_and_names_without_a_label() {
        check(EUC_KR, &["가나다", "안녕하세요.", "[공지] 서버 점검", "김민수", "Re: 보고서"]);
        check(e::GBK, &["会议通知", "关于项目进度的报告", "王小明", "Re: 合同", "测试邮件"]);
        check(e::GB18030, &["请查收附件，谢谢"]);
        check(e::BIG5, &["會議通知", "關於專案進度的報告", "王小明", "Re: 合約", "請查收附件"]);
        check(e::SHIFT_JIS, &["会議のお知らせ", "こんにちは", "山田太郎", "テスト"]);
        check(e::EUC_JP, &["会議のお知らせ", "こんにちは", "山田太郎", "テスト"]);
        check(e::KOI8_R, &["Привет", "Отчёт о работе", "Иван Петров", "Re: договор"]);
        check(e::WINDOWS_1250, &["Żółć", "Příliš žluťoučký kůň", "Łukasz"]);
        check(e::WINDOWS_1251, &["Привет", "Отчёт о работе", "Иван Петров"]);
        check(WINDOWS_1252, &["déjà vu", "Müller", "café", "naïve", "“quoted” – text"]);
        check(WINDOWS_1252, &["Intel® 64", "20°", "«x»"]);
        check(e::WINDOWS_1253, &["Καλημέρα", "Συνάντηση αύριο"]);
        check(e::WINDOWS_1254, &["İstanbul", "Şirket toplantısı"]);
        check(e::WINDOWS_1255, &["שלום", "פגישה מחר"]);
        check(e::WINDOWS_1256, &["مرحبا", "اجتماع غدا"]);
        check(e::WINDOWS_1257, &["Rīga", "Šiauliai"]);
        check(e::WINDOWS_874, &["รายงาน"]);
    }

    #[test]
    fn johab_without_a_label() {
        // 안녕하세요. and 회의 일정 안내
        for octets in
            [&b"\xb4e\x91w\xd0a\xadA\xb6a."[..], b"\xd1A\xb7\xa5 \xb7\xa9\xb8\xf7 \xb4e\x90\x81"]
        {
            assert_eq!(charset_of(octets, None), Charset::Johab, "{}", octets.escape_ascii());
        }
    }

    #[test]
    fn labels_are_believed_where_they_may_be_right() {
        let check = |octets: &[u8], label, expected| {
            let found = charset_of(octets, Some(label));
            assert_eq!(found, Charset::Known(expected), "{}", octets.escape_ascii());
        };
        // UTF-8 with one broken character, and text that is nothing of the kind.
        check("한국어 \u{e9}".as_bytes().split_last().unwrap().1, UTF_8, UTF_8);
        check(b"d\xe9j\xe0 vu, \xe7a va", UTF_8, WINDOWS_1252);
        check(b"Hello, world!\xb6\xb6\xa2\x96)\xe0", UTF_8, UTF_8);
        check(&e::BIG5.encode("關於專案進度的報告").0, UTF_8, e::BIG5);
        check(&e::GBK.encode("关于项目进度的报告").0, WINDOWS_1252, e::GBK);
        check(&e::WINDOWS_1251.encode("Отчёт о работе").0, WINDOWS_1252, e::WINDOWS_1251);
        check("à côté de l'école élémentaire".as_bytes(), WINDOWS_1252, UTF_8);
        check(&WINDOWS_1252.encode("à côté de l'école").0, WINDOWS_1252, WINDOWS_1252);
        check(&WINDOWS_1252.encode("ÄÖÜß").0, WINDOWS_1252, WINDOWS_1252);
        check(b"\xb0\xa1\xff", EUC_KR, EUC_KR);
    }
}
