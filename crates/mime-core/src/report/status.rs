//! The machine's part of a report: `message/delivery-status` (RFC 3464 §2).

use mail_types::{Address, OriginalRecipient, Timestamp};

use super::{Action, DeliveryReport, RecipientReport};
use crate::header::date::DateTime;

/// The per-message fields, then a block for each recipient.
pub(super) fn fields(report: &DeliveryReport<'_>, global: bool) -> String {
    let mut out = String::new();
    put(&mut out, "Reporting-MTA", &format!("dns; {}", report.reporting_mta));
    if let Some(envelope_id) = report.envelope_id {
        put(&mut out, "Original-Envelope-Id", &printable(envelope_id, false));
    }
    put(&mut out, "Arrival-Date", &date(report.arrival));
    if let Some(by) = report.deliver_by {
        // RFC 2852 §5
        put(&mut out, "Deliver-By-Date", &date(by));
    }
    if let Some(request) = report.hold_request {
        // RFC 4865 §5.1.2
        put(&mut out, "Future-Release-Request", &printable(request, false));
    }
    for recipient in report.recipients {
        out.push_str("\r\n");
        put_recipient(&mut out, recipient, global);
    }
    out
}

fn put_recipient(out: &mut String, recipient: &RecipientReport<'_>, global: bool) {
    if let Some(original) = recipient.original {
        put(out, "Original-Recipient", &original_recipient(original, global));
    }
    put(out, "Final-Recipient", &address(recipient.address, global));
    put(out, "Action", action(recipient.action));
    put(out, "Status", &recipient.status.to_string());
    if let Some(host) = recipient.remote_mta {
        put(out, "Remote-MTA", &format!("dns; {}", printable(host, global)));
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

/// What the sender wrote. Where UTF-8 may not stand, its characters are named (RFC 6533 §3,
/// utf-8-addr-xtext); another type has no such form.
pub(super) fn original_recipient(original: &OriginalRecipient, global: bool) -> String {
    let (kind, address) = (original.addr_type(), original.address());
    if global || kind != "utf-8" {
        return format!("{kind}; {}", printable(address, global));
    }
    let named = |c: char| match c.is_ascii() {
        true => c.to_string(),
        false => format!("\\x{{{:X}}}", u32::from(c)),
    };
    format!("{kind}; {}", address.chars().map(named).collect::<String>())
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
pub(super) fn printable(text: &str, global: bool) -> String {
    text.chars().map(|c| if c.is_ascii() || global { c } else { '?' }).collect()
}

/// A longer word is cut: a line may not have more than 998 octets (RFC 5322 §2.1.1).
const WORD_OCTETS_MAX: usize = 900;

/// One field, folded at spaces where it is long; what cannot stand in a line becomes a space.
pub(super) fn put(out: &mut String, name: &str, value: &str) {
    out.push_str(name);
    out.push(':');
    let mut column = name.len().saturating_add(1);
    let words = value.split(|c: char| c.is_whitespace() || c.is_control());
    for word in words.filter(|word| !word.is_empty()).flat_map(cut) {
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

fn cut(word: &str) -> impl Iterator<Item = &str> {
    let mut rest = word;
    std::iter::from_fn(move || {
        let (head, tail) = rest.split_at_checked(rest.floor_char_boundary(WORD_OCTETS_MAX))?;
        rest = tail;
        (!head.is_empty()).then_some(head)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn original_recipients() {
        let check = |kind: &str, address: &str, global, expected: &str| {
            let original = OriginalRecipient::new(kind, address).unwrap();
            assert_eq!(original_recipient(&original, global), expected);
        };
        check("rfc822", "a@b.example", false, "rfc822; a@b.example");
        check("utf-8", "한@b.example", true, "utf-8; 한@b.example");
        check("utf-8", "한@b.example", false, "utf-8; \\x{D55C}@b.example");
        check("rfc822", "한@b.example", false, "rfc822; ?@b.example");
    }

    #[test]
    fn no_line_is_too_long() {
        let mut out = String::new();
        put(&mut out, "X", &"가".repeat(1000));
        assert!(out.split("\r\n").all(|line| line.len() <= 998), "{out}");
        assert_eq!(out.matches('가').count(), 1000);
    }

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
