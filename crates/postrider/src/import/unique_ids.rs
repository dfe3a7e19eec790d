//! What another server's POP3 called its messages (RFC 1939 §7): clients that leave mail on the
//! server go by that, and fetch everything once more when it changes.

use std::{
    collections::{HashMap, HashSet},
    path::Path,
};

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

/// Those that Dovecot keeps beside a Maildir, of the messages with these unique parts of their file
/// names: what it says itself (of messages that it took over), otherwise what its own pattern makes.
pub(super) fn beside(folder: &Path, wanted: &HashSet<&[u8]>) -> HashMap<String, UniqueId> {
    let lines = files::note_lines(&folder.join("dovecot-uidlist"));
    in_list(lines.into_iter().flatten(), wanted)
}

/// `3 V1275660208 N25022`, then lines such as `25017 W2481 Pabc :1276.M1.host,S=1`.
fn in_list(
    mut lines: impl Iterator<Item = String>,
    wanted: &HashSet<&[u8]>,
) -> HashMap<String, UniqueId> {
    let head = lines.next().unwrap_or_default();
    let validity = head.split(' ').find_map(|word| word.strip_prefix('V')?.parse::<u64>().ok());
    let Some(validity) = validity.filter(|_| head.starts_with("3 ")) else { return HashMap::new() };
    let line = |line: String| {
        let (facts, name) = line.split_once(" :")?;
        let mut facts = facts.split(' ');
        let uid = facts.next()?.parse().ok()?;
        let told = facts.find_map(|fact| fact.strip_prefix('P')?.parse().ok());
        let unique = name.split([':', ',']).next().filter(|at| wanted.contains(at.as_bytes()))?;
        Some((unique.to_owned(), told.or_else(|| Pattern::Dovecot.of(validity, uid))?))
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
        let wanted = HashSet::from([b"1.M1.host".as_slice(), b"2.M2.host"]);
        let in_list = |text: &str| in_list(text.lines().map(str::to_owned), &wanted);
        let text = "3 V1390731053 N4 Gabc\n2 :1.M1.host,S=1:2,S\n3 W9 Pold-id :2.M2.host\nbroken\n\
                    4 :3.M3.host\n";
        let found = in_list(text);
        assert_eq!(found["1.M1.host"].as_str(), "0000000252e4df2d");
        assert_eq!(found["2.M2.host"].as_str(), "old-id");
        assert_eq!(found.len(), 2);
        assert!(in_list("1 1390731053 3\n2 1.M1.host\n").is_empty(), "another version");
    }
}
