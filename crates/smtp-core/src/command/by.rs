//! BY: by when a message is to be delivered.

use mail_types::{DeliverBy, Late, Timestamp};

/// The value of BY, counted from the moment that MAIL comes (RFC 2852 §4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct By {
    /// So many seconds are left; none are with zero or less.
    pub seconds: i64,
    /// What follows when they are over.
    pub late: Late,
    /// Whether the sender is told of each hop.
    pub trace: bool,
}

impl By {
    /// ```text
    /// by-value = by-time ";" by-mode [by-trace]      RFC 2852 §4
    /// by-time  = ["-" / "+"] 1*9digit                ; above zero with R
    /// by-mode  = "N" / "R"
    /// by-trace = "T"
    /// ```
    pub fn parse(value: &str) -> Option<Self> {
        let (time, mode) = value.split_once(';')?;
        let (sign, digits) = match time.strip_prefix('-') {
            Some(digits) => (-1, digits),
            None => (1, time.strip_prefix('+').unwrap_or(time)),
        };
        if !matches!(digits.len(), 1..=9) || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let seconds = sign * digits.parse::<i64>().ok()?;
        let (late, trace) = match mode.to_ascii_uppercase().as_str() {
            "N" => (Late::Notify, false),
            "NT" => (Late::Notify, true),
            "R" => (Late::Return, false),
            "RT" => (Late::Return, true),
            _ => return None,
        };
        // RFC 2852 §4: too late already is no order that could be followed.
        (late == Late::Notify || seconds > 0).then_some(Self { seconds, late, trace })
    }

    /// The same as a time, when MAIL came at `now`.
    pub fn at(self, now: Timestamp) -> DeliverBy {
        let millis = now.millis().saturating_add(self.seconds.saturating_mul(1000));
        DeliverBy { at: Timestamp::from_millis(millis), late: self.late, trace: self.trace }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_the_grammar_allows() {
        let cases = [
            ("98765;R", Some((98_765, Late::Return, false))),
            ("120;RT", Some((120, Late::Return, true))),
            ("+120;n", Some((120, Late::Notify, false))),
            ("-999999999;NT", Some((-999_999_999, Late::Notify, true))),
            ("0;N", Some((0, Late::Notify, false))),
            ("0;R", None),
            ("-1;R", None),
            ("1;T", None),
            ("1;", None),
            ("1", None),
            (";R", None),
            ("1234567890;R", None),
            ("+-1;N", None),
            ("1 ;N", None),
        ];
        for (value, expected) in cases {
            let seen = By::parse(value).map(|by| (by.seconds, by.late, by.trace));
            assert_eq!(seen, expected, "{value}");
        }
    }

    #[test]
    fn becomes_a_time() {
        let by = By::parse("-60;N").map(|by| by.at(Timestamp::from_secs(100)).at.secs());
        assert_eq!(by, Some(40), "RFC 2852 §4");
    }
}
