//! The names of mechanisms.

use std::fmt;

/// A mechanism that both sides here can speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Mechanism {
    /// RFC 4616.
    Plain,
    /// Never a standard, and still what older mail clients use.
    Login,
}

impl Mechanism {
    /// All of them, the preferred ones first: the order in which they are announced.
    pub const ALL: &'static [Self] = &[Self::Plain, Self::Login];

    /// The name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Plain => "PLAIN",
            Self::Login => "LOGIN",
        }
    }

    /// By its name, in any case.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|mechanism| mechanism.name().eq_ignore_ascii_case(name))
    }

    /// Whether the client speaks first, so that an initial response may come with the command
    /// (RFC 4422 §3.3).
    pub fn begins_with_client(self) -> bool {
        match self {
            Self::Plain => true,
            Self::Login => false,
        }
    }

    /// Whether the password itself crosses the wire, so that TLS must protect it (RFC 4616 §1).
    pub fn reveals_password(self) -> bool {
        match self {
            Self::Plain | Self::Login => true,
        }
    }
}

impl fmt::Display for Mechanism {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        assert_eq!(Mechanism::parse("plain"), Some(Mechanism::Plain));
        assert_eq!(Mechanism::parse("LOGIN"), Some(Mechanism::Login));
        assert_eq!(Mechanism::parse("PLAIN "), None);
        assert_eq!(Mechanism::parse(""), None);
    }
}
