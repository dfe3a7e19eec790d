//! Responses as they are rendered (RFC 3501 §7). Everything is appended to a buffer, the wire's
//! output; nothing here waits or decides.

mod body_structure;
mod envelope;
mod fetch;
mod mailboxes;
mod status;
mod text;

use crate::command::SearchReturn;

pub use fetch::FetchResponse;
pub use mailboxes::{
    ListLine, StatusValue, list_line, lsub_line, mailbox_flags, permanent_flags, status_line,
};
pub(crate) use mailboxes::{exists, expunge, namespace, recent};
pub use status::{Code, Completion, Condition};
pub(crate) use status::{bye, continuation, greeting, tagged, untagged_ok};
pub use text::render_mailbox_name;
pub(crate) use text::{astring, nstring, number, string};

/// `* ESEARCH` (RFC 4731 §3.1); what was found as ascending ranges with both ends.
pub(crate) fn extended_search(
    out: &mut Vec<u8>,
    tag: &str,
    by_uid: bool,
    wanted: SearchReturn,
    found: &[(u32, u32)],
) {
    out.extend_from_slice(b"* ESEARCH (TAG ");
    string(out, tag.as_bytes());
    out.extend_from_slice(if by_uid { b") UID" } else { b")" });
    let value = |out: &mut Vec<u8>, name: &str, value: u64| {
        out.extend_from_slice(name.as_bytes());
        number(out, value);
    };
    // RFC 4731 §3.1: without a match there is neither of these, only COUNT.
    if let (Some((first, _)), Some((_, last))) = (found.first(), found.last()) {
        if wanted.min {
            value(out, " MIN ", (*first).into());
        }
        if wanted.max {
            value(out, " MAX ", (*last).into());
        }
        if wanted.all {
            out.extend_from_slice(b" ALL ");
            ranges(out, found);
        }
    }
    if wanted.count {
        let count = found.iter().map(|(first, last)| u64::from(last.abs_diff(*first)) + 1).sum();
        value(out, " COUNT ", count);
    }
    out.extend_from_slice(b"\r\n");
}

/// `sequence-set` (RFC 3501 §9).
fn ranges(out: &mut Vec<u8>, ranges: &[(u32, u32)]) {
    for (place, (first, last)) in ranges.iter().enumerate() {
        if place > 0 {
            out.push(b',');
        }
        number(out, (*first).into());
        if last > first {
            out.push(b':');
            number(out, (*last).into());
        }
    }
}

/// `* SEARCH`, number by number (RFC 3501 §7.2.5).
#[derive(Debug)]
pub struct SearchResponse(());

impl SearchResponse {
    /// Begins the line.
    pub fn begin(out: &mut Vec<u8>) -> Self {
        out.extend_from_slice(b"* SEARCH");
        Self(())
    }

    /// Adds a sequence number or UID, as the command has it.
    pub fn number(&self, out: &mut Vec<u8>, number: u32) {
        out.push(b' ');
        self::number(out, number.into());
    }

    /// Ends the line.
    pub fn end(self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"\r\n");
    }
}
