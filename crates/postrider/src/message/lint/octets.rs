//! What is wrong with the octets of the whole: line ends, NUL, long lines. In parts that say that
//! they are binary anything may stand (RFC 2045 §6.2).

use std::ops::Range;

use mime_core::transfer::Encoding;

use super::{Collected, Rule, rules};
use crate::{message::Opened, printer};

/// RFC 5322 §2.1.1, without the line end.
const LINE_OCTETS_MAX: u64 = 998;

pub(super) fn look(opened: &Opened, found: &mut Collected) -> anyhow::Result<()> {
    let placed = opened.placed();
    let binary = placed.iter().filter(|it| it.is_leaf() && it.encoding() == Encoding::Binary);
    let mut scan =
        Scan { binary: binary.map(|it| it.part.body.clone()).collect(), ..Scan::default() };
    opened.source.pieces(0..opened.source.size(), |piece| {
        piece.iter().for_each(|octet| scan.octet(*octet));
        Ok(())
    })?;
    scan.end();
    let mut push = |rule: &'static Rule, seen: &Seen, noun: &str| {
        if let Some(at) = seen.first {
            found.push(rule, at, None, Some(printer::count(seen.count, noun)));
        }
    };
    push(&rules::NUL, &scan.nul, "octet");
    push(&rules::BARE_CR, &scan.bare_cr, "CR");
    push(&rules::LONG_LINE, &scan.long_line, "line");
    if let (Some(lf), Some(crlf)) = (scan.lf.first, scan.crlf.first) {
        let detail = format!("{} with LF alone, {} with CRLF", scan.lf.count, scan.crlf.count);
        let at = if scan.lf.count <= scan.crlf.count { lf } else { crlf };
        found.push(&rules::MIXED_LINE_ENDS, at, None, Some(detail));
    }
    Ok(())
}

/// Where something was seen first, and how often.
#[derive(Default)]
struct Seen {
    first: Option<u64>,
    count: u64,
}

impl Seen {
    fn at(&mut self, at: u64) {
        self.first.get_or_insert(at);
        self.count = self.count.saturating_add(1);
    }
}

#[derive(Default)]
struct Scan {
    /// Bodies in which all is allowed, in their order.
    binary: Vec<Range<u64>>,
    at: u64,
    line_start: u64,
    after_cr: bool,
    lf: Seen,
    crlf: Seen,
    bare_cr: Seen,
    nul: Seen,
    long_line: Seen,
}

impl Scan {
    fn octet(&mut self, octet: u8) {
        match octet {
            b'\n' => self.line_end(),
            0 if !self.is_binary(self.at) => self.nul.at(self.at),
            _ => {}
        }
        if octet != b'\n' {
            self.other_than_lf();
        }
        self.after_cr = octet == b'\r';
        self.at = self.at.saturating_add(1);
    }

    fn line_end(&mut self) {
        let end = self.at.saturating_sub(self.after_cr.into());
        if !self.is_binary(self.at) {
            let seen = if self.after_cr { &mut self.crlf } else { &mut self.lf };
            seen.at(self.line_start);
        }
        self.measure(end);
        self.line_start = self.at.saturating_add(1);
    }

    /// A CR before this octet belongs to no line end.
    fn other_than_lf(&mut self) {
        if self.after_cr {
            let at = self.at.saturating_sub(1);
            if !self.is_binary(at) {
                self.bare_cr.at(at);
            }
        }
    }

    fn measure(&mut self, end: u64) {
        let is_long = end.saturating_sub(self.line_start) > LINE_OCTETS_MAX;
        if is_long && !self.is_binary(self.line_start) {
            self.long_line.at(self.line_start);
        }
    }

    fn end(&mut self) {
        self.other_than_lf();
        self.measure(self.at);
    }

    fn is_binary(&self, at: u64) -> bool {
        let before = self.binary.partition_point(|range| range.end <= at);
        self.binary.get(before).is_some_and(|range| range.contains(&at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Source;

    #[track_caller]
    fn check(message: &str, expected: &[(&str, u64)]) {
        let opened = Opened::read(Source::of(message.as_bytes().to_vec())).unwrap();
        let mut found = Collected::default();
        look(&opened, &mut found).unwrap();
        let found: Vec<_> = found.list.iter().map(|it| (it.rule.code, it.at)).collect();
        assert_eq!(found, expected, "{message:?}");
    }

    #[test]
    fn line_ends() {
        check("A: b\r\n\r\nc\r\n", &[]);
        check("A: b\n\nc\n", &[]);
        check("A: b\r\n\r\nc\n", &[("line-ends-mixed", 8)]);
        check("A: b\n\nc\r\n", &[("line-ends-mixed", 6)]);
        check("A: b\rc\r\n\r\nd\r", &[("bare-cr", 4)]);
    }

    #[test]
    fn long_lines_and_nul() {
        check(&format!("\r\n{}\r\n", "x".repeat(998)), &[]);
        check(&format!("\r\n{}\r\n", "x".repeat(999)), &[("line-too-long", 2)]);
        check(&format!("\r\n{}", "x".repeat(999)), &[("line-too-long", 2)]);
        check("\r\na\0b", &[("nul", 3)]);
    }

    #[test]
    fn binary_parts_may_hold_anything() {
        let header = "Content-Transfer-Encoding: binary\r\n\r\n";
        check(&format!("{header}a\0\n\r{}", "x".repeat(2000)), &[]);
    }
}
