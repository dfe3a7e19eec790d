//! ENVELOPE (RFC 3501 §7.4.2).

use std::ops::Deref;

use mime_core::{Envelope, header::address::AddressItem};

use super::{nstring, string};

/// Renders `envelope` (RFC 3501 §9).
pub(super) fn render<O: Deref<Target = [u8]>>(out: &mut Vec<u8>, envelope: &Envelope<O>) {
    out.push(b'(');
    nstring(out, envelope.date.as_deref());
    out.push(b' ');
    nstring(out, envelope.subject.as_deref());
    out.push(b' ');
    let begin = out.len();
    addresses(out, &envelope.from);
    let from = begin..out.len();
    for list in [envelope.shown_sender(), envelope.shown_reply_to()] {
        out.push(b' ');
        // Nearly always.
        if std::ptr::eq(list, &*envelope.from) {
            out.extend_from_within(from.clone());
        } else {
            addresses(out, list);
        }
    }
    for list in [&envelope.to, &envelope.cc, &envelope.bcc] {
        out.push(b' ');
        addresses(out, list);
    }
    for text in [&envelope.in_reply_to, &envelope.message_id] {
        out.push(b' ');
        nstring(out, text.as_deref());
    }
    out.push(b')');
}

fn addresses<O: Deref<Target = [u8]>>(out: &mut Vec<u8>, items: &[AddressItem<O>]) {
    if items.is_empty() {
        return out.extend_from_slice(b"NIL");
    }
    out.push(b'(');
    for item in items {
        match item {
            AddressItem::Mailbox(mailbox) => {
                out.push(b'(');
                nstring(out, mailbox.name.as_deref());
                out.push(b' ');
                nstring(out, mailbox.route.as_deref());
                out.push(b' ');
                string(out, &mailbox.local);
                out.push(b' ');
                // NIL would make a group of it.
                string(out, mailbox.domain.as_deref().unwrap_or_default());
                out.push(b')');
            }
            AddressItem::GroupStart(name) => {
                out.extend_from_slice(b"(NIL NIL ");
                string(out, name);
                out.extend_from_slice(b" NIL)");
            }
            AddressItem::GroupEnd => out.extend_from_slice(b"(NIL NIL NIL NIL)"),
        }
    }
    out.push(b')');
}

#[cfg(test)]
mod tests {
    use mime_core::header::address::Mailbox;

    use super::*;

    fn mailbox(name: Option<&str>, local: &str, domain: Option<&str>) -> AddressItem {
        AddressItem::Mailbox(Mailbox {
            name: name.map(|n| n.as_bytes().into()),
            route: None,
            local: local.as_bytes().into(),
            domain: domain.map(|d| d.as_bytes().into()),
        })
    }

    fn check(envelope: &Envelope, expected: &str) {
        let mut out = Vec::new();
        render(&mut out, envelope);
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }

    #[test]
    fn the_example_of_the_rfc() {
        // RFC 3501 §8.
        let gray = mailbox(Some("Terry Gray"), "gray", Some("cac.washington.edu"));
        let envelope = Envelope {
            date: Some(b"Wed, 17 Jul 1996 02:23:25 -0700 (PDT)"[..].into()),
            subject: Some(b"IMAP4rev1 WG mtg summary and minutes"[..].into()),
            from: vec![gray],
            to: vec![mailbox(None, "imap", Some("cac.washington.edu"))],
            cc: vec![
                mailbox(None, "minutes", Some("CNRI.Reston.VA.US")),
                mailbox(Some("John Klensin"), "KLENSIN", Some("MIT.EDU")),
            ],
            message_id: Some(b"<B27397-0100000@cac.washington.edu>"[..].into()),
            ..Envelope::default()
        };
        check(
            &envelope,
            "(\"Wed, 17 Jul 1996 02:23:25 -0700 (PDT)\" \"IMAP4rev1 WG mtg summary and minutes\" \
             ((\"Terry Gray\" NIL \"gray\" \"cac.washington.edu\")) \
             ((\"Terry Gray\" NIL \"gray\" \"cac.washington.edu\")) \
             ((\"Terry Gray\" NIL \"gray\" \"cac.washington.edu\")) \
             ((NIL NIL \"imap\" \"cac.washington.edu\")) \
             ((NIL NIL \"minutes\" \"CNRI.Reston.VA.US\")(\"John Klensin\" NIL \"KLENSIN\" \"MIT.EDU\")) \
             NIL NIL \"<B27397-0100000@cac.washington.edu>\")",
        );
    }

    #[test]
    fn groups_and_bare_words() {
        let envelope = Envelope {
            to: vec![
                AddressItem::GroupStart(b"friends"[..].into()),
                mailbox(None, "a", Some("b")),
                AddressItem::GroupEnd,
            ],
            cc: vec![mailbox(None, "undisclosed", None)],
            ..Envelope::default()
        };
        check(
            &envelope,
            "(NIL NIL NIL NIL NIL ((NIL NIL \"friends\" NIL)(NIL NIL \"a\" \"b\")(NIL NIL NIL NIL)) \
             ((NIL NIL \"undisclosed\" \"\")) NIL NIL NIL)",
        );
    }

    #[test]
    fn another_sender_and_where_to_reply() {
        let envelope = Envelope {
            from: vec![mailbox(None, "a", Some("b"))],
            sender: vec![mailbox(None, "c", Some("d"))],
            ..Envelope::default()
        };
        check(
            &envelope,
            "(NIL NIL ((NIL NIL \"a\" \"b\")) ((NIL NIL \"c\" \"d\")) ((NIL NIL \"a\" \"b\")) \
             NIL NIL NIL NIL NIL)",
        );
        let envelope = Envelope { from: vec![], reply_to: envelope.sender, ..Envelope::default() };
        check(&envelope, "(NIL NIL NIL NIL ((NIL NIL \"c\" \"d\")) NIL NIL NIL NIL NIL)");
    }
}
