//! Traces of what is said with an account's clients: whether they are wanted, and the files.
//!
//! `traces/ACCOUNT-ID/` lies beside the accounts' folders. As long as `until` in it names a time that
//! is not over, each connection that signs in writes a file of its own. Nothing here knows what is
//! written; that no secret is in it is the duty of whoever writes.
//!
//! Invariants: only the user of the process reads a trace; nothing grows for ever: a file ends at
//! [`FILE_MAX`], there are at most [`FILES_MAX`] of them, and all end at the time that the operator
//! named, or when the switch is gone. Without a switch a connection costs one look for it.

use std::{
    fs::{File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use mail_types::{AccountId, Timestamp};

/// Octets of one file.
pub const FILE_MAX: u64 = 4 * 1024 * 1024;
/// Files of one account.
pub const FILES_MAX: usize = 64;
/// So often a trace looks whether it is wanted still.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// The switch.
const UNTIL: &str = "until";

/// The traces of one account.
#[derive(Clone, Debug)]
pub struct Traces {
    folder: PathBuf,
}

impl Traces {
    /// Those of an account; `mail` is the store's folder.
    pub fn of(mail: &Path, account: AccountId) -> Self {
        Self { folder: mail.join("traces").join(account.to_string()) }
    }

    /// Where they lie.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Connections that sign in from now on are traced, up to this time.
    pub fn switch_on(&self, until: Timestamp) -> io::Result<()> {
        std::fs::create_dir_all(&self.folder)?;
        // Whoever reads it meanwhile finds the old one or the new one.
        let new = self.folder.join("until.new");
        std::fs::write(&new, format!("{}\n", until.secs()))?;
        std::fs::rename(&new, self.folder.join(UNTIL))
    }

    /// No connection is traced any more; what was written stays. False if none was.
    pub fn switch_off(&self) -> io::Result<bool> {
        match std::fs::remove_file(self.folder.join(UNTIL)) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Until when connections are traced, if they are.
    fn until(&self) -> Option<Timestamp> {
        let text = std::fs::read_to_string(self.folder.join(UNTIL)).ok()?;
        text.trim().parse().ok().map(Timestamp::from_secs)
    }

    /// The file of a connection that signs in now, if it is to be traced. `name` begins the file's.
    pub fn begin(&self, name: &str, now: Timestamp) -> io::Result<Option<TraceFile>> {
        let Some(until) = self.until().filter(|until| now < *until) else { return Ok(None) };
        let there = std::fs::read_dir(&self.folder)?.count();
        // The switch is one of them.
        if there > FILES_MAX {
            return Ok(None);
        }
        let mut number = there;
        loop {
            let path = self.folder.join(format!("{name}-{}-{number}.txt", now.secs()));
            match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
                Ok(file) => {
                    let (left, looked) = (FILE_MAX, Instant::now());
                    return Ok(Some(TraceFile { traces: self.clone(), file, left, until, looked }));
                }
                // Another connection was quicker.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => number += 1,
                Err(error) => return Err(error),
            }
        }
    }
}

/// The trace of one connection.
#[derive(Debug)]
pub struct TraceFile {
    traces: Traces,
    file: File,
    left: u64,
    until: Timestamp,
    looked: Instant,
}

impl TraceFile {
    /// Adds lines. False if it was the last time: there is no more room, or the time is over.
    pub fn write(&mut self, lines: &str, now: Timestamp) -> bool {
        if self.looked.elapsed() >= LOOK_EVERY {
            self.looked = Instant::now();
            match self.traces.until() {
                Some(until) => self.until = until,
                None => return self.end("# switched off\n"),
            }
        }
        if now >= self.until {
            return self.end("# the time is over\n");
        }
        match self.left.checked_sub(lines.len() as u64) {
            Some(left) => self.left = left,
            None => return self.end("# there is no more room\n"),
        }
        self.file.write_all(lines.as_bytes()).is_ok()
    }

    fn end(&mut self, line: &str) -> bool {
        // Whether it can be written or not, nothing follows.
        let _ = self.file.write_all(line.as_bytes());
        false
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    const NOW: Timestamp = Timestamp::from_secs(1_700_000_000);

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_secs(NOW.secs() + seconds)
    }

    fn texts(traces: &Traces) -> Vec<String> {
        let entries = std::fs::read_dir(traces.folder()).unwrap();
        let paths = entries.map(|entry| entry.unwrap().path());
        let files = paths.filter(|path| path.extension().is_some_and(|end| end == "txt"));
        files.map(|path| std::fs::read_to_string(path).unwrap()).collect()
    }

    #[test]
    fn only_while_it_is_wanted() {
        let folder = tempfile::tempdir().unwrap();
        let traces = Traces::of(folder.path(), AccountId(7));
        assert!(traces.begin("imap", NOW).unwrap().is_none());
        assert!(!traces.switch_off().unwrap());
        traces.switch_on(at(60)).unwrap();
        assert!(traces.begin("imap", at(60)).unwrap().is_none());
        let mut trace = traces.begin("imap", NOW).unwrap().unwrap();
        assert_eq!(trace.file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        assert!(trace.write("C: one\n", at(59)));
        assert!(!trace.write("C: two\n", at(60)));
        assert_eq!(texts(&traces), ["C: one\n# the time is over\n"]);

        let mut trace = traces.begin("imap", NOW).unwrap().unwrap();
        assert!(traces.switch_off().unwrap());
        trace.looked = Instant::now().checked_sub(LOOK_EVERY).unwrap();
        assert!(!trace.write("C: three\n", NOW));
        assert!(traces.begin("imap", NOW).unwrap().is_none());
    }

    #[test]
    fn nothing_grows_for_ever() {
        let folder = tempfile::tempdir().unwrap();
        let traces = Traces::of(folder.path(), AccountId(7));
        traces.switch_on(at(60)).unwrap();
        let mut trace = traces.begin("imap", NOW).unwrap().unwrap();
        let half = "x".repeat(usize::try_from(FILE_MAX / 2).unwrap());
        assert!(trace.write(&half, NOW) && trace.write(&half, NOW));
        assert!(!trace.write("y", NOW));
        let begun = (1..200).filter(|_| traces.begin("imap", NOW).unwrap().is_some()).count();
        assert_eq!(begun + 1, FILES_MAX);
    }
}
