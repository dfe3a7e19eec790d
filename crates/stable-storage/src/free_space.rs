//! How much room a disk has.

use std::{io, path::Path};

/// The bytes that a process without privileges may still write to the file system of `path`.
///
/// Answers from memory: may be called without a blocking thread.
pub fn free_space(path: &Path) -> io::Result<u64> {
    let facts = rustix::fs::statvfs(path)?;
    Ok(facts.f_bavail.saturating_mul(facts.f_frsize))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_temporary_folder_has_room_and_a_missing_one_none() {
        let folder = tempfile::tempdir().unwrap();
        assert!(free_space(folder.path()).unwrap() > 0);
        assert!(free_space(&folder.path().join("missing")).is_err());
    }
}
