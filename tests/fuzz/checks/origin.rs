//! Fields that tell where a message came from: trace, resent, lists, what machines sent.

use mail_types::{Address, ReversePath};
use mime_core::{
    build::may_reply,
    header::{self, origin},
};

pub(crate) fn check(octets: &[u8]) {
    let fields = header::fields(octets).count();
    assert!(origin::received(octets).count() <= fields);
    assert!(origin::resent(octets).len() <= fields);
    let _ = origin::Received::parse(octets);
    let _ = origin::return_path(octets);
    let _ = origin::list_id(octets);
    for name in ["List-Unsubscribe", "List-Post", "List-Help"] {
        for url in origin::list_urls(octets, name) {
            assert!(!url.iter().any(u8::is_ascii_whitespace));
        }
    }
    let _ = origin::auto_submitted(octets);
    assert!(origin::apparently(octets).len() <= octets.len());
    let sender = Address::parse("a@b.example").unwrap();
    let _ = may_reply(&ReversePath::Address(sender), octets);
}
