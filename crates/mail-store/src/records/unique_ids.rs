//! `postrider-unique-ids`: what another server's POP3 called messages that were imported from it, in
//! the mailbox's folder. Without it a client that leaves mail on the server would fetch all again.

use std::{collections::BTreeMap, path::Path};

use mail_types::{Uid, UidValidity, UniqueId};
use stable_storage::Files;

use super::lines;
use crate::StoreError;

const FORMAT: &str = "postrider-unique-ids";

/// Unique-ids of messages; those of messages that are gone mean nothing.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct UniqueIdFile {
    /// The epoch of the UIDs: in another one they are other messages'.
    pub(crate) uid_validity: UidValidity,
    pub(crate) ids: BTreeMap<Uid, UniqueId>,
}

impl UniqueIdFile {
    /// Reads the file in a mailbox's folder; empty if there is none of this epoch.
    pub(crate) fn read(
        files: &Files,
        folder: &Path,
        uid_validity: UidValidity,
    ) -> Result<Self, StoreError> {
        let (mut epoch, mut ids) = (None, BTreeMap::new());
        lines::read(files, &folder.join(FORMAT), FORMAT, |key, value| {
            match key {
                "uidvalidity" => epoch = Some(UidValidity::new(value.parse().ok()?)?),
                "unique-id" => {
                    let (uid, id) = value.split_once(' ')?;
                    ids.insert(Uid::new(uid.parse().ok()?)?, id.parse().ok()?);
                }
                _ => return None,
            }
            Some(())
        })?;
        if epoch != Some(uid_validity) {
            ids.clear();
        }
        Ok(Self { uid_validity, ids })
    }

    /// Writes it; durable when this returns.
    pub(crate) fn write(&self, files: &Files, folder: &Path) -> Result<(), StoreError> {
        let epoch = ("uidvalidity", self.uid_validity.to_string());
        let ids = self.ids.iter().map(|(uid, id)| ("unique-id", format!("{uid} {id}")));
        lines::write(files, &folder.join(FORMAT), FORMAT, std::iter::once(epoch).chain(ids))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_are_read_in_their_epoch_only() {
        let folder = tempfile::tempdir().unwrap();
        let (files, epoch) = (Files::real(), |number| UidValidity::new(number).unwrap());
        let none = UniqueIdFile { uid_validity: epoch(7), ids: BTreeMap::new() };
        let read = |number| UniqueIdFile::read(&files, folder.path(), epoch(number));
        assert_eq!(read(7).unwrap(), none);
        let ids = [(3, "000000015f5e1000"), (4, "a~!\"b")];
        let ids = ids.map(|(uid, id)| (Uid::new(uid).unwrap(), id.parse().unwrap()));
        let some = UniqueIdFile { ids: ids.into(), ..none };
        some.write(&files, folder.path()).unwrap();
        assert_eq!(read(7).unwrap(), some);
        assert!(read(8).unwrap().ids.is_empty());
        let path = folder.path().join(FORMAT);
        let written = std::fs::read_to_string(&path).unwrap();
        for bad in ["unique-id 5\n", "unique-id 0 x\n", "unique-id 5 x y\n", "colour blue\n"] {
            std::fs::write(&path, format!("{written}{bad}")).unwrap();
            assert!(read(7).is_err(), "{bad}");
        }
    }
}
