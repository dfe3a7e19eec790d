//! Base subjects and thread keys (RFC 5256).

use mime_core::thread::{BaseSubject, ThreadKeys, normalise_id};

pub(crate) fn check(octets: &[u8]) {
    let base = BaseSubject::of(octets);
    // Decoded once, the text may hold what looks like an encoded word: that is none any more.
    if !base.text.contains("=?") && !base.text.contains(['\u{1b}', '\u{e}']) {
        let again = BaseSubject::of(base.text.as_bytes());
        assert_eq!(again.text, base.text);
        assert!(!again.is_reply_or_forward);
    }
    let keys = ThreadKeys::of(octets);
    for id in keys.message_id.iter().chain(&keys.references) {
        assert!(id.contains(&b'@'));
    }
    let _ = normalise_id(octets);
}
