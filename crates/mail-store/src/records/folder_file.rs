//! `postrider-folder`: a mailbox's own facts, in its folder.

use std::path::Path;

use mail_types::{MailboxId, MailboxName, UidValidity};
use stable_storage::Files;

use super::lines;
use crate::{SpecialUse, StoreError};

const FORMAT: &str = "postrider-folder";

/// The facts of a mailbox that its index row must not be alone to know.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct FolderFile {
    /// Its id.
    pub(crate) mailbox: MailboxId,
    /// Its name, which the folder's name may not tell.
    pub(crate) name: MailboxName,
    /// The epoch of its UIDs.
    pub(crate) uid_validity: UidValidity,
    /// Every UID that anybody was told lies below.
    pub(crate) uids_below: i64,
    /// Every modseq that anybody was told lies below.
    pub(crate) modseqs_below: i64,
    /// What it is for.
    pub(crate) special_use: Option<SpecialUse>,
}

impl FolderFile {
    /// Reads the file in a mailbox's folder, if it is there.
    pub(crate) fn read(files: &Files, folder: &Path) -> Result<Option<Self>, StoreError> {
        let path = folder.join(FORMAT);
        let (mut mailbox, mut name, mut uid_validity) = (None, None, None);
        let (mut uids_below, mut modseqs_below, mut special_use) = (None, None, None);
        let found = lines::read(files, &path, FORMAT, |key, value| {
            match key {
                "mailbox" => mailbox = Some(MailboxId(value.parse().ok()?)),
                "name" => name = Some(MailboxName::parse(value).ok()?),
                "uidvalidity" => uid_validity = Some(UidValidity::new(value.parse().ok()?)?),
                "uids-below" => uids_below = Some(value.parse().ok()?),
                "modseqs-below" => modseqs_below = Some(value.parse().ok()?),
                "special-use" => special_use = Some(SpecialUse::parse(value)?),
                _ => return None,
            }
            Some(())
        })?;
        if !found {
            return Ok(None);
        }
        let all = || {
            Some(Self {
                mailbox: mailbox?,
                name: name?,
                uid_validity: uid_validity?,
                uids_below: uids_below?,
                modseqs_below: modseqs_below?,
                special_use,
            })
        };
        let incomplete = || StoreError::Unreadable { path, reason: "a line is missing".into() };
        all().map(Some).ok_or_else(incomplete)
    }

    /// Writes it; durable when this returns.
    pub(crate) fn write(&self, files: &Files, folder: &Path) -> Result<(), StoreError> {
        let facts = [
            ("mailbox", self.mailbox.to_string()),
            ("name", self.name.to_string()),
            ("uidvalidity", self.uid_validity.to_string()),
            ("uids-below", self.uids_below.to_string()),
            ("modseqs-below", self.modseqs_below.to_string()),
        ];
        let special = self.special_use.map(|special| ("special-use", special.as_str().to_owned()));
        lines::write(files, &folder.join(FORMAT), FORMAT, facts.into_iter().chain(special))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_a_strange_line_is_not_passed_over() {
        let folder = tempfile::tempdir().unwrap();
        let files = Files::real();
        let facts = FolderFile {
            mailbox: MailboxId(4),
            name: MailboxName::parse("보관 함/2026").unwrap(),
            uid_validity: UidValidity::new(9).unwrap(),
            uids_below: 4_294_967_296,
            modseqs_below: 10,
            special_use: Some(SpecialUse::Archive),
        };
        assert_eq!(FolderFile::read(&files, folder.path()).unwrap(), None);
        facts.write(&files, folder.path()).unwrap();
        assert_eq!(FolderFile::read(&files, folder.path()).unwrap().unwrap(), facts);
        let path = folder.path().join(FORMAT);
        let written = std::fs::read_to_string(&path).unwrap();
        for bad in [
            format!("{written}colour blue\n"),
            written.replace("postrider-folder 1", "postrider-folder 2"),
            written.replace("mailbox 4\n", ""),
            written.replace("uidvalidity 9", "uidvalidity 0"),
        ] {
            std::fs::write(&path, bad).unwrap();
            assert!(FolderFile::read(&files, folder.path()).is_err());
        }
    }
}
