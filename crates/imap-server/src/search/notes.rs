//! What was found out about keys of a query before the search began.

use imap_core::command::SearchKey;

/// A note for some of a query's keys, each found as the very key that it is, however many there are.
#[derive(Debug)]
pub(super) struct Notes<'k, T>(Vec<(&'k SearchKey, T)>);

impl<T> Default for Notes<'_, T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'k, T> Notes<'k, T> {
    /// With more notes; a key has one at most.
    pub(super) fn with(mut self, more: impl IntoIterator<Item = (&'k SearchKey, T)>) -> Self {
        self.0.extend(more);
        self.0.sort_unstable_by_key(|(key, _)| place(key));
        self
    }

    /// The note for a key.
    pub(super) fn of(&self, key: &SearchKey) -> Option<&T> {
        let at = self.0.binary_search_by_key(&place(key), |(key, _)| place(key)).ok()?;
        self.0.get(at).map(|(_, note)| note)
    }
}

/// Where it lies: no other key of the query lies there.
fn place(key: &SearchKey) -> usize {
    std::ptr::from_ref(key).addr()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_keys_have_notes_of_their_own() {
        let keys = [SearchKey::All, SearchKey::Recent, SearchKey::All, SearchKey::Recent];
        let [first, second, third, fourth] = &keys;
        let notes = Notes::default().with([(third, 3), (first, 1)]).with([(second, 2)]);
        let found: Vec<_> = keys.iter().map(|key| notes.of(key)).collect();
        assert_eq!(found, [Some(&1), Some(&2), Some(&3), None]);
        assert_eq!(notes.of(fourth), None);
    }
}
