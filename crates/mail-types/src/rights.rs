//! What somebody may do with a mailbox.

use std::fmt;

use crate::{Flag, FlagSet, Malformed};

/// A right (RFC 4314 §2.1).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Right {
    /// `l`: it is listed, and can be subscribed.
    Lookup,
    /// `r`: it can be opened.
    Read,
    /// `s`: `\Seen` can be changed.
    Seen,
    /// `w`: flags other than `\Seen` and `\Deleted` can be changed.
    Write,
    /// `i`: messages can be put into it.
    Insert,
    /// `p`: mail can be sent to its address; nobody asks for it.
    Post,
    /// `k`: mailboxes can be made below it.
    Create,
    /// `x`: it can be deleted or get another name.
    Delete,
    /// `t`: `\Deleted` can be changed.
    DeleteMessages,
    /// `e`: messages can be expunged.
    Expunge,
    /// `a`: the rights themselves can be read and changed.
    Administer,
}

impl Right {
    /// All of them, in the order in which they are written.
    pub const ALL: [Self; 11] = [
        Self::Lookup,
        Self::Read,
        Self::Seen,
        Self::Write,
        Self::Insert,
        Self::Post,
        Self::Create,
        Self::Delete,
        Self::DeleteMessages,
        Self::Expunge,
        Self::Administer,
    ];

    /// Its letter.
    pub fn letter(self) -> char {
        match self {
            Self::Lookup => 'l',
            Self::Read => 'r',
            Self::Seen => 's',
            Self::Write => 'w',
            Self::Insert => 'i',
            Self::Post => 'p',
            Self::Create => 'k',
            Self::Delete => 'x',
            Self::DeleteMessages => 't',
            Self::Expunge => 'e',
            Self::Administer => 'a',
        }
    }

    fn bit(self) -> u16 {
        1 << self as u16
    }
}

/// A set of rights.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Rights(u16);

impl Rights {
    /// None.
    pub const NONE: Self = Self(0);
    /// All there are.
    pub const ALL: Self = Self((1 << Right::ALL.len()) - 1);

    /// Whether a right is among them.
    pub fn has(self, right: Right) -> bool {
        self.0 & right.bit() != 0
    }

    /// Whether one at least of these is among them.
    pub fn has_any(self, rights: &[Right]) -> bool {
        rights.iter().any(|right| self.has(*right))
    }

    /// Whether there are none.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Those of either.
    pub fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Those that the other has not.
    pub fn difference(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Whether a flag may be set and cleared (RFC 4314 §4).
    pub fn may_change(self, flag: &Flag) -> bool {
        self.has(match flag {
            Flag::Seen => Right::Seen,
            Flag::Deleted => Right::DeleteMessages,
            _ => Right::Write,
        })
    }

    /// Those of some flags that may be set and cleared.
    pub fn permitted(self, flags: &FlagSet) -> FlagSet {
        flags.iter().filter(|flag| self.may_change(flag)).collect()
    }

    /// Parses letters. `d` and `c`, which RFC 2086 had, are what they were divided into
    /// (RFC 4314 §2.1.1): `c` makes and removes mailboxes, `d` removes messages. Any other letter is
    /// an error (RFC 4314 §3.1).
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        let right = |letter: char| {
            let one = Right::ALL.into_iter().find(|right| right.letter() == letter);
            match (letter, one) {
                (_, Some(right)) => Ok(Self(right.bit())),
                ('c', None) => Ok(Self(Right::Create.bit() | Right::Delete.bit())),
                ('d', None) => Ok(Self(Right::DeleteMessages.bit() | Right::Expunge.bit())),
                (_, None) => Err(Malformed("the rights are letters of lrswipkxteacd")),
            }
        };
        text.chars().try_fold(Self::NONE, |all, letter| Ok(all.union(right(letter)?)))
    }
}

impl FromIterator<Right> for Rights {
    fn from_iter<I: IntoIterator<Item = Right>>(rights: I) -> Self {
        rights.into_iter().fold(Self::NONE, |all, right| Self(all.0 | right.bit()))
    }
}

/// The letters in their order, without `c` and `d`.
impl fmt::Display for Rights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let present = Right::ALL.into_iter().filter(|right| self.has(*right));
        f.write_str(&present.map(Right::letter).collect::<String>())
    }
}

impl fmt::Debug for Rights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Rights({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters() {
        for (text, expected) in [
            ("", Some("")),
            ("lr", Some("lr")),
            ("rl", Some("lr")),
            ("lrswipkxtea", Some("lrswipkxtea")),
            // RFC 4314 §2.1.1, the examples.
            ("lrswida", Some("lrswitea")),
            ("lrswikda", Some("lrswiktea")),
            ("c", Some("kx")),
            ("lrQ", None),
            ("lrq", None),
            ("L", None),
            ("0", None),
        ] {
            let rights = Rights::parse(text).ok().map(|rights| rights.to_string());
            assert_eq!(rights.as_deref(), expected, "{text}");
        }
        assert_eq!(Rights::ALL.to_string(), "lrswipkxtea");
        assert_eq!(Rights::ALL, Right::ALL.into_iter().collect());
    }

    #[test]
    fn flags() {
        let all: FlagSet = ["\\Seen", "\\Deleted", "\\Draft", "$work"]
            .map(|f| Flag::parse(f).unwrap())
            .into_iter()
            .collect();
        let check = |text: &str, expected: &[&str]| {
            let permitted = Rights::parse(text).unwrap().permitted(&all);
            let expected: FlagSet = expected.iter().map(|f| Flag::parse(f).unwrap()).collect();
            assert_eq!(permitted, expected, "{text}");
        };
        check("lrie", &[]);
        check("s", &["\\Seen"]);
        check("t", &["\\Deleted"]);
        check("w", &["\\Draft", "$work"]);
    }

    #[test]
    fn sets() {
        let set = |text| Rights::parse(text).unwrap();
        assert_eq!(set("lr").union(set("rs")), set("lrs"));
        assert_eq!(set("lrs").difference(set("r")), set("ls"));
        assert!(set("lr").has(Right::Read) && !set("lr").has(Right::Seen));
        assert!(set("lr").has_any(&[Right::Seen, Right::Lookup]) && !set("").has_any(&Right::ALL));
        assert!(Rights::NONE.is_empty() && !set("p").is_empty());
    }
}
