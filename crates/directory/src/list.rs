//! Mailing lists: one address, many members, and an owner who hears of what fails.
//!
//! A simple list: what may be posted goes to all members at once, unchanged but for the fields in
//! front that say which list it is. Whoever wants archives, digests or moderation runs a list
//! manager beside this server.

use std::{fmt, str::FromStr};

use mail_types::{Address, Malformed, ReversePath};

/// The longest description that is told to members, in octets.
const DESCRIPTION_MAX: usize = 200;

/// A mailing list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailingList {
    /// Its address.
    pub name: Address,
    /// Whom notifications of failures go to, and who answers for it: what is sent to members has this
    /// reverse-path (RFC 5321 §3.9.2).
    pub owner: Address,
    /// Who may post.
    pub posting: Posting,
    /// What it is for, in a few words.
    pub description: Option<String>,
    /// Who gets what is posted, in the order in which they were added.
    pub members: Vec<Address>,
}

/// Who may post to a list. Only the reverse-path is asked: whoever can forge that can post. The
/// null path never may: notifications belong to nobody's list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Posting {
    /// Whoever writes to it.
    Anybody,
    /// Its members and its owner.
    Members,
    /// Its owner.
    Owner,
}

impl FromStr for Posting {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        match text {
            "anybody" => Ok(Self::Anybody),
            "members" => Ok(Self::Members),
            "owner" => Ok(Self::Owner),
            _ => Err(Malformed("who may post is anybody, members or owner")),
        }
    }
}

impl fmt::Display for Posting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Anybody => "anybody",
            Self::Members => "members",
            Self::Owner => "owner",
        })
    }
}

impl MailingList {
    /// Whether a message with this reverse-path may go to the members.
    pub(crate) fn admits(&self, from: &ReversePath) -> bool {
        let ReversePath::Address(from) = from else { return false };
        let from = from.folded();
        let is = |address: &Address| address.folded() == from;
        match self.posting {
            Posting::Anybody => true,
            Posting::Members => is(&self.owner) || self.members.iter().any(is),
            Posting::Owner => is(&self.owner),
        }
    }

    /// The fields that stand before what its members get: RFC 2919 §3, RFC 2369 §3.
    pub(crate) fn head(&self) -> Vec<u8> {
        let (name, owner) = (&self.name, &self.owner);
        let id = format!("{}.{}", name.local().as_str(), name.domain());
        // RFC 2919 §2: what no identifier may hold does no harm as a hyphen.
        let id: String =
            id.chars().map(|c| if is_of_id(c) { c.to_ascii_lowercase() } else { '-' }).collect();
        let fits = |text: &&str| is_plain(text) && text.len() <= DESCRIPTION_MAX;
        let description = self.description.as_deref().filter(fits);
        let description = description.map_or(String::new(), |text| format!("\"{text}\" "));
        // By the first field it is known again when it comes back.
        let mut head = format!("Delivered-To: {name}\r\nList-Id: {description}<{id}>\r\n");
        // An address that must be quoted is not worth the escapes that a URL would need.
        if is_plain_address(name) {
            match self.posting {
                Posting::Anybody | Posting::Members => {
                    head.push_str(&format!("List-Post: <mailto:{name}>\r\n"));
                }
                Posting::Owner => head.push_str("List-Post: NO (announcements only)\r\n"),
            }
        }
        if is_plain_address(owner) {
            head.push_str(&format!("List-Owner: <mailto:{owner}>\r\n"));
            head.push_str(&format!("List-Unsubscribe: <mailto:{owner}?subject=unsubscribe>\r\n"));
        }
        head.into_bytes()
    }
}

fn is_of_id(c: char) -> bool {
    c.is_ascii_alphanumeric() || "!#$'*+-/=?^_`{|}~.".contains(c)
}

fn is_plain(text: &str) -> bool {
    text.chars().all(|c| c == ' ' || c.is_ascii_graphic() && !"\"\\".contains(c))
}

fn is_plain_address(address: &Address) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "+-_.=".contains(c);
    address.local().as_str().chars().all(plain) && !address.domain().is_literal()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> Address {
        Address::parse(text).unwrap()
    }

    fn list(posting: Posting) -> MailingList {
        MailingList {
            name: address("Team@example.org"),
            owner: address("alice@example.org"),
            posting,
            description: Some("All of us".to_owned()),
            members: vec![address("bob@example.org"), address("carol@example.net")],
        }
    }

    #[test]
    fn who_may_post() {
        for (posting, from, expected) in [
            (Posting::Anybody, "eve@example.net", true),
            (Posting::Anybody, "", false),
            (Posting::Members, "Carol@example.net", true),
            (Posting::Members, "alice@example.org", true),
            (Posting::Members, "eve@example.net", false),
            (Posting::Owner, "alice@example.org", true),
            (Posting::Owner, "bob@example.org", false),
        ] {
            let path = ReversePath::parse(from).unwrap_or(ReversePath::Null);
            assert_eq!(list(posting).admits(&path), expected, "{posting} {from}");
        }
    }

    #[test]
    fn fields_in_front() {
        let head = String::from_utf8(list(Posting::Members).head()).unwrap();
        assert_eq!(
            head,
            "Delivered-To: Team@example.org\r\nList-Id: \"All of us\" <team.example.org>\r\n\
             List-Post: <mailto:Team@example.org>\r\n\
             List-Owner: <mailto:alice@example.org>\r\n\
             List-Unsubscribe: <mailto:alice@example.org?subject=unsubscribe>\r\n"
        );
        let mut odd = list(Posting::Owner);
        odd.name = address("\"a b\"@example.org");
        odd.description = Some("x\"\r\nBcc: eve".to_owned());
        let head = String::from_utf8(odd.head()).unwrap();
        assert!(head.contains("\r\nList-Id: <a-b.example.org>\r\nList-Owner:"), "{head}");
    }
}
