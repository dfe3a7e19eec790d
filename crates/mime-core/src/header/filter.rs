//! HEADER.FIELDS: some fields of a header, octet for octet, by pieces.

use super::stream::{Event, Scanner};
use crate::section::FieldChoice;

/// Takes a header by pieces and passes the chosen fields on, then the blank line if there was one
/// (RFC 9051 §6.4.5.1). Lines that are no field are in no choice.
#[derive(Debug)]
pub struct FieldFilter {
    scanner: Scanner,
    choice: Choice,
}

#[derive(Debug)]
struct Choice {
    names: Vec<Box<str>>,
    choice: FieldChoice,
    passes: bool,
}

impl FieldFilter {
    /// A filter at the start of a header.
    pub fn new(names: &[Box<str>], choice: FieldChoice) -> Self {
        Self {
            scanner: Scanner::new(),
            choice: Choice { names: names.to_vec(), choice, passes: false },
        }
    }

    /// The whole of it, for a header that is in memory.
    pub fn apply(header: &[u8], names: &[Box<str>], choice: FieldChoice) -> Vec<u8> {
        let mut out = Vec::new();
        let mut filter = Self::new(names, choice);
        filter.push(header, &mut out);
        filter.finish(&mut out);
        out
    }

    /// Takes the next piece and appends what is chosen of it. What follows the blank line is not
    /// header and passes never.
    pub fn push(&mut self, piece: &[u8], out: &mut Vec<u8>) {
        let Self { scanner, choice } = self;
        scanner.push(piece, &mut |event| choice.take(event, out));
    }

    /// The header has ended: appends what was still held back.
    pub fn finish(self, out: &mut Vec<u8>) {
        let Self { scanner, mut choice } = self;
        scanner.finish(&mut |event| choice.take(event, out));
    }
}

impl Choice {
    fn take(&mut self, event: Event<'_>, out: &mut Vec<u8>) {
        match event {
            Event::Field(name) => {
                let named = self.names.iter().any(|n| name.eq_ignore_ascii_case(n.as_bytes()));
                self.passes = named == (self.choice == FieldChoice::Named);
            }
            Event::NotAField => self.passes = false,
            Event::Octets(octets) if self.passes => out.extend_from_slice(octets),
            Event::Octets(_) => {}
            Event::Blank(line) => out.extend_from_slice(line),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chosen_fields() {
        let header = b"From: a\r\nX: b\r\n c\r\nno field\r\n d\r\nfrom : e\r\n\r\nFrom: body\r\n";
        let names = ["FROM".into(), "Date".into()];
        let apply = |choice| String::from_utf8(FieldFilter::apply(header, &names, choice)).unwrap();
        assert_eq!(apply(FieldChoice::Named), "From: a\r\nfrom : e\r\n\r\n");
        assert_eq!(apply(FieldChoice::NotNamed), "X: b\r\n c\r\n\r\n");
        assert_eq!(FieldFilter::apply(b"From: a", &names, FieldChoice::Named), b"From: a");
    }
}
