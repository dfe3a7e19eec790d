//! Flags and keywords of a message.

use std::{fmt, hash};

use crate::Malformed;

/// A keyword: an atom that does not start with a backslash (RFC 9051 §9 `flag-keyword`).
///
/// Case does not count when two are compared, but is kept as first given.
#[derive(Clone)]
pub struct Keyword(Box<str>);

impl Keyword {
    /// The longest keyword in octets: with its length a byte and fifty of them in a line of a
    /// client's, there is room.
    pub const MAX_OCTETS: usize = 250;

    /// Parses an atom: printable ASCII without `( ) { % * " \ ]` and space.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        if text.is_empty() || text.len() > Self::MAX_OCTETS {
            return Err(Malformed("a keyword has 1 to 250 octets"));
        }
        if !text.bytes().all(|b| b.is_ascii_graphic() && !b"(){%*\"\\]".contains(&b)) {
            return Err(Malformed("a keyword has only the characters of an atom"));
        }
        Ok(Self(text.into()))
    }

    /// The text, in the case first given.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl PartialEq for Keyword {
    fn eq(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}

impl Eq for Keyword {}

impl PartialOrd for Keyword {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Keyword {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        let lower = |k: &'_ Self| k.0.to_ascii_lowercase();
        lower(self).cmp(&lower(other))
    }
}

impl hash::Hash for Keyword {
    fn hash<H: hash::Hasher>(&self, state: &mut H) {
        self.0.to_ascii_lowercase().hash(state);
    }
}

impl fmt::Display for Keyword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Keyword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A permanent flag of a message (RFC 9051 §2.3.2). `\Recent` is none: it belongs to a session.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Flag {
    /// `\Seen`.
    Seen,
    /// `\Answered`.
    Answered,
    /// `\Flagged`.
    Flagged,
    /// `\Deleted`.
    Deleted,
    /// `\Draft`.
    Draft,
    /// Any other.
    Keyword(Keyword),
}

impl Flag {
    /// The system flags, in the order in which they are listed.
    pub const SYSTEM: [Self; 5] =
        [Self::Answered, Self::Flagged, Self::Deleted, Self::Seen, Self::Draft];

    /// Parses a system flag with its backslash, in any case, or a keyword.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        if !text.starts_with('\\') {
            return Keyword::parse(text).map(Self::Keyword);
        }
        Self::SYSTEM
            .into_iter()
            .find(|flag| flag.as_str().eq_ignore_ascii_case(text))
            .ok_or(Malformed("no such system flag"))
    }

    /// As it stands on the wire.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Seen => "\\Seen",
            Self::Answered => "\\Answered",
            Self::Flagged => "\\Flagged",
            Self::Deleted => "\\Deleted",
            Self::Draft => "\\Draft",
            Self::Keyword(keyword) => keyword.as_str(),
        }
    }

    fn bit(&self) -> Option<u8> {
        match self {
            Self::Seen => Some(1),
            Self::Answered => Some(2),
            Self::Flagged => Some(4),
            Self::Deleted => Some(8),
            Self::Draft => Some(16),
            Self::Keyword(_) => None,
        }
    }
}

/// A set of flags.
#[derive(Clone, PartialEq, Eq, Debug, Default, Hash)]
pub struct FlagSet {
    system: u8,
    keywords: Vec<Keyword>,
}

impl FlagSet {
    /// The empty set.
    pub const fn new() -> Self {
        Self { system: 0, keywords: Vec::new() }
    }

    /// From the bits of [`FlagSet::system_bits`] and keywords.
    pub fn from_parts(system: u8, keywords: impl IntoIterator<Item = Keyword>) -> Self {
        let mut set = Self { system: system & 31, keywords: Vec::new() };
        for keyword in keywords {
            set.insert(Flag::Keyword(keyword));
        }
        set
    }

    /// Bit 0 Seen, 1 Answered, 2 Flagged, 3 Deleted, 4 Draft.
    pub fn system_bits(&self) -> u8 {
        self.system
    }

    /// The keywords, sorted.
    pub fn keywords(&self) -> &[Keyword] {
        &self.keywords
    }

    /// Adds a flag; false if it was there.
    pub fn insert(&mut self, flag: Flag) -> bool {
        match (flag.bit(), flag) {
            (Some(bit), _) => {
                let new = self.system & bit == 0;
                self.system |= bit;
                new
            }
            (None, Flag::Keyword(keyword)) => match self.keywords.binary_search(&keyword) {
                Ok(_) => false,
                Err(place) => {
                    self.keywords.insert(place, keyword);
                    true
                }
            },
            (None, _) => false,
        }
    }

    /// Takes a flag away; false if it was not there.
    pub fn remove(&mut self, flag: &Flag) -> bool {
        match flag {
            Flag::Keyword(keyword) => match self.keywords.binary_search(keyword) {
                Ok(place) => {
                    self.keywords.remove(place);
                    true
                }
                Err(_) => false,
            },
            system => {
                let bit = system.bit().unwrap_or(0);
                let was = self.system & bit != 0;
                self.system &= !bit;
                was
            }
        }
    }

    /// Whether a flag is in the set.
    pub fn contains(&self, flag: &Flag) -> bool {
        match flag {
            Flag::Keyword(keyword) => self.keywords.binary_search(keyword).is_ok(),
            system => self.system & system.bit().unwrap_or(0) != 0,
        }
    }

    /// Whether the set is empty.
    pub fn is_empty(&self) -> bool {
        self.system == 0 && self.keywords.is_empty()
    }

    /// The flags: system flags first, in the usual order, then keywords.
    pub fn iter(&self) -> impl Iterator<Item = Flag> + '_ {
        Flag::SYSTEM
            .into_iter()
            .filter(|flag| self.contains(flag))
            .chain(self.keywords.iter().cloned().map(Flag::Keyword))
    }
}

impl FromIterator<Flag> for FlagSet {
    fn from_iter<I: IntoIterator<Item = Flag>>(flags: I) -> Self {
        let mut set = Self::new();
        for flag in flags {
            set.insert(flag);
        }
        set
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keywords_compare_without_case_and_keep_it() {
        let mut set = FlagSet::new();
        assert!(set.insert(Flag::parse("$Label1").unwrap()));
        assert!(!set.insert(Flag::parse("$label1").unwrap()));
        assert_eq!(set.keywords()[0].as_str(), "$Label1");
        assert!(set.contains(&Flag::parse("$LABEL1").unwrap()));
        assert!(set.remove(&Flag::parse("$LABEL1").unwrap()));
        assert!(set.is_empty());
    }

    #[test]
    fn names() {
        assert_eq!(Flag::parse("\\seen").unwrap(), Flag::Seen);
        assert!(Flag::parse("\\Recent").is_err());
        assert!(Flag::parse("a b").is_err());
        assert!(Flag::parse("a]").is_err());
        // What Thunderbird makes of a tag named in Korean.
        assert!(Flag::parse("=ec=97=85=eb=ac=b4").is_ok());
    }

    #[test]
    fn order_of_listing() {
        let set: FlagSet = ["b", "\\Seen", "A", "\\Answered"]
            .map(|f| Flag::parse(f).unwrap())
            .into_iter()
            .collect();
        let listed: Vec<String> = set.iter().map(|f| f.as_str().to_owned()).collect();
        assert_eq!(listed, ["\\Answered", "\\Seen", "A", "b"]);
        assert_eq!(FlagSet::from_parts(set.system_bits(), set.keywords().to_vec()), set);
    }
}
