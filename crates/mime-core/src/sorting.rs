//! What messages are sorted by (RFC 5256 §3, RFC 5957 §3), and threaded.
//!
//! Pure values of one header, in the form in which they are compared; senders control all of it.

use mail_types::Timestamp;

use crate::{
    header::{
        self,
        address::{AddressItem, Mailbox, items},
        date::DateTime,
    },
    text::{casemap, decode_header},
    thread::ThreadKeys,
};

/// More octets of one text are not compared.
const TEXT_MAX: usize = 512;

/// The keys of one message. Texts are folded by i;unicode-casemap (RFC 5256 §5), so that their
/// octets are compared; one that is missing is empty.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct SortKeys {
    /// The Date field; none if there is none that can be read, so that the internal date counts
    /// (RFC 5256 §2.2).
    pub sent: Option<Timestamp>,
    /// The base subject (RFC 5256 §2.1).
    pub subject: String,
    /// The first address of From, what stands before its `@`.
    pub from: String,
    /// That of To.
    pub to: String,
    /// That of Cc.
    pub cc: String,
    /// The first address of From, as it is shown (RFC 5957 §3).
    pub shown_from: String,
    /// That of To.
    pub shown_to: String,
    /// Ids and subject as they are; what they are threaded by.
    pub thread: ThreadKeys,
}

impl SortKeys {
    /// The keys of a message with this header.
    pub fn of(header: &[u8]) -> Self {
        let thread = ThreadKeys::of(header);
        let first = |name| {
            let all = header::fields(header).filter(move |field| field.is(name));
            all.filter_map(|field| items(&field.unfolded()).next()).next()
        };
        let (from, to, cc) = (first("From"), first("To"), first("Cc"));
        let date = header::find(header, "Date");
        Self {
            sent: date.and_then(|field| DateTime::parse(&field.unfolded())).map(|date| date.at),
            subject: folded(&thread.subject.text),
            from: mailbox_part(from.as_ref()),
            to: mailbox_part(to.as_ref()),
            cc: mailbox_part(cc.as_ref()),
            shown_from: shown(from.as_ref()),
            shown_to: shown(to.as_ref()),
            thread,
        }
    }
}

/// `addr-mailbox` (RFC 3501 §9): of a group, its name.
fn mailbox_part(item: Option<&AddressItem>) -> String {
    match item {
        Some(AddressItem::Mailbox(mailbox)) => folded(&String::from_utf8_lossy(&mailbox.local)),
        Some(AddressItem::GroupStart(name)) => folded(&String::from_utf8_lossy(name)),
        Some(AddressItem::GroupEnd) | None => String::new(),
    }
}

/// RFC 5957 §3: the display name, decoded; else the address.
fn shown(item: Option<&AddressItem>) -> String {
    match item {
        Some(AddressItem::Mailbox(Mailbox { name, local, domain, .. })) => {
            let name = name.as_deref().map(decode_header).filter(|name| !name.trim().is_empty());
            match (name, domain) {
                (Some(name), _) => folded(&name),
                (None, Some(domain)) => {
                    let (local, domain) =
                        (String::from_utf8_lossy(local), String::from_utf8_lossy(domain));
                    folded(&format!("{local}@{domain}"))
                }
                (None, None) => folded(&String::from_utf8_lossy(local)),
            }
        }
        Some(AddressItem::GroupStart(name)) => folded(&decode_header(name)),
        Some(AddressItem::GroupEnd) | None => String::new(),
    }
}

fn folded(text: &str) -> String {
    let end = (0..=TEXT_MAX.min(text.len())).rev().find(|at| text.is_char_boundary(*at));
    casemap(text.get(..end.unwrap_or(0)).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_a_header() {
        let keys = SortKeys::of(
            "Date: Wed, 17 Jul 1996 02:23:25 -0700\r\n\
             From: =?utf-8?q?J=C3=BCrgen?= <jo.Gray@cac.example>, b@c\r\n\
             To: undisclosed: x@y;\r\nCc: KLENSIN@MIT.EDU\r\n\
             Subject: Re: [list] IMAP4rev1\r\n summary (fwd)\r\n\
             References: <1@a> <\"2\"@b>\r\nMessage-ID: <3@c>\r\n\r\n"
                .as_bytes(),
        );
        assert_eq!(keys.sent.map(Timestamp::secs), Some(837_595_405));
        assert_eq!(keys.subject, "IMAP4REV1 SUMMARY");
        assert!(keys.thread.subject.is_reply_or_forward);
        assert_eq!((keys.from.as_str(), keys.to.as_str()), ("JO.GRAY", "UNDISCLOSED"));
        assert_eq!(keys.cc, "KLENSIN");
        assert_eq!(keys.shown_from, casemap("Jürgen"));
        assert_eq!(keys.shown_to, "UNDISCLOSED");
        assert_eq!(keys.thread.references.len(), 2);
        let plain = SortKeys::of(b"From: a@B.example\r\n\r\n");
        assert_eq!(plain.shown_from, "A@B.EXAMPLE");
        assert_eq!(SortKeys::of(b""), SortKeys::default());
    }

    #[test]
    fn long_texts_are_cut() {
        let subject = format!("Subject: {}\r\n\r\n", "é".repeat(10_000));
        assert!(SortKeys::of(subject.as_bytes()).subject.len() <= 3 * TEXT_MAX);
    }
}
