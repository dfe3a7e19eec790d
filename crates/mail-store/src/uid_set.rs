//! A set of UIDs as sorted ranges.

use std::ops::RangeInclusive;

use mail_types::Uid;

/// UIDs as ascending ranges that neither touch nor overlap: what a query takes, however many
/// messages it means. The set may name UIDs that no message has.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct UidSet(Vec<RangeInclusive<Uid>>);

impl UidSet {
    /// Every UID there can be.
    pub fn all() -> Self {
        Self(vec![Uid::MIN..=Uid::MAX])
    }

    /// One range.
    pub fn range(range: RangeInclusive<Uid>) -> Self {
        [range].into_iter().collect()
    }

    /// Whether no UID is in it.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The ranges, ascending.
    pub fn ranges(&self) -> &[RangeInclusive<Uid>] {
        &self.0
    }

    /// How many UIDs are in it.
    pub(crate) fn numbers(&self) -> usize {
        let length = |range: &RangeInclusive<Uid>| range.end().number() - range.start().number();
        self.0.iter().fold(0, |sum, range| {
            sum.saturating_add(usize::try_from(length(range)).unwrap_or(usize::MAX))
                .saturating_add(1)
        })
    }

    /// Whether a UID is in it.
    pub fn contains(&self, uid: Uid) -> bool {
        let after = self.0.partition_point(|range| *range.start() <= uid);
        after.checked_sub(1).and_then(|at| self.0.get(at)).is_some_and(|r| r.contains(&uid))
    }

    /// As JSON, `[[1,3],[7,7]]`, for SQLite's `json_each`.
    pub(crate) fn json(&self) -> String {
        let ranges: Vec<String> =
            self.0.iter().map(|range| format!("[{},{}]", range.start(), range.end())).collect();
        format!("[{}]", ranges.join(","))
    }
}

impl FromIterator<RangeInclusive<Uid>> for UidSet {
    fn from_iter<I: IntoIterator<Item = RangeInclusive<Uid>>>(ranges: I) -> Self {
        let mut sorted: Vec<_> = ranges.into_iter().filter(|range| !range.is_empty()).collect();
        sorted.sort_by_key(|range| *range.start());
        let mut joined: Vec<RangeInclusive<Uid>> = Vec::with_capacity(sorted.len());
        for range in sorted {
            match joined.last_mut() {
                Some(last) if range.start().number() <= last.end().number().saturating_add(1) => {
                    *last = *last.start()..=*range.end().max(last.end());
                }
                _ => joined.push(range),
            }
        }
        Self(joined)
    }
}

impl FromIterator<Uid> for UidSet {
    fn from_iter<I: IntoIterator<Item = Uid>>(uids: I) -> Self {
        uids.into_iter().map(|uid| uid..=uid).collect()
    }
}

impl From<Uid> for UidSet {
    fn from(uid: Uid) -> Self {
        Self(vec![uid..=uid])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uid(number: u32) -> Uid {
        Uid::new(number).unwrap()
    }

    #[test]
    fn neighbours_join_and_order_does_not_count() {
        let set: UidSet = [5, 1, 2, 3, 9, 10, 5].map(uid).into_iter().collect();
        assert_eq!(set.json(), "[[1,3],[5,5],[9,10]]");
        let set: UidSet = [uid(4)..=uid(9), uid(1)..=uid(5)].into_iter().collect();
        assert_eq!(set.json(), "[[1,9]]");
        assert!(set.contains(uid(9)) && !set.contains(uid(10)));
        assert!(!UidSet::default().contains(uid(1)));
        assert!(UidSet::all().contains(Uid::MAX));
    }
}
