//! Sets of message numbers as clients write them.

use std::fmt;

use mail_types::Malformed;

/// `sequence-set` (RFC 3501 §9): numbers and ranges, `*` being the largest in use. What the
/// numbers are, UIDs or sequence numbers, is the command's to say; [`crate::view::View`] resolves
/// them. Or `$`: what the last search has saved (RFC 5182 §2.1); such a set has no numbers.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SequenceSet(Vec<(Bound, Bound)>);

/// One end of a range.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Bound {
    Number(u32),
    Largest,
}

impl Bound {
    fn resolve(self, largest: u32) -> u32 {
        match self {
            Self::Number(number) => number,
            Self::Largest => largest,
        }
    }
}

impl SequenceSet {
    /// Parses `(seq-number / seq-range) *("," sequence-set)`, or `$`.
    pub fn parse(text: &[u8]) -> Result<Self, Malformed> {
        if text == b"$" {
            return Ok(Self(Vec::new()));
        }
        text.split(|b| *b == b',')
            .map(|element| match element.iter().position(|b| *b == b':') {
                Some(colon) => {
                    let (first, second) = element.split_at(colon);
                    Ok((bound(first)?, bound(second.get(1..).unwrap_or_default())?))
                }
                None => bound(element).map(|only| (only, only)),
            })
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// All numbers from one to another; none if there are no such.
    pub(crate) fn range(first: u32, last: u32) -> Option<Self> {
        let is_one = 0 < first && first <= last;
        is_one.then(|| Self(vec![(Bound::Number(first), Bound::Number(last))]))
    }

    /// Whether it is `$`.
    pub fn is_saved(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether `*` stands in it.
    pub fn names_largest(&self) -> bool {
        let largest = |bound: Bound| bound == Bound::Largest;
        self.0.iter().any(|(a, b)| largest(*a) || largest(*b))
    }

    /// Whether it has numbers, each greater than all before it, without `*`.
    pub fn is_ascending(&self) -> bool {
        if self.is_saved() {
            return false;
        }
        let mut last = 0;
        self.0.iter().all(|range| match range {
            (Bound::Number(first), Bound::Number(second)) => {
                let fits = last < *first && first <= second;
                last = *second;
                fits
            }
            _ => false,
        })
    }

    /// How many numbers an ascending set has.
    pub fn count(&self) -> u64 {
        self.ranges(0).iter().map(|(first, last)| u64::from(last - first) + 1).sum()
    }

    /// The ranges with `*` replaced, ascending, overlaps coalesced; `4:2` is `2:4`, and `n:*` with
    /// a greater n holds the largest (RFC 3501 §9 `seq-range`).
    pub fn ranges(&self, largest: u32) -> Vec<(u32, u32)> {
        let mut ranges: Vec<(u32, u32)> = self
            .0
            .iter()
            .map(|(a, b)| (a.resolve(largest), b.resolve(largest)))
            .map(|(a, b)| (a.min(b), a.max(b)))
            .collect();
        ranges.sort_unstable();
        ranges.dedup_by(|next, kept| {
            let overlap = next.0 <= kept.1.saturating_add(1);
            if overlap {
                kept.1 = kept.1.max(next.1);
            }
            overlap
        });
        ranges
    }
}

fn bound(text: &[u8]) -> Result<Bound, Malformed> {
    const BAD: Malformed = Malformed("a message number is not from 1 to 4294967295, nor *");
    if text == b"*" {
        return Ok(Bound::Largest);
    }
    // A leading zero is no digit-nz (RFC 3501 §9).
    if text.len() > 10 || !text.iter().all(u8::is_ascii_digit) || text.first() == Some(&b'0') {
        return Err(BAD);
    }
    let number = std::str::from_utf8(text).ok().and_then(|text| text.parse().ok()).ok_or(BAD)?;
    Ok(Bound::Number(number))
}

impl fmt::Display for SequenceSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_saved() {
            return f.write_str("$");
        }
        for (place, (first, second)) in self.0.iter().enumerate() {
            if place > 0 {
                f.write_str(",")?;
            }
            write!(f, "{first}")?;
            if first != second {
                write!(f, ":{second}")?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => number.fmt(f),
            Self::Largest => f.write_str("*"),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn examples_of_the_grammar() {
        // RFC 3501 §9, the comments at seq-range and sequence-set.
        let check = |text: &str, largest, expected: &[(u32, u32)]| {
            assert_eq!(
                SequenceSet::parse(text.as_bytes()).unwrap().ranges(largest),
                expected,
                "{text}"
            );
        };
        check("2,4:7,9,12:*", 15, &[(2, 2), (4, 7), (9, 9), (12, 15)]);
        check("*:4,5:7", 10, &[(4, 10)]);
        check("4:2", 10, &[(2, 4)]);
        check("3291:*", 100, &[(100, 3291)]);
        check("*", 7, &[(7, 7)]);
        check("1,2,2,4294967295", 3, &[(1, 2), (4294967295, 4294967295)]);
    }

    #[test]
    fn ascending_sets() {
        let check = |text: &str, largest, ascending| {
            let set = SequenceSet::parse(text.as_bytes()).unwrap();
            assert_eq!((set.names_largest(), set.is_ascending()), (largest, ascending), "{text}");
        };
        check("1,3:5,9", false, true);
        check("4:4", false, true);
        check("3,1", false, false);
        check("5:3", false, false);
        check("1,1", false, false);
        check("1:3,3", false, false);
        check("1:*", true, false);
        check("*", true, false);
        assert_eq!(SequenceSet::parse(b"1,3:5,9").unwrap().count(), 5);
        assert_eq!(SequenceSet::parse(b"1:4294967295").unwrap().count(), u32::MAX.into());
    }

    #[test]
    fn malformed() {
        for bad in [
            "",
            ",",
            "1,",
            ",1",
            "0",
            "01",
            "1:",
            ":1",
            "1:2:3",
            "-1",
            "+1",
            "4294967296",
            "1 2",
            "**",
            "a",
            "$,1",
            "1:$",
        ] {
            assert!(SequenceSet::parse(bad.as_bytes()).is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn what_is_rendered_parses_to_the_same(
            parts in proptest::collection::vec((0u32..50, 0u32..50), 1..20)
        ) {
            let bound = |n| if n == 0 { Bound::Largest } else { Bound::Number(n) };
            let set = SequenceSet(parts.into_iter().map(|(a, b)| (bound(a), bound(b))).collect());
            prop_assert_eq!(SequenceSet::parse(set.to_string().as_bytes()).unwrap(), set);
        }

        #[test]
        fn nothing_panics(text in proptest::collection::vec(any::<u8>(), 0..40), largest in any::<u32>()) {
            if let Ok(set) = SequenceSet::parse(&text) {
                let _ = set.ranges(largest);
            }
        }
    }
}
