//! Names of folders as other stores write them.

use mail_store::SpecialUse;

/// The levels of a name, divided by `/`. A `/` within a level becomes `_`.
pub(super) fn levels(name: &str, delimiter: Option<char>) -> String {
    match delimiter {
        None => name.replace('/', "_"),
        Some('/') => name.to_owned(),
        Some(delimiter) => {
            name.split(delimiter).map(|level| level.replace('/', "_")).collect::<Vec<_>>().join("/")
        }
    }
}

/// What a folder of this name is mostly for, where the store does not say it.
pub(super) fn usual_use(name: &str) -> Option<SpecialUse> {
    let all: [(SpecialUse, &[&str]); 5] = [
        (SpecialUse::Sent, &["sent", "sent items", "sent messages", "sent mail", "sent-mail"]),
        (SpecialUse::Trash, &["trash", "deleted items", "deleted messages", "bin"]),
        (SpecialUse::Junk, &["junk", "spam", "junk e-mail", "junk email", "bulk mail"]),
        (SpecialUse::Drafts, &["drafts", "draft"]),
        (SpecialUse::Archive, &["archive", "archives"]),
    ];
    let name = name.to_lowercase();
    all.into_iter().find(|(_, names)| names.contains(&name.as_str())).map(|(special, _)| special)
}

/// Takes a level away that all names but INBOX begin with: some servers keep all folders below it.
pub(super) fn without_common_root(names: &mut [String]) {
    let is_inbox = |name: &String| name.eq_ignore_ascii_case("INBOX");
    let below = |name: &str| {
        name.split_once('/')
            .filter(|(root, _)| root.eq_ignore_ascii_case("INBOX"))
            .map(|(_, r)| r.to_owned())
    };
    let all_below = names.iter().filter(|name| !is_inbox(name)).all(|name| below(name).is_some());
    if !all_below {
        return;
    }
    for name in names {
        if let Some(rest) = below(name) {
            *name = rest;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_of_all_servers() {
        assert_eq!(levels("a.b/c", Some('.')), "a/b_c");
        assert_eq!(levels("a/b", Some('/')), "a/b");
        assert_eq!(levels("a/b", None), "a_b");
    }

    #[test]
    fn a_common_root_goes() {
        let check = |names: &[&str], expected: &[&str]| {
            let mut names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
            without_common_root(&mut names);
            assert_eq!(names, expected);
        };
        check(&["INBOX", "INBOX/Sent", "inbox/a/b"], &["INBOX", "Sent", "a/b"]);
        check(&["INBOX", "INBOX/Sent", "Other"], &["INBOX", "INBOX/Sent", "Other"]);
    }

    #[test]
    fn usual_names() {
        assert_eq!(usual_use("Sent Items"), Some(SpecialUse::Sent));
        assert_eq!(usual_use("Spam"), Some(SpecialUse::Junk));
        assert_eq!(usual_use("Work"), None);
    }
}
