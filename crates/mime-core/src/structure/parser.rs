//! The push parser: cuts the input into lines and tells the tree what they are.
//!
//! In a body only lines that begin with `-` are looked at, and only while a boundary is open: the
//! rest is a search for line ends.

use super::{
    Limits, Structure,
    tree::{Mode, Tree},
};
use crate::lines::{Gathered, HeadBuffer, LineKind, classify};

/// Body octets that are looked at in several ways at a time: they stay near the processor.
const BLOCK_OCTETS: usize = 32 * 1024;

/// Takes a message by pieces.
#[derive(Debug)]
pub struct Parser {
    tree: Tree,
    head: HeadBuffer,
    at_line_start: bool,
}

impl Parser {
    /// A parser at the start of a message.
    pub fn new(limits: Limits) -> Self {
        Self { tree: Tree::new(limits), head: HeadBuffer::default(), at_line_start: true }
    }

    /// Takes the next piece.
    pub fn push(&mut self, piece: &[u8]) {
        let mut rest = piece;
        while !rest.is_empty() {
            let taken = if self.at_line_start { self.line_start(rest) } else { self.in_line(rest) };
            rest = rest.get(taken..).unwrap_or_default();
        }
    }

    /// The message has ended.
    pub fn finish(mut self) -> Structure {
        let last = self.head.take();
        if !last.is_empty() {
            self.begin_line(&last, false);
        }
        self.tree.finish()
    }

    /// At the start of a line: takes its head, or all of `rest` if more is needed to decide.
    fn line_start(&mut self, rest: &[u8]) -> usize {
        if self.head.is_empty() && self.is_plain_body(rest) {
            self.at_line_start = false;
            return 0;
        }
        match self.head.gather(rest) {
            Gathered::More => rest.len(),
            Gathered::Here { head, complete } => {
                self.begin_line(head, complete);
                head.len()
            }
            Gathered::Joined { head, taken } => {
                self.begin_line(&head.octets, head.complete);
                taken
            }
        }
    }

    /// Whether the line is body text whatever follows.
    fn is_plain_body(&self, rest: &[u8]) -> bool {
        self.tree.mode() == Mode::Body && (!self.tree.awaits_delimiter() || !rest.starts_with(b"-"))
    }

    fn begin_line(&mut self, head: &[u8], complete: bool) {
        self.at_line_start = complete;
        if head.starts_with(b"--") && self.tree.delimiter_line(head) {
            return;
        }
        match self.tree.mode() {
            Mode::Body => self.tree.body(head),
            Mode::Header => match classify(head) {
                LineKind::Blank => self.tree.blank_line(head),
                LineKind::Continuation => self.tree.continuation(head, complete),
                LineKind::Field { name, value_at } => {
                    self.tree.field(name, value_at, head, complete);
                }
                LineKind::NotAField => self.tree.not_a_field(head),
            },
        }
    }

    /// Behind the head of a line: takes to its end, in a body to the next line to be looked at.
    fn in_line(&mut self, rest: &[u8]) -> usize {
        if self.tree.mode() == Mode::Header {
            let line_end = memchr::memchr(b'\n', rest).map(|at| at.saturating_add(1));
            let fragment = line_end.and_then(|end| rest.get(..end)).unwrap_or(rest);
            self.at_line_start = line_end.is_some();
            self.tree.header_rest(fragment, self.at_line_start);
            return fragment.len();
        }
        let block = rest.get(..BLOCK_OCTETS).unwrap_or(rest);
        let taken = self.tree.body_lines(block);
        self.at_line_start = block.get(..taken).is_some_and(|run| run.ends_with(b"\n"));
        taken
    }
}
