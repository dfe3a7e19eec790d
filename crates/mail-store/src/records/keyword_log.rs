//! `postrider-keywords`: the keywords of a mailbox's messages that file names don't tell.
//!
//! A line is a UID and its keywords; the last line of a UID counts, and one without its line end
//! was never finished. So a change is one append and one sync.

use std::{
    collections::BTreeMap,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
};

use mail_types::{Keyword, Uid};
use stable_storage::{Files, NewFile};

use crate::StoreError;

const NAME: &str = "postrider-keywords";
/// A log of fewer octets is never rewritten.
const REWRITE_OCTETS: u64 = 64 * 1024;

/// The log of one mailbox.
#[derive(Debug)]
pub(crate) struct KeywordLog<'a> {
    files: &'a Files,
    path: PathBuf,
}

impl<'a> KeywordLog<'a> {
    /// The log in a mailbox's folder.
    pub(crate) fn at(files: &'a Files, folder: &Path) -> Self {
        Self { files, path: folder.join(NAME) }
    }

    /// The keywords of every UID that has any.
    pub(crate) fn read(&self) -> Result<BTreeMap<Uid, Vec<Keyword>>, StoreError> {
        let content = self.files.read(&self.path).map_err(|e| self.failed("read", e))?;
        let content = content.unwrap_or_default();
        let mut keywords = BTreeMap::new();
        for line in String::from_utf8_lossy(&content).split_inclusive('\n') {
            let Some(line) = line.strip_suffix('\n') else { break };
            let mut words = line.split_ascii_whitespace();
            let Some(uid) = words.next().and_then(|w| w.parse().ok()).and_then(Uid::new) else {
                continue;
            };
            let list: Vec<_> = words.filter_map(|word| Keyword::parse(word).ok()).collect();
            if list.is_empty() {
                keywords.remove(&uid);
            } else {
                keywords.insert(uid, list);
            }
        }
        Ok(keywords)
    }

    /// Notes the keywords of some UIDs; durable when this returns.
    pub(crate) fn note(&self, changed: &[(Uid, Vec<Keyword>)]) -> Result<(), StoreError> {
        if changed.is_empty() {
            return Ok(());
        }
        let mut file = self.files.append(&self.path).map_err(|e| self.failed("open", e))?;
        let new = file.length() == 0;
        let finished = self.finished_octets(&file)?;
        if finished < file.length() {
            file.cut(finished).map_err(|e| self.failed("cut", e))?;
        }
        let lines: String = changed.iter().map(|(uid, words)| line(*uid, words)).collect();
        file.write_all(lines.as_bytes()).map_err(|e| self.failed("append to", e))?;
        file.sync().map_err(|e| self.failed("sync", e))?;
        if new && let Some(folder) = self.path.parent() {
            self.files.sync_dir(folder).map_err(|e| self.failed("sync the folder of", e))?;
        }
        if file.length() > REWRITE_OCTETS { self.shorten(file.length()) } else { Ok(()) }
    }

    /// Says these keywords and nothing else; durable when this returns.
    pub(crate) fn replace(&self, keywords: &[(Uid, Vec<Keyword>)]) -> Result<(), StoreError> {
        if keywords.is_empty() && !self.files.exists(&self.path).unwrap_or(true) {
            return Ok(());
        }
        let lines: String = keywords.iter().map(|(uid, words)| line(*uid, words)).collect();
        self.files.replace(&self.path, lines.as_bytes()).map_err(|e| self.failed("replace", e))
    }

    /// How many octets of the file are finished lines.
    fn finished_octets(&self, file: &NewFile) -> Result<u64, StoreError> {
        let mut last = [0];
        let Some(at) = file.length().checked_sub(1) else { return Ok(0) };
        file.file().read_exact_at(&mut last, at).map_err(|e| self.failed("read", e))?;
        if last == *b"\n" {
            return Ok(file.length());
        }
        let content = self.files.read(&self.path).map_err(|e| self.failed("read", e))?;
        let line_end = content.unwrap_or_default().iter().rposition(|b| *b == b'\n');
        Ok(line_end.map_or(0, |at| at as u64 + 1))
    }

    /// Rewrites the log if that halves it.
    fn shorten(&self, length: u64) -> Result<(), StoreError> {
        let live: String = self.read()?.iter().map(|(uid, words)| line(*uid, words)).collect();
        if (live.len() as u64) > length / 2 {
            return Ok(());
        }
        self.files.replace(&self.path, live.as_bytes()).map_err(|e| self.failed("replace", e))
    }

    fn failed(&self, operation: &'static str, error: std::io::Error) -> StoreError {
        StoreError::file(operation, &self.path, error)
    }
}

fn line(uid: Uid, keywords: &[Keyword]) -> String {
    let mut line = uid.to_string();
    for keyword in keywords {
        line.push(' ');
        line.push_str(keyword.as_str());
    }
    line.push('\n');
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(list: &[&str]) -> Vec<Keyword> {
        list.iter().map(|word| Keyword::parse(word).unwrap()).collect()
    }

    #[test]
    fn the_last_finished_line_counts() {
        let folder = tempfile::tempdir().unwrap();
        let files = Files::real();
        let log = KeywordLog::at(&files, folder.path());
        let uid = |n| Uid::new(n).unwrap();
        assert!(log.read().unwrap().is_empty());
        log.note(&[(uid(1), words(&["a"])), (uid(2), words(&["b", "c"]))]).unwrap();
        log.note(&[(uid(1), words(&[]))]).unwrap();
        let mut file = files.append(&log.path).unwrap();
        file.write_all(b"2 unfinis").unwrap();
        assert_eq!(log.read().unwrap(), [(uid(2), words(&["b", "c"]))].into());
        log.note(&[(uid(3), words(&["d"]))]).unwrap();
        let now = [(uid(2), words(&["b", "c"])), (uid(3), words(&["d"]))];
        assert_eq!(log.read().unwrap(), now.into(), "nothing of the unfinished line is left");
        let long = "x".repeat(250);
        for round in 0..400 {
            log.note(&[(uid(round % 5 + 1), words(&[&long]))]).unwrap();
        }
        assert!(std::fs::metadata(&log.path).unwrap().len() <= REWRITE_OCTETS + 300);
        assert_eq!(log.read().unwrap().len(), 5);
    }
}
