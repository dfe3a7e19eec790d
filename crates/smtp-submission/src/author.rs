//! Whether a message's header names its sender rightly.
//!
//! What people see is the From field. RFC 6409 §6.1 lets a submission server check who may send as
//! whom, §8.1 lets it add a Sender field that says who really did. Both are done, each where it is
//! of use: an author in one of our own domains has to be the client itself, or the message is
//! refused, as our people trust such addresses and we know whose they are. An author elsewhere may
//! well be the client's other address, which nobody here can tell: then Sender names the account
//! (RFC 5322 §3.6.2), unless a Sender is there, or the message was sent on as it is (RFC 5322
//! §3.6.6).
//!
//! The client controls every octet that is read here.

use mail_types::{Address, Domain};
use mime_core::{
    fixup::Seen,
    header::address::{AddressItem, addresses},
};

/// Who is named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Authors {
    /// The addresses of From and Sender.
    pub(crate) named: Vec<Address>,
    /// The addresses of Resent-From: who sent the message on.
    pub(crate) sent_on_by: Vec<Address>,
    /// The domains of what in From and Sender looks like an address and is none, as far as they can
    /// be made out: mail clients show such an author all the same.
    pub(crate) nearly: Vec<Domain>,
    /// Whether each of From is an address.
    pub(crate) readable: bool,
    /// Whether there is a Sender field, or From will be the client's own because it is missing.
    pub(crate) has_sender: bool,
}

impl Authors {
    /// Reads a header; nothing if there is more in it than is kept.
    pub(crate) fn of(seen: &Seen) -> Option<Self> {
        if seen.author_truncated {
            return None;
        }
        let resent = seen.resent_from.as_deref().unwrap_or_default();
        let written = mailboxes(&seen.from_addresses);
        let valid = addresses(&seen.from_addresses).count();
        Some(Self {
            named: addresses(&seen.from_addresses)
                .chain(addresses(&seen.sender_addresses))
                .collect(),
            nearly: [&seen.from_addresses, &seen.sender_addresses]
                .into_iter()
                .flatten()
                .filter_map(domain_of_no_address)
                .collect(),
            sent_on_by: addresses(resent).collect(),
            readable: written == valid && valid > 0,
            has_sender: seen.sender > 0 || seen.from == 0,
        })
    }
}

/// The domain of what is no valid address; whatever no host name has is passed over, as by an eye.
fn domain_of_no_address(item: &AddressItem) -> Option<Domain> {
    let AddressItem::Mailbox(mailbox) = item else { return None };
    if mailbox.address().is_some() {
        return None;
    }
    let written = String::from_utf8_lossy(mailbox.domain.as_deref()?);
    let kept: String =
        written.chars().filter(|c| c.is_alphanumeric() || matches!(c, '.' | '-')).collect();
    Domain::parse(kept.trim_matches('.')).ok()
}

fn mailboxes(items: &[AddressItem]) -> usize {
    items.iter().filter(|item| matches!(item, AddressItem::Mailbox(_))).count()
}

#[cfg(test)]
mod tests {
    use mime_core::fixup::HeaderEditor;

    use super::*;

    fn shown(header: &str) -> String {
        let mut editor = HeaderEditor::new(&[]);
        editor.push(format!("{header}\r\n\r\n").as_bytes(), &mut Vec::new());
        let list = |addresses: &[Address]| {
            addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
        };
        let Some(authors) = Authors::of(editor.seen()) else { return "too long".to_owned() };
        let mut shown = list(&authors.named);
        for (is, word) in [
            (!authors.sent_on_by.is_empty(), format!(" by {}", list(&authors.sent_on_by))),
            (
                !authors.nearly.is_empty(),
                authors.nearly.iter().map(|it| format!(" nearly {it}")).collect(),
            ),
            (!authors.readable, " unreadable".to_owned()),
            (authors.has_sender, " sender".to_owned()),
        ] {
            if is {
                shown.push_str(&word);
            }
        }
        shown
    }

    #[test]
    fn whoever_is_named_is_found() {
        for (header, expected) in [
            ("Subject: nobody", " unreadable sender"),
            ("From: Alice <a@x.example>", "a@x.example"),
            (
                "From: a@x.example, b@x.example\r\nSender: a@x.example",
                "a@x.example b@x.example a@x.example sender",
            ),
            ("From: a@x.example\r\nFrom: b@x.example", "a@x.example b@x.example"),
            ("From: Team: a@x.example, b@x.example;", "a@x.example b@x.example"),
            ("From: \"boss@x.example\" <a@x.example>", "a@x.example"),
            ("From: c@y.example\r\nResent-From: a@x.example", "c@y.example by a@x.example"),
            ("From:", " unreadable"),
            ("From: Nobody:;", " unreadable"),
            ("From: Alice", " unreadable"),
            ("From: a@x.example, boss", "a@x.example unreadable"),
            ("From: CEO <ceo@x.example.>", " nearly x.example unreadable"),
            ("From: CEO <ceo@x.\x01example>", " nearly x.example unreadable"),
            (
                "From: a@x.example\r\nSender: <c\x02eo@y.example>",
                "a@x.example nearly y.example sender",
            ),
        ] {
            assert_eq!(shown(header), expected, "{header}");
        }
        let hidden = format!("From: a@x.example{}, b@x.example", " ".repeat(100_000));
        assert_eq!(shown(&hidden), "too long");
    }
}
