//! Address lists (RFC 5322 §3.4, §4.4; groups in From by RFC 6854; UTF-8 by RFC 6532).
//!
//! The sender of a message controls all of it: whatever stands there gives some list, in one pass.

use mail_types::{Address, Domain, LocalPart};

use super::content::behind_comment;
use crate::Octets;

/// One element of an address list.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum AddressItem<O = Octets> {
    /// An address.
    Mailbox(Mailbox<O>),
    /// A group begins: its name.
    GroupStart(O),
    /// The group ends.
    GroupEnd,
}

/// An address with what stands around it. Quoting is removed, encoded words are not decoded.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Mailbox<O = Octets> {
    /// The display name; failing that, a comment behind the address.
    pub name: Option<O>,
    /// The source route of obsolete syntax, `@a,@b` (RFC 5322 §4.4).
    pub route: Option<O>,
    /// What stands before the `@`.
    pub local: O,
    /// What stands behind it; `None` if there is no `@`. (In IMAP's ENVELOPE a host of NIL marks a
    /// group, so whoever renders this must put something there.)
    pub domain: Option<O>,
}

impl Mailbox {
    /// As a valid address, if it is one.
    pub fn address(&self) -> Option<Address> {
        let local = std::str::from_utf8(&self.local).ok()?;
        let domain = std::str::from_utf8(self.domain.as_deref()?).ok()?;
        Some(Address::new(LocalPart::from_content(local).ok()?, Domain::parse(domain).ok()?))
    }
}

/// Parses the value of an address field. Whatever it is, there is an answer; what makes no sense is
/// a mailbox without a domain.
pub fn parse_list(value: &[u8]) -> Vec<AddressItem> {
    items(value).collect()
}

/// The same, one by one.
pub fn items(value: &[u8]) -> Items<'_> {
    Items { rest: value, in_group: false, comment: None, words: Words::default() }
}

/// The valid addresses of a list, groups opened.
pub fn addresses(items: &[AddressItem]) -> impl Iterator<Item = Address> + '_ {
    items.iter().filter_map(|item| match item {
        AddressItem::Mailbox(mailbox) => mailbox.address(),
        AddressItem::GroupStart(_) | AddressItem::GroupEnd => None,
    })
}

/// Iterates over an address list; see [`items`].
#[derive(Clone, Debug)]
pub struct Items<'a> {
    rest: &'a [u8],
    in_group: bool,
    /// The last comment that was passed over.
    comment: Option<&'a [u8]>,
    /// What was read last; kept for its room.
    words: Words,
}

impl Items<'_> {
    /// Whether a group has begun and not ended.
    pub fn in_group(&self) -> bool {
        self.in_group
    }
}

impl Iterator for Items<'_> {
    type Item = AddressItem;

    fn next(&mut self) -> Option<AddressItem> {
        self.comment = None;
        loop {
            self.skip_white();
            match self.rest.first() {
                None if self.in_group => {
                    self.in_group = false;
                    return Some(AddressItem::GroupEnd);
                }
                None => return None,
                Some(b';') if self.in_group => {
                    self.advance();
                    self.in_group = false;
                    return Some(AddressItem::GroupEnd);
                }
                // A semicolon outside a group separates, as some software writes it.
                Some(b',' | b';' | b'>') => self.advance(),
                Some(b':') if self.in_group => self.advance(),
                Some(_) => return Some(self.item()),
            }
        }
    }
}

/// Words of a phrase or local part, put together as they are read.
#[derive(Clone, Default, Debug)]
struct Words {
    text: Vec<u8>,
    /// Where the last word begins, dots and what they join counted as one.
    last_at: usize,
    any: bool,
}

impl Words {
    fn clear(&mut self) {
        self.text.clear();
        self.last_at = 0;
        self.any = false;
    }

    /// A word begins whose first octet is this one, if it has one.
    fn begin(&mut self, first: Option<u8>, spaced: bool) {
        let joined = !spaced || first == Some(b'.') || self.text.ends_with(b".");
        if spaced && !self.text.is_empty() {
            self.text.push(b' ');
        }
        if !joined || self.text.is_empty() {
            self.last_at = self.text.len();
        }
        self.any = true;
    }
}

impl<'a> Items<'a> {
    fn advance(&mut self) {
        self.rest = self.rest.get(1..).unwrap_or_default();
    }

    /// Passes over white space and comments; whether there was any.
    fn skip_white(&mut self) -> bool {
        let before = self.rest.len();
        loop {
            self.rest = self.rest.trim_ascii_start();
            if self.rest.first() != Some(&b'(') {
                return self.rest.len() != before;
            }
            let behind = behind_comment(self.rest);
            let length = self.rest.len().saturating_sub(behind.len());
            self.comment = self.rest.get(..length);
            self.rest = behind;
        }
    }

    /// A mailbox or a group's beginning; the rest begins with neither white space nor a separator.
    fn item(&mut self) -> AddressItem {
        self.read_words();
        match self.rest.first() {
            Some(b':') if !self.in_group => {
                self.advance();
                self.in_group = true;
                AddressItem::GroupStart(self.words.text.as_slice().into())
            }
            Some(b'<') => {
                self.advance();
                let name = self.words.any.then(|| self.words.text.as_slice().into());
                let mailbox = Mailbox { name, ..self.angle_address() };
                self.finish(mailbox)
            }
            Some(b'@') => {
                self.advance();
                let Words { text, last_at, .. } = &self.words;
                let (name, local) = text.split_at_checked(*last_at).unwrap_or_default();
                let name = name.trim_ascii();
                let mut mailbox = Mailbox {
                    name: (!name.is_empty()).then(|| name.into()),
                    local: local.into(),
                    ..Mailbox::default()
                };
                mailbox.domain = Some(self.domain());
                self.finish(mailbox)
            }
            _ => {
                let local = self.words.text.as_slice().into();
                self.finish(Mailbox { local, ..Mailbox::default() })
            }
        }
    }

    /// The mailbox is read: passes over what is left before the next one, takes a comment as name.
    fn finish(&mut self, mut mailbox: Mailbox) -> AddressItem {
        loop {
            self.skip_white();
            match self.rest.first() {
                None | Some(b',' | b';' | b'<') => break,
                // A group in a group is none; what follows is an address of the outer one.
                Some(b':') if self.in_group => break,
                Some(b'"') => {
                    self.quoted();
                }
                Some(_) => self.advance(),
            }
        }
        if mailbox.name.is_none() {
            mailbox.name = self.comment.map(comment_text).filter(|name| !name.is_empty());
        }
        AddressItem::Mailbox(mailbox)
    }

    /// Words up to something that is none.
    fn read_words(&mut self) {
        self.words.clear();
        self.more_words();
    }

    fn more_words(&mut self) {
        let mut spaced = false;
        loop {
            match self.rest.first() {
                Some(b'"') => {
                    let quoted = self.quoted();
                    self.words.begin(quoted.first().copied(), spaced);
                    put_unquoted(quoted, &mut self.words.text);
                }
                Some(octet) if !b"<>@,:;".contains(octet) => {
                    let atom = self.atom();
                    self.words.begin(atom.first().copied(), spaced);
                    self.words.text.extend_from_slice(atom);
                }
                _ => return,
            }
            spaced = self.skip_white();
        }
    }

    /// At least one octet; specials that stop nothing else belong to it.
    fn atom(&mut self) -> &'a [u8] {
        let length = self
            .rest
            .iter()
            .position(|octet| octet.is_ascii_whitespace() || b"<>@,:;\"(".contains(octet))
            .unwrap_or(self.rest.len())
            .max(1);
        let (atom, rest) = self.rest.split_at_checked(length).unwrap_or((self.rest, &[]));
        self.rest = rest;
        atom
    }

    /// What a quoted string holds, its backslashes still in it; an open one reaches to the end.
    fn quoted(&mut self) -> &'a [u8] {
        self.advance();
        let inside = self.rest;
        loop {
            let at = memchr::memchr2(b'"', b'\\', self.rest).unwrap_or(self.rest.len());
            self.rest = self.rest.get(at..).unwrap_or_default();
            let length = inside.len().saturating_sub(self.rest.len());
            let is_escape = self.rest.first() == Some(&b'\\');
            self.rest = self.rest.get(if is_escape { 2 } else { 1 }..).unwrap_or_default();
            if !is_escape {
                return inside.get(..length).unwrap_or(inside);
            }
        }
    }

    /// `[route] addr-spec ">"`, behind the `<`.
    fn angle_address(&mut self) -> Mailbox {
        self.skip_white();
        let mut mailbox = Mailbox::default();
        if self.rest.first() == Some(&b'@') {
            mailbox.route = self.route();
        }
        self.read_words();
        // Nothing but these may stop a local part here; other specials are taken as they are.
        while matches!(self.rest.first(), Some(b':' | b'<')) {
            self.advance();
            self.more_words();
        }
        // White space around dots is obsolete syntax and means nothing (RFC 5322 §4.4).
        let local = &mut self.words.text;
        local.retain(|octet| {
            *octet != b' ' || !self.rest.starts_with(b"@") || mailbox.route.is_none()
        });
        mailbox.local = local.as_slice().into();
        if self.rest.first() == Some(&b'@') {
            self.advance();
            mailbox.domain = Some(self.domain());
        }
        while let Some(octet) = self.rest.first() {
            match octet {
                b',' | b';' => break,
                b'>' => {
                    self.advance();
                    break;
                }
                _ => self.advance(),
            }
        }
        mailbox
    }

    /// `@a,@b:`; `None` if no colon ends it, and then nothing is taken but the `@`.
    fn route(&mut self) -> Option<Octets> {
        let length = self.rest.iter().position(|octet| b":>;\"".contains(octet))?;
        if self.rest.get(length) != Some(&b':') {
            return None;
        }
        let (route, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        self.advance();
        Some(route.iter().copied().filter(|octet| !octet.is_ascii_whitespace()).collect())
    }

    /// A domain or domain literal behind the `@`, without white space and comments inside it.
    fn domain(&mut self) -> Octets {
        self.words.clear();
        self.skip_white();
        loop {
            if self.rest.first() == Some(&b'[') {
                let length = memchr::memchr(b']', self.rest)
                    .map_or(self.rest.len(), |at| at.saturating_add(1));
                let (literal, rest) = self.rest.split_at_checked(length).unwrap_or_default();
                let literal = literal.iter().filter(|octet| !octet.is_ascii_whitespace());
                self.words.text.extend(literal);
                self.rest = rest;
            } else if self.rest.first().is_some_and(|octet| !b"<>@,:;\"".contains(octet)) {
                let atom = self.atom();
                self.words.text.extend_from_slice(atom);
            } else {
                break;
            }
            let spaced = self.skip_white();
            let dotted = self.words.text.ends_with(b".") || self.rest.first() == Some(&b'.');
            if spaced && !dotted {
                break;
            }
        }
        self.words.text.as_slice().into()
    }
}

/// Appends what a quoted string holds, without its backslashes.
fn put_unquoted(quoted: &[u8], out: &mut Vec<u8>) {
    let mut rest = quoted;
    while let Some(at) = memchr::memchr(b'\\', rest) {
        out.extend_from_slice(rest.get(..at).unwrap_or_default());
        let escaped = at.saturating_add(1);
        out.extend(rest.get(escaped));
        rest = rest.get(escaped.saturating_add(1)..).unwrap_or_default();
    }
    out.extend_from_slice(rest);
}

/// What a comment says, without its parentheses and quoting.
fn comment_text(comment: &[u8]) -> Octets {
    let inner = comment.strip_prefix(b"(").unwrap_or(comment);
    let inner = inner.strip_suffix(b")").unwrap_or(inner).trim_ascii();
    let mut text = Vec::with_capacity(inner.len());
    put_unquoted(inner, &mut text);
    text.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `name|route|local|domain`, groups as `name:` and `;`, with spaces between.
    fn shown(value: &str) -> String {
        let text = |octets: &Option<Octets>| {
            octets
                .as_deref()
                .map_or("-".into(), |octets| String::from_utf8_lossy(octets).into_owned())
        };
        let items = parse_list(value.as_bytes()).into_iter().map(|item| match item {
            AddressItem::GroupStart(name) => format!("{}:", String::from_utf8_lossy(&name)),
            AddressItem::GroupEnd => ";".to_owned(),
            AddressItem::Mailbox(m) => {
                format!(
                    "[{}|{}|{}|{}]",
                    text(&m.name),
                    text(&m.route),
                    text(&Some(m.local)),
                    text(&m.domain)
                )
            }
        });
        items.collect::<Vec<_>>().join(" ")
    }

    #[track_caller]
    fn check(value: &str, expected: &str) {
        assert_eq!(shown(value), expected, "{value:?}");
    }

    #[test]
    fn rfc_5322_appendix_a() {
        check("John Doe <jdoe@machine.example>", "[John Doe|-|jdoe|machine.example]");
        check(
            "\"Joe Q. Public\" <john.q.public@example.com>",
            "[Joe Q. Public|-|john.q.public|example.com]",
        );
        check(
            "Mary Smith <mary@x.test>, jdoe@example.org, Who? <one@y.test>",
            "[Mary Smith|-|mary|x.test] [-|-|jdoe|example.org] [Who?|-|one|y.test]",
        );
        check(
            "<boss@nil.test>, \"Giant; \\\"Big\\\" Box\" <sysservices@example.net>",
            "[-|-|boss|nil.test] [Giant; \"Big\" Box|-|sysservices|example.net]",
        );
        check(
            "A Group:Ed Jones <c@a.test>,joe@where.test,John <jdoe@one.test>;",
            "A Group: [Ed Jones|-|c|a.test] [-|-|joe|where.test] [John|-|jdoe|one.test] ;",
        );
        check("Undisclosed recipients:;", "Undisclosed recipients: ;");
        check(
            "Pete(A nice \\) chap) <pete(his account)@silly.test(his host)>",
            "[Pete|-|pete|silly.test]",
        );
        check(
            "A Group(Some people)\r\n     :Chris Jones <c@(Chris's host.)public.example>,\r\n         joe@example.org,\r\n  John <jdoe@one.test> (my dear friend); (the end of the group)",
            "A Group: [Chris Jones|-|c|public.example] [-|-|joe|example.org] [John|-|jdoe|one.test] ;",
        );
        check(
            "(Empty list)(start)Hidden recipients  :(nobody(that I know))  ;",
            "Hidden recipients: ;",
        );
        check(
            "Joe Q. Public <john.q.public@example.com>",
            "[Joe Q. Public|-|john.q.public|example.com]",
        );
        check(
            "Mary Smith <@node.test:mary@example.net>, , jdoe@test  . example",
            "[Mary Smith|@node.test|mary|example.net] [-|-|jdoe|test.example]",
        );
        check("John Doe <jdoe@machine(comment).  example>", "[John Doe|-|jdoe|machine.example]");
    }

    #[test]
    fn other_forms() {
        check("gray@example.org (Terry Gray)", "[Terry Gray|-|gray|example.org]");
        check("\"a b\"@example.org", "[-|-|a b|example.org]");
        check("<\"a@b\"@example.org>", "[-|-|a@b|example.org]");
        check("a@[192.0.2.1]", "[-|-|a|[192.0.2.1]]");
        check("아리 <ari@한국.example>", "[아리|-|ari|한국.example]");
        check("=?UTF-8?Q?a?= <a@b>", "[=?UTF-8?Q?a?=|-|a|b]");
        check("<@a.example,@b.example:c@d.example>", "[-|@a.example,@b.example|c|d.example]");
        check("first . last @example.org", "[-|-|first . last|example.org]");
    }

    #[test]
    fn broken() {
        check("", "");
        check(" , ;, ", "");
        check("root", "[-|-|root|-]");
        check("John Doe jd@example.org", "[John Doe|-|jd|example.org]");
        check("<a@b", "[-|-|a|b]");
        check("a@b; c@d", "[-|-|a|b] [-|-|c|d]");
        check("a@b <c@d>", "[-|-|a|b] [-|-|c|d]");
        check("\"open <a@b>", "[-|-|open <a@b>|-]");
        check("(open <a@b>", "");
        check("g: a@b", "g: [-|-|a|b] ;");
        check("<>", "[-|-||-]");
        check("a@", "[-|-|a|]");
        check("@b", "[-|-||b]");
        check("g: h: a@b;", "g: [-|-|h|-] [-|-|a|b] ;");
    }

    #[test]
    fn addresses_of_a_list() {
        let items = parse_list(b"A <a@example.org>, g: b@EXAMPLE.org, nobody;, \"c d\"@x.example");
        let found: Vec<String> = addresses(&items).map(|address| address.to_string()).collect();
        assert_eq!(found, ["a@example.org", "b@example.org", "\"c d\"@x.example"]);
    }
}
