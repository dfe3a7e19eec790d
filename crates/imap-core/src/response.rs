//! Responses as they are rendered (RFC 3501 §7). Everything is appended to a buffer, the wire's
//! output; nothing here waits or decides.

mod acl;
mod body_structure;
mod context;
mod envelope;
mod fetch;
mod language;
mod mailboxes;
mod metadata;
mod quota;
mod search;
mod status;
mod text;
mod urls;

pub use acl::{acl, list_rights, my_rights};
pub(crate) use context::{Change, context_change};
pub use fetch::FetchResponse;
pub(crate) use language::languages;
pub use mailboxes::{
    ListLine, OTHERS, StatusValue, list_line, lsub_line, mailbox_flags, renamed_line, status_line,
};
pub(crate) use mailboxes::{exists, expunge, namespace, permanent_flags, recent, vanished};
pub use metadata::{metadata, metadata_changed};
pub use quota::{quota, quota_root};
pub(crate) use search::{Correlator, Extended};
pub use search::{FoundModSeqs, SearchResponse, ThreadResponse};
pub use status::{Code, Completion, Condition};
pub(crate) use status::{bye, continuation, greeting, tagged, untagged_no, untagged_ok};
pub use text::{Spelling, render_mailbox_name};
pub(crate) use text::{astring, name_text, nstring, number, quoted_tag, string};
pub use urls::UrlFetchResponse;
pub(crate) use urls::authorized_urls;

#[cfg(test)]
mod tests;
