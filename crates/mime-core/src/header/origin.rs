//! Typed access to fields that tell where a message came from and what kind it is: Received and
//! Return-Path, resent blocks, List- fields, Auto-Submitted, Apparently- fields.
//!
//! Anyone can write any of them above his own: what a trace field says is only as good as the host
//! that wrote it, which is not known here.

use super::{
    address::{AddressItem, parse_list},
    content::{behind_comment, first_word},
    date::DateTime,
    fields::{Field, fields, find},
    message_id::message_ids,
};
use crate::Octets;

/// A Received field (RFC 5321 §4.4), read tolerantly.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Received {
    /// What stands behind each of `from`, `by`, `via`, `with`, `id`, `for`, in order of the field:
    /// the word in lower case, and the first word of its value.
    pub clauses: Vec<(&'static str, Octets)>,
    /// When it was received.
    pub date: Option<DateTime>,
}

/// More clauses are passed over.
const CLAUSES_MAX: usize = 32;

impl Received {
    /// Reads the value of a field. What is no clause is passed over.
    pub fn parse(value: &[u8]) -> Self {
        const NAMES: [&str; 6] = ["from", "by", "via", "with", "id", "for"];
        let (said, date) = match memchr::memrchr(b';', value) {
            Some(at) => value.split_at_checked(at).unwrap_or((value, &[])),
            None => (value, [].as_slice()),
        };
        let mut clauses = Vec::new();
        let mut name = None;
        for word in Words(said) {
            let known = NAMES.into_iter().find(|it| word.eq_ignore_ascii_case(it.as_bytes()));
            match (name.take(), known) {
                (Some(name), _) if clauses.len() < CLAUSES_MAX => clauses.push((name, word.into())),
                (_, known) => name = known,
            }
        }
        let date = DateTime::parse(date.strip_prefix(b";").unwrap_or(date));
        Self { clauses, date }
    }

    /// The value of a clause.
    pub fn clause(&self, name: &str) -> Option<&[u8]> {
        self.clauses.iter().find(|(known, _)| *known == name).map(|(_, value)| &**value)
    }
}

/// Words between white space and comments.
struct Words<'a>(&'a [u8]);

impl<'a> Iterator for Words<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        self.0 = self.0.trim_ascii_start();
        while self.0.first() == Some(&b'(') {
            self.0 = behind_comment(self.0).trim_ascii_start();
        }
        let ends = |octet: &u8| octet.is_ascii_whitespace() || *octet == b'(';
        let length = self.0.iter().position(ends).unwrap_or(self.0.len());
        let (word, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        (!word.is_empty()).then_some(word)
    }
}

/// The Received fields of a header, the newest first.
pub fn received(header: &[u8]) -> impl Iterator<Item = Received> + '_ {
    fields(header).filter(|field| field.is("Received")).map(|field| Received::parse(field.value))
}

/// Return-Path: `None` if there is none; no address if it is `<>` (RFC 5321 §4.4).
pub fn return_path(header: &[u8]) -> Option<Option<AddressItem>> {
    let items = parse_list(&find(header, "Return-Path")?.unfolded());
    Some(
        items.into_iter().find(
            |item| matches!(item, AddressItem::Mailbox(mailbox) if !mailbox.local.is_empty()),
        ),
    )
}

/// One time that a message was sent on as it is (RFC 5322 §3.6.6).
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Resent {
    /// Resent-Date.
    pub date: Option<DateTime>,
    /// Resent-From.
    pub from: Vec<AddressItem>,
    /// Resent-Sender.
    pub sender: Vec<AddressItem>,
    /// Resent-To, -Cc and -Bcc.
    pub to: Vec<AddressItem>,
    /// Resent-Message-ID, with its angle brackets.
    pub message_id: Option<Octets>,
}

/// The resent blocks of a header, the newest first. A block ends where a field of another kind
/// stands, or one of its own fields comes again.
pub fn resent(header: &[u8]) -> Vec<Resent> {
    const NAMES: [&str; 7] = ["date", "from", "sender", "to", "cc", "bcc", "message-id"];
    let mut blocks: Vec<Resent> = Vec::new();
    // The fields that the open block has; none if no block is open.
    let mut seen: Vec<usize> = Vec::new();
    for field in fields(header) {
        let Some(which) = NAMES.iter().position(|name| is_prefixed(&field, "Resent-", name)) else {
            seen.clear();
            continue;
        };
        if seen.is_empty() || seen.contains(&which) {
            blocks.push(Resent::default());
            seen.clear();
        }
        seen.push(which);
        let Some(block) = blocks.last_mut() else { continue };
        let value = field.unfolded();
        match which {
            0 => block.date = DateTime::parse(&value),
            1 => block.from = parse_list(&value),
            2 => block.sender = parse_list(&value),
            6 => block.message_id = message_ids(&value).into_iter().next(),
            _ => block.to.extend(parse_list(&value)),
        }
    }
    blocks
}

fn is_prefixed(field: &Field<'_>, prefix: &str, name: &str) -> bool {
    let Some((start, rest)) = field.name.split_at_checked(prefix.len()) else { return false };
    start.eq_ignore_ascii_case(prefix.as_bytes()) && rest.eq_ignore_ascii_case(name.as_bytes())
}

/// The List-Id of a header, without its phrase and angle brackets (RFC 2919 §3).
pub fn list_id(header: &[u8]) -> Option<Octets> {
    let value = find(header, "List-Id")?.unfolded();
    let inside = memchr::memrchr(b'<', &value)
        .and_then(|at| value.get(at.saturating_add(1)..))
        .and_then(|rest| rest.get(..memchr::memchr(b'>', rest)?));
    // RFC 2919 §3 wants the brackets; some lists forget them.
    let id = inside.unwrap_or(&value).trim_ascii();
    (!id.is_empty()).then(|| id.into())
}

/// The URLs of a List- command field, such as `List-Unsubscribe`, in their order of preference
/// (RFC 2369 §2). What does not stand in angle brackets is no URL.
pub fn list_urls(header: &[u8], name: &str) -> Vec<Octets> {
    let Some(field) = find(header, name) else { return Vec::new() };
    let value = field.unfolded();
    let mut urls = Vec::new();
    let mut rest = &*value;
    while let Some(at) = memchr::memchr2(b'<', b'(', rest) {
        rest = rest.get(at..).unwrap_or_default();
        if rest.first() == Some(&b'(') {
            rest = behind_comment(rest);
            continue;
        }
        let Some(end) = memchr::memchr(b'>', rest) else { break };
        // RFC 2369 §2: white space inside the brackets is not of the URL.
        let url = rest.get(1..end).unwrap_or_default();
        urls.push(url.iter().copied().filter(|octet| !octet.is_ascii_whitespace()).collect());
        rest = rest.get(end..).unwrap_or_default();
    }
    urls
}

/// What Auto-Submitted says (RFC 3834 §5).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AutoSubmitted {
    /// No such field, or `no`: a person sent it.
    No,
    /// `auto-generated`.
    Generated,
    /// `auto-replied`.
    Replied,
    /// Another word: automatic as well.
    Other,
}

/// What the Auto-Submitted field of a header says.
pub fn auto_submitted(header: &[u8]) -> AutoSubmitted {
    let Some(field) = find(header, "Auto-Submitted") else { return AutoSubmitted::No };
    let value = field.unfolded();
    let word = first_word(&value);
    let is = |name: &str| word.eq_ignore_ascii_case(name.as_bytes());
    match () {
        () if is("no") => AutoSubmitted::No,
        () if is("auto-generated") => AutoSubmitted::Generated,
        () if is("auto-replied") => AutoSubmitted::Replied,
        () => AutoSubmitted::Other,
    }
}

/// The addresses of Apparently-To and Apparently-From fields: what ancient hosts guessed of a
/// message that did not say. Nothing here ever writes one.
pub fn apparently(header: &[u8]) -> Vec<AddressItem> {
    let is_apparent = |field: &Field<'_>| field.is("Apparently-To") || field.is("Apparently-From");
    fields(header).filter(is_apparent).flat_map(|field| parse_list(&field.unfolded())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::header::address::addresses;

    fn shown(items: &[AddressItem]) -> String {
        addresses(items).map(|address| address.to_string()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn received_fields() {
        // RFC 5321 §4.4, the form of its example.
        let field = Received::parse(
            b"from bar.example ([192.0.2.1]) (a (b) by c)\r\n\tBY foo.example with ESMTP id 1 for <a@b>; Thu, 21 May 1998 05:33:29 -0700",
        );
        for (name, value) in [
            ("from", Some("bar.example")),
            ("by", Some("foo.example")),
            ("with", Some("ESMTP")),
            ("id", Some("1")),
            ("for", Some("<a@b>")),
            ("via", None),
        ] {
            assert_eq!(field.clause(name), value.map(str::as_bytes), "{name}");
        }
        assert_eq!(field.date.map(|date| date.offset_minutes), Some(-420));
        assert_eq!(Received::parse(b""), Received::default());
        assert_eq!(Received::parse(b"from").clauses, []);
        assert_eq!(Received::parse(&b"by x ".repeat(1000)).clauses.len(), CLAUSES_MAX);
        let header = b"Received: by b\r\nX: y\r\nReceived: by a\r\n";
        let hosts: Vec<_> = received(header).map(|it| it.clause("by").unwrap().to_vec()).collect();
        assert_eq!(hosts, [b"b", b"a"]);
    }

    #[test]
    fn return_paths() {
        assert_eq!(return_path(b"X: y\r\n"), None);
        assert_eq!(return_path(b"Return-Path: <>\r\n"), Some(None));
        let found = return_path(b"Return-Path: <a@b.example>\r\n").unwrap().unwrap();
        assert_eq!(shown(&[found]), "a@b.example");
    }

    #[test]
    fn resent_blocks() {
        let header =
            b"Resent-From: c@x.example\r\nResent-To: d@x.example\r\nResent-Cc: e@x.example\r\n\
            Resent-From: b@x.example\r\nResent-Message-ID: <2@x>\r\nReceived: by x\r\n\
            Resent-To: a@x.example\r\nFrom: z@x.example\r\n";
        let blocks = resent(header);
        let found: Vec<_> = blocks.iter().map(|it| (shown(&it.from), shown(&it.to))).collect();
        let expected =
            [("c@x.example", "d@x.example e@x.example"), ("b@x.example", ""), ("", "a@x.example")];
        assert_eq!(found, expected.map(|(from, to)| (from.to_owned(), to.to_owned())));
        assert_eq!(blocks[1].message_id.as_deref(), Some(&b"<2@x>"[..]));
        assert_eq!(resent(b"From: a@b\r\n"), []);
    }

    #[test]
    fn list_fields() {
        let id = |header: &[u8]| list_id(header).map(|id| String::from_utf8(id.into()).unwrap());
        // RFC 2919 §3.
        let found = id(b"List-Id: List Header Mailing List <list-header.nisto.com>\r\n");
        assert_eq!(found.as_deref(), Some("list-header.nisto.com"));
        assert_eq!(id(b"List-ID: a.example\r\n").as_deref(), Some("a.example"));
        assert_eq!(id(b"List-ID: <>\r\n"), None);
        assert_eq!(id(b"\r\n"), None);
        // RFC 2369 §3.2.
        let urls = |header: &[u8]| list_urls(header, "List-Unsubscribe").join(&b' ');
        let header = b"List-Unsubscribe: (Use this <no>) <mailto:list@host.com?subject=\r\n unsubscribe>,\r\n <http://x/>\r\n";
        assert_eq!(urls(header), b"mailto:list@host.com?subject=unsubscribe http://x/");
        assert_eq!(urls(b"List-Unsubscribe: NO\r\n"), b"");
        assert_eq!(urls(b"List-Unsubscribe: <open\r\n"), b"");
    }

    #[test]
    fn auto_submitted_fields() {
        let check = |header: &str, expected| {
            assert_eq!(auto_submitted(header.as_bytes()), expected, "{header:?}");
        };
        check("", AutoSubmitted::No);
        check("Auto-Submitted: no\r\n", AutoSubmitted::No);
        check("Auto-Submitted: Auto-Replied (vacation)\r\n", AutoSubmitted::Replied);
        check("Auto-Submitted: auto-generated; x=y\r\n", AutoSubmitted::Generated);
        check("Auto-Submitted: auto-notified\r\n", AutoSubmitted::Other);
        check("Auto-Submitted:\r\n", AutoSubmitted::Other);
    }

    #[test]
    fn apparently_fields() {
        let header =
            b"Apparently-To: a@x.example\r\nTo: b@x.example\r\napparently-from: c@x.example\r\n";
        assert_eq!(shown(&apparently(header)), "a@x.example c@x.example");
    }
}
