//! Framing of commands: lines and the literals inside them (RFC 3501 §4.3, RFC 7888 §3).
//!
//! Resumable at every byte. Lines are searched for their end once; literals are counted, never
//! looked at. A command that is one line and all there is read where it lies; only an incomplete
//! one, or one with literals, is gathered in memory of its own. How large that may become is for
//! whoever is asked about each literal ([`Framed::Announced`]) and for the limit of the line.
//!
//! A line may end in LF alone: nothing behind the end of a command depends on who reads it.

use conversation::Input;
use memchr::memchr;

/// Gathers one command.
#[derive(Debug)]
pub(crate) struct Framer {
    /// What was gathered of a command that is not complete, or not in one piece.
    gathered: Vec<u8>,
    /// Length of the complete command at the start of the input, when nothing was gathered.
    in_place: usize,
    state: State,
    line_max: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// In a line; so much of it was gathered already.
    Line(usize),
    /// In a literal that is gathered; so much is left.
    Literal(u64),
    /// In a literal that is thrown away; so much is left.
    DiscardLiteral(u64),
    /// In a line that is thrown away, but for its end.
    DiscardLine,
}

/// What has been found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Framed {
    /// More is needed.
    Incomplete,
    /// A literal is announced; accept or discard it.
    Announced(Literal),
    /// The command is complete; [`Framer::text`] is it.
    Complete,
    /// The line is longer than the limit; discard it.
    TooLong,
    /// What was to be discarded is gone, up to the end of the command.
    Discarded,
}

/// An announcement: `{n}` or `{n+}` at the end of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Literal {
    /// Octets.
    pub(crate) size: u64,
    /// The client waits for a `+` before it sends them.
    pub(crate) synchronising: bool,
    /// Where in the text the announcement begins.
    pub(crate) at: usize,
}

/// Octets at the end of a discarded line that are kept to see an announcement.
const TAIL: usize = 32;

impl Framer {
    /// For lines up to so many octets.
    pub(crate) fn new(line_max: usize) -> Self {
        Self { gathered: Vec::new(), in_place: 0, state: State::Line(0), line_max }
    }

    /// Lines may have so many octets from now on.
    pub(crate) fn set_line_max(&mut self, line_max: usize) {
        self.line_max = line_max;
    }

    /// Goes on with what is there.
    pub(crate) fn next(&mut self, input: &mut Input) -> Framed {
        self.advance(input, true)
    }

    /// Likewise, for a line that is no command and has no literals (RFC 3501 §6.2.2, RFC 2177 §3).
    pub(crate) fn next_line(&mut self, input: &mut Input) -> Framed {
        self.advance(input, false)
    }

    /// The complete command, or what there is of it at an announcement; line ends included.
    pub(crate) fn text<'a>(&'a self, input: &'a Input) -> &'a [u8] {
        if self.in_place > 0 {
            input.bytes().get(..self.in_place).unwrap_or_default()
        } else {
            &self.gathered
        }
    }

    /// Done with the command: its memory is given back.
    pub(crate) fn finish(&mut self, input: &mut Input) {
        input.consume(std::mem::take(&mut self.in_place));
        self.gathered = Vec::new();
        self.state = State::Line(0);
    }

    /// The announced literal belongs to the command.
    pub(crate) fn accept(&mut self, literal: Literal) {
        self.state = State::Literal(literal.size);
    }

    /// So many octets, and the rest of the command behind them, are of no interest.
    pub(crate) fn discard(&mut self, octets: u64) {
        self.gathered = Vec::new();
        self.in_place = 0;
        self.state = State::DiscardLiteral(octets);
    }

    /// The line that is too long is of no interest, nor is what belongs to it.
    pub(crate) fn discard_line(&mut self) {
        let surplus = self.gathered.len().saturating_sub(TAIL);
        self.gathered.drain(..surplus);
        self.in_place = 0;
        self.state = State::DiscardLine;
    }

    fn advance(&mut self, input: &mut Input, literals: bool) -> Framed {
        loop {
            match self.state {
                State::Line(known) => return self.line(input, known, literals),
                State::Literal(left) => {
                    let taken = up_to(input, left);
                    self.gathered.extend_from_slice(input.bytes().get(..taken).unwrap_or_default());
                    input.consume(taken);
                    let left = left.saturating_sub(taken as u64);
                    self.state = if left == 0 { State::Line(0) } else { State::Literal(left) };
                    if left > 0 {
                        return Framed::Incomplete;
                    }
                }
                State::DiscardLiteral(left) => {
                    let taken = up_to(input, left);
                    input.consume(taken);
                    let left = left.saturating_sub(taken as u64);
                    if left > 0 {
                        self.state = State::DiscardLiteral(left);
                        return Framed::Incomplete;
                    }
                    self.state = State::DiscardLine;
                }
                State::DiscardLine => match self.discarded_line(input) {
                    // Its octets come unasked: they too go.
                    Some(Some(Literal { size, synchronising: false, .. })) => self.discard(size),
                    Some(_) => {
                        self.finish(input);
                        return Framed::Discarded;
                    }
                    None => return Framed::Incomplete,
                },
            }
        }
    }

    fn line(&mut self, input: &mut Input, known: usize, literals: bool) -> Framed {
        let fresh = input.bytes();
        let Some(end) = memchr(b'\n', fresh) else {
            if known + fresh.len() > self.line_max {
                return self.too_long(input);
            }
            self.gathered.extend_from_slice(fresh);
            self.state = State::Line(known + fresh.len());
            input.clear();
            return Framed::Incomplete;
        };
        let length = end + 1;
        if known + length > self.line_max {
            return self.too_long(input);
        }
        let line = fresh.get(..length).unwrap_or_default();
        if self.gathered.is_empty() && (!literals || announcement(line).is_none()) {
            self.in_place = length;
            return Framed::Complete;
        }
        self.gathered.extend_from_slice(line);
        input.consume(length);
        self.state = State::Line(0);
        // An announcement may have been cut: look at the whole.
        match literals.then(|| announcement(&self.gathered)).flatten() {
            Some(literal) => Framed::Announced(literal),
            None => Framed::Complete,
        }
    }

    /// Gathers the start of the line, so that its tag can be read.
    fn too_long(&mut self, input: &mut Input) -> Framed {
        if self.gathered.is_empty() {
            self.gathered.extend(input.bytes().iter().take(self.line_max));
            input.consume(self.gathered.len());
        }
        Framed::TooLong
    }

    /// Throws the line away; if its end was found, says whether a literal is announced there.
    fn discarded_line(&mut self, input: &mut Input) -> Option<Option<Literal>> {
        let fresh = input.bytes();
        let end = memchr(b'\n', fresh);
        let length = end.map_or(fresh.len(), |end| end + 1);
        let tail = fresh.get(length.saturating_sub(TAIL)..length).unwrap_or_default();
        self.gathered.extend_from_slice(tail);
        let surplus = self.gathered.len().saturating_sub(TAIL);
        self.gathered.drain(..surplus);
        input.consume(length);
        end.map(|_| announcement(&std::mem::take(&mut self.gathered)))
    }
}

fn up_to(input: &Input, left: u64) -> usize {
    usize::try_from(left).unwrap_or(usize::MAX).min(input.len())
}

/// The literal announced at the end of a line: `"{" number ["+"] "}" CRLF`.
fn announcement(line: &[u8]) -> Option<Literal> {
    let line = line.strip_suffix(b"\n")?;
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let inner = line.strip_suffix(b"}")?;
    let (inner, synchronising) = match inner.strip_suffix(b"+") {
        Some(inner) => (inner, false),
        None => (inner, true),
    };
    let digits = inner.iter().rev().take_while(|b| b.is_ascii_digit()).count();
    let (before, number) = inner.split_at(inner.len() - digits);
    before.strip_suffix(b"{")?;
    // More digits than any size has: not a number (RFC 3501 §9), but surely an announcement.
    let size = std::str::from_utf8(number).ok()?;
    if size.is_empty() {
        return None;
    }
    let size = size.parse().unwrap_or(u64::MAX);
    Some(Literal { size, synchronising, at: before.len() - 1 })
}

#[cfg(test)]
mod tests;
