//! SMTP replies, as they are kept and passed on; their wire form is `smtp-core`'s.

use std::{fmt, str::FromStr};

use crate::Malformed;

/// An enhanced mail system status code, `class.subject.detail` (RFC 3463 §2).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct EnhancedStatus {
    class: u8,
    subject: u16,
    detail: u16,
}

impl EnhancedStatus {
    /// A status; a class other than 2, 4 and 5 counts as 5, and numbers stop at 999.
    pub const fn new(class: u8, subject: u16, detail: u16) -> Self {
        let class = if class == 2 || class == 4 { class } else { 5 };
        let subject = if subject > 999 { 999 } else { subject };
        let detail = if detail > 999 { 999 } else { detail };
        Self { class, subject, detail }
    }

    /// 2 success, 4 persistent transient failure, 5 permanent failure (RFC 3463 §3.1).
    pub fn class(self) -> u8 {
        self.class
    }

    /// The subject: what it is about (RFC 3463 §3.2 to §3.8).
    pub fn subject(self) -> u16 {
        self.subject
    }

    /// The detail under that subject.
    pub fn detail(self) -> u16 {
        self.detail
    }

    /// The same subject and detail in another class.
    pub fn with_class(self, class: u8) -> Self {
        Self::new(class, self.subject, self.detail)
    }
}

impl fmt::Display for EnhancedStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.class, self.subject, self.detail)
    }
}

impl FromStr for EnhancedStatus {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        const BAD: Malformed = Malformed("an enhanced status reads like 5.1.1");
        let mut parts = text.split('.');
        let mut next = |max_digits: usize| {
            let part =
                parts.next().filter(|p| !p.is_empty() && p.len() <= max_digits).ok_or(BAD)?;
            if !part.bytes().all(|b| b.is_ascii_digit()) {
                return Err(BAD);
            }
            part.parse::<u16>().map_err(|_| BAD)
        };
        let (class, subject, detail) = (next(1)?, next(3)?, next(3)?);
        if parts.next().is_some() || !matches!(class, 2 | 4 | 5) {
            return Err(BAD);
        }
        Ok(Self::new(u8::try_from(class).map_err(|_| BAD)?, subject, detail))
    }
}

/// One SMTP reply: code, enhanced status if given, and its text line by line without either
/// (RFC 5321 §4.2, RFC 2034 §4).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reply {
    code: u16,
    status: Option<EnhancedStatus>,
    lines: Vec<String>,
}

impl Reply {
    /// A reply of one line.
    pub fn new(code: u16, status: Option<EnhancedStatus>, text: impl Into<String>) -> Self {
        Self { code, status, lines: vec![text.into()] }
    }

    /// A reply of several lines.
    pub fn of_lines(code: u16, status: Option<EnhancedStatus>, lines: Vec<String>) -> Self {
        Self { code, status, lines }
    }

    /// The three digits.
    pub fn code(&self) -> u16 {
        self.code
    }

    /// The enhanced status, if one was given.
    pub fn status(&self) -> Option<EnhancedStatus> {
        self.status
    }

    /// The text, a line each.
    pub fn lines(&self) -> &[String] {
        &self.lines
    }

    /// 2xx.
    pub fn is_positive(&self) -> bool {
        self.code / 100 == 2
    }

    /// 4xx.
    pub fn is_transient(&self) -> bool {
        self.code / 100 == 4
    }

    /// 5xx.
    pub fn is_permanent(&self) -> bool {
        self.code / 100 == 5
    }
}

/// In one line, for logs and reports: `550 5.1.1 No such mailbox`.
impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.code)?;
        if let Some(status) = self.status {
            write!(f, " {status}")?;
        }
        for line in &self.lines {
            write!(f, " {line}")?;
        }
        Ok(())
    }
}

impl FromStr for Reply {
    type Err = Malformed;

    /// Parses what `Display` renders, as one line.
    fn from_str(text: &str) -> Result<Self, Malformed> {
        const BAD: Malformed = Malformed("a reply starts with three digits");
        let (code, rest) = text.split_at_checked(3).ok_or(BAD)?;
        let code: u16 = code.parse().map_err(|_| BAD)?;
        let rest = rest.trim_start();
        let (first, tail) = rest.split_once(' ').unwrap_or((rest, ""));
        Ok(match first.parse::<EnhancedStatus>() {
            Ok(status) => Self::new(code, Some(status), tail),
            Err(_) => Self::new(code, None, rest),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses() {
        assert_eq!("5.1.1".parse::<EnhancedStatus>().unwrap(), EnhancedStatus::new(5, 1, 1));
        for bad in ["", "5.1", "5.1.1.1", "3.1.1", "5..1", "5.1.1000", "5.+1.1"] {
            assert!(bad.parse::<EnhancedStatus>().is_err(), "{bad}");
        }
    }

    #[test]
    fn replies_survive_the_journey_through_a_column() {
        for text in ["550 5.1.1 No such mailbox", "250 ok", "421 4.3.2"] {
            assert_eq!(text.parse::<Reply>().unwrap().to_string().trim_end(), text);
        }
    }
}
