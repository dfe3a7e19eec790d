//! Names of annotations: what clients note of a mailbox, or of the server.

use std::fmt;

use crate::Malformed;

/// The name of an annotation's entry (RFC 5464 §3.2), in lower case: names are the same in any case.
/// It is below `/private`, where each account has values of its own, or below `/shared`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct AnnotationName(Box<str>);

impl AnnotationName {
    /// The longest name in octets.
    pub const MAX_OCTETS: usize = 255;

    /// Parses a name: components divided by `/`, none of them empty, ASCII without control
    /// characters, `*` and `%`; the first one is `private` or `shared`.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        if text.len() > Self::MAX_OCTETS {
            return Err(Malformed("an entry's name has at most 255 octets"));
        }
        if text.bytes().any(|b| !b.is_ascii() || b.is_ascii_control() || matches!(b, b'*' | b'%')) {
            return Err(Malformed("an entry's name is ASCII without *, % and control characters"));
        }
        let name = text.to_ascii_lowercase();
        let mut components = name.split('/');
        if components.next() != Some("") || !matches!(components.next(), Some("private" | "shared"))
        {
            return Err(Malformed("an entry's name begins with /private or /shared"));
        }
        if components.any(str::is_empty) {
            return Err(Malformed("an entry's name has no empty component"));
        }
        Ok(Self(name.into()))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether each account has its own value.
    pub fn is_private(&self) -> bool {
        self.0.starts_with("/private")
    }

    /// Whether there can be a value: there are at least two components, below a vendor's at least
    /// four (RFC 5464 §3.2).
    pub fn holds_value(&self) -> bool {
        let components = self.0.split('/').skip(1).count();
        let vendor = self.0.split('/').nth(2) == Some("vendor");
        components >= if vendor { 4 } else { 2 }
    }

    /// How many levels this lies below `other`; none if it is neither below it nor it itself.
    pub fn levels_below(&self, other: &Self) -> Option<usize> {
        let rest = self.0.strip_prefix(&*other.0)?;
        (rest.is_empty() || rest.starts_with('/')).then(|| rest.matches('/').count())
    }
}

impl fmt::Display for AnnotationName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        // RFC 5464 §3.2: whether it is a name, and whether it can have a value.
        for (text, expected) in [
            ("/shared/comment", Some(true)),
            ("/PRIVATE/Comment", Some(true)),
            ("/private/filters/values/small", Some(true)),
            ("/private", Some(false)),
            ("/shared/vendor", Some(false)),
            ("/shared/vendor/cmu", Some(false)),
            ("/shared/vendor/cmu/cyrus-imapd", Some(true)),
            ("", None),
            ("/", None),
            ("comment", None),
            ("/comment", None),
            ("/sharedfoo/x", None),
            ("shared/comment", None),
            ("/shared/", None),
            ("/shared//comment", None),
            ("/shared/a*", None),
            ("/shared/a%", None),
            ("/shared/grün", None),
            ("/shared/a\tb", None),
        ] {
            let name = AnnotationName::parse(text).ok();
            assert_eq!(name.map(|name| name.holds_value()), expected, "{text:?}");
        }
        assert!(AnnotationName::parse(&format!("/shared/{}", "x".repeat(247))).is_ok());
        assert!(AnnotationName::parse(&format!("/shared/{}", "x".repeat(248))).is_err());
    }

    #[test]
    fn levels() {
        let name = |text: &str| AnnotationName::parse(text).unwrap();
        let check = |below: &str, above: &str, expected| {
            assert_eq!(name(below).levels_below(&name(above)), expected, "{below} {above}");
        };
        check("/shared/a", "/shared/A", Some(0));
        check("/shared/a/b", "/shared/a", Some(1));
        check("/shared/a/b/c", "/shared/a", Some(2));
        check("/shared/ab", "/shared/a", None);
        check("/private/a", "/shared", None);
    }
}
