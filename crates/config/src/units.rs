//! Sizes and durations with their units.

use std::{fmt, str::FromStr, time::Duration};

/// A number of bytes, written `50 MiB`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ByteSize(pub u64);

impl ByteSize {
    /// So many KiB.
    pub const fn kib(count: u64) -> Self {
        Self(count.saturating_mul(1 << 10))
    }

    /// So many MiB.
    pub const fn mib(count: u64) -> Self {
        Self(count.saturating_mul(1 << 20))
    }

    /// The number of bytes.
    pub const fn bytes(self) -> u64 {
        self.0
    }

    /// The number of bytes for what lies in memory.
    pub fn in_memory(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }
}

/// A part of something, from 1 to 100.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Percent(pub u8);

impl FromStr for ByteSize {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        parse_size(text).ok_or_else(|| format!("{text:?} is no size such as 500MiB or 2GiB"))
    }
}

const SIZES: [(&str, u64); 8] = [
    ("B", 1),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
    ("KB", 1000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
];

/// Parses `number [unit]`; without a unit the number counts bytes.
pub(crate) fn parse_size(text: &str) -> Option<ByteSize> {
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let unit = unit.trim();
    let factor = if unit.is_empty() {
        1
    } else {
        SIZES.iter().find(|(name, _)| name.eq_ignore_ascii_case(unit)).map(|(_, factor)| *factor)?
    };
    number.parse::<u64>().ok()?.checked_mul(factor).map(ByteSize)
}

/// In the largest binary unit that divides it.
impl fmt::Display for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let binary = SIZES.iter().take(5).rev();
        let fits = |factor: u64| self.0 >= factor && self.0.is_multiple_of(factor);
        match binary.clone().find(|(_, factor)| fits(*factor)) {
            Some((unit, factor)) => write!(f, "{} {unit}", self.0 / factor),
            None => write!(f, "{} B", self.0),
        }
    }
}

const DURATIONS: [(&str, u64); 6] = [
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1000),
    ("ms", 1),
    ("w", 604_800_000),
];

/// Parses one or several `number unit`, such as `1h 30m`.
pub fn parse_duration(text: &str) -> Option<Duration> {
    let mut rest = text.trim();
    let mut total = 0u64;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let (number, tail) = rest.split_at(digits);
        let tail = tail.trim_start();
        let letters = tail.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(letters);
        let (_, millis) = DURATIONS.iter().find(|(name, _)| *name == unit)?;
        total = total.checked_add(number.parse::<u64>().ok()?.checked_mul(*millis)?)?;
        rest = tail.trim_start();
    }
    Some(Duration::from_millis(total))
}

/// Renders what [`parse_duration`] reads, to the millisecond.
pub(crate) fn render_duration(duration: Duration) -> String {
    let mut millis = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    let mut parts = Vec::new();
    for (unit, factor) in DURATIONS.iter().take(5) {
        if millis >= *factor {
            parts.push(format!("{}{unit}", millis / factor));
            millis %= factor;
        }
    }
    if parts.is_empty() { "0s".to_owned() } else { parts.join(" ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        for (text, expected) in [
            ("0", Some(0)),
            ("12", Some(12)),
            ("32 KiB", Some(32 << 10)),
            ("50mib", Some(50 << 20)),
            ("1 MB", Some(1_000_000)),
            ("", None),
            ("MiB", None),
            ("1.5 MiB", None),
            ("-1 B", None),
            ("99999999 TiB", None),
        ] {
            assert_eq!(parse_size(text).map(ByteSize::bytes), expected, "{text:?}");
        }
        for (size, text) in
            [(0, "0 B"), (1000, "1000 B"), (32 << 10, "32 KiB"), (3 << 29, "1536 MiB")]
        {
            assert_eq!(ByteSize(size).to_string(), text);
        }
    }

    #[test]
    fn durations() {
        for (text, expected) in [
            ("5m", Some(300_000)),
            ("1h 30m", Some(5_400_000)),
            ("1h30m", Some(5_400_000)),
            ("250ms", Some(250)),
            ("5 d", Some(432_000_000)),
            ("0s", Some(0)),
            ("", None),
            ("5", None),
            ("m", None),
            ("5 years", None),
            ("99999999999999999w", None),
        ] {
            let millis = parse_duration(text).map(|duration| duration.as_millis());
            assert_eq!(millis, expected, "{text:?}");
        }
        for millis in [0, 1, 1000, 61_000, 90_000_000] {
            let duration = Duration::from_millis(millis);
            assert_eq!(parse_duration(&render_duration(duration)), Some(duration));
        }
    }
}
