//! Where mail comes from, in whichever form.

use std::path::PathBuf;

use mail_store::SpecialUse;
use mail_types::{FlagSet, QueueId, Timestamp, UniqueId};
use sha2::{Digest as _, Sha256};

use super::{
    eml,
    imap::Imap,
    maildir,
    mbox::{self, Mbox},
    target::Target,
};

/// A store that mail is taken from.
pub(crate) enum Source {
    /// A Maildir with its subfolders.
    Maildir(PathBuf),
    /// An mbox file, or a folder of them.
    Mbox(Mbox),
    /// A folder of files with a message each.
    Eml(PathBuf),
    /// Another server.
    Imap(Box<Imap>),
}

/// A mailbox of the source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Folder {
    /// Its name there, its levels divided by `/`.
    pub(crate) name: String,
    /// What it is for, if the source says so.
    pub(crate) special_use: Option<SpecialUse>,
    /// Whether it holds again what is in other folders.
    pub(crate) is_all: bool,
    /// Where it is.
    pub(crate) place: Place,
}

/// Where a folder is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    /// A folder or a file.
    Path(PathBuf),
    /// A mailbox, as its server calls it.
    Wire(String),
    /// A mailbox whose name nobody can write to its server.
    Nameless,
}

/// A message of the source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Item {
    /// What it is known by here: where it is there.
    pub(crate) key: QueueId,
    /// How it is found there.
    pub(crate) locator: Locator,
    /// What POP3 calls it there, if that is known.
    pub(crate) unique_id: Option<UniqueId>,
}

/// Messages of a folder: those that come next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Window {
    pub(crate) items: Vec<Item>,
    /// How many there are in the folder, or about.
    pub(crate) all: usize,
    /// What tells the last of them, if there may be more behind it.
    pub(crate) last: Option<Vec<u8>>,
}

/// How a message is found in its folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Locator {
    /// A file of its own.
    File(PathBuf),
    /// So many octets of a file from a place on, and what was found there.
    Span { start: u64, length: u64, digest: [u8; 32] },
    /// A UID.
    Uid(u32),
}

/// What is known of a message beside its octets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Facts {
    pub(crate) flags: FlagSet,
    pub(crate) internal_date: Timestamp,
}

/// The key of a message, from what tells where it is: each part ends where the next begins.
pub(super) fn key(parts: &[&[u8]]) -> QueueId {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        hash.update(part);
    }
    let digest: [u8; 32] = hash.finalize().into();
    let [a, b, c, d, e, f, g, h, i, ..] = digest;
    QueueId::of_import([a, b, c, d, e, f, g, h, i])
}

impl Source {
    /// The mailboxes there.
    pub(super) async fn folders(&mut self) -> anyhow::Result<Vec<Folder>> {
        match self {
            Self::Maildir(root) => maildir::folders(root),
            Self::Mbox(mbox) => mbox.folders(),
            Self::Eml(root) => eml::folders(root),
            Self::Imap(imap) => imap.folders().await,
        }
    }

    /// The messages of a folder behind one of them; why there are none to be had, if it cannot be
    /// opened.
    pub(super) async fn messages(
        &mut self,
        folder: &Folder,
        behind: Option<&[u8]>,
    ) -> anyhow::Result<Result<Window, String>> {
        let found = match (self, &folder.place) {
            (_, Place::Nameless) => {
                return Ok(Err("its name is in no charset; rename it there".to_owned()));
            }
            (Self::Maildir(_), Place::Path(path)) => maildir::messages(path, behind),
            (Self::Mbox(mbox), Place::Path(path)) => mbox.messages(path, behind),
            (Self::Eml(root), Place::Path(path)) => eml::messages(root, path, behind),
            (Self::Imap(imap), Place::Wire(name)) => return imap.messages(name, behind).await,
            _ => Ok(Window { items: Vec::new(), all: 0, last: None }),
        };
        Ok(found.map_err(|why| format!("{why:#}")))
    }

    /// Hands messages of a folder over, in any order.
    pub(super) async fn read(
        &mut self,
        folder: &Folder,
        items: &[Item],
        target: &mut Target,
    ) -> anyhow::Result<()> {
        match (self, &folder.place) {
            (Self::Maildir(_), Place::Path(path)) => maildir::read(path, items, target).await,
            (Self::Mbox(_), Place::Path(path)) => mbox::read(path, items, target).await,
            (Self::Eml(_), _) => eml::read(items, target).await,
            (Self::Imap(imap), _) => imap.read(items, target).await,
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_tell_places_apart() {
        assert_eq!(key(&[b"a", b"bc"]), key(&[b"a", b"bc"]));
        assert_ne!(key(&[b"a", b"bc"]), key(&[b"ab", b"c"]));
        assert_eq!(key(&[b"a"]).time(), None);
    }
}
