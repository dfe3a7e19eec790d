//! A header by pieces: its fields as events, in bounded memory whatever a field's size.

use crate::lines::{Gathered, HeadBuffer, LineKind, classify};

/// What the scanner meets.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Event<'a> {
    /// A field begins; its octets follow.
    Field(&'a [u8]),
    /// A line begins that is no field, nor continues one; its octets follow.
    NotAField,
    /// Octets of what began last, line ends and the field's name included.
    Octets(&'a [u8]),
    /// The blank line that ends the header.
    Blank(&'a [u8]),
}

/// Whether the header goes on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Progress {
    /// The whole piece was taken; the header goes on.
    InHeader,
    /// The header ended after this many octets of the piece, blank line included.
    Ended(usize),
}

/// Takes a header by pieces. The same events for every cut, but for where [`Event::Octets`] are cut.
#[derive(Debug)]
pub struct Scanner {
    head: HeadBuffer,
    at_line_start: bool,
    ended: bool,
}

impl Default for Scanner {
    fn default() -> Self {
        Self::new()
    }
}

impl Scanner {
    /// A scanner at the start of a header.
    pub fn new() -> Self {
        Self { head: HeadBuffer::default(), at_line_start: true, ended: false }
    }

    /// Takes the next piece. Once the header has ended it takes nothing more.
    pub fn push(&mut self, piece: &[u8], on: &mut impl FnMut(Event<'_>)) -> Progress {
        let mut rest = piece;
        while !rest.is_empty() && !self.ended {
            let taken = if self.at_line_start {
                self.line_start(rest, on)
            } else {
                let line_end = memchr::memchr(b'\n', rest).map(|at| at.saturating_add(1));
                let fragment = line_end.and_then(|end| rest.get(..end)).unwrap_or(rest);
                self.at_line_start = line_end.is_some();
                on(Event::Octets(fragment));
                fragment.len()
            };
            rest = rest.get(taken..).unwrap_or_default();
        }
        if self.ended {
            Progress::Ended(piece.len().saturating_sub(rest.len()))
        } else {
            Progress::InHeader
        }
    }

    /// The input ended within the header: passes on what was held back.
    pub fn finish(mut self, on: &mut impl FnMut(Event<'_>)) {
        let last = self.head.take();
        if !last.is_empty() {
            self.begin_line(&last, false, on);
        }
    }

    fn line_start(&mut self, rest: &[u8], on: &mut impl FnMut(Event<'_>)) -> usize {
        match self.head.gather(rest) {
            Gathered::More => rest.len(),
            Gathered::Here { head, complete } => {
                self.begin_line(head, complete, on);
                head.len()
            }
            Gathered::Joined { head, taken } => {
                self.begin_line(&head.octets, head.complete, on);
                taken
            }
        }
    }

    fn begin_line(&mut self, head: &[u8], complete: bool, on: &mut impl FnMut(Event<'_>)) {
        self.at_line_start = complete;
        match classify(head) {
            LineKind::Blank => {
                self.ended = true;
                on(Event::Blank(head));
                return;
            }
            LineKind::Continuation => {}
            LineKind::Field { name, .. } => on(Event::Field(name)),
            LineKind::NotAField => on(Event::NotAField),
        }
        on(Event::Octets(head));
    }
}
