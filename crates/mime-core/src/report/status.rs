//! The machine's part of a report: `message/delivery-status` (RFC 3464 §2).

use mail_types::{Address, Timestamp};

use super::{Action, DeliveryReport, RecipientReport};
use crate::header::date::DateTime;

/// The per-message fields, then a block for each recipient.
pub(super) fn fields(report: &DeliveryReport<'_>, global: bool) -> String {
    let mut out = String::new();
    put(&mut out, "Reporting-MTA", &format!("dns; {}", report.reporting_mta));
    if let Some(envelope_id) = report.envelope_id {
        put(&mut out, "Original-Envelope-Id", envelope_id);
    }
    put(&mut out, "Arrival-Date", &date(report.arrival));
    for recipient in report.recipients {
        out.push_str("\r\n");
        put_recipient(&mut out, recipient, global);
    }
    out
}

fn put_recipient(out: &mut String, recipient: &RecipientReport<'_>, global: bool) {
    if let Some(original) = recipient.original {
        put(
            out,
            "Original-Recipient",
            &format!("{}; {}", original.addr_type(), original.address()),
        );
    }
    put(out, "Final-Recipient", &address(recipient.address, global));
    put(out, "Action", action(recipient.action));
    put(out, "Status", &recipient.status.to_string());
    if let Some(host) = recipient.remote_mta {
        put(out, "Remote-MTA", &format!("dns; {host}"));
    }
    if let Some(reply) = recipient.reply {
        put(out, "Diagnostic-Code", &format!("smtp; {}", printable(&reply.to_string(), global)));
    }
    if let Some(last) = recipient.last_attempt {
        put(out, "Last-Attempt-Date", &date(last));
    }
    if let Action::Delayed(Some(until)) = recipient.action {
        put(out, "Will-Retry-Until", &date(until));
    }
}

/// RFC 6533 §3: the type `utf-8` for what is not ASCII.
pub(super) fn address(address: &Address, global: bool) -> String {
    let kind = if global && address.needs_smtputf8() { "utf-8" } else { "rfc822" };
    format!("{kind}; {address}")
}

fn action(action: Action) -> &'static str {
    match action {
        Action::Failed => "failed",
        Action::Delayed(_) => "delayed",
        Action::Delivered => "delivered",
        Action::Relayed => "relayed",
        Action::Expanded => "expanded",
    }
}

fn date(at: Timestamp) -> String {
    DateTime { at, offset_minutes: 0 }.render()
}

/// A peer's words in ASCII, unless UTF-8 may stand here.
fn printable(text: &str, global: bool) -> String {
    text.chars().map(|c| if c.is_ascii() || global { c } else { '?' }).collect()
}

/// One field, folded at spaces where it is long; what cannot stand in a line becomes a space.
pub(super) fn put(out: &mut String, name: &str, value: &str) {
    out.push_str(name);
    out.push(':');
    let mut column = name.len().saturating_add(1);
    for word in value.split(|c: char| c.is_whitespace() || c.is_control()) {
        if word.is_empty() {
            continue;
        }
        if column.saturating_add(word.len()) > 76 && column > name.len().saturating_add(1) {
            out.push_str("\r\n");
            column = 0;
        }
        out.push(' ');
        out.push_str(word);
        column = column.saturating_add(word.len()).saturating_add(1);
    }
    out.push_str("\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_value_ends_its_field() {
        let mut out = String::new();
        put(&mut out, "X", "a\r\nBcc: b\0c");
        assert_eq!(out, "X: a Bcc: b c\r\n");
    }

    #[test]
    fn long_values_are_folded() {
        let mut out = String::new();
        put(&mut out, "Diagnostic-Code", &"word ".repeat(40));
        assert!(out.split("\r\n").all(|line| line.len() <= 78), "{out}");
        assert!(out.trim_end().split("\r\n").skip(1).all(|line| line.starts_with(' ')), "{out}");
    }
}
