//! Files of a source.
//!
//! Who owns them may be anybody, and they are read with the rights of the owner of all data: so a
//! name is only ever a plain file or a folder, nothing that leads elsewhere and nothing to wait for.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, BufRead as _, BufReader, Read as _},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
};

use rustix::fs::OFlags;

/// The most that is read of a file that stands beside mail.
const NOTE_MAX: u64 = 64 * 1024 * 1024;

/// Opens a plain file; a symbolic link, a pipe or a device is refused.
pub(super) fn open(path: &Path) -> io::Result<File> {
    let careful = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed();
    let file = OpenOptions::new().read(true).custom_flags(careful).open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no plain file"));
    }
    Ok(file)
}

/// Whether a folder is there: no symbolic link to one.
pub(super) fn is_folder(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|facts| facts.is_dir())
}

/// A file that stands beside mail; what cannot be read says nothing.
pub(super) fn note(path: &Path) -> String {
    let mut text = String::new();
    let read = open(path).and_then(|file| file.take(NOTE_MAX).read_to_string(&mut text));
    read.map_or_else(|_| String::new(), |_| text)
}

/// The lines of a file that stands beside mail, up to one that is no text; none if it cannot be read.
pub(super) fn note_lines(path: &Path) -> Option<impl Iterator<Item = String> + use<>> {
    let file = open(path).ok()?;
    Some(BufReader::new(file.take(NOTE_MAX)).lines().map_while(Result::ok))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_leads_elsewhere() {
        let root = tempfile::tempdir().unwrap();
        let at = |name: &str| root.path().join(name);
        fs::write(at("plain"), "x").unwrap();
        fs::create_dir(at("folder")).unwrap();
        std::os::unix::fs::symlink(at("plain"), at("link")).unwrap();
        std::os::unix::fs::symlink(at("folder"), at("led")).unwrap();
        let mode = rustix::fs::Mode::from_raw_mode(0o600);
        let pipe = rustix::fs::FileType::Fifo;
        rustix::fs::mknodat(rustix::fs::CWD, at("pipe"), pipe, mode, 0).unwrap();
        assert!(open(&at("plain")).is_ok());
        for name in ["link", "folder", "pipe"] {
            assert!(open(&at(name)).is_err(), "{name}");
        }
        assert!(is_folder(&at("folder")) && !is_folder(&at("led")));
        assert_eq!((note(&at("plain")).as_str(), note(&at("link")).as_str()), ("x", ""));
    }
}
