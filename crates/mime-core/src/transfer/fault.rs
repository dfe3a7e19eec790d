//! What is wrong with an encoded body. The decoders pass over faults, as they should; whoever wants
//! to know of them asks here.
//!
//! It decodes nothing and keeps nothing but the place and the number of each kind of fault.

use super::Encoding;

/// What can be wrong with the encoded form.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FaultKind {
    /// base64: an octet that is neither of the alphabet nor white space (RFC 2045 §6.8); passed over.
    Foreign,
    /// base64: padding is missing, or stands where it does not belong.
    Padding,
    /// base64: a quantum has one character only, which is no octet; it is lost.
    Truncated,
    /// quoted-printable: a `=` with neither two digits nor a line end behind it (RFC 2045 §6.7);
    /// it stays as it is.
    BadEscape,
    /// quoted-printable: an octet that should have been encoded; it stays as it is.
    Unencoded,
    /// A line has more than 76 characters.
    LongLine,
}

/// Faults of one kind.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Fault {
    /// Which.
    pub kind: FaultKind,
    /// Where the first of them is, counted from the start of the body.
    pub at: u64,
    /// How many there are.
    pub count: u64,
}

/// Takes a body by pieces.
#[derive(Clone, Debug)]
pub struct FaultFinder {
    state: State,
    at: u64,
    column: u64,
    faults: Vec<Fault>,
}

/// RFC 2045 §6.7 rule 5 and §6.8.
const LINE_MAX: u64 = 76;

#[derive(Clone, Copy, Debug)]
enum State {
    Identity,
    Base64 {
        /// Characters of the open quantum.
        count: u8,
        /// How much padding must follow.
        padding: u8,
        /// Padding has ended the content.
        ended: bool,
    },
    QuotedPrintable(Escape),
}

/// What stands before the next octet of quoted-printable.
#[derive(Clone, Copy, Debug)]
enum Escape {
    None,
    /// `=`, at this place.
    Begun(u64),
    /// `=` and one digit.
    OneDigit(u64),
    /// `=` and white space: the line must end.
    White(u64),
}

impl FaultFinder {
    /// At the start of a body in this encoding. In what is not encoded there are no faults.
    pub fn new(encoding: Encoding) -> Self {
        let state = match encoding {
            Encoding::Base64 => State::Base64 { count: 0, padding: 0, ended: false },
            Encoding::QuotedPrintable => State::QuotedPrintable(Escape::None),
            _ => State::Identity,
        };
        Self { state, at: 0, column: 0, faults: Vec::new() }
    }

    /// Takes the next piece.
    pub fn push(&mut self, piece: &[u8]) {
        if matches!(self.state, State::Identity) {
            return;
        }
        for octet in piece {
            self.measure(*octet);
            match self.state {
                State::Identity => {}
                State::Base64 { count, padding, ended } => {
                    self.base64(*octet, count, padding, ended);
                }
                State::QuotedPrintable(escape) => self.quoted_printable(*octet, escape),
            }
            self.at = self.at.saturating_add(1);
        }
    }

    /// The body has ended: its faults, each kind once, in the order in which they were met.
    pub fn finish(mut self) -> Vec<Fault> {
        match self.state {
            State::Base64 { count: 1, .. } => self.fault(FaultKind::Truncated, self.at),
            State::Base64 { count: 2 | 3, .. } | State::Base64 { padding: 1.., .. } => {
                self.fault(FaultKind::Padding, self.at);
            }
            // A `=` at the very end is a soft line break whose line end belongs to the delimiter.
            State::QuotedPrintable(Escape::OneDigit(at)) => self.fault(FaultKind::BadEscape, at),
            _ => {}
        }
        self.faults
    }

    fn measure(&mut self, octet: u8) {
        if octet == b'\n' {
            self.column = 0;
        } else if octet != b'\r' {
            self.column = self.column.saturating_add(1);
            if self.column == LINE_MAX.saturating_add(1) {
                self.fault(FaultKind::LongLine, self.at.saturating_sub(LINE_MAX));
            }
        }
    }

    fn base64(&mut self, octet: u8, count: u8, padding: u8, ended: bool) {
        let next = match octet {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'+' | b'/' => {
                if ended {
                    // Encoded texts that were put together; each is told once.
                    self.fault(FaultKind::Padding, self.at);
                }
                State::Base64 { count: count.saturating_add(1) % 4, padding: 0, ended: false }
            }
            b'=' => match (count, padding) {
                (1, _) => {
                    self.fault(FaultKind::Truncated, self.at);
                    State::Base64 { count: 0, padding: 0, ended: true }
                }
                (2, _) => State::Base64 { count: 0, padding: 1, ended: true },
                (3, _) => State::Base64 { count: 0, padding: 0, ended: true },
                (_, 1) => State::Base64 { count: 0, padding: 0, ended: true },
                _ => {
                    self.fault(FaultKind::Padding, self.at);
                    State::Base64 { count: 0, padding: 0, ended: true }
                }
            },
            b' ' | b'\t' | b'\r' | b'\n' => return,
            _ => return self.fault(FaultKind::Foreign, self.at),
        };
        self.state = next;
    }

    fn quoted_printable(&mut self, octet: u8, escape: Escape) {
        let (next, bad_at) = match (escape, octet) {
            (Escape::None, b'=') => (Escape::Begun(self.at), None),
            (Escape::None, _) => (Escape::None, None),
            (Escape::Begun(_) | Escape::White(_), b'\n') => (Escape::None, None),
            (Escape::Begun(at) | Escape::White(at), b' ' | b'\t' | b'\r') => {
                (Escape::White(at), None)
            }
            (Escape::Begun(at), _) if octet.is_ascii_hexdigit() => (Escape::OneDigit(at), None),
            (Escape::OneDigit(_), _) if octet.is_ascii_hexdigit() => (Escape::None, None),
            (Escape::Begun(at) | Escape::OneDigit(at) | Escape::White(at), b'=') => {
                (Escape::Begun(self.at), Some(at))
            }
            (Escape::Begun(at) | Escape::OneDigit(at) | Escape::White(at), _) => {
                (Escape::None, Some(at))
            }
        };
        self.state = State::QuotedPrintable(next);
        if let Some(at) = bad_at {
            self.fault(FaultKind::BadEscape, at);
        }
        if !matches!(octet, b' '..=b'~' | b'\t' | b'\r' | b'\n') {
            self.fault(FaultKind::Unencoded, self.at);
        }
    }

    fn fault(&mut self, kind: FaultKind, at: u64) {
        match self.faults.iter_mut().find(|fault| fault.kind == kind) {
            Some(fault) => fault.count = fault.count.saturating_add(1),
            None => self.faults.push(Fault { kind, at, count: 1 }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{FaultKind::*, *};

    #[track_caller]
    fn check(encoding: Encoding, body: &str, expected: &[(FaultKind, u64, u64)]) {
        for size in [1, 5, 1000] {
            let mut finder = FaultFinder::new(encoding);
            body.as_bytes().chunks(size).for_each(|piece| finder.push(piece));
            let found: Vec<_> =
                finder.finish().iter().map(|it| (it.kind, it.at, it.count)).collect();
            assert_eq!(found, expected, "{body:?} by {size}");
        }
    }

    #[test]
    fn base64() {
        let check = |body: &str, expected: &[_]| check(Encoding::Base64, body, expected);
        check("", &[]);
        check("AAAA\r\nAA==\r\n", &[]);
        check("AAA=", &[]);
        check("AA*A\r\n**=", &[(Foreign, 2, 3)]);
        check("AAA", &[(Padding, 3, 1)]);
        check("AA=", &[(Padding, 3, 1)]);
        check("AAAA=", &[(Padding, 4, 1)]);
        check("AA==AAAA", &[(Padding, 4, 1)]);
        check("AAAAA", &[(Truncated, 5, 1)]);
        check("A===", &[(Truncated, 1, 1), (Padding, 2, 2)]);
        check(&"A".repeat(76), &[]);
        check(&format!("AAAA\n{}\n{0}", "A".repeat(80)), &[(LongLine, 5, 2)]);
    }

    #[test]
    fn quoted_printable() {
        let check = |body: &str, expected: &[_]| check(Encoding::QuotedPrintable, body, expected);
        check("a=3D=\r\nb= \t\r\nc=\nd=0d", &[]);
        check("soft at the end =", &[]);
        check("1=2", &[(BadEscape, 1, 1)]);
        check("a=b", &[(BadEscape, 1, 1)]);
        check("a=xy, =g0, = z", &[(BadEscape, 1, 3)]);
        check("==41", &[(BadEscape, 0, 1)]);
        check("é", &[(Unencoded, 0, 2)]);
        check("\0", &[(Unencoded, 0, 1)]);
        check(&"a".repeat(77), &[(LongLine, 0, 1)]);
    }

    #[test]
    fn what_is_not_encoded_has_none() {
        check(Encoding::EightBit, "=\0é*", &[]);
    }

    proptest::proptest! {
        #[test]
        fn what_is_encoded_here_has_none(content in proptest::collection::vec(proptest::num::u8::ANY, 0..300)) {
            use crate::transfer::{Base64Encoder, QuotedPrintableEncoder};
            let (mut base64, mut printable) = (Vec::new(), Vec::new());
            let mut encoder = Base64Encoder::default();
            encoder.push(&content, &mut base64);
            encoder.finish(&mut base64);
            let mut encoder = QuotedPrintableEncoder::default();
            encoder.push(&content, &mut printable);
            encoder.finish(&mut printable);
            for (encoding, body) in [(Encoding::Base64, base64), (Encoding::QuotedPrintable, printable)] {
                let mut finder = FaultFinder::new(encoding);
                finder.push(&body);
                proptest::prop_assert_eq!(finder.finish(), []);
            }
        }
    }
}
