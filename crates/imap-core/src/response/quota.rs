//! How much room there is (RFC 9208 §4.2).

use mail_types::{MailVolume, MailboxName, Quota};

use super::{Spelling, number, render_mailbox_name, string};

/// `* QUOTA` (RFC 9208 §4.2.1): of each resource that is limited what is used and what may be, in
/// the order STORAGE, MESSAGE. STORAGE is rounded up to units of 1024 octets (RFC 9208 §5.1), so that
/// what is within the limit looks so; MESSAGE counts messages (RFC 9208 §5.2). Only for a root that
/// limits something: an empty list is not in the grammar (RFC 9208 §7).
pub fn quota(out: &mut Vec<u8>, root: &str, held: MailVolume, limits: &Quota) {
    out.extend_from_slice(b"* QUOTA ");
    string(out, root.as_bytes());
    let resources = [
        limits.octets.map(|limit| ("STORAGE", held.octets.div_ceil(1024), limit.div_ceil(1024))),
        limits.messages.map(|limit| ("MESSAGE", held.messages, limit)),
    ];
    let mut before = b" (".as_slice();
    for (name, used, limit) in resources.into_iter().flatten() {
        out.extend_from_slice(before);
        out.extend_from_slice(name.as_bytes());
        out.push(b' ');
        number(out, used);
        out.push(b' ');
        number(out, limit);
        before = b" ";
    }
    out.extend_from_slice(b")\r\n");
}

/// `* QUOTAROOT` (RFC 9208 §4.2.2); without a root, nothing is limited.
pub fn quota_root(
    out: &mut Vec<u8>,
    mailbox: &MailboxName,
    root: Option<&str>,
    spelling: Spelling,
) {
    out.extend_from_slice(b"* QUOTAROOT ");
    render_mailbox_name(out, mailbox, spelling);
    if let Some(root) = root {
        out.push(b' ');
        string(out, root.as_bytes());
    }
    out.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_resources_that_are_limited() {
        let check = |octets, messages, expected: &str| {
            let mut out = Vec::new();
            let held = MailVolume { octets: 1025, messages: 7 };
            quota(&mut out, "a", held, &Quota { octets, messages });
            assert_eq!(String::from_utf8(out).unwrap(), expected);
        };
        check(Some(2048), None, "* QUOTA \"a\" (STORAGE 2 2)\r\n");
        check(None, Some(10), "* QUOTA \"a\" (MESSAGE 7 10)\r\n");
        check(Some(1), Some(0), "* QUOTA \"a\" (STORAGE 2 1 MESSAGE 7 0)\r\n");
    }
}
