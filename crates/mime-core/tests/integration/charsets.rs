//! Charsets: what encoding_rs writes in one is read back, however it is cut; Hangul in those that it
//! cannot write.

use mime_core::{text::TextDecoder, transfer::Encoding};
use proptest::prelude::*;

/// Labels of mail, and characters that are in each. ASCII is in all.
const CHARSETS: &[(&str, &str)] = &[
    ("utf-8", "가힣漢é😀Ж"),
    ("euc-kr", "가힣똠뷁漢、"),
    ("ks_c_5601-1987", "가힣똠뷁漢"),
    ("cp949", "가힣똠방각하"),
    ("iso-2022-jp", "日本語ひらカタ、"),
    ("shift_jis", "日本語ひらカタｱ"),
    ("euc-jp", "日本語ひらカタ"),
    ("big5", "漢字繁體中文"),
    ("gb18030", "汉字简体中文😀é"),
    ("gb2312", "汉字简体中文"),
    ("gbk", "汉字简体中文漢"),
    ("koi8-r", "ЖабаёЁ"),
    ("koi8-u", "Жабаїґ"),
    ("windows-1250", "čžřąęŁ"),
    ("windows-1251", "ЖабаЁё"),
    ("windows-1252", "éàüß€"),
    ("windows-1253", "αβγΩ"),
    ("windows-1254", "ğışİ"),
    ("windows-1255", "שלום"),
    ("windows-1256", "سلام"),
    ("windows-1257", "ąčęė"),
    ("windows-1258", "đơư"),
    ("iso-8859-2", "čžřąęŁ"),
    ("iso-8859-7", "αβγΩ"),
    ("iso-8859-15", "éàœ€"),
];

fn decoded(octets: &[u8], label: &str, cuts: &[usize]) -> (String, bool) {
    let mut text = String::new();
    let mut decoder = TextDecoder::new(Encoding::EightBit, Some(label.as_bytes()));
    let mut from = 0;
    for cut in cuts {
        let to = (from + cut).min(octets.len());
        decoder.push(&octets[from..to], &mut text);
        from = to;
    }
    decoder.push(&octets[from..], &mut text);
    let guessed = decoder.finish(&mut text);
    (text, guessed)
}

/// A charset, and a text of its characters. Enough of them for a label that is doubted to be borne
/// out: a letter or two of one charset may be those of another.
fn text() -> impl Strategy<Value = (&'static str, String)> {
    (0..CHARSETS.len(), proptest::collection::vec((any::<prop::sample::Index>(), 0_u8..4), 0..60))
        .prop_map(|(which, picks)| {
            let (label, letters) = CHARSETS[which];
            let letters: Vec<char> = letters.chars().collect();
            let words = picks.iter().map(|(index, kind)| match kind {
                0 => "mail ".to_owned(),
                1 => "\r\n".to_owned(),
                _ => index.get(&letters).to_string(),
            });
            (label, letters.iter().collect::<String>() + &words.collect::<String>())
        })
}

proptest! {
    #[test]
    fn what_is_encoded_is_decoded(
        (label, text) in text(),
        cuts in proptest::collection::vec(0_usize..9, 0..20),
    ) {
        let charset = match label {
            "cp949" => encoding_rs::EUC_KR,
            _ => encoding_rs::Encoding::for_label(label.as_bytes()).unwrap(),
        };
        let (octets, _, lossy) = charset.encode(&text);
        prop_assert!(!lossy, "{label} {text}");
        prop_assert_eq!(decoded(&octets, label, &cuts), (text, false), "{}", label);
    }

    /// RFC 1557: KS X 1001 in seven bits, its designator at the beginning of the text.
    #[test]
    fn hangul_in_iso_2022_kr(text in "[가각나다라마바사 a-z]{0,40}", cuts in proptest::collection::vec(0_usize..5, 0..20)) {
        let mut octets = b"\x1b$)C".to_vec();
        let mut shifted = false;
        for c in text.chars() {
            if shifted == c.is_ascii() {
                shifted = !shifted;
                octets.push(if shifted { 0x0e } else { 0x0f });
            }
            let letter = c.to_string();
            let (encoded, _, _) = encoding_rs::EUC_KR.encode(&letter);
            octets.extend(encoded.iter().map(|octet| octet & 0x7f));
        }
        prop_assert_eq!(decoded(&octets, "iso-2022-kr", &cuts).0, text);
    }
}
