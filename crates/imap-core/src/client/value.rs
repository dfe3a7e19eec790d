//! The values that responses consist of: atoms, strings, lists.

use super::reader::{Breach, Line, PLACE};

/// How deep lists may stand in one another.
const MAX_DEPTH: usize = 32;

/// A value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    /// An atom, a number, a flag, or NIL: whatever is not quoted.
    Atom(Vec<u8>),
    /// A quoted string or a literal.
    Text(Vec<u8>),
    /// What stands in parentheses.
    List(Vec<Value>),
}

impl Value {
    /// Whether it is this atom, case apart.
    pub(super) fn is(&self, name: &str) -> bool {
        matches!(self, Self::Atom(atom) if atom.eq_ignore_ascii_case(name.as_bytes()))
    }

    /// The octets of an atom or a string; none for NIL and lists.
    pub(super) fn octets(&self) -> Option<&[u8]> {
        match self {
            Self::Atom(_) if self.is("NIL") => None,
            Self::Atom(octets) | Self::Text(octets) => Some(octets),
            Self::List(_) => None,
        }
    }

    pub(super) fn number(&self) -> Option<u64> {
        let Self::Atom(digits) = self else { return None };
        std::str::from_utf8(digits).ok()?.parse().ok()
    }

    /// What stands in a list; nothing for what is none.
    pub(super) fn items(&self) -> &[Self] {
        match self {
            Self::List(items) => items,
            _ => &[],
        }
    }
}

/// Reads values from a place in a line on.
pub(super) struct Values<'l> {
    text: &'l [u8],
    literals: std::slice::Iter<'l, Vec<u8>>,
}

impl<'l> Values<'l> {
    /// All of a line.
    pub(super) fn of(line: &'l Line) -> Self {
        Self { text: &line.text, literals: line.literals.iter() }
    }

    /// What was not read.
    pub(super) fn rest(&self) -> &'l [u8] {
        self.text
    }

    /// Goes beyond one space, if there is one.
    pub(super) fn skip_space(&mut self) {
        if let Some(rest) = self.text.strip_prefix(b" ") {
            self.text = rest;
        }
    }

    /// The next value; none at the end of the line.
    pub(super) fn next(&mut self) -> Result<Option<Value>, Breach> {
        self.value(0)
    }

    fn value(&mut self, depth: usize) -> Result<Option<Value>, Breach> {
        while let Some(rest) = self.text.strip_prefix(b" ") {
            self.text = rest;
        }
        match self.text {
            [] => Ok(None),
            [b'(', rest @ ..] => {
                self.text = rest;
                self.list(depth + 1).map(Some)
            }
            [b'"', rest @ ..] => {
                self.text = rest;
                self.quoted().map(Some)
            }
            [PLACE, rest @ ..] => {
                self.text = rest;
                Ok(Some(Value::Text(self.literals.next().cloned().unwrap_or_default())))
            }
            [b')', ..] => Err(Breach("a closing parenthesis too many")),
            text => {
                let (atom, rest) = text.split_at(atom_length(text));
                self.text = rest;
                Ok(Some(Value::Atom(atom.to_vec())))
            }
        }
    }

    fn list(&mut self, depth: usize) -> Result<Value, Breach> {
        if depth > MAX_DEPTH {
            return Err(Breach("lists too deep in one another"));
        }
        let mut items = Vec::new();
        loop {
            while let Some(rest) = self.text.strip_prefix(b" ") {
                self.text = rest;
            }
            if let Some(rest) = self.text.strip_prefix(b")") {
                self.text = rest;
                return Ok(Value::List(items));
            }
            items.push(self.value(depth)?.ok_or(Breach("a list without an end"))?);
        }
    }

    fn quoted(&mut self) -> Result<Value, Breach> {
        let mut text = Vec::new();
        let mut octets = self.text.iter();
        while let Some(octet) = octets.next() {
            match octet {
                b'"' => {
                    self.text = octets.as_slice();
                    return Ok(Value::Text(text));
                }
                b'\\' => text.extend(octets.next()),
                octet => text.push(*octet),
            }
        }
        Err(Breach("a string without an end"))
    }
}

/// How long the atom at the front is. One with brackets, such as `BODY[HEADER.FIELDS (A)]`, goes on
/// to the closing one.
fn atom_length(text: &[u8]) -> usize {
    let mut in_brackets = false;
    for (at, octet) in text.iter().enumerate() {
        match octet {
            b'[' => in_brackets = true,
            b']' => in_brackets = false,
            b' ' | b'(' | b')' | b'"' | &PLACE if !in_brackets => return at.max(1),
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(text: &str, literals: &[&str]) -> Result<String, Breach> {
        let literals = literals.iter().map(|text| text.as_bytes().to_vec()).collect();
        let line = Line { text: text.as_bytes().to_vec(), literals };
        let mut values = Values::of(&line);
        let mut shown = Vec::new();
        while let Some(value) = values.next()? {
            shown.push(show(&value));
        }
        Ok(shown.join(" "))
    }

    fn show(value: &Value) -> String {
        match value {
            Value::Atom(atom) => String::from_utf8_lossy(atom).into_owned(),
            Value::Text(text) => format!("'{}'", String::from_utf8_lossy(text)),
            Value::List(items) => {
                format!("({})", items.iter().map(show).collect::<Vec<_>>().join(" "))
            }
        }
    }

    #[test]
    fn all_kinds() {
        for (text, expected) in [
            ("(\\Seen $a NIL) 12", "(\\Seen $a NIL) 12"),
            ("\"a \\\"b\\\" \\\\\" ()", "'a \"b\" \\' ()"),
            ("(UID 3 BODY[HEADER.FIELDS (A B)] \0)", "(UID 3 BODY[HEADER.FIELDS (A B)] 'x')"),
            ("a(b)\"c\"", "a (b) 'c'"),
            ("", ""),
        ] {
            assert_eq!(values(text, &["x"]).unwrap(), expected, "{text:?}");
        }
    }

    #[test]
    fn broken_ones() {
        for text in ["(a", "\"a", "\"a\\", "a)", &"(".repeat(100)] {
            assert!(values(text, &[]).is_err(), "{text}");
        }
    }
}
