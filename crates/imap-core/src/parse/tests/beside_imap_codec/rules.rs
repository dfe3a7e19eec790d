//! Why the two parsers differ, line by line.

use std::fmt;

use super::{Form, Taken, ours::Beyond};

/// A line that is not the same to both.
pub(super) struct Difference {
    pub(super) line: String,
    pub(super) ours: Result<Taken, String>,
    pub(super) theirs: Result<Form, String>,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { line, ours, theirs } = self;
        write!(f, "{}\n    here: {ours:?}\n    there: {theirs:?}", line.escape_debug())
    }
}

/// A reason for differences.
pub(super) struct Rule {
    /// What is different, and who is right.
    pub(super) reason: &'static str,
    pub(super) explains: fn(&Difference) -> bool,
}

/// All of them. Where imap-codec is named, it is right by RFC 3501, which is what it speaks, or wrong.
#[rustfmt::skip]
pub(super) const RULES: &[Rule] = &[
    Rule { reason: "imap-codec has no ID, NAMESPACE, LANGUAGE, ACL, METADATA, NOTIFY and others", explains: |d| lacks(d, Beyond::Command) },
    Rule { reason: "imap-codec has no SORT and THREAD (RFC 5256 §3)", explains: |d| lacks(d, Beyond::Arrangement) },
    Rule { reason: "imap-codec has no UID EXPUNGE (RFC 4315 §2.1)", explains: |d| lacks(d, Beyond::UidExpunge) },
    Rule { reason: "imap-codec has no REPLACE, CATENATE and MULTIAPPEND (RFC 4469 §3)", explains: |d| lacks(d, Beyond::Appending) },
    Rule { reason: "imap-codec has no parameters of SELECT, FETCH and STORE (RFC 4466 §2.1)", explains: |d| lacks(d, Beyond::Modifier) },
    Rule { reason: "imap-codec has no uses in CREATE (RFC 6154 §3)", explains: |d| lacks(d, Beyond::SpecialUse) || alone(d) && names(d, "(USE ())") },
    Rule { reason: "imap-codec has no LIST-EXTENDED (RFC 5258 §3)", explains: |d| lacks(d, Beyond::ExtendedList) },
    Rule { reason: "imap-codec has no SIZE, APPENDLIMIT and MAILBOXID of mailboxes", explains: |d| lacks(d, Beyond::StatusItem) },
    Rule { reason: "imap-codec has no MODSEQ, BINARY, PREVIEW and others of messages", explains: |d| lacks(d, Beyond::FetchItem) },
    Rule { reason: "imap-codec has no RETURN (RFC 4731 §3.1)", explains: |d| lacks(d, Beyond::SearchReturn) },
    Rule { reason: "imap-codec has no keys of extensions", explains: |d| lacks(d, Beyond::SearchKey) || alone(d) && ["SAVEDATESUPPORTED", "UIDAFTER", "UIDBEFORE"].iter().any(|key| names(d, key)) },
    Rule { reason: "imap-codec has no $ (RFC 5182 §2.1)", explains: |d| lacks(d, Beyond::Saved) },
    Rule { reason: "quoted strings have UTF-8 (RFC 9051 §4.3), which RFC 3501 has not", explains: |d| alone(d) && !d.line.is_ascii() && d.line.contains('"') },
    Rule { reason: "a line may end in LF alone here: clients are careless", explains: |d| alone(d) && d.line.replace("\r\n", "").contains('\n') },
    Rule { reason: "seconds are any two digits (RFC 9051 §9), so there are leap seconds", explains: |d| alone(d) && d.line.contains(":60 ") },
    Rule { reason: "what is no base64 is refused later, by the exchange (RFC 9051 §6.2.2)", explains: |d| alone(d) && said(d, "no base64") },
    Rule { reason: "names are correct modified UTF-7, or they are refused (RFC 3501 §5.1.3)", explains: |d| refused(d, "the name is not correct modified UTF-7") },
    Rule { reason: "names have no empty levels here (RFC 9051 §5.1.1)", explains: |d| refused(d, "the mailbox name has an empty level") },
    Rule { reason: "names are not empty here (RFC 9051 §5.1)", explains: |d| refused(d, "the mailbox name is empty") },
    Rule { reason: "names have no wildcards here (RFC 9051 §5.1)", explains: |d| refused(d, "the mailbox name has a wildcard character") },
    Rule { reason: "names have no control characters here (RFC 9051 §5.1)", explains: |d| refused(d, "the mailbox name has a control character") },
    Rule { reason: "other system flags than those of RFC 9051 §2.3.2 are not given to messages", explains: |d| refused(d, "Expected a flag: a system flag or a keyword of at most 250 characters") && has_another_system_flag(&d.line) },
    Rule { reason: "a zone has no more than 59 minutes (RFC 9051 §9)", explains: |d| refused(d, "Expected a date and time such as \"17-Jul-1996 02:44:25 -0700\"") && has_zone_minutes(&d.line) },
    Rule { reason: "charsets that are not known are refused (RFC 3501 §6.4.4)", explains: |d| refused(d, "This charset is not known") },
    Rule { reason: "an initial response of nothing is = (RFC 4959 §3)", explains: |d| refused(d, "Expected a response in base64") && d.line.ends_with(' ') },
    Rule { reason: "a number that can't be 0 does not begin with it (RFC 9051 §9): imap-codec is wrong", explains: |d| ["Expected a set of message numbers", "Expected a part such as <0.2048>", "Expected a number that does not begin with 0"].iter().any(|why| refused(d, why)) && has_leading_zero(&d.line) },
];

/// Taken here alone: imap-codec has no value for this.
fn lacks(difference: &Difference, what: Beyond) -> bool {
    difference.theirs.is_err() && difference.ours == Ok(Err(what))
}

/// Taken here alone, though imap-codec has values for it.
fn alone(difference: &Difference) -> bool {
    difference.theirs.is_err() && matches!(difference.ours, Ok(Ok(_)))
}

/// Taken by imap-codec alone: here this is said of it.
fn refused(difference: &Difference, why: &str) -> bool {
    difference.theirs.is_ok() && difference.ours.as_ref().is_err_and(|said| said == why)
}

fn names(difference: &Difference, what: &str) -> bool {
    difference.line.to_ascii_uppercase().contains(what)
}

fn said(difference: &Difference, what: &str) -> bool {
    matches!(&difference.ours, Ok(Ok(form)) if form.contains(what))
}

fn has_another_system_flag(line: &str) -> bool {
    let known = ["answered", "deleted", "draft", "flagged", "seen"];
    line.split('\\').skip(1).any(|flag| {
        let end = flag.find([' ', ')']).unwrap_or(flag.len());
        !known.contains(&flag[..end].to_ascii_lowercase().as_str())
    })
}

fn has_leading_zero(line: &str) -> bool {
    let bounds = [" 0", ":0", ",0", ".0", "[0", "(0"];
    bounds.iter().any(|bound| {
        line.match_indices(bound)
            .any(|(at, _)| line[at + 2..].starts_with(|next: char| next.is_ascii_digit()))
    })
}

/// More minutes in a zone than there are in an hour.
fn has_zone_minutes(line: &str) -> bool {
    let zones = line.match_indices(['+', '-']).filter_map(|(at, _)| line.get(at + 3..at + 5));
    zones.filter_map(|minutes| minutes.parse::<u8>().ok()).any(|minutes| minutes > 59)
}
