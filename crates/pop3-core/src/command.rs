//! Command lines.

use crate::response::PeerError;

/// A command's keyword (RFC 1939 §9, RFC 2449 §5, RFC 2595 §4, RFC 5034 §4, RFC 6856 §2 and §3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verb {
    Capa,
    Lang,
    Stls,
    Utf8,
    User,
    Pass,
    Apop,
    Auth,
    Stat,
    List,
    Uidl,
    Retr,
    Top,
    Dele,
    Rset,
    Noop,
    Quit,
}

/// Each keyword with its usage, for who gets the arguments wrong.
const VERBS: [(Verb, &str, &str); 17] = [
    (Verb::Capa, "CAPA", "CAPA"),
    (Verb::Lang, "LANG", "LANG or LANG language"),
    (Verb::Stls, "STLS", "STLS"),
    (Verb::Utf8, "UTF8", "UTF8"),
    (Verb::User, "USER", "USER name"),
    (Verb::Pass, "PASS", "PASS password"),
    (Verb::Apop, "APOP", "APOP name digest"),
    (Verb::Auth, "AUTH", "AUTH mechanism"),
    (Verb::Stat, "STAT", "STAT"),
    (Verb::List, "LIST", "LIST or LIST number"),
    (Verb::Uidl, "UIDL", "UIDL or UIDL number"),
    (Verb::Retr, "RETR", "RETR number"),
    (Verb::Top, "TOP", "TOP number lines"),
    (Verb::Dele, "DELE", "DELE number"),
    (Verb::Rset, "RSET", "RSET"),
    (Verb::Noop, "NOOP", "NOOP"),
    (Verb::Quit, "QUIT", "QUIT"),
];

impl Verb {
    /// `keyword [SP arguments]` (RFC 1939 §3): the keyword in any case, and the rest as it is.
    pub(crate) fn parse(line: &[u8]) -> Result<(Self, &[u8]), PeerError> {
        let space = memchr::memchr(b' ', line).unwrap_or(line.len());
        let (keyword, rest) = line.split_at(space);
        let verb = VERBS
            .iter()
            .find(|(_, name, _)| name.as_bytes().eq_ignore_ascii_case(keyword))
            .map(|(verb, _, _)| *verb)
            .ok_or(PeerError::UnknownCommand)?;
        Ok((verb, rest.get(1..).unwrap_or_default()))
    }

    /// How the command reads.
    pub(crate) fn usage(self) -> &'static str {
        VERBS.iter().find(|(verb, _, _)| *verb == self).map_or("", |(_, _, usage)| *usage)
    }

    /// The error of wrong arguments.
    pub(crate) fn misused(self) -> PeerError {
        PeerError::Syntax(self.usage())
    }

    /// No arguments; spaces are forgiven.
    pub(crate) fn nothing(self, arguments: &[u8]) -> Result<(), PeerError> {
        if arguments.trim_ascii().is_empty() { Ok(()) } else { Err(self.misused()) }
    }

    /// One text, spaces within it included.
    pub(crate) fn text(self, arguments: &[u8]) -> Result<&str, PeerError> {
        match std::str::from_utf8(arguments) {
            Ok(text) if !text.trim().is_empty() => Ok(text),
            _ => Err(self.misused()),
        }
    }

    /// A message-number (RFC 1939 §4).
    pub(crate) fn number(self, arguments: &[u8]) -> Result<usize, PeerError> {
        self.optional_number(arguments)?.ok_or(self.misused())
    }

    /// A message-number or nothing.
    pub(crate) fn optional_number(self, arguments: &[u8]) -> Result<Option<usize>, PeerError> {
        match arguments.trim_ascii() {
            [] => Ok(None),
            digits => self.decimal(digits).map(Some),
        }
    }

    /// A message-number and a count of lines.
    pub(crate) fn number_and_lines(self, arguments: &[u8]) -> Result<(usize, u64), PeerError> {
        let mut words = arguments.split(|byte| *byte == b' ').filter(|word| !word.is_empty());
        match (words.next(), words.next(), words.next()) {
            (Some(number), Some(lines), None) => Ok((self.decimal(number)?, self.decimal(lines)?)),
            _ => Err(self.misused()),
        }
    }

    /// What is too large for us is larger than any maildrop: it names no message, and it is all
    /// lines.
    fn decimal<N: std::str::FromStr + Bounded>(self, digits: &[u8]) -> Result<N, PeerError> {
        if !digits.iter().all(u8::is_ascii_digit) {
            return Err(self.misused());
        }
        let text = std::str::from_utf8(digits).map_err(|_| self.misused())?;
        Ok(text.parse().unwrap_or(N::LARGEST))
    }
}

trait Bounded {
    const LARGEST: Self;
}

impl Bounded for usize {
    const LARGEST: Self = Self::MAX;
}

impl Bounded for u64 {
    const LARGEST: Self = Self::MAX;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keywords() {
        assert_eq!(Verb::parse(b"QUIT"), Ok((Verb::Quit, &b""[..])));
        assert_eq!(Verb::parse(b"top 1 0"), Ok((Verb::Top, &b"1 0"[..])));
        assert_eq!(Verb::parse(b"PASS  a b "), Ok((Verb::Pass, &b" a b "[..])));
        for bad in [&b""[..], b" QUIT", b"QUITE", b"XTND", b"\xff", b"XAPOP a b"] {
            assert_eq!(Verb::parse(bad), Err(PeerError::UnknownCommand), "{bad:?}");
        }
    }

    #[test]
    fn numbers() {
        let bad = Err(Verb::Retr.misused());
        for (text, expected) in [
            ("1", Ok(1)),
            (" 12 ", Ok(12)),
            ("0", Ok(0)),
            ("99999999999999999999999", Ok(usize::MAX)),
            ("", bad),
            ("-1", bad),
            ("+1", bad),
            ("1 2", bad),
            ("one", bad),
        ] {
            assert_eq!(Verb::Retr.number(text.as_bytes()), expected, "{text:?}");
        }
        assert_eq!(Verb::Top.number_and_lines(b"3 0"), Ok((3, 0)));
        assert_eq!(Verb::Top.number_and_lines(b"3"), Err(Verb::Top.misused()));
        assert_eq!(Verb::Top.number_and_lines(b"3 0 0"), Err(Verb::Top.misused()));
    }
}
