//! Where octets that do not belong into a message stand first: one defect of each kind.

use super::{Defect, DefectKind, Structure, measure::Measure};
use crate::body_structure::OctetKinds;

/// The line of the first of each kind.
#[derive(Debug, Default)]
pub(super) struct Firsts {
    eight_bit_header: Option<u64>,
    unlabelled: Option<u64>,
    nul: Option<u64>,
    bare_lf: Option<u64>,
    long_line: Option<u64>,
}

impl Firsts {
    /// A header line, or a piece of one, that was taken at `before`.
    pub(super) fn of_header(&mut self, before: &Measure, run: &[u8], kinds: OctetKinds) {
        if kinds.eight_bit && self.eight_bit_header.is_none() {
            self.eight_bit_header = before.line_of(run, |octet| !octet.is_ascii());
        }
        self.of_both(before, run, kinds);
    }

    /// Body octets that were taken at `before`; `unlabelled` if they should be 7-bit.
    pub(super) fn of_body(
        &mut self,
        before: &Measure,
        run: &[u8],
        kinds: OctetKinds,
        unlabelled: bool,
    ) {
        if unlabelled && kinds.eight_bit && self.unlabelled.is_none() {
            self.unlabelled = before.line_of(run, |octet| !octet.is_ascii());
        }
        self.of_both(before, run, kinds);
    }

    fn of_both(&mut self, before: &Measure, run: &[u8], kinds: OctetKinds) {
        if kinds.nul && self.nul.is_none() {
            self.nul = before.line_of(run, |octet| octet == 0);
        }
        if kinds.bare_lf && self.bare_lf.is_none() {
            self.bare_lf = before.line_where(run, |kinds| kinds.bare_lf);
        }
        if kinds.long_line && self.long_line.is_none() {
            self.long_line = before.line_where(run, |kinds| kinds.long_line);
        }
    }

    /// All defects in the order of the message.
    pub(super) fn into_defects(self, mut defects: Vec<Defect>) -> Vec<Defect> {
        let firsts = [
            (self.eight_bit_header, DefectKind::EightBitHeader),
            (self.unlabelled, DefectKind::EightBitUnlabelled),
            (self.nul, DefectKind::Nul),
            (self.bare_lf, DefectKind::BareLf),
            (self.long_line, DefectKind::LongLine),
        ];
        let known = |(at, kind): (Option<u64>, DefectKind)| Some(Defect { at: at?, kind });
        defects.extend(firsts.into_iter().filter_map(known));
        // Stable: of those at one line the structure's come first.
        defects.sort_by_key(|defect| defect.at);
        defects.truncate(Structure::DEFECTS_MAX);
        defects
    }
}

impl Measure {
    /// Before `run` was taken: where the line begins in which the first such octet stands.
    fn line_of(&self, run: &[u8], is_it: fn(u8) -> bool) -> Option<u64> {
        let at = run.iter().position(|octet| is_it(*octet))?;
        let mut measure = *self;
        measure.take(run.get(..at).unwrap_or(run));
        Some(measure.line_start())
    }

    /// Likewise of the first line that is so.
    fn line_where(&self, run: &[u8], is_it: fn(OctetKinds) -> bool) -> Option<u64> {
        let mut measure = *self;
        run.split_inclusive(|octet| *octet == b'\n').find_map(|line| {
            let start = measure.line_start();
            is_it(measure.take(line)).then_some(start)
        })
    }
}
