//! The person's part of a report: what happened, to whom, what to do.

use super::{Action, DeliveryReport, RecipientReport};
use crate::{
    header::{self, date::DateTime},
    text::decode_header,
};

/// The subject of a report about these recipients.
pub(super) fn subject(recipients: &[RecipientReport<'_>]) -> &'static str {
    let any = |test: IsKind| recipients.iter().any(|recipient| test(recipient.action));
    if any(|action| action == Action::Failed) {
        "Your message could not be delivered"
    } else if any(|action| matches!(action, Action::Delayed(_))) {
        "Your message is delayed"
    } else {
        "Your message was delivered"
    }
}

/// What is shown of the original's subject.
const SUBJECT_CHARS_MAX: usize = 200;

type IsKind = fn(Action) -> bool;

/// The text; lines end in CRLF.
pub(super) fn text(report: &DeliveryReport<'_>, original_header: &[u8]) -> String {
    let mut out = format!("This is the mail system of {}.\r\n", report.reporting_mta);
    if let Some(subject) = header::find(original_header, "Subject") {
        let subject = one_line(&decode_header(&subject.unfolded()));
        let shown: String = subject.chars().take(SUBJECT_CHARS_MAX).collect();
        if !shown.is_empty() {
            out.push_str(&format!("\r\nYour message was: {shown}\r\n"));
        }
    }
    let kinds: [(&str, IsKind); 4] = [
        ("It could not be delivered to:", |action| action == Action::Failed),
        ("It could not be delivered yet, and delivery is still being tried, to:", |action| {
            matches!(action, Action::Delayed(_))
        }),
        ("It was delivered to:", |action| action == Action::Delivered),
        ("It was passed on, and no report of its delivery will follow, to:", |action| {
            matches!(action, Action::Relayed | Action::Expanded)
        }),
    ];
    for (sentence, of_kind) in kinds {
        let those: Vec<_> =
            report.recipients.iter().filter(|recipient| of_kind(recipient.action)).collect();
        if those.is_empty() {
            continue;
        }
        out.push_str(&format!("\r\n{sentence}\r\n"));
        those.iter().for_each(|recipient| put_recipient(&mut out, recipient));
    }
    out
}

fn put_recipient(out: &mut String, recipient: &RecipientReport<'_>) {
    out.push_str(&format!("\r\n  <{}>\r\n", recipient.address));
    put_indented(out, recipient.text);
    if let Some(reply) = recipient.reply {
        match recipient.remote_mta {
            Some(host) => put_indented(out, &format!("{host} said: {reply}")),
            None => put_indented(out, &format!("The answer was: {reply}")),
        }
    }
    if let Action::Delayed(Some(until)) = recipient.action {
        let until = DateTime { at: until, offset_minutes: 0 }.render();
        put_indented(out, &format!("Delivery is tried until {until}. You need not send it again."));
    }
}

/// A paragraph of lines that a person reads without scrolling.
fn put_indented(out: &mut String, text: &str) {
    const WIDTH: usize = 72;
    let mut column = 0_usize;
    for word in one_line(text).split(' ') {
        let length = word.chars().count();
        if column > 0 && column.saturating_add(length) >= WIDTH {
            out.push_str("\r\n");
            column = 0;
        }
        out.push_str(if column == 0 { "    " } else { " " });
        out.push_str(word);
        column = column.saturating_add(length).saturating_add(1);
    }
    out.push_str("\r\n");
}

/// The text without line ends, controls, and marks that turn the direction of what follows.
fn one_line(text: &str) -> String {
    let turns = |c: char| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let words = text.split(|c: char| c.is_control() || c.is_whitespace() || turns(c));
    words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}
