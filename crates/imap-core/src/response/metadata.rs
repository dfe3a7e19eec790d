//! What is noted of mailboxes and of the server (RFC 5464 §4.4).

use mail_types::{AnnotationName, MailboxName};

use super::{Spelling, astring, number, render_mailbox_name, string};

/// `* METADATA` with values (RFC 5464 §4.4.1). Without a mailbox, of the server; without values,
/// nothing.
pub fn metadata(
    out: &mut Vec<u8>,
    mailbox: Option<&MailboxName>,
    values: &[(&AnnotationName, Option<&[u8]>)],
    spelling: Spelling,
) {
    if values.is_empty() {
        return;
    }
    head(out, mailbox, spelling);
    out.push(b'(');
    for (place, (entry, value)) in values.iter().enumerate() {
        if place > 0 {
            out.push(b' ');
        }
        astring(out, entry.as_str().as_bytes());
        out.push(b' ');
        render_value(out, *value);
    }
    out.extend_from_slice(b")\r\n");
}

/// `* METADATA` without values: these entries changed (RFC 5464 §4.4.2).
pub fn metadata_changed(
    out: &mut Vec<u8>,
    mailbox: Option<&MailboxName>,
    entries: &[&AnnotationName],
    spelling: Spelling,
) {
    if entries.is_empty() {
        return;
    }
    head(out, mailbox, spelling);
    for (place, entry) in entries.iter().enumerate() {
        if place > 0 {
            out.push(b' ');
        }
        astring(out, entry.as_str().as_bytes());
    }
    out.extend_from_slice(b"\r\n");
}

fn head(out: &mut Vec<u8>, mailbox: Option<&MailboxName>, spelling: Spelling) {
    out.extend_from_slice(b"* METADATA ");
    match mailbox {
        Some(mailbox) => render_mailbox_name(out, mailbox, spelling),
        None => out.extend_from_slice(b"\"\""),
    }
    out.push(b' ');
}

/// `value = nstring / literal8`: what has a NUL can only be the latter.
fn render_value(out: &mut Vec<u8>, value: Option<&[u8]>) {
    match value {
        None => out.extend_from_slice(b"NIL"),
        Some(value) if value.contains(&0) => {
            out.extend_from_slice(b"~{");
            number(out, value.len() as u64);
            out.extend_from_slice(b"}\r\n");
            out.extend_from_slice(value);
        }
        Some(value) => string(out, value),
    }
}
