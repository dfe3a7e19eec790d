//! The part of an address before the `@`.

use std::{borrow::Cow, fmt};

use crate::Malformed;

/// What stands before the `@`, without its quoting: `"a b"` is held as `a b` and rendered quoted
/// again where the grammar wants it (RFC 5321 §4.1.2 Local-part; UTF-8 by RFC 6531 §3.3).
///
/// Case counts here; whoever looks a mailbox up folds it (`Address::folded`).
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LocalPart(Box<str>);

impl LocalPart {
    /// The longest local part in octets. RFC 5321 §4.5.3.1.1 asks for 64 at least; reverse-paths
    /// of mailing lists (VERP, SRS) are longer in practice.
    pub const MAX_OCTETS: usize = 255;

    /// Parses `Dot-string / Quoted-string`.
    ///
    /// More tolerant than the grammar: dots may stand first, last or doubled, as in addresses that
    /// some providers gave out. They are rendered quoted, which every server understands.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        let content = match text.strip_prefix('"') {
            Some(rest) => {
                let inner = rest
                    .strip_suffix('"')
                    .ok_or(Malformed("the quoted local part lacks its closing quote"))?;
                Cow::Owned(unquote(inner)?)
            }
            None if text.chars().all(is_atom_or_dot) => Cow::Borrowed(text),
            None => return Err(Malformed("the local part has a character that must be quoted")),
        };
        Self::from_content(&content)
    }

    /// From the content without quoting; any printable text is possible.
    pub fn from_content(content: &str) -> Result<Self, Malformed> {
        if content.is_empty() {
            // RFC 5321 erratum 5414: an empty quoted string is no local part either.
            return Err(Malformed("the local part is empty"));
        }
        if content.len() > Self::MAX_OCTETS {
            return Err(Malformed("the local part is longer than 255 octets"));
        }
        if content.chars().any(char::is_control) {
            return Err(Malformed("the local part has a control character"));
        }
        Ok(Self(content.into()))
    }

    /// The content, unquoted.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn needs_quoting(&self) -> bool {
        !self.0.chars().all(is_atom_or_dot)
            || self.0.starts_with('.')
            || self.0.ends_with('.')
            || self.0.contains("..")
    }
}

/// `atext` of RFC 5321 §4.1.2 and RFC 6531 §3.3, or a dot.
fn is_atom_or_dot(c: char) -> bool {
    c.is_ascii_alphanumeric()
        || "!#$%&'*+-/=?^_`{|}~.".contains(c)
        || (!c.is_ascii() && !c.is_control() && !c.is_whitespace())
}

fn unquote(inner: &str) -> Result<String, Malformed> {
    let mut content = String::with_capacity(inner.len());
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        match c {
            '"' => {
                return Err(Malformed("a quote inside the quoted local part lacks its backslash"));
            }
            '\\' => content
                .push(chars.next().ok_or(Malformed("the quoted local part ends in a backslash"))?),
            c => content.push(c),
        }
    }
    Ok(content)
}

impl fmt::Display for LocalPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.needs_quoting() {
            return f.write_str(&self.0);
        }
        f.write_str("\"")?;
        for c in self.0.chars() {
            if c == '"' || c == '\\' {
                f.write_str("\\")?;
            }
            write!(f, "{c}")?;
        }
        f.write_str("\"")
    }
}

impl fmt::Debug for LocalPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
