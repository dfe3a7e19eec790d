//! Header fields for people: decoded, one field a paragraph, names aligned.

use mime_core::{
    header::{
        Field,
        address::{AddressItem, Mailbox, items},
        date::DateTime,
    },
    text::decode_header,
};

use crate::{terminal, times};

/// What most people want to see of a header, in this order.
const USUAL: [&str; 12] = [
    "From",
    "Sender",
    "Reply-To",
    "To",
    "Cc",
    "Bcc",
    "Subject",
    "Date",
    "Message-ID",
    "In-Reply-To",
    "List-Id",
    "Auto-Submitted",
];
const ADDRESSES: [&str; 14] = [
    "From",
    "Sender",
    "Reply-To",
    "To",
    "Cc",
    "Bcc",
    "Resent-From",
    "Resent-Sender",
    "Resent-To",
    "Resent-Cc",
    "Resent-Bcc",
    "Apparently-To",
    "Apparently-From",
    "Disposition-Notification-To",
];
const DATES: [&str; 3] = ["Date", "Resent-Date", "Delivery-Date"];
/// Of a longer list the rest is counted.
const ADDRESSES_SHOWN: usize = 20;
/// Addresses fill lines to here.
const COLUMNS: usize = 100;
/// A longer value is cut, unless all is wanted.
const VALUE_COLUMNS: usize = 2000;

/// The usual fields, or all in the order of the header; each is a line or a few.
pub(crate) fn shown(header: &[u8], all: bool) -> String {
    let fields: Vec<Field<'_>> = mime_core::header::fields(header).collect();
    let chosen: Vec<&Field<'_>> = match all {
        true => fields.iter().collect(),
        false => {
            let of_name = |name: &'static str| fields.iter().filter(move |field| field.is(name));
            USUAL.into_iter().flat_map(of_name).collect()
        }
    };
    let name = |field: &Field<'_>| format!("{}:", String::from_utf8_lossy(field.name));
    let widest = chosen.iter().map(|field| terminal::width(&name(field)).min(28)).max();
    let column = widest.unwrap_or(0).saturating_add(2);
    let mut text = String::new();
    for field in chosen {
        let mut label = terminal::padded(&name(field), column);
        for line in value(field, COLUMNS.saturating_sub(column), all) {
            text += label.as_str();
            text +=
                if all { line.as_str().into() } else { terminal::shortened(&line, VALUE_COLUMNS) }
                    .as_ref();
            text.truncate(text.trim_end().len());
            text.push('\n');
            label = " ".repeat(column);
        }
    }
    text
}

fn value(field: &Field<'_>, columns: usize, all: bool) -> Vec<String> {
    let is_one_of = |names: &[&str]| names.iter().any(|name| field.is(name));
    if is_one_of(&ADDRESSES) {
        let most = if all { usize::MAX } else { ADDRESSES_SHOWN };
        return addresses(&field.unfolded(), columns, most);
    }
    let text = terminal::one_line(&decode_header(field.value));
    if is_one_of(&DATES) {
        let read = DateTime::parse(&field.unfolded()).and_then(times::with_offset);
        return vec![match read {
            Some(read) => format!("{text}  ({read})"),
            None => format!("{text}  (not to be read as a date)"),
        }];
    }
    vec![text]
}

/// A list in lines of at most so many columns, where an address does not take more by itself.
fn addresses(value: &[u8], columns: usize, most: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    let (mut written, mut left_out) = (0_usize, 0_usize);
    let mut rest = items(value).peekable();
    while let Some(item) = rest.next() {
        let text = match &item {
            AddressItem::GroupStart(name) => format!("{}:", phrase(&decode_header(name))),
            AddressItem::Mailbox(_) if written >= most => {
                left_out = left_out.saturating_add(1);
                continue;
            }
            AddressItem::Mailbox(mailbox) => shown_mailbox(mailbox),
            AddressItem::GroupEnd => {
                lines.last_mut().into_iter().for_each(|line| line.push(';'));
                continue;
            }
        };
        let is_mailbox = matches!(item, AddressItem::Mailbox(_));
        written = written.saturating_add(is_mailbox.into());
        let more = is_mailbox && !matches!(rest.peek(), None | Some(AddressItem::GroupEnd));
        let text = terminal::one_line(&text) + if more { "," } else { "" };
        let Some(line) = lines.last_mut() else { break };
        let taken = terminal::width(line).saturating_add(terminal::width(&text));
        if line.is_empty() {
            line.push_str(&text);
        } else if taken < columns {
            line.push(' ');
            line.push_str(&text);
        } else {
            lines.push(text);
        }
    }
    if left_out > 0 {
        lines.push(format!("… and {left_out} more (--all shows them)"));
    }
    lines
}

fn shown_mailbox(mailbox: &Mailbox) -> String {
    match name(mailbox) {
        Some(name) => format!("{} <{}>", phrase(&name), address(mailbox)),
        None if mailbox.domain.is_some() => address(mailbox),
        None if mailbox.local.is_empty() => "<> (no address)".to_owned(),
        None => format!("{} (no address)", address(mailbox)),
    }
}

/// The display name, decoded.
pub(crate) fn name(mailbox: &Mailbox) -> Option<String> {
    let name = decode_header(mailbox.name.as_deref()?);
    (!name.trim().is_empty()).then(|| name.trim().to_owned())
}

/// `local@domain`, the local part quoted if it has to be; without a domain what stands there.
pub(crate) fn address(mailbox: &Mailbox) -> String {
    let Some(domain) = mailbox.domain.as_deref() else { return decode_header(&mailbox.local) };
    let local = bare_text(&mailbox.local);
    let domain = bare_text(domain);
    // RFC 5322 §3.4.1: a dot-atom stands without quotes.
    let is_special = |c: char| c.is_whitespace() || c.is_control() || "()<>[]:;@\\,\"".contains(c);
    let is_bare = !local.contains(is_special) && local.split('.').all(|atom| !atom.is_empty());
    if is_bare { format!("{local}@{domain}") } else { format!("{}@{domain}", quoted(&local)) }
}

/// Text in which there are no encoded words (RFC 2047 §5 forbids them in addresses).
fn bare_text(octets: &[u8]) -> String {
    match std::str::from_utf8(octets) {
        Ok(text) => text.to_owned(),
        Err(_) => decode_header(octets),
    }
}

/// A name as it can stand before an address without being taken for one.
fn phrase(name: &str) -> String {
    if name.contains(['<', '>', '@', ',', ';', ':', '"']) { quoted(name) } else { name.to_owned() }
}

fn quoted(text: &str) -> String {
    let escaped = text.chars().flat_map(|c| {
        let escape = matches!(c, '"' | '\\').then_some('\\');
        escape.into_iter().chain([c])
    });
    format!("\"{}\"", escaped.collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(header: &str, all: bool, expected: &str) {
        assert_eq!(shown(header.as_bytes(), all), expected, "{header:?}");
    }

    #[test]
    fn names_are_aligned_and_values_decoded() {
        check(
            "X: y\r\nSubject: =?EUC-KR?B?vsiz58fPvLy/5C4=?=\r\nFrom: =?utf-8?q?a=1b?= <a@b.example>\r\n",
            false,
            "From:     a␛ <a@b.example>\nSubject:  안녕하세요.\n",
        );
        check("X: y\r\n z\r\nA:\r\n", true, "X:  y z\nA:\n");
        check("", true, "");
    }

    #[test]
    fn dates_are_read() {
        check(
            "Date: Tue, 15 January 2008 16:02:43 -0500\r\n",
            false,
            "Date:  Tue, 15 January 2008 16:02:43 -0500  (2008-01-15T16:02:43-05:00)\n",
        );
        check("Date: soon\r\n", false, "Date:  soon  (not to be read as a date)\n");
    }

    #[test]
    fn addresses_say_what_they_are() {
        check(
            "To: \"Doe, Jo\" <jo@b.example>, \"j d\"@b.example, nobody, gr: a@b.example;, none:;\r\n",
            false,
            "To:  \"Doe, Jo\" <jo@b.example>, \"j d\"@b.example, nobody (no address), gr: a@b.example; none:;\n",
        );
        check("To: <>\r\n", false, "To:  <> (no address)\n");
        let many = "To: ".to_owned() + &"someone@example.org, ".repeat(30) + "\r\n";
        let text = shown(many.as_bytes(), false);
        assert!(text.ends_with("     … and 10 more (--all shows them)\n"), "{text}");
        assert!(text.lines().all(|line| line.len() <= COLUMNS), "{text}");
        assert_eq!(shown(many.as_bytes(), true).matches("someone").count(), 30);
    }

    #[test]
    fn addresses_are_quoted_where_they_must_be() {
        let check = |value: &str, expected: &str| {
            let items: Vec<_> = items(value.as_bytes()).collect();
            let [AddressItem::Mailbox(mailbox)] = items.as_slice() else { panic!("{items:?}") };
            assert_eq!(address(mailbox), expected);
        };
        check("a.b@c", "a.b@c");
        check("\"a.b\"@c", "a.b@c");
        check("\"a b\"@c", "\"a b\"@c");
        check("\"a..b\"@c", "\"a..b\"@c");
        check("\"a\\\"b\"@c", "\"a\\\"b\"@c");
        check("가@나.한국", "가@나.한국");
    }
}
