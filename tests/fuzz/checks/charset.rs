//! Charsets: any octets under any label become text, the same for every cut.

use mime_core::{
    text::{Charset, TextDecoder, decode_octets},
    transfer::Encoding,
};

const LABELS: &[&str] = &[
    "utf-8",
    "us-ascii",
    "iso-8859-1",
    "iso-8859-15",
    "windows-1252",
    "euc-kr",
    "ks_c_5601-1987",
    "cp949",
    "iso-2022-kr",
    "johab",
    "utf-7",
    "iso-2022-jp",
    "shift_jis",
    "euc-jp",
    "big5",
    "gb18030",
    "gbk",
    "gb2312",
    "hz-gb-2312",
    "koi8-r",
    "koi8-u",
    "windows-1250",
    "windows-1251",
    "windows-1255",
    "windows-874",
    "iso-8859-8-i",
    "utf-16",
    "utf-16be",
    "macintosh",
    "x-user-defined",
    "no-such",
    "",
];

pub(crate) fn check(octets: &[u8]) {
    let Some((first, octets)) = octets.split_first() else { return };
    let label = LABELS[usize::from(*first) % LABELS.len()].as_bytes();
    let whole = decode_octets(octets, label);
    for size in [1, 3, usize::from(*first).max(1)] {
        let mut text = String::new();
        let mut decoder = TextDecoder::new(Encoding::EightBit, Some(label));
        octets.chunks(size).for_each(|piece| decoder.push(piece, &mut text));
        let guessed = decoder.finish(&mut text);
        assert_eq!((text, guessed), (whole.text.clone(), whole.guessed), "by {size}");
    }
    // The octets themselves as a label.
    let _ = Charset::of_label(octets);
}
