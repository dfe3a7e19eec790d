//! How much room there is (RFC 9208 §4.2).

use mail_types::MailboxName;

use super::{Spelling, number, render_mailbox_name, string};

/// The storage under a quota root, in octets.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct StorageQuota {
    /// What is used.
    pub usage: u64,
    /// What may be.
    pub limit: u64,
}

/// `* QUOTA` (RFC 9208 §4.2.1). Both numbers are rounded up to units of 1024 octets
/// (RFC 9208 §5.1), so that what is within the limit looks so.
pub fn quota(out: &mut Vec<u8>, root: &str, storage: StorageQuota) {
    out.extend_from_slice(b"* QUOTA ");
    string(out, root.as_bytes());
    out.extend_from_slice(b" (STORAGE ");
    number(out, storage.usage.div_ceil(1024));
    out.push(b' ');
    number(out, storage.limit.div_ceil(1024));
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
