//! The maildrop as a session sees it: fixed when it is opened, but for the marks of DELE.

use std::collections::{BTreeMap, HashSet};

use mail_types::{Uid, UidValidity, UniqueId};

/// One message of a maildrop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// Its UID: with the mailbox's epoch it makes the unique-id.
    pub uid: Uid,
    /// Its exact size in octets (RFC 1939 §11).
    pub octets: u64,
}

/// The messages of a maildrop in their order, and which of them are marked as deleted.
#[derive(Debug)]
pub struct Maildrop {
    uid_validity: UidValidity,
    /// What another server called messages that came from it.
    imported: BTreeMap<Uid, UniqueId>,
    entries: Vec<Slot>,
    /// Messages that are not marked.
    left: usize,
    /// Their octets.
    octets_left: u64,
}

#[derive(Debug, Clone, Copy)]
struct Slot {
    entry: Entry,
    deleted: bool,
    fetched: bool,
}

/// Why a message-number names no message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Absent {
    /// The maildrop has fewer messages.
    Never,
    /// It is marked as deleted.
    Deleted,
}

impl Maildrop {
    /// A maildrop just opened, by ascending UID; unique-ids last as long as this epoch of the
    /// mailbox.
    pub fn new(uid_validity: UidValidity, entries: impl IntoIterator<Item = Entry>) -> Self {
        let slot = |entry| Slot { entry, deleted: false, fetched: false };
        let entries: Vec<Slot> = entries.into_iter().map(slot).collect();
        let imported = BTreeMap::new();
        let mut maildrop = Self { uid_validity, imported, entries, left: 0, octets_left: 0 };
        maildrop.count();
        maildrop
    }

    /// The same, with what another server called messages that came from it: a client that has
    /// them does not fetch them again. What would make two messages look the same is passed over
    /// (RFC 1939 §7): a second one of the same, and what looks like ours.
    #[must_use]
    pub fn with_unique_ids(self, imported: BTreeMap<Uid, UniqueId>) -> Self {
        let ours = self.epoch();
        let mut met = HashSet::new();
        let usable =
            |(_, id): &(Uid, UniqueId)| !id.as_str().starts_with(&ours) && met.insert(id.clone());
        Self { imported: imported.into_iter().filter(usable).collect(), ..self }
    }

    /// Messages that are not marked, and their octets: the drop listing (RFC 1939 §5).
    pub(crate) fn totals(&self) -> (usize, u64) {
        (self.left, self.octets_left)
    }

    /// How many numbers there are, marked or not.
    pub(crate) fn numbers(&self) -> usize {
        self.entries.len()
    }

    /// The message with this number, counted from 1.
    pub(crate) fn entry(&self, number: usize) -> Result<Entry, Absent> {
        let slot = number.checked_sub(1).and_then(|place| self.entries.get(place));
        match slot {
            Some(slot) if slot.deleted => Err(Absent::Deleted),
            Some(slot) => Ok(slot.entry),
            None => Err(Absent::Never),
        }
    }

    /// Marks a message.
    pub(crate) fn delete(&mut self, number: usize) -> Result<(), Absent> {
        let entry = self.entry(number)?;
        if let Some(slot) = number.checked_sub(1).and_then(|place| self.entries.get_mut(place)) {
            slot.deleted = true;
        }
        self.left = self.left.saturating_sub(1);
        self.octets_left = self.octets_left.saturating_sub(entry.octets);
        Ok(())
    }

    /// Takes all marks back.
    pub(crate) fn reset(&mut self) {
        for slot in &mut self.entries {
            slot.deleted = false;
        }
        self.count();
    }

    /// The messages that are marked.
    pub(crate) fn deleted(&self) -> Vec<Uid> {
        self.entries.iter().filter(|slot| slot.deleted).map(|slot| slot.entry.uid).collect()
    }

    /// Notes that a message was fetched whole.
    pub(crate) fn note_fetched(&mut self, uid: Uid) {
        if let Ok(place) = self.entries.binary_search_by_key(&uid, |slot| slot.entry.uid)
            && let Some(slot) = self.entries.get_mut(place)
        {
            slot.fetched = true;
        }
    }

    /// The messages that were fetched whole and are not marked.
    pub(crate) fn fetched(&self) -> Vec<Uid> {
        let kept = self.entries.iter().filter(|slot| slot.fetched && !slot.deleted);
        kept.map(|slot| slot.entry.uid).collect()
    }

    /// `unique-id` of RFC 1939 §7: never another message's, as UIDs aren't within their epoch.
    pub(crate) fn unique_id(&self, uid: Uid) -> String {
        match self.imported.get(&uid) {
            Some(imported) => imported.to_string(),
            None => Self::plain_unique_id(self.uid_validity, uid),
        }
    }

    /// The unique-id of a message that had none elsewhere.
    pub fn plain_unique_id(epoch: UidValidity, uid: Uid) -> String {
        format!("{}{:08x}", begin_of_epoch(epoch), uid.number())
    }

    /// What unique-ids of ours begin with.
    fn epoch(&self) -> String {
        begin_of_epoch(self.uid_validity)
    }

    fn count(&mut self) {
        let kept = self.entries.iter().filter(|slot| !slot.deleted);
        self.left = kept.clone().count();
        self.octets_left = kept.fold(0, |sum, slot| sum.saturating_add(slot.entry.octets));
    }
}

fn begin_of_epoch(epoch: UidValidity) -> String {
    format!("{:08x}", epoch.number())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_come_and_go() {
        let entry = |uid, octets| Entry { uid: Uid::new(uid).unwrap(), octets };
        let mut maildrop =
            Maildrop::new(UidValidity::new(0xab).unwrap(), [entry(4, 120), entry(9, 200)]);
        assert_eq!(maildrop.totals(), (2, 320));
        assert_eq!(maildrop.delete(1), Ok(()));
        assert_eq!(maildrop.delete(1), Err(Absent::Deleted));
        assert_eq!(maildrop.totals(), (1, 200));
        assert_eq!(maildrop.deleted(), [Uid::new(4).unwrap()]);
        assert_eq!(maildrop.entry(0), Err(Absent::Never));
        assert_eq!(maildrop.entry(3), Err(Absent::Never));
        assert_eq!(maildrop.entry(2), Ok(entry(9, 200)), "numbers don't move");
        maildrop.reset();
        assert_eq!((maildrop.totals(), maildrop.deleted().len()), ((2, 320), 0));
        assert_eq!(maildrop.unique_id(Uid::new(9).unwrap()), "000000ab00000009");

        maildrop.note_fetched(Uid::new(4).unwrap());
        maildrop.note_fetched(Uid::new(9).unwrap());
        assert_eq!(maildrop.delete(1), Ok(()));
        assert_eq!(maildrop.fetched(), [Uid::new(9).unwrap()]);
    }

    #[test]
    fn imported_unique_ids_stay_unique() {
        let uid = |number| Uid::new(number).unwrap();
        let entries = (1..=4).map(|number| Entry { uid: uid(number), octets: 1 });
        let imported = [(1, "old.1"), (2, "old.1"), (3, "000000ab00000004"), (9, "gone")];
        let imported = imported.map(|(number, id)| (uid(number), id.parse().unwrap()));
        let maildrop = Maildrop::new(UidValidity::new(0xab).unwrap(), entries)
            .with_unique_ids(imported.into());
        let told: Vec<String> = (1..=4).map(|number| maildrop.unique_id(uid(number))).collect();
        let expected = ["old.1", "000000ab00000002", "000000ab00000003", "000000ab00000004"];
        assert_eq!(told, expected);
    }
}
