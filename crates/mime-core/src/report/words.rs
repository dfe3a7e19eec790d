//! The person's part of a report: what happened, to whom, what was tried, what to do next.

mod english;
mod korean;

use mail_types::EnhancedStatus;

use super::{Action, DeliveryReport, Language, RecipientReport};
use crate::{
    header::{self, date::DateTime},
    text::decode_header,
};

/// What a language says.
struct Phrases {
    subject_failed: &'static str,
    subject_delayed: &'static str,
    subject_passed: &'static str,
    /// Before the name of the host that reports.
    system: [&'static str; 2],
    about: &'static str,
    failed: &'static str,
    delayed: &'static str,
    delivered: &'static str,
    relayed: &'static str,
    expanded: &'static str,
    /// Between a host's name and its words.
    said: &'static str,
    answered: &'static str,
    /// Around the time until when delivery is tried.
    until: [&'static str; 2],
    /// What a failure means and what its sender can do.
    advice: fn(Cause) -> &'static str,
}

/// What lies behind a failure, as far as its sender can do something about it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Cause {
    NoMailbox,
    NoDomain,
    Disabled,
    Full,
    TooLarge,
    Unreachable,
    Expired,
    Loop,
    TooMany,
    NotCapable,
    Policy,
    NoTls,
    Other,
}

impl Cause {
    /// RFC 3463 §3, and what was added since: X.1.10 (RFC 7505 §6), X.7.30 (RFC 8689 §7).
    fn of(status: EnhancedStatus) -> Self {
        match (status.subject(), status.detail()) {
            (1, 2 | 10) => Self::NoDomain,
            (1, 0 | 1 | 3 | 4 | 5 | 6) => Self::NoMailbox,
            (2, 1) => Self::Disabled,
            (2, 2) | (3, 1) => Self::Full,
            (2, 3) | (3, 4) => Self::TooLarge,
            (4, 6) => Self::Loop,
            (4, 7) => Self::Expired,
            (4, _) => Self::Unreachable,
            (5, 3) => Self::TooMany,
            (3, 3) | (6, _) => Self::NotCapable,
            (7, 10 | 30) => Self::NoTls,
            (7, _) => Self::Policy,
            _ => Self::Other,
        }
    }
}

fn phrases(language: Language) -> &'static Phrases {
    match language {
        Language::English => &english::PHRASES,
        Language::Korean => &korean::PHRASES,
    }
}

/// What is shown of the original's subject.
const SUBJECT_CHARS_MAX: usize = 200;

type IsKind = fn(Action) -> bool;

/// The subject of a report about these recipients.
pub(super) fn subject(recipients: &[RecipientReport<'_>], languages: &[Language]) -> String {
    let any = |test: IsKind| recipients.iter().any(|recipient| test(recipient.action));
    let failed = any(|action| action == Action::Failed);
    let delayed = any(|action| matches!(action, Action::Delayed(_)));
    let subject = |language: &Language| {
        let phrases = phrases(*language);
        match (failed, delayed) {
            (true, _) => phrases.subject_failed,
            (false, true) => phrases.subject_delayed,
            (false, false) => phrases.subject_passed,
        }
    };
    languages.iter().map(subject).collect::<Vec<_>>().join(" / ")
}

/// The text in these languages, one after the other; lines end in CRLF.
pub(super) fn text(report: &DeliveryReport<'_>, original_header: &[u8]) -> String {
    let texts = report.languages.iter().map(|language| text_in(report, original_header, *language));
    texts.collect::<Vec<_>>().join("\r\n----\r\n\r\n")
}

fn text_in(report: &DeliveryReport<'_>, original_header: &[u8], language: Language) -> String {
    let phrases = phrases(language);
    let [before, behind] = phrases.system;
    let mut out = format!("{before}{}{behind}\r\n", report.reporting_mta);
    if let Some(subject) = header::find(original_header, "Subject") {
        let subject = one_line(&decode_header(&subject.unfolded()));
        let shown: String = subject.chars().take(SUBJECT_CHARS_MAX).collect();
        if !shown.is_empty() {
            out.push_str(&format!("\r\n{}{shown}\r\n", phrases.about));
        }
    }
    let kinds: [(&str, IsKind); 5] = [
        (phrases.failed, |action| action == Action::Failed),
        (phrases.delayed, |action| matches!(action, Action::Delayed(_))),
        (phrases.delivered, |action| action == Action::Delivered),
        (phrases.relayed, |action| action == Action::Relayed),
        (phrases.expanded, |action| action == Action::Expanded),
    ];
    for (sentence, of_kind) in kinds {
        let those: Vec<_> =
            report.recipients.iter().filter(|recipient| of_kind(recipient.action)).collect();
        if those.is_empty() {
            continue;
        }
        out.push_str(&format!("\r\n{sentence}\r\n"));
        those.iter().for_each(|recipient| put_recipient(&mut out, recipient, phrases));
    }
    out
}

fn put_recipient(out: &mut String, recipient: &RecipientReport<'_>, phrases: &Phrases) {
    out.push_str(&format!("\r\n  <{}>\r\n", recipient.address));
    put_indented(out, recipient.text);
    if let Some(reply) = recipient.reply {
        match recipient.remote_mta {
            Some(host) => put_indented(out, &format!("{host}{}{reply}", phrases.said)),
            None => put_indented(out, &format!("{}{reply}", phrases.answered)),
        }
    }
    match recipient.action {
        Action::Failed => put_indented(out, (phrases.advice)(Cause::of(recipient.status))),
        Action::Delayed(Some(until)) => {
            let until = DateTime { at: until, offset_minutes: 0 }.render();
            let [before, behind] = phrases.until;
            put_indented(out, &format!("{before}{until}{behind}"));
        }
        _ => {}
    }
}

/// A paragraph of lines that a person reads without scrolling; none if there is nothing to say.
fn put_indented(out: &mut String, text: &str) {
    const WIDTH: usize = 72;
    let mut column = 0_usize;
    let text = one_line(text);
    if text.is_empty() {
        return;
    }
    for word in text.split(' ') {
        let length = width(word);
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

/// Columns of a terminal, about: what is written in blocks takes two.
fn width(word: &str) -> usize {
    word.chars().map(|c| if c >= '\u{1100}' { 2 } else { 1 }).sum()
}

/// The text without line ends, controls, and marks that turn the direction of what follows.
fn one_line(text: &str) -> String {
    let turns = |c: char| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let words = text.split(|c: char| c.is_control() || c.is_whitespace() || turns(c));
    words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const CAUSES: [Cause; 13] = [
        Cause::NoMailbox,
        Cause::NoDomain,
        Cause::Disabled,
        Cause::Full,
        Cause::TooLarge,
        Cause::Unreachable,
        Cause::Expired,
        Cause::Loop,
        Cause::TooMany,
        Cause::NotCapable,
        Cause::Policy,
        Cause::NoTls,
        Cause::Other,
    ];

    #[test]
    fn every_cause_has_advice_of_its_own_in_every_language() {
        for language in [Language::English, Language::Korean] {
            let mut advice = CAUSES.map(phrases(language).advice).to_vec();
            advice.sort_unstable();
            advice.dedup();
            assert_eq!(advice.len(), CAUSES.len(), "{language:?}");
        }
    }

    #[test]
    fn causes() {
        let rows = [
            ("5.1.1", Cause::NoMailbox),
            ("5.1.10", Cause::NoDomain),
            ("5.2.2", Cause::Full),
            ("5.3.4", Cause::TooLarge),
            ("5.4.1", Cause::Unreachable),
            ("5.4.7", Cause::Expired),
            ("5.6.3", Cause::NotCapable),
            ("5.7.1", Cause::Policy),
            ("5.7.10", Cause::NoTls),
            ("5.0.0", Cause::Other),
        ];
        for (status, cause) in rows {
            assert_eq!(Cause::of(status.parse().unwrap()), cause, "{status}");
        }
    }

    #[test]
    fn lines_are_short_in_every_script() {
        for text in ["word ".repeat(60), "전자우편 주소를 확인하십시오. ".repeat(9)] {
            let mut out = String::new();
            put_indented(&mut out, &text);
            assert!(out.lines().all(|line| width(line) <= 78), "{out}");
        }
    }
}
