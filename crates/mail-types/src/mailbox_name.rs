//! Names of mailboxes.

use std::fmt;

use crate::Malformed;

/// A mailbox's name in UTF-8, its levels divided by `/`. `INBOX` is the same in any case
/// (RFC 9051 §5.1); other names compare to the letter.
///
/// How a name is spelled on the wire (modified UTF-7) or on disk is not known here.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MailboxName(Box<str>);

impl MailboxName {
    /// What divides levels.
    pub const SEPARATOR: char = '/';
    /// The longest name in octets.
    pub const MAX_OCTETS: usize = 900;
    /// The most levels.
    pub const MAX_LEVELS: usize = 30;

    /// The inbox.
    pub fn inbox() -> Self {
        Self("INBOX".into())
    }

    /// Parses a name: no empty level, no control characters, no wildcards (`%`, `*`), and `INBOX`
    /// as first level is taken in any case.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        if text.is_empty() {
            return Err(Malformed("the mailbox name is empty"));
        }
        if text.len() > Self::MAX_OCTETS {
            return Err(Malformed("the mailbox name is longer than 900 octets"));
        }
        if text.chars().any(|c| c.is_control() || c == '\u{2028}' || c == '\u{2029}') {
            return Err(Malformed("the mailbox name has a control character"));
        }
        if text.contains(['%', '*']) {
            return Err(Malformed("the mailbox name has a wildcard character"));
        }
        if text.split(Self::SEPARATOR).any(str::is_empty) {
            return Err(Malformed("the mailbox name has an empty level"));
        }
        if text.split(Self::SEPARATOR).count() > Self::MAX_LEVELS {
            return Err(Malformed("the mailbox name has more than 30 levels"));
        }
        let (first, rest) = text.split_at(text.find(Self::SEPARATOR).unwrap_or(text.len()));
        if first.eq_ignore_ascii_case("inbox") {
            return Ok(Self(format!("INBOX{rest}").into()));
        }
        Ok(Self(text.into()))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this is the inbox itself.
    pub fn is_inbox(&self) -> bool {
        &*self.0 == "INBOX"
    }

    /// The name one level up.
    pub fn parent(&self) -> Option<Self> {
        self.0.rsplit_once(Self::SEPARATOR).map(|(parent, _)| Self(parent.into()))
    }

    /// The last level.
    pub fn leaf(&self) -> &str {
        self.0.rsplit_once(Self::SEPARATOR).map_or(&*self.0, |(_, leaf)| leaf)
    }

    /// The levels from the top.
    pub fn levels(&self) -> impl Iterator<Item = &str> {
        self.0.split(Self::SEPARATOR)
    }

    /// Whether this lies below `other`, at any depth.
    pub fn is_below(&self, other: &Self) -> bool {
        self.0.strip_prefix(&*other.0).is_some_and(|rest| rest.starts_with(Self::SEPARATOR))
    }

    /// The name this gets when `from`, which is it or above it, is renamed to `to`.
    pub fn renamed(&self, from: &Self, to: &Self) -> Option<Self> {
        if self == from {
            return Some(to.clone());
        }
        let rest = self.0.strip_prefix(&*from.0)?;
        rest.starts_with(Self::SEPARATOR).then(|| Self::parse(&format!("{}{rest}", to.0)).ok())?
    }
}

impl fmt::Display for MailboxName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for MailboxName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(input: &str, expected: Option<&str>) {
        assert_eq!(
            MailboxName::parse(input).ok().as_ref().map(MailboxName::as_str),
            expected,
            "{input:?}"
        );
    }

    #[test]
    fn names() {
        check("inbox", Some("INBOX"));
        check("Inbox/Sub", Some("INBOX/Sub"));
        check("inboxes", Some("inboxes"));
        check("받은 편지", Some("받은 편지"));
        check("a.b", Some("a.b"));
        for bad in ["", "/", "a/", "/a", "a//b", "a%", "*", "a\nb"] {
            check(bad, None);
        }
        check(&"a/".repeat(30), None);
    }

    #[test]
    fn family() {
        let name = |text| MailboxName::parse(text).unwrap();
        assert_eq!(name("a/b/c").parent(), Some(name("a/b")));
        assert_eq!(name("a/b").leaf(), "b");
        assert!(name("a/b").is_below(&name("a")) && !name("ab").is_below(&name("a")));
        assert_eq!(name("a/b/c").renamed(&name("a"), &name("x/y")), Some(name("x/y/b/c")));
        assert_eq!(name("ab").renamed(&name("a"), &name("x")), None);
    }
}
