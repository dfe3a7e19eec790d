//! A set of UIDs, run-length coded: a mailbox that nothing was ever expunged from is one run,
//! whatever its size. Clones share their runs until one of them changes, so that the sessions of a
//! mailbox need not each have its numbering.
//!
//! Invariant: runs ascend and neither touch nor overlap, and each knows how many UIDs stand before
//! it, so that place and UID are found by binary search.

use std::{cmp::Ordering, fmt, sync::Arc};

use mail_types::Uid;

/// A sorted set of UIDs.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct UidRuns {
    /// None of an empty set.
    runs: Option<Arc<Vec<Run>>>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
struct Run {
    first: u32,
    last: u32,
    before: u32,
}

impl Run {
    fn len(self) -> u32 {
        // The runs hold at most 2^32 - 1 UIDs together: zero is none.
        (self.last - self.first).saturating_add(1)
    }
}

impl UidRuns {
    /// The empty set.
    pub const fn new() -> Self {
        Self { runs: None }
    }

    /// From ranges, both ends included, in any order; overlaps count once.
    pub fn from_ranges(ranges: impl IntoIterator<Item = (Uid, Uid)>) -> Self {
        let mut pairs: Vec<(u32, u32)> =
            ranges.into_iter().map(|(a, b)| (a.min(b).number(), a.max(b).number())).collect();
        pairs.sort_unstable();
        let mut set = Self::new();
        for (first, last) in pairs {
            set.append(first, last);
        }
        set
    }

    fn runs(&self) -> &[Run] {
        self.runs.as_deref().map_or(&[], Vec::as_slice)
    }

    /// Whether both are the same place in memory.
    pub fn is_shared_with(&self, other: &Self) -> bool {
        match (&self.runs, &other.runs) {
            (Some(one), Some(other)) => Arc::ptr_eq(one, other),
            (None, None) => true,
            _ => false,
        }
    }

    /// How many UIDs.
    pub fn len(&self) -> u32 {
        self.runs().last().map_or(0, |run| run.before + run.len())
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.runs().is_empty()
    }

    /// The smallest.
    pub fn first(&self) -> Option<Uid> {
        self.runs().first().and_then(|run| Uid::new(run.first))
    }

    /// The largest.
    pub fn last(&self) -> Option<Uid> {
        self.runs().last().and_then(|run| Uid::new(run.last))
    }

    /// Whether it is in the set.
    pub fn contains(&self, uid: Uid) -> bool {
        self.rank(uid).is_some()
    }

    /// How many smaller ones the set has; none if it is not in the set.
    pub fn rank(&self, uid: Uid) -> Option<u32> {
        let number = uid.number();
        let place = self.runs().binary_search_by(|run| {
            if run.last < number {
                Ordering::Less
            } else if run.first > number {
                Ordering::Greater
            } else {
                Ordering::Equal
            }
        });
        let run = self.runs().get(place.ok()?)?;
        Some(run.before + (number - run.first))
    }

    /// The UID that has `rank` smaller ones.
    pub fn nth(&self, rank: u32) -> Option<Uid> {
        let after = self.runs().partition_point(|run| run.before <= rank);
        let run = self.runs().get(after.checked_sub(1)?)?;
        let offset = rank - run.before;
        (offset < run.len()).then(|| Uid::new(run.first + offset)).flatten()
    }

    /// The UIDs, ascending.
    pub fn iter(&self) -> impl Iterator<Item = Uid> + '_ {
        self.runs().iter().flat_map(|run| (run.first..=run.last).filter_map(Uid::new))
    }

    /// The runs, ascending, both ends included.
    pub fn ranges(&self) -> impl Iterator<Item = (Uid, Uid)> + '_ {
        self.runs().iter().filter_map(|run| Some((Uid::new(run.first)?, Uid::new(run.last)?)))
    }

    /// How many ranges are held.
    pub(crate) fn range_count(&self) -> usize {
        self.runs().len()
    }

    /// What either has.
    pub fn union(&self, other: &Self) -> Self {
        Self::from_ranges(self.ranges().chain(other.ranges()))
    }

    /// What both have.
    pub fn intersection(&self, other: &Self) -> Self {
        let mut both = Self::new();
        let (mut left, mut right) = (self.runs().iter().peekable(), other.runs().iter().peekable());
        while let (Some(a), Some(b)) = (left.peek(), right.peek()) {
            let (first, last) = (a.first.max(b.first), a.last.min(b.last));
            if first <= last {
                both.append(first, last);
            }
            if a.last < b.last {
                left.next();
            } else {
                right.next();
            }
        }
        both
    }

    /// What this has and `other` has not.
    pub fn difference(&self, other: &Self) -> Self {
        let mut rest = Self::new();
        let mut holes = other.runs().iter().peekable();
        for run in self.runs() {
            let mut first = run.first;
            while let Some(hole) = holes.peek() {
                if hole.first > run.last {
                    break;
                }
                if hole.last >= first {
                    if hole.first > first {
                        rest.append(first, hole.first - 1);
                    }
                    first = hole.last.saturating_add(1);
                }
                if hole.last > run.last {
                    break;
                }
                holes.next();
            }
            if first <= run.last && !other.ends_at_max_within(first) {
                rest.append(first, run.last);
            }
        }
        rest
    }

    /// The part that starts after `count` UIDs and the part before it.
    pub fn split_at(&self, count: u32) -> (Self, Self) {
        let Some(border) = self.nth(count) else { return (self.clone(), Self::new()) };
        let upper = Self::from_ranges([(border, Uid::MAX)]);
        (self.difference(&upper), self.intersection(&upper))
    }

    /// So many UIDs, from the one on that has `start` smaller ones.
    pub(crate) fn part(&self, start: u32, count: u32) -> Self {
        self.split_at(start).1.split_at(count).0
    }

    /// Whether the saturated step over a hole that ends at the largest number left `first` inside
    /// that hole.
    fn ends_at_max_within(&self, first: u32) -> bool {
        first == u32::MAX && self.runs().last().is_some_and(|run| run.last == u32::MAX)
    }

    /// Adds a range that starts at or above the start of the last run.
    fn append(&mut self, first: u32, last: u32) {
        let before = self.len();
        let runs = Arc::make_mut(self.runs.get_or_insert_default());
        match runs.last_mut() {
            Some(run) if first <= run.last.saturating_add(1) => run.last = run.last.max(last),
            _ => runs.push(Run { first, last, before }),
        }
    }
}

impl FromIterator<Uid> for UidRuns {
    fn from_iter<I: IntoIterator<Item = Uid>>(uids: I) -> Self {
        let mut numbers: Vec<u32> = uids.into_iter().map(Uid::number).collect();
        numbers.sort_unstable();
        let mut set = Self::new();
        for number in numbers {
            set.append(number, number);
        }
        set
    }
}

/// As `uid-set` of RFC 4315 §4: `1:3,5`. Nothing for the empty set.
impl fmt::Display for UidRuns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, run) in self.runs().iter().enumerate() {
            if place > 0 {
                f.write_str(",")?;
            }
            write!(f, "{}", run.first)?;
            if run.last > run.first {
                write!(f, ":{}", run.last)?;
            }
        }
        Ok(())
    }
}

impl fmt::Debug for UidRuns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{{{self}}}")
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn runs(numbers: impl IntoIterator<Item = u32>) -> UidRuns {
        numbers.into_iter().filter_map(Uid::new).collect()
    }

    #[test]
    fn renders_as_a_uid_set() {
        assert_eq!(runs([5, 1, 2, 3, 9, 8]).to_string(), "1:3,5,8:9");
        assert_eq!(runs([]).to_string(), "");
        assert_eq!(UidRuns::from_ranges([(Uid::MAX, Uid::MIN)]).len(), u32::MAX);
    }

    #[test]
    fn the_largest_number_is_no_trap() {
        let top = runs([u32::MAX - 1, u32::MAX]);
        assert_eq!(top.difference(&runs([u32::MAX])), runs([u32::MAX - 1]));
        assert_eq!(top.difference(&runs([u32::MAX - 1])), runs([u32::MAX]));
        assert_eq!(top.difference(&top), UidRuns::new());
        assert_eq!(top.rank(Uid::MAX), Some(1));
    }

    #[test]
    fn clones_share_until_one_changes() {
        let one = runs([1, 2, 5]);
        let other = one.clone();
        assert!(one.is_shared_with(&other) && !one.is_shared_with(&runs([1, 2, 5])));
        let mut changed = one.clone();
        changed.append(9, 9);
        assert!(!changed.is_shared_with(&one));
        assert_eq!((one.len(), changed.len()), (3, 4));
        assert!(UidRuns::new().is_shared_with(&runs([])));
    }

    fn some_set() -> impl Strategy<Value = BTreeSet<u32>> {
        proptest::collection::btree_set(1u32..60, 0..40)
    }

    proptest! {
        #[test]
        fn behaves_as_a_set(a in some_set(), b in some_set(), cut in 0u32..50) {
            let (x, y) = (runs(a.iter().copied()), runs(b.iter().copied()));
            prop_assert_eq!(x.union(&y), runs(a.union(&b).copied()));
            prop_assert_eq!(x.intersection(&y), runs(a.intersection(&b).copied()));
            prop_assert_eq!(x.difference(&y), runs(a.difference(&b).copied()));
            prop_assert_eq!(x.len() as usize, a.len());
            for (rank, number) in (0..).zip(&a) {
                let uid = Uid::new(*number).unwrap();
                prop_assert_eq!(x.rank(uid), Some(rank));
                prop_assert_eq!(x.nth(rank), Some(uid));
            }
            prop_assert_eq!(x.nth(x.len()), None);
            let (lower, upper) = x.split_at(cut);
            prop_assert_eq!(lower.len(), cut.min(x.len()));
            prop_assert_eq!(lower.union(&upper), x);
        }
    }
}
