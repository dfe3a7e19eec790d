//! `lint`: what is wrong with a message, where, and what it means for whoever reads it.
//!
//! - A defect is what breaks a MUST of a standard, or what makes readers show different things.
//!   Advice is none: a missing Message-ID is no defect.
//! - A file whose every line ends in LF alone is how Unix keeps messages, and none either.
//! - What is wrong many times is told a few times and counted.

mod content;
mod header;
mod octets;
mod rules;
mod structure;

use std::fmt::Write;

use serde::Serialize;

use super::{Opened, placed::Placed};
use crate::printer;

pub(crate) use rules::Rule;

/// So many findings of one rule are told apart.
const OF_A_RULE_MAX: usize = 10;

/// A defect in its place.
pub(crate) struct Finding {
    rule: &'static Rule,
    /// The offset at which it was seen.
    at: u64,
    /// The line of that offset, counted from 1.
    line: u64,
    /// The part that it is in, if not the whole message.
    section: Option<String>,
    /// What is particular to this one.
    detail: Option<String>,
    /// How many of its kind follow that are not told apart.
    more: u64,
}

/// A finding for programs.
#[derive(Serialize)]
pub(crate) struct Described {
    code: &'static str,
    line: u64,
    offset: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    part: Option<String>,
    what: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    means: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    standard: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    more_like_it: Option<u64>,
}

impl Finding {
    /// `line 12: what it is (detail)`
    pub(crate) fn in_one_line(&self) -> String {
        let detail = self.detail.as_ref().map(|detail| format!(" ({detail})")).unwrap_or_default();
        let part = self.section.as_ref().map(|it| format!(", part {it}")).unwrap_or_default();
        format!("line {}{part}: {}{detail}", self.line, self.rule.what)
    }

    pub(crate) fn described(&self) -> Described {
        Described {
            code: self.rule.code,
            line: self.line,
            offset: self.at,
            part: self.section.clone(),
            what: self.rule.what,
            detail: self.detail.clone(),
            means: self.rule.means,
            standard: self.rule.standard,
            more_like_it: (self.more > 0).then_some(self.more),
        }
    }
}

/// What is wrong with a message, in its order.
pub(crate) fn findings(opened: &Opened) -> anyhow::Result<Vec<Finding>> {
    let placed = opened.placed();
    let mut found = Collected::default();
    structure::look(opened, &placed, &mut found)?;
    header::look(opened, &placed, &mut found)?;
    content::look(opened, &placed, &mut found)?;
    octets::look(opened, &mut found)?;
    found.list.sort_by_key(|finding| finding.at);
    number_lines(opened, &mut found.list)?;
    Ok(found.list)
}

/// The whole report for people.
pub(crate) fn report(name: &str, findings: &[Finding]) -> String {
    if findings.is_empty() {
        return format!("{name}: nothing wrong\n");
    }
    let count = findings.iter().fold(0, |sum, it| it.more.saturating_add(sum).saturating_add(1));
    let mut text = format!("{name}: {}\n", printer::count(count, "defect"));
    for finding in findings {
        // Writing to a String cannot fail.
        let _ = finding.explain(&mut text);
    }
    text
}

impl Finding {
    fn explain(&self, text: &mut String) -> std::fmt::Result {
        write!(text, "\nline {}, offset {}", self.line, self.at)?;
        if let Some(section) = &self.section {
            write!(text, ", part {section}")?;
        }
        writeln!(text, ": {} [{}]", self.rule.what, self.rule.code)?;
        if let Some(detail) = &self.detail {
            writeln!(text, "    here: {detail}")?;
        }
        for line in filled(self.rule.means) {
            writeln!(text, "    {line}")?;
        }
        if let Some(standard) = self.rule.standard {
            writeln!(text, "    {standard}")?;
        }
        if self.more > 0 {
            writeln!(text, "    ({} more like it)", self.more)?;
        }
        Ok(())
    }
}

/// A text in lines for reading.
fn filled(text: &str) -> Vec<String> {
    const COLUMNS: usize = 90;
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let Some(line) = lines.last_mut() else { break };
        if line.is_empty() {
            line.push_str(word);
        } else if line.len().saturating_add(word.len()) < COLUMNS {
            line.push(' ');
            line.push_str(word);
        } else {
            lines.push(word.to_owned());
        }
    }
    lines
}

/// Findings as they are made.
#[derive(Default)]
struct Collected {
    list: Vec<Finding>,
}

impl Collected {
    fn push(
        &mut self,
        rule: &'static Rule,
        at: u64,
        section: Option<&str>,
        detail: Option<String>,
    ) {
        let mut of_rule = self.list.iter_mut().filter(|it| it.rule.code == rule.code);
        if let Some(last) = of_rule.nth(OF_A_RULE_MAX.saturating_sub(1)) {
            last.more = last.more.saturating_add(1);
            return;
        }
        let section = section.map(str::to_owned);
        self.list.push(Finding { rule, at, line: 1, section, detail, more: 0 });
    }
}

/// The section of a part, but not of the message as a whole, nor of its body.
fn section_of<'a>(placed: &'a Placed<'_>) -> Option<&'a str> {
    let is_outermost = placed.part.header.start == 0;
    (!is_outermost).then_some(placed.section.as_str())
}

/// Counts lines up to each finding; they are in order.
fn number_lines(opened: &Opened, findings: &mut [Finding]) -> anyhow::Result<()> {
    let (mut at, mut line) = (0_u64, 1_u64);
    let end = findings.last().map_or(0, |last| last.at);
    let mut waiting = findings.iter_mut().peekable();
    opened.source.pieces(0..end, |piece| {
        for octet in piece {
            while let Some(finding) = waiting.next_if(|it| it.at <= at) {
                finding.line = line;
            }
            line = line.saturating_add(u64::from(*octet == b'\n'));
            at = at.saturating_add(1);
        }
        Ok(())
    })?;
    waiting.for_each(|finding| finding.line = line);
    Ok(())
}
