//! What another server's POP3 called its messages (RFC 1939 §7): clients that leave mail on the
//! server go by that, and fetch everything once more when it changes.

use std::{collections::HashMap, path::Path};

use mail_types::UniqueId;

use super::files;

/// How a server makes unique-ids of UIDVALIDITY and UID, unless it was told otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pattern {
    /// Dovecot's own: both in eight hexadecimal digits, the UID first.
    Dovecot,
    /// Cyrus' and old Dovecots': `UIDVALIDITY.UID`.
    Cyrus,
}

impl Pattern {
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        match text {
            "dovecot" => Ok(Self::Dovecot),
            "cyrus" => Ok(Self::Cyrus),
            _ => Err("write dovecot or cyrus".to_owned()),
        }
    }

    pub(super) fn of(self, uid_validity: u64, uid: u32) -> Option<UniqueId> {
        let text = match self {
            Self::Dovecot => format!("{uid:08x}{uid_validity:08x}"),
            Self::Cyrus => format!("{uid_validity}.{uid}"),
        };
        text.parse().ok()
    }
}

/// Those that Dovecot keeps beside a Maildir, by the unique part of the file name: what it says
/// itself (of messages that it took over), otherwise what its own pattern makes.
pub(super) fn beside(folder: &Path) -> HashMap<String, UniqueId> {
    in_list(&files::note(&folder.join("dovecot-uidlist")))
}

/// `3 V1275660208 N25022`, then lines such as `25017 W2481 Pabc :1276.M1.host,S=1`.
fn in_list(text: &str) -> HashMap<String, UniqueId> {
    let mut lines = text.lines();
    let head = lines.next().unwrap_or_default();
    let validity = head.split(' ').find_map(|word| word.strip_prefix('V')?.parse::<u64>().ok());
    let Some(validity) = validity.filter(|_| head.starts_with("3 ")) else { return HashMap::new() };
    let line = |line: &str| {
        let (facts, name) = line.split_once(" :")?;
        let mut facts = facts.split(' ');
        let uid = facts.next()?.parse().ok()?;
        let told = facts.find_map(|fact| fact.strip_prefix('P')?.parse().ok());
        let unique = name.split([':', ',']).next()?.to_owned();
        Some((unique, told.or_else(|| Pattern::Dovecot.of(validity, uid))?))
    };
    lines.filter_map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        let shown = |pattern: Pattern| pattern.of(1_390_731_053, 2).unwrap().to_string();
        assert_eq!(shown(Pattern::Dovecot), "0000000252e4df2d");
        assert_eq!(shown(Pattern::Cyrus), "1390731053.2");
        assert!(Pattern::parse("other").is_err());
    }

    #[test]
    fn a_list_of_dovecot() {
        let text = "3 V1390731053 N4 Gabc\n2 :1.M1.host,S=1:2,S\n3 W9 Pold-id :2.M2.host\nbroken\n";
        let found = in_list(text);
        assert_eq!(found["1.M1.host"].as_str(), "0000000252e4df2d");
        assert_eq!(found["2.M2.host"].as_str(), "old-id");
        assert_eq!(found.len(), 2);
        assert!(in_list("1 1390731053 3\n2 1.M1.host\n").is_empty(), "another version");
    }
}
