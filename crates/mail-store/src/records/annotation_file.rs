//! `postrider-annotations`: what clients noted of a mailbox (RFC 5464), in its folder; so it goes
//! where the mailbox goes. `postrider-server-annotations` in the account's folder is what an account
//! noted of the server.
//!
//! A line is an entry: the change that made it what it is, whose it is, its name and its value, with
//! `%xx` for what can't stand in a line. What was removed leaves a line without a value, so that
//! whoever watches learns of it; the newest of those are kept.

use std::path::{Path, PathBuf};

use mail_types::{AccountId, AnnotationName};
use stable_storage::Files;

use super::lines;
use crate::{Annotation, AnnotationChange, StoreError};

/// The file of a mailbox.
const OF_MAILBOX: &str = "postrider-annotations";
/// The file of the account.
const OF_SERVER: &str = "postrider-server-annotations";
/// Removed entries that are remembered.
const GONE_KEPT: usize = 100;

/// All annotations of a mailbox, or of the server by one account.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct AnnotationFile {
    /// That of the last change.
    version: u64,
    entries: Vec<Entry>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
struct Entry {
    version: u64,
    /// Whose it is; none if it is shared.
    owner: Option<AccountId>,
    name: AnnotationName,
    /// None: it was removed.
    value: Option<Vec<u8>>,
}

/// Where the annotations of a mailbox stand, by its folder.
pub(crate) fn of_mailbox(folder: &Path) -> PathBuf {
    folder.join(OF_MAILBOX)
}

/// Where what an account noted of the server stands, by the account's folder.
pub(crate) fn of_server(root: &Path) -> PathBuf {
    root.join(OF_SERVER)
}

impl AnnotationFile {
    /// Reads a file; empty if it is not there.
    pub(crate) fn read(files: &Files, path: &Path) -> Result<Self, StoreError> {
        let mut read = Self::default();
        lines::read(files, path, format(path), |key, value| {
            let mut words = value.split(' ');
            match key {
                "version" => read.version = words.next()?.parse().ok()?,
                "entry" => {
                    let version = words.next()?.parse().ok()?;
                    let owner = match words.next()? {
                        "shared" => None,
                        id => Some(AccountId(id.parse().ok()?)),
                    };
                    let name = String::from_utf8(unescape(words.next()?)?).ok()?;
                    let name = AnnotationName::parse(&name).ok()?;
                    let value = match words.next() {
                        Some(text) => Some(unescape(text)?),
                        None => None,
                    };
                    read.entries.push(Entry { version, owner, name, value });
                }
                _ => return None,
            }
            words.next().is_none().then_some(())
        })?;
        Ok(read)
    }

    /// Writes it; durable when this returns.
    pub(crate) fn write(&self, files: &Files, path: &Path) -> Result<(), StoreError> {
        let version = ("version", self.version.to_string());
        let entries = self.entries.iter().map(|entry| {
            let owner = entry.owner.map_or_else(|| "shared".to_owned(), |id| id.to_string());
            let name = escape(entry.name.as_str().as_bytes());
            let mut line = format!("{} {owner} {name}", entry.version);
            if let Some(value) = &entry.value {
                line.push(' ');
                line.push_str(&escape(value));
            }
            ("entry", line)
        });
        lines::write(files, path, format(path), std::iter::once(version).chain(entries))
    }

    /// Puts changes in, in one version; `writer` is whose the private ones are.
    pub(crate) fn change(&mut self, writer: AccountId, changes: &[AnnotationChange]) {
        self.version = self.version.saturating_add(1);
        for AnnotationChange { name, value } in changes {
            let owner = name.is_private().then_some(writer);
            let known = self.entries.iter().position(|e| e.owner == owner && e.name == *name);
            if let Some(at) = known {
                self.entries.remove(at);
            } else if value.is_none() {
                continue;
            }
            let (name, value) = (name.clone(), value.clone());
            self.entries.push(Entry { version: self.version, owner, name, value });
        }
        // They stand in the order of their versions.
        let mut gone = self.entries.iter().filter(|e| e.value.is_none()).count();
        self.entries.retain(|entry| {
            let forget = entry.value.is_none() && gone > GONE_KEPT;
            gone -= usize::from(entry.value.is_none());
            !forget
        });
    }

    /// The entries that an account has or shares with others.
    pub(crate) fn count(&self, reader: AccountId) -> usize {
        self.of(reader).filter(|entry| entry.value.is_some()).count()
    }

    /// What an account sees of it, by name; removed entries have no value.
    pub(crate) fn seen_by(&self, reader: AccountId) -> Vec<Annotation> {
        let mut seen: Vec<Annotation> = self
            .of(reader)
            .map(|entry| Annotation {
                name: entry.name.clone(),
                value: entry.value.clone(),
                version: entry.version,
            })
            .collect();
        seen.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        seen
    }

    fn of(&self, reader: AccountId) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(move |entry| entry.owner.is_none_or(|owner| owner == reader))
    }

    /// The same in another mailbox: what was removed is not known there.
    pub(crate) fn copied(mut self) -> Self {
        self.entries.retain(|entry| entry.value.is_some());
        self
    }

    /// Whether there is nothing in it.
    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

/// The first word of the file is its name.
fn format(path: &Path) -> &'static str {
    if path.ends_with(OF_SERVER) { OF_SERVER } else { OF_MAILBOX }
}

fn escape(octets: &[u8]) -> String {
    let mut text = String::with_capacity(octets.len());
    for octet in octets {
        if octet.is_ascii_graphic() && *octet != b'%' {
            text.push(char::from(*octet));
        } else {
            text.push_str(&format!("%{octet:02x}"));
        }
    }
    text
}

fn unescape(text: &str) -> Option<Vec<u8>> {
    let mut octets = Vec::with_capacity(text.len());
    let mut parts = text.split('%');
    octets.extend_from_slice(parts.next()?.as_bytes());
    for part in parts {
        let (digits, rest) = part.split_at_checked(2)?;
        octets.push(u8::from_str_radix(digits, 16).ok()?);
        octets.extend_from_slice(rest.as_bytes());
    }
    Some(octets)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALICE: AccountId = AccountId(7);
    const BOB: AccountId = AccountId(8);

    fn change(name: &str, value: Option<&[u8]>) -> AnnotationChange {
        let name = AnnotationName::parse(name).unwrap();
        AnnotationChange { name, value: value.map(<[u8]>::to_vec) }
    }

    fn seen(file: &AnnotationFile, reader: AccountId) -> Vec<(String, Option<Vec<u8>>, u64)> {
        let seen = file.seen_by(reader).into_iter();
        seen.map(|a| (a.name.to_string(), a.value, a.version)).collect()
    }

    #[test]
    fn what_is_written_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let files = Files::real();
        let path = of_mailbox(folder.path());
        let mut file = AnnotationFile::read(&files, &path).unwrap();
        assert!(file.is_empty());
        let all: Vec<u8> = (0..=255).collect();
        file.change(ALICE, &[change("/shared/comment", Some(b"x y%z\r\n"))]);
        file.change(ALICE, &[change("/private/a b", Some(&all)), change("/shared/e", Some(b""))]);
        file.change(BOB, &[change("/private/a b", Some(b"bob's"))]);
        file.change(BOB, &[change("/shared/comment", None), change("/shared/never", None)]);
        file.write(&files, &path).unwrap();
        assert_eq!(AnnotationFile::read(&files, &path).unwrap(), file);
        let name = |text: &str| text.to_owned();
        let expected = [
            (name("/private/a b"), Some(all), 2),
            (name("/shared/comment"), None, 4),
            (name("/shared/e"), Some(vec![]), 2),
        ];
        assert_eq!(seen(&file, ALICE), expected);
        assert_eq!(seen(&file, BOB)[0], (name("/private/a b"), Some(b"bob's".to_vec()), 3));
        assert_eq!((file.count(ALICE), file.count(BOB), file.count(AccountId(9))), (2, 2, 1));
        assert_eq!(seen(&file.copied(), ALICE).len(), 2);
    }

    #[test]
    fn what_is_gone_is_not_remembered_without_end() {
        let mut file = AnnotationFile::default();
        for number in 0..500 {
            let name = format!("/shared/{number}");
            file.change(ALICE, &[change(&name, Some(b"x"))]);
            file.change(ALICE, &[change(&name, None)]);
        }
        assert_eq!(file.entries.len(), GONE_KEPT);
        assert_eq!(file.entries[0].name.as_str(), "/shared/400");
    }

    #[test]
    fn a_strange_line_is_not_passed_over() {
        let folder = tempfile::tempdir().unwrap();
        let path = of_mailbox(folder.path());
        for bad in ["entry 1 shared /shared/x %", "entry 1 shared /shared/x %0", "entry x", "a b"] {
            std::fs::write(&path, format!("postrider-annotations 1\nversion 1\n{bad}\n")).unwrap();
            assert!(AnnotationFile::read(&Files::real(), &path).is_err(), "{bad}");
        }
    }
}
