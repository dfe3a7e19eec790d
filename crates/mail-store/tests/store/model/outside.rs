//! Another tool in the Maildir: finds files as any Maildir reader would, gives them other letters,
//! removes them, puts new ones there.

use std::{
    fs::{self, File, FileTimes},
    path::{Path, PathBuf},
    time::{Duration, UNIX_EPOCH},
};

use super::{
    operations::LETTERS,
    rules::{Flags, Message, NOW_S},
};

/// The flag of a letter, and whether a name says it.
pub(super) fn flag_of(path: &Path, letter: usize) -> (String, bool) {
    let name = path.file_name().unwrap().to_str().unwrap();
    let (_, letters) = name.split_once(":2,").unwrap_or((name, ""));
    let (letter, flag) = LETTERS[letter];
    (flag.to_owned(), letters.contains(letter))
}

pub(super) struct Tool {
    root: PathBuf,
    visits: u64,
}

impl Tool {
    pub(super) fn at(root: &Path) -> Self {
        Self { root: root.to_owned(), visits: 0 }
    }

    /// The folder of a mailbox.
    fn folder(&self, id: i64) -> PathBuf {
        let says = |folder: &Path| {
            let facts = fs::read_to_string(folder.join("postrider-folder")).unwrap_or_default();
            facts.lines().any(|line| line == format!("mailbox {id}"))
        };
        let entries = fs::read_dir(&self.root).unwrap().map(|entry| entry.unwrap().path());
        let gone = |path: &PathBuf| path.file_name().unwrap().to_str().unwrap().starts_with("..");
        let mut folders = entries.filter(|path| path.is_dir() && !gone(path));
        let found = folders.find(|folder| says(folder));
        found.unwrap_or_else(|| {
            assert!(says(&self.root), "mailbox {id} has no folder");
            self.root.clone()
        })
    }

    pub(super) fn file(&self, id: i64, uid: u32) -> PathBuf {
        let folder = self.folder(id);
        let of_uid = format!(",U={uid},");
        for part in ["new", "cur"] {
            for entry in fs::read_dir(folder.join(part)).unwrap() {
                let path = entry.unwrap().path();
                if path.to_str().unwrap().contains(&of_uid) {
                    return path;
                }
            }
        }
        panic!("no file of {id} has {of_uid}");
    }

    /// Gives a file a letter or takes it away; answers its new path.
    pub(super) fn toggle(&self, id: i64, uid: u32, letter: usize) -> PathBuf {
        let path = self.file(id, uid);
        let name = path.file_name().unwrap().to_str().unwrap();
        let (base, letters) = name.split_once(":2,").unwrap_or((name, ""));
        let (letter, _) = LETTERS[letter];
        let has = letters.contains(letter);
        let mut letters: Vec<char> = letters.chars().filter(|one| *one != letter).collect();
        letters.extend((!has).then_some(letter));
        letters.sort_unstable();
        let letters: String = letters.into_iter().collect();
        let to = self.folder(id).join("cur").join(format!("{base}:2,{letters}"));
        fs::rename(&path, &to).unwrap();
        to
    }

    pub(super) fn remove(&self, id: i64, uid: u32) {
        fs::remove_file(self.file(id, uid)).unwrap();
    }

    /// Puts a message there; answers what is to be seen of it.
    pub(super) fn put(
        &self,
        id: i64,
        serial: u32,
        lf: bool,
        new: bool,
        letter: Option<usize>,
    ) -> Message {
        let folder = self.folder(id);
        let text = format!("o{serial}");
        let content = crate::world::message(&text);
        let on_disk = match lf {
            true => String::from_utf8(content.clone()).unwrap().replace("\r\n", "\n").into_bytes(),
            false => content.clone(),
        };
        let base = format!("{:010}.M{serial}P1.elsewhere", 1_400_000_000 + serial);
        let letter = letter.map(|letter| LETTERS[letter]);
        let path = match (new, letter) {
            (true, _) => folder.join("new").join(base),
            (false, None) => folder.join("cur").join(format!("{base}:2,")),
            (false, Some((letter, _))) => folder.join("cur").join(format!("{base}:2,{letter}")),
        };
        fs::write(&path, on_disk).unwrap();
        let date = u64::from(serial) * 1_000_003;
        let modified = UNIX_EPOCH + Duration::from_millis(date);
        let file = File::options().write(true).open(&path).unwrap();
        file.set_times(FileTimes::new().set_modified(modified)).unwrap();
        let flags: Flags =
            letter.filter(|_| !new).map(|(_, flag)| flag.to_owned()).into_iter().collect();
        Message {
            text,
            flags,
            modseq: 0,
            date: i64::try_from(date).unwrap(),
            size: content.len() as u64,
            outside: None,
        }
    }

    /// A folder that is a mailbox, by a name of its own.
    pub(super) fn make_folder(&self, name: &str) {
        for part in ["cur", "new", "tmp"] {
            fs::create_dir_all(self.root.join(format!(".{name}")).join(part)).unwrap();
        }
    }

    pub(super) fn remove_folder(&self, id: i64) {
        fs::remove_dir_all(self.folder(id)).unwrap();
    }

    /// Lets the folder's times say that somebody was there, however fast the clock ticks.
    pub(super) fn leave(&mut self, id: i64) {
        self.visits += 1;
        let at = UNIX_EPOCH + Duration::from_secs(u64::from(NOW_S) / 2 + self.visits);
        for part in ["cur", "new"] {
            let folder = File::open(self.folder(id).join(part)).unwrap();
            folder.set_times(FileTimes::new().set_modified(at)).unwrap();
        }
    }

    /// All names of message files.
    pub(super) fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.root).unwrap().map(|entry| entry.unwrap().path());
        let folders = entries.filter(|path| path.join("cur").is_dir());
        let mut names = Vec::new();
        for folder in folders.chain([self.root.clone()]) {
            for part in ["cur", "new"] {
                let Ok(entries) = fs::read_dir(folder.join(part)) else { continue };
                names.extend(entries.map(|e| e.unwrap().file_name().into_string().unwrap()));
            }
        }
        names
    }
}
