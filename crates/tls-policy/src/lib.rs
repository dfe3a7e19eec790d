//! What domains publish about TLS with their servers, and what they are told about it: the formats
//! of MTA-STS (RFC 8461) and TLSRPT (RFC 8460).
//!
//! Texts in, values out ([`sts_id`], [`StsPolicy`], [`report_uris`]); counts in, a report out
//! ([`Results`]). Pure: it fetches nothing, sends nothing, and does not know how a server is
//! verified. What strangers control is every text that is parsed here; each has a limit.

mod fields;
mod report;
mod results;
mod rua;
mod sts;

pub use report::{Reporter, report};
pub use results::{Applied, Failure, PolicyKind, ResultKind, Results, Tally};
pub use rua::{ReportUri, report_uris};
pub use sts::{Mode, StsPolicy, sts_id};
