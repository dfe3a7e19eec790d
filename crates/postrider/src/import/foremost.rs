//! The first messages of a folder of any size, in the order of their names.
//!
//! A folder is listed once for each window, and no more than a window's names are held. What has one
//! name is in one window, so that the next one begins behind it.

use std::collections::BinaryHeap;

/// How many messages of a folder are held at a time.
pub(super) const WINDOW: usize = 20_000;

/// A name, and what it stands for.
pub(super) type Named<T> = (Vec<u8>, T);

/// Those of the names that come first.
pub(super) struct Foremost<T> {
    first: BinaryHeap<Named<T>>,
    most: usize,
    /// Of those that are for later, the one that comes first.
    later: Option<Vec<u8>>,
}

impl<T: Ord> Foremost<T> {
    pub(super) fn at_most(most: usize) -> Self {
        Self { first: BinaryHeap::new(), most, later: None }
    }

    /// Takes a name into account; what it stands for is made only if it is among the first by now.
    pub(super) fn offer(&mut self, name: &[u8], what: impl FnOnce() -> T) {
        if self.later.as_ref().is_some_and(|later| name >= later.as_slice()) {
            return;
        }
        self.first.push((name.to_owned(), what()));
        if self.first.len() > self.most {
            self.later = self.first.pop().map(|(last, _)| last);
        }
    }

    /// Those, and whether there are others behind them. None if there is no room for all of one name.
    pub(super) fn finish(self) -> Option<(Vec<Named<T>>, bool)> {
        let mut first = self.first.into_sorted_vec();
        first.retain(|(name, _)| self.later.as_ref().is_none_or(|later| name < later));
        (!first.is_empty() || self.later.is_none()).then_some((first, self.later.is_some()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_holds_the_first() {
        let window = |most: usize, names: &[&str]| {
            let mut foremost = Foremost::at_most(most);
            for (at, name) in names.iter().enumerate() {
                foremost.offer(name.as_bytes(), || at);
            }
            let (first, more) = foremost.finish()?;
            Some((first.into_iter().map(|(_, at)| at).collect::<Vec<_>>(), more))
        };
        assert_eq!(window(2, &["c", "a", "b"]), Some((vec![1, 2], true)));
        assert_eq!(window(3, &["c", "a", "b"]), Some((vec![1, 2, 0], false)));
        assert_eq!(
            window(2, &["b", "a", "b"]),
            Some((vec![1], true)),
            "both of one name are later"
        );
        assert_eq!(window(1, &["a", "a", "b"]), None);
        assert_eq!(window(1, &[]), Some((vec![], false)));
    }
}
