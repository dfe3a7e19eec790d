//! Many new files made durable with one sync.

use std::{fs::File, io, path::Path};

/// The file system of a folder: for whoever writes more files than he can sync one by one.
#[derive(Debug)]
pub struct FileSystem(File);

impl FileSystem {
    /// That of this folder. What goes wrong with writing from now on is told by [`FileSystem::sync`].
    pub fn of(folder: &Path) -> io::Result<Self> {
        Ok(Self(File::open(folder)?))
    }

    /// Returns when all that was written to it is on stable storage, names and contents.
    pub fn sync(&self) -> io::Result<()> {
        Ok(rustix::fs::syncfs(&self.0)?)
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_folder_has_a_file_system() {
        let folder = tempfile::tempdir().unwrap();
        super::FileSystem::of(folder.path()).unwrap().sync().unwrap();
        assert!(super::FileSystem::of(&folder.path().join("missing")).is_err());
    }
}
