//! What mailboxes are called as files and folders.
//!
//! A mailbox is named by whoever owns the account, the files are written as the owner of all data:
//! no name leads out of the folder that was asked for, and no two mailboxes share a file.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
};

use mail_types::MailboxName;
use sha2::{Digest as _, Sha256};

use super::Form;

/// The longest name of a file, in octets: beside it there is room for an extension.
const LONGEST: usize = 200;

/// The path of each mailbox, in their order. Where two came to the same, the one whose name had to
/// be changed for it says so by a digest.
pub(super) fn paths(form: &Form, mailboxes: &[MailboxName]) -> Vec<PathBuf> {
    let plain: Vec<PathBuf> = mailboxes.iter().map(|name| plain(form, name)).collect();
    let mut known: HashMap<PathBuf, &MailboxName> = HashMap::new();
    // Those that are written as they are have the first choice.
    for exact in [true, false] {
        for (name, path) in mailboxes.iter().zip(&plain) {
            if exact == is_exact(form, name) {
                known.entry(path.clone()).or_insert(name);
            }
        }
    }
    let path = |(name, path): (&MailboxName, &PathBuf)| {
        if known.get(path).is_some_and(|first| *first == name) {
            return path.clone();
        }
        let file_name = path.file_name().unwrap_or_default().to_string_lossy();
        let file_name = match file_name.strip_suffix(MBOX) {
            Some(stem) if matches!(form, Form::Mbox(_)) => {
                format!("{stem}-{}{MBOX}", digest(name.as_str()))
            }
            _ => format!("{file_name}-{}", digest(name.as_str())),
        };
        path.with_file_name(file_name)
    };
    mailboxes.iter().zip(&plain).map(path).collect()
}

/// What the name of an mbox file ends with.
const MBOX: &str = ".mbox";

fn plain(form: &Form, name: &MailboxName) -> PathBuf {
    match form {
        Form::Maildir(root) if name.is_inbox() => root.clone(),
        Form::Maildir(root) => root.join(maildir(name)),
        Form::Mbox(root) => mbox(root, name),
    }
}

fn is_exact(form: &Form, name: &MailboxName) -> bool {
    match form {
        Form::Maildir(_) => !name.as_str().contains('.'),
        Form::Mbox(_) => name.levels().all(|text| level(text) == text && !text.ends_with(MBOX)),
    }
}

/// `.a.b`, each level in modified UTF-7.
fn maildir(name: &MailboxName) -> String {
    let level = |level: &str| imap_core::mailbox_name_on_wire(&level.replace('.', "_"));
    let whole: String = name.levels().map(|text| format!(".{}", level(text))).collect();
    shortened(&whole, name.as_str())
}

/// `a/b.mbox`, beside the folder `a/b` of the mailboxes below it.
fn mbox(root: &Path, name: &MailboxName) -> PathBuf {
    let mut path = root.to_owned();
    let mut levels = name.levels().peekable();
    while let Some(text) = levels.next() {
        let text = level(text);
        path.push(match levels.peek() {
            None => text + MBOX,
            // It would be the file of another mailbox.
            Some(_) if text.ends_with(MBOX) => text + "_",
            Some(_) => text,
        });
    }
    path
}

/// A level as the name of a file: what would lead elsewhere is written as `_`.
fn level(text: &str) -> String {
    match text {
        "." => "_".to_owned(),
        ".." => "__".to_owned(),
        text => shortened(&text.replace(['/', '\0'], "_"), text),
    }
}

/// A name that is short enough; what was cut off is in a digest of all that it stands for.
fn shortened(name: &str, whole: &str) -> String {
    if name.len() <= LONGEST {
        return name.to_owned();
    }
    let end = (0..=LONGEST).rev().find(|end| name.is_char_boundary(*end)).unwrap_or(0);
    format!("{}-{}", name.get(..end).unwrap_or_default(), digest(whole))
}

fn digest(text: &str) -> String {
    let digest: [u8; 32] = Sha256::digest(text).into();
    digest.iter().take(6).map(|octet| format!("{octet:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(form: &Form, names: &[&str]) -> Vec<String> {
        let names: Vec<_> = names.iter().map(|name| MailboxName::parse(name).unwrap()).collect();
        let path = |path: &PathBuf| path.strip_prefix("/m").unwrap().display().to_string();
        paths(form, &names).iter().map(path).collect()
    }

    #[test]
    fn no_name_leads_out() {
        let form = Form::Mbox("/m".into());
        assert_eq!(named(&form, &["../../etc/x", "./y"]), ["__/__/etc/x.mbox", "_/y.mbox"]);
        assert_eq!(named(&form, &[".."]), ["__.mbox"]);
        assert_eq!(named(&Form::Maildir("/m".into()), &["../x", "INBOX"]), [".__.x", ""]);
    }

    #[test]
    fn no_two_share_a_file() {
        let form = Form::Maildir("/m".into());
        let found = named(&form, &["a.b", "a_b", "c.d"]);
        assert_eq!(found[1..], [".a_b", ".c_d"]);
        assert!(found[0].starts_with(".a_b-"), "{found:?}");
        let form = Form::Mbox("/m".into());
        assert_eq!(named(&form, &["x", "x.mbox/y"]), ["x.mbox", "x.mbox_/y.mbox"]);
        let found = named(&form, &["..", "__"]);
        assert!(found[0].starts_with("__-") && found[0].ends_with(".mbox"), "{found:?}");
        assert_eq!(found[1], "__.mbox");
    }

    #[test]
    fn long_names_stay_unique() {
        let long = "ü".repeat(150);
        for form in [Form::Maildir("/m".into()), Form::Mbox("/m".into())] {
            let found = named(&form, &[&format!("{long}a"), &format!("{long}b")]);
            assert_ne!(found[0], found[1]);
            assert!(found.iter().all(|name| name.len() < 255), "{found:?}");
        }
    }
}
