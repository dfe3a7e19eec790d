//! Keeping files that are not needed any more, while somebody copies them.
//!
//! Whoever copies (a backup) holds a folder first, and then looks at a database to learn which files
//! there are. Whoever removes files that rows don't name any more asks first whether somebody holds;
//! if so, it tries again later. Asked after the rows are gone: who begins to hold later than that
//! does not find the rows, and does not want the files.
//!
//! A hold is a [`LifeLock`]: that of a dead process counts for nothing at once.

use std::{io, path::Path};

use crate::LifeLock;

/// Where the holders' locks are, in the folder that is held.
const FOLDER: &str = "backups";

/// Keeps files from being removed as long as it lives.
#[derive(Debug)]
pub struct Hold {
    _alive: LifeLock,
}

impl Hold {
    /// Begins to hold a folder; `salt` as for [`LifeLock::take`]. Several may hold at once.
    pub fn take(folder: &Path, salt: u64) -> io::Result<Self> {
        let locks = folder.join(FOLDER);
        let alive = LifeLock::take(&locks, salt)?;
        LifeLock::sweep(&locks)?;
        Ok(Self { _alive: alive })
    }

    /// Whether somebody holds this folder now.
    pub fn is_held(folder: &Path) -> io::Result<bool> {
        LifeLock::any_alive(&folder.join(FOLDER))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_held_while_one_of_its_holders_lives() {
        let folder = tempfile::tempdir().unwrap();
        let held = || Hold::is_held(folder.path()).unwrap();
        assert!(!held());
        let (one, other) =
            (Hold::take(folder.path(), 1).unwrap(), Hold::take(folder.path(), 2).unwrap());
        drop(one);
        assert!(held());
        drop(other);
        assert!(!held());
        // What a killed holder leaves: a file that nobody has locked.
        std::fs::write(folder.path().join(FOLDER).join("1-0-0"), "").unwrap();
        assert!(!held());
    }
}
