//! `postrider-access`: to whom a mailbox is open (RFC 4314), in its folder; so it goes where the
//! mailbox goes. Accounts stand in it by their ids, which are never given twice.

use std::path::Path;

use mail_types::{AccountId, Rights};
use stable_storage::Files;

use super::lines;
use crate::{AccessList, Grant, Grantee, StoreError};

const FORMAT: &str = "postrider-access";

/// Reads the list in a mailbox's folder, if there is one.
pub(crate) fn read(files: &Files, folder: &Path) -> Result<Option<AccessList>, StoreError> {
    let mut grants = Vec::new();
    let found = lines::read(files, &folder.join(FORMAT), FORMAT, |key, value| {
        let negative = match key {
            "grant" => false,
            "deny" => true,
            _ => return None,
        };
        let (to, rights) = value.split_once(' ')?;
        let to = match to {
            "anyone" => Grantee::Anyone,
            id => Grantee::Account(AccountId(id.parse().ok()?)),
        };
        grants.push(Grant { to, negative, rights: Rights::parse(rights).ok()? });
        Some(())
    })?;
    Ok(found.then(|| AccessList::of(grants)))
}

/// Writes it, or takes it away if it is empty; durable when this returns.
pub(crate) fn write(files: &Files, folder: &Path, list: &AccessList) -> Result<(), StoreError> {
    let path = folder.join(FORMAT);
    if list.is_empty() {
        let failed = |e| StoreError::file("remove", &path, e);
        if files.unlink(&path).map_err(failed)? {
            files.sync_dir(folder).map_err(failed)?;
        }
        return Ok(());
    }
    let grants = list.grants().iter().map(|grant| {
        let to = match grant.to {
            Grantee::Anyone => "anyone".to_owned(),
            Grantee::Account(id) => id.to_string(),
        };
        (if grant.negative { "deny" } else { "grant" }, format!("{to} {}", grant.rights))
    });
    lines::write(files, &path, FORMAT, grants)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::RightsChange;

    #[test]
    fn what_is_written_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let files = Files::real();
        assert_eq!(read(&files, folder.path()).unwrap(), None);
        let rights = |text| RightsChange::Replace(Rights::parse(text).unwrap());
        let mut list = AccessList::default();
        list.change(Grantee::Account(AccountId(8)), false, rights("lrswipkxtea"));
        list.change(Grantee::Anyone, false, rights("lr"));
        list.change(Grantee::Anyone, true, rights("p"));
        write(&files, folder.path(), &list).unwrap();
        assert_eq!(read(&files, folder.path()).unwrap(), Some(list));
        let path = folder.path().join(FORMAT);
        for bad in ["grant anyone", "grant bob lr", "grant 8 q", "lend 8 lr"] {
            std::fs::write(&path, format!("{FORMAT} 1\n{bad}\n")).unwrap();
            assert!(read(&files, folder.path()).is_err(), "{bad}");
        }
        write(&files, folder.path(), &AccessList::default()).unwrap();
        assert_eq!(read(&files, folder.path()).unwrap(), None);
    }
}
