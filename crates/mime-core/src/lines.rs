//! The beginning of a line, gathered across pieces.
//!
//! Whatever is decided about a line (is it blank, a field, a delimiter?) is decided on its first
//! [`HEAD_MAX`] octets, however the input was cut: that is what makes every cut give one result.

/// How much of a line is looked at before deciding what it is.
pub(crate) const HEAD_MAX: usize = 2048;

/// The beginning of a line.
#[derive(Debug)]
pub(crate) struct Head {
    /// Its octets: the whole line with its LF, or the first [`HEAD_MAX`] of a longer one.
    pub(crate) octets: Vec<u8>,
    /// Whether the LF is among them.
    pub(crate) complete: bool,
}

/// Holds what a piece's end cut off.
#[derive(Debug, Default)]
pub(crate) struct HeadBuffer {
    carry: Vec<u8>,
}

/// What [`HeadBuffer::gather`] found.
pub(crate) enum Gathered<'a> {
    /// All of the rest was kept: the next piece decides.
    More,
    /// The head lies in the rest itself.
    Here {
        /// The head, `rest[..head.len()]`.
        head: &'a [u8],
        /// Whether it ends with the line's LF.
        complete: bool,
    },
    /// The head began in an earlier piece; `taken` octets of the rest complete it.
    Joined {
        /// The head.
        head: Head,
        /// How much of the rest it took.
        taken: usize,
    },
}

impl HeadBuffer {
    /// Gathers the head of the line that begins here, or began in what was kept.
    pub(crate) fn gather<'a>(&mut self, rest: &'a [u8]) -> Gathered<'a> {
        let wanted = HEAD_MAX.saturating_sub(self.carry.len());
        let window = rest.get(..wanted).unwrap_or(rest);
        let line_end = memchr::memchr(b'\n', window).map(|at| at.saturating_add(1));
        let head = match line_end {
            Some(length) => window.get(..length).unwrap_or(window),
            None if window.len() == wanted => window,
            None => {
                self.carry.extend_from_slice(rest);
                return Gathered::More;
            }
        };
        if self.carry.is_empty() {
            return Gathered::Here { head, complete: line_end.is_some() };
        }
        let mut octets = std::mem::take(&mut self.carry);
        octets.extend_from_slice(head);
        Gathered::Joined { head: Head { octets, complete: line_end.is_some() }, taken: head.len() }
    }

    /// Whether something is kept.
    pub(crate) fn is_empty(&self) -> bool {
        self.carry.is_empty()
    }

    /// The input has ended: the last line, if it was kept.
    pub(crate) fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.carry)
    }
}

/// What a header line is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum LineKind<'a> {
    /// The blank line that ends the header.
    Blank,
    /// It continues the field before it.
    Continuation,
    /// A field begins. The value begins behind `name_end` octets and the colon.
    Field {
        /// The name without white space behind it (RFC 5322 §4.5 allows some before the colon).
        name: &'a [u8],
        /// Where the value begins: behind the colon.
        value_at: usize,
    },
    /// None of these.
    NotAField,
}

/// What the header line with this head is.
pub(crate) fn classify(head: &[u8]) -> LineKind<'_> {
    match head {
        [b'\n'] | [b'\r', b'\n'] => return LineKind::Blank,
        [b' ' | b'\t', ..] => return LineKind::Continuation,
        _ => {}
    }
    let Some(colon) = memchr::memchr(b':', head) else { return LineKind::NotAField };
    let name = head.get(..colon).unwrap_or_default().trim_ascii_end();
    // RFC 5322 §2.2: printable US-ASCII except the colon.
    if name.is_empty() || !name.iter().all(|octet| (33..=126).contains(octet)) {
        return LineKind::NotAField;
    }
    LineKind::Field { name, value_at: colon.saturating_add(1) }
}

/// A line without its CRLF or LF.
pub(crate) fn without_end(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}
