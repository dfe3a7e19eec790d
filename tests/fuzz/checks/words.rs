//! Encoded words and parameters, both ways.

use mime_core::{
    header::{content::parse_media_type, params::param_text},
    text::{encode_param, encode_words, header_text},
};

pub(crate) fn check(octets: &[u8]) {
    let found = header_text(octets);
    if octets.is_ascii() && !octets.windows(2).any(|two| two == b"=?") {
        assert!(!found.guessed || octets.contains(&0x1b) || octets.contains(&0x0e));
    }
    let encoded = encode_words(&found.text);
    assert!(encoded.is_ascii());
    assert!(encoded.split("\r\n ").all(|word| word.len() <= 75), "RFC 2047 §2: {encoded}");

    // A type with any parameters; each is looked for in all its forms.
    let typed = [b"a/b; ".as_slice(), octets].concat();
    if let Some(media_type) = parse_media_type(&typed) {
        for param in &media_type.params {
            let name = String::from_utf8_lossy(&param.name);
            let name = name.split('*').next().unwrap_or_default();
            let text = param_text(&media_type.params, name);
            assert!(text.is_some() || !param.name.is_ascii() || param.name.contains(&b'*'));
        }
    }

    // What is written is read back.
    let Ok(text) = std::str::from_utf8(octets) else { return };
    // What looks like an encoded word is read as one, because senders write file names so.
    if text.contains(|c: char| c.is_control() || c == '\u{feff}') || text.contains("=?") {
        return;
    }
    let typed = format!("a/b; x=y; {}", encode_param("name", text));
    assert!(typed.is_ascii() && typed.split("\r\n").all(|line| line.len() <= 90));
    let media_type = parse_media_type(typed.as_bytes()).unwrap();
    let found = param_text(&media_type.params, "name").unwrap();
    assert_eq!(found.value.text.trim(), text.trim(), "{typed}");
}
