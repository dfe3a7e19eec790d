//! What a search has found (RFC 3501 §7.2.5, RFC 4731 §3.1, RFC 5256 §4, RFC 7162 §3.1.6).

use mail_types::{MailboxName, ModSeq, UidValidity};

use super::{Spelling, number, render_mailbox_name, string};
use crate::{command::SearchReturn, thread::Threads};

/// `* SEARCH` or `* SORT`, number by number.
#[derive(Debug)]
pub struct SearchResponse(());

impl SearchResponse {
    /// Begins the line of a SEARCH.
    pub fn begin(out: &mut Vec<u8>) -> Self {
        out.extend_from_slice(b"* SEARCH");
        Self(())
    }

    /// Begins the line of a SORT (RFC 5256 §4).
    pub fn begin_sorted(out: &mut Vec<u8>) -> Self {
        out.extend_from_slice(b"* SORT");
        Self(())
    }

    /// Adds a sequence number or UID, as the command has it.
    pub fn number(&self, out: &mut Vec<u8>, number: u32) {
        out.push(b' ');
        self::number(out, number.into());
    }

    /// Ends the line; with the highest mod-sequence, if something was found by a search for
    /// mod-sequences (RFC 7162 §3.1.6).
    pub fn end(self, out: &mut Vec<u8>, mod_seqs: Option<FoundModSeqs>) {
        if let Some(FoundModSeqs { highest, .. }) = mod_seqs {
            out.extend_from_slice(b" (MODSEQ ");
            number(out, highest.0);
            out.push(b')');
        }
        out.extend_from_slice(b"\r\n");
    }
}

/// The mod-sequences of what was found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FoundModSeqs {
    /// That of the first message.
    first: ModSeq,
    /// That of the last one.
    last: ModSeq,
    /// The highest of all.
    highest: ModSeq,
}

impl FoundModSeqs {
    /// Of one message.
    pub fn of(mod_seq: ModSeq) -> Self {
        Self { first: mod_seq, last: mod_seq, highest: mod_seq }
    }

    /// And of a later one.
    pub fn add(&mut self, mod_seq: ModSeq) {
        self.last = mod_seq;
        self.highest = self.highest.max(mod_seq);
    }

    /// The one that is told, which depends on what else is (RFC 4731 §3.2).
    fn told(self, wanted: SearchReturn) -> ModSeq {
        match wanted {
            SearchReturn { min: true, max: false, all: false, count: false, .. } => self.first,
            SearchReturn { min: false, max: true, all: false, count: false, .. } => self.last,
            SearchReturn { min: true, max: true, all: false, count: false, .. } => {
                self.first.max(self.last)
            }
            _ => self.highest,
        }
    }
}

/// Which search a response belongs to (RFC 4466 §2.6.2), and what its numbers are.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Correlator<'e> {
    pub(crate) tag: &'e str,
    pub(crate) by_uid: bool,
    /// Of ESEARCH: the mailbox, as its name is spelled (RFC 7377 §2.1).
    pub(crate) mailbox: Option<(&'e MailboxName, UidValidity, Spelling)>,
}

impl Correlator<'_> {
    /// The beginning of an ESEARCH response.
    pub(super) fn begin(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"* ESEARCH (TAG ");
        string(out, self.tag.as_bytes());
        if let Some((name, validity, spelling)) = self.mailbox {
            out.extend_from_slice(b" MAILBOX ");
            render_mailbox_name(out, name, spelling);
            out.extend_from_slice(format!(" UIDVALIDITY {validity}").as_bytes());
        }
        out.extend_from_slice(if self.by_uid { b") UID" } else { b")" });
    }
}

/// `* ESEARCH` (RFC 4731 §3.1).
pub(crate) struct Extended<'e> {
    pub(crate) correlator: Correlator<'e>,
    pub(crate) wanted: SearchReturn,
    /// What was found, in its order, as ascending ranges with both ends.
    pub(crate) found: &'e [(u32, u32)],
    /// If it was a search for mod-sequences and something was found.
    pub(crate) mod_seqs: Option<FoundModSeqs>,
}

impl Extended<'_> {
    pub(crate) fn render(&self, out: &mut Vec<u8>) {
        let Self { wanted, found, .. } = self;
        // RFC 5182 §2.2: what is only saved is not told.
        if !wanted.tells() {
            return;
        }
        self.correlator.begin(out);
        let value = |out: &mut Vec<u8>, name: &str, value: u64| {
            out.extend_from_slice(name.as_bytes());
            number(out, value);
        };
        // RFC 4731 §3.1: without a match there is neither of these, only COUNT.
        if let (Some((first, _)), Some((_, last))) = (found.first(), found.last()) {
            if wanted.min {
                value(out, " MIN ", (*first).into());
            }
            if wanted.max {
                value(out, " MAX ", (*last).into());
            }
            if wanted.all {
                out.extend_from_slice(b" ALL ");
                ranges(out, found);
            }
        }
        let count = found.iter().map(|(a, b)| u64::from(b.abs_diff(*a)) + 1).sum();
        if let Some(range) = wanted.partial {
            out.extend_from_slice(format!(" PARTIAL ({range} ").as_bytes());
            match range.within(u32::try_from(count).unwrap_or(u32::MAX)) {
                Some((start, count)) => ranges(out, &part(found, start, count)),
                None => out.extend_from_slice(b"NIL"),
            }
            out.push(b')');
        }
        if wanted.count {
            value(out, " COUNT ", count);
        }
        if let Some(mod_seqs) = self.mod_seqs {
            value(out, " MODSEQ ", mod_seqs.told(*wanted).0);
        }
        out.extend_from_slice(b"\r\n");
    }
}

/// So many numbers of ascending ranges, from a place on.
fn part(ranges: &[(u32, u32)], start: u32, count: u32) -> Vec<(u32, u32)> {
    let (mut skip, mut left, mut part) = (start, count, Vec::new());
    for (first, last) in ranges {
        // A range can't hold all numbers, as 0 is none.
        let length = (last - first).saturating_add(1);
        let skipped = skip.min(length);
        skip -= skipped;
        let taken = (length - skipped).min(left);
        left -= taken;
        if let Some(more) = taken.checked_sub(1) {
            part.push((first + skipped, first + skipped + more));
        }
    }
    part
}

/// `* THREAD` (RFC 5256 §4), thread by thread, so that the output can drain between.
#[derive(Debug)]
pub struct ThreadResponse {
    empty: bool,
}

impl ThreadResponse {
    /// Begins the line.
    pub fn begin(out: &mut Vec<u8>) -> Self {
        out.extend_from_slice(b"* THREAD");
        Self { empty: true }
    }

    /// Adds a thread.
    pub fn thread(&mut self, out: &mut Vec<u8>, threads: &Threads, thread: usize) {
        if std::mem::take(&mut self.empty) {
            out.push(b' ');
        }
        threads.render(out, thread);
    }

    /// Ends the line.
    pub fn end(self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"\r\n");
    }
}

/// `sequence-set` (RFC 3501 §9).
pub(super) fn ranges(out: &mut Vec<u8>, ranges: &[(u32, u32)]) {
    for (place, (first, last)) in ranges.iter().enumerate() {
        if place > 0 {
            out.push(b',');
        }
        number(out, (*first).into());
        if last > first {
            out.push(b':');
            number(out, (*last).into());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn which_mod_sequence_is_told() {
        let check = |wanted: SearchReturn, expected: &str| {
            // RFC 4731 §3.2, the examples.
            let mut mod_seqs = FoundModSeqs::of(ModSeq(917_162_488));
            mod_seqs.add(ModSeq(917_162_500));
            mod_seqs.add(ModSeq(907_162_321));
            let found = &[(2, 2), (5, 7), (23, 23)];
            let mut out = Vec::new();
            let mod_seqs = Some(mod_seqs);
            let correlator = Correlator { tag: "a1", by_uid: false, mailbox: None };
            Extended { correlator, wanted, found, mod_seqs }.render(&mut out);
            assert_eq!(out, format!("* ESEARCH (TAG \"a1\") {expected}\r\n").into_bytes());
        };
        let none = SearchReturn::default();
        let (min, max) = (SearchReturn { min: true, ..none }, SearchReturn { max: true, ..none });
        check(min, "MIN 2 MODSEQ 917162488");
        check(max, "MAX 23 MODSEQ 907162321");
        check(SearchReturn { max: true, ..min }, "MIN 2 MAX 23 MODSEQ 917162488");
        check(SearchReturn { count: true, ..min }, "MIN 2 COUNT 5 MODSEQ 917162500");
        check(SearchReturn { all: true, ..none }, "ALL 2,5:7,23 MODSEQ 917162500");
    }
}
