//! A report as a message (RFC 8460 §5.3). Pure.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use mail_types::{Address, Domain, Timestamp};
use mime_core::header::date::DateTime;

/// What a message is made of.
pub(super) struct Letter<'l> {
    pub(super) from: &'l Address,
    pub(super) to: &'l Address,
    /// About whose servers it is.
    pub(super) about: &'l Domain,
    /// The report's own name, `left@right` as in a Message-ID.
    pub(super) id: &'l str,
    /// The name of the file.
    pub(super) file: &'l str,
    /// The report, compressed.
    pub(super) gzipped: &'l [u8],
    pub(super) now: Timestamp,
}

/// Octets of a line of base64 (RFC 2045 §6.8).
const LINE: usize = 76;

/// The message, with its lines ended by CRLF.
pub(super) fn message(letter: &Letter<'_>) -> String {
    let Letter { from, to, about, id, file, gzipped, now } = letter;
    // RFC 8460 §5.3: the same as in the report.
    let submitter = from.domain();
    let date = DateTime { at: *now, offset_minutes: 0 }.render();
    // No line of base64 can hold it.
    let boundary = "=_tls-report";
    let mut text = format!(
        "From: {from}\r\n\
         To: {to}\r\n\
         Date: {date}\r\n\
         Message-ID: <{id}>\r\n\
         Subject: Report Domain: {about}\r\n Submitter: {submitter}\r\n Report-ID: <{id}>\r\n\
         TLS-Report-Domain: {about}\r\n\
         TLS-Report-Submitter: {submitter}\r\n\
         TLS-Required: No\r\n\
         Auto-Submitted: auto-generated\r\n\
         MIME-Version: 1.0\r\n\
         Content-Type: multipart/report; report-type=\"tlsrpt\";\r\n boundary=\"{boundary}\"\r\n\
         \r\n\
         --{boundary}\r\n\
         Content-Type: text/plain; charset=us-ascii\r\n\
         Content-Transfer-Encoding: 7bit\r\n\
         \r\n\
         This is an aggregate TLS report from {submitter} about {about}.\r\n\
         \r\n\
         --{boundary}\r\n\
         Content-Type: application/tlsrpt+gzip\r\n\
         Content-Transfer-Encoding: base64\r\n\
         Content-Disposition: attachment;\r\n filename=\"{file}\"\r\n\
         \r\n"
    );
    let encoded = STANDARD.encode(gzipped);
    let mut rest = encoded.as_str();
    while !rest.is_empty() {
        let (line, behind) = rest.split_at(LINE.min(rest.len()));
        text.push_str(line);
        text.push_str("\r\n");
        rest = behind;
    }
    text.push_str(&format!("\r\n--{boundary}--\r\n"));
    text
}
