//! The fields of a header that is in memory.

use std::borrow::Cow;

use crate::lines::{HEAD_MAX, LineKind, classify, without_end};

/// One field with its place in the header.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Field<'a> {
    /// The name as written, without white space before the colon.
    pub name: &'a [u8],
    /// What follows the colon up to the field's last line end, folded as it stands.
    pub value: &'a [u8],
    /// The whole field with its line ends.
    pub raw: &'a [u8],
}

impl<'a> Field<'a> {
    /// Whether the name is this; case does not count (RFC 5322 §1.2.2).
    pub fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name.as_bytes())
    }

    /// The value in one line (RFC 5322 §2.2.3), without white space around it.
    pub fn unfolded(&self) -> Cow<'a, [u8]> {
        unfold(self.value)
    }
}

/// A value in one line (RFC 5322 §2.2.3), without white space around it.
pub fn unfold(value: &[u8]) -> Cow<'_, [u8]> {
    let value = value.trim_ascii();
    if memchr::memchr(b'\n', value).is_none() {
        return Cow::Borrowed(value);
    }
    let mut line = Vec::with_capacity(value.len());
    for part in value.split_inclusive(|octet| *octet == b'\n') {
        line.extend_from_slice(without_end(part));
    }
    Cow::Owned(line)
}

/// Makes spaces of what no value may have and IMAP can't send in a string: NUL, and CR and LF inside a
/// line. Whoever takes a value apart does this before, so that all find the same in it.
pub(crate) fn blank_controls(value: &mut [u8]) {
    if memchr::memchr3(0, b'\r', b'\n', value).is_some() {
        for octet in value {
            if matches!(octet, 0 | b'\r' | b'\n') {
                *octet = b' ';
            }
        }
    }
}

/// Iterates over fields; see [`fields`].
#[derive(Clone, Debug)]
pub struct Fields<'a> {
    rest: &'a [u8],
}

/// The fields of a header, to the blank line or the end. Lines that are no field are passed over.
pub fn fields(header: &[u8]) -> Fields<'_> {
    Fields { rest: header }
}

/// The first field of this name.
pub fn find<'a>(header: &'a [u8], name: &str) -> Option<Field<'a>> {
    fields(header).find(|field| field.is(name))
}

/// Where the header ends in a message that begins here: behind its blank line, or at the end.
pub fn header_length(message: &[u8]) -> usize {
    if message.starts_with(b"\n") {
        return 1;
    }
    if message.starts_with(b"\r\n") {
        return 2;
    }
    for at in memchr::memchr_iter(b'\n', message) {
        let behind = at.saturating_add(1);
        match message.get(behind..).unwrap_or_default() {
            [b'\n', ..] => return behind.saturating_add(1),
            [b'\r', b'\n', ..] => return behind.saturating_add(2),
            _ => {}
        }
    }
    message.len()
}

impl<'a> Iterator for Fields<'a> {
    type Item = Field<'a>;

    fn next(&mut self) -> Option<Field<'a>> {
        while !self.rest.is_empty() {
            let first = line_length(self.rest);
            // As the structure pass, which looks no further for the colon.
            let line = self.rest.get(..first.min(HEAD_MAX)).unwrap_or(self.rest);
            match classify(line) {
                LineKind::Blank => self.rest = &[],
                LineKind::Field { name, value_at } => {
                    let (raw, rest) = self.rest.split_at_checked(field_length(self.rest))?;
                    self.rest = rest;
                    let value = without_end(raw.get(value_at..).unwrap_or_default());
                    return Some(Field { name, value, raw });
                }
                LineKind::Continuation | LineKind::NotAField => {
                    self.rest = self.rest.get(first..).unwrap_or_default();
                }
            }
        }
        None
    }
}

fn line_length(text: &[u8]) -> usize {
    memchr::memchr(b'\n', text).map_or(text.len(), |at| at.saturating_add(1))
}

/// The first line and its continuations.
fn field_length(text: &[u8]) -> usize {
    let ends = memchr::memchr_iter(b'\n', text).map(|at| at.saturating_add(1));
    for end in ends {
        if !matches!(text.get(end), Some(b' ' | b'\t')) {
            return end;
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(header: &str) -> Vec<(String, String)> {
        let text = |octets: &[u8]| String::from_utf8_lossy(octets).into_owned();
        fields(header.as_bytes()).map(|f| (text(f.name), text(&f.unfolded()))).collect()
    }

    #[track_caller]
    fn check(header: &str, expected: &[(&str, &str)]) {
        let expected: Vec<_> =
            expected.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
        assert_eq!(shown(header), expected, "{header:?}");
    }

    #[test]
    fn fields_of_a_header() {
        check("A: b\r\nC: d\r\n\r\nE: f\r\n", &[("A", "b"), ("C", "d")]);
        check("A: b\nC: d\n\nE: f\n", &[("A", "b"), ("C", "d")]);
        check("A:\r\n b\r\n\tc\r\nD:", &[("A", "b\tc"), ("D", "")]);
        check("A : b", &[("A", "b")]);
        check("A: b\r\n \r\n c\r\n", &[("A", "b  c")]);
        check(" x\r\nFrom alice\r\n y\r\nA: b", &[("A", "b")]);
        check("A b: c\r\n: d\r\n", &[]);
        check("", &[]);
    }

    #[test]
    fn where_a_header_ends() {
        let check = |message: &str, expected: usize| {
            assert_eq!(header_length(message.as_bytes()), expected, "{message:?}");
        };
        check("A: b\r\n\r\nbody", 8);
        check("A: b\n\nbody", 6);
        check("\r\nbody", 2);
        check("\nbody", 1);
        check("A: b\r\n \r\nbody", 13);
        check("A: b\r\n\r", 7);
        check("", 0);
    }
}
