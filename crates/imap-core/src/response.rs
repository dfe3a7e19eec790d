//! Responses as they are rendered (RFC 3501 §7). Everything is appended to a buffer, the wire's
//! output; nothing here waits or decides.

mod body_structure;
mod envelope;
mod fetch;
mod mailboxes;
mod status;
mod text;

pub use fetch::FetchResponse;
pub use mailboxes::{
    ListLine, StatusValue, list_line, lsub_line, mailbox_flags, permanent_flags, status_line,
};
pub(crate) use mailboxes::{exists, expunge, namespace, recent};
pub use status::{Code, Completion, Condition};
pub(crate) use status::{bye, continuation, greeting, tagged, untagged_ok};
pub use text::render_mailbox_name;
pub(crate) use text::{astring, nstring, number, string};

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
