//! Structured Content- fields (RFC 2045 §5.1, RFC 2183 §2, RFC 3282 §2), read tolerantly.

use crate::{
    Octets,
    body_structure::{Disposition, MediaType, Param},
};

/// More parameters or tags in one field are left out.
const LIST_MAX: usize = 200;

/// A Content-Type value; `None` if it has no `type/subtype` in it.
pub fn parse_media_type(value: &[u8]) -> Option<MediaType> {
    let mut scan = Scan(value);
    scan.skip_white();
    let kind = scan.until(|octet| matches!(octet, b'/' | b';') || is_white(octet));
    scan.skip_white();
    if !scan.accept(b'/') {
        return None;
    }
    scan.skip_white();
    let subtype = scan.until(|octet| matches!(octet, b';' | b'(') || is_white(octet));
    if !is_token(kind) || !is_token(subtype) {
        return None;
    }
    Some(MediaType { kind: kind.into(), subtype: subtype.into(), params: scan.params() })
}

/// A Content-Disposition value; `None` if it is empty. One that begins with a parameter counts as
/// an attachment, as unknown ones do (RFC 2183 §2.8).
pub fn parse_disposition(value: &[u8]) -> Option<Disposition> {
    let mut scan = Scan(value);
    scan.skip_white();
    let whole = Scan(scan.0);
    let kind = scan.until(|octet| matches!(octet, b';' | b'(' | b'=') || is_white(octet));
    if scan.0.first() == Some(&b'=') {
        return Some(Disposition { kind: (*b"attachment").into(), params: whole.params() });
    }
    if kind.is_empty() {
        return None;
    }
    Some(Disposition { kind: kind.into(), params: scan.params() })
}

/// The tags of a Content-Language value.
pub fn parse_language(value: &[u8]) -> Vec<Octets> {
    let mut scan = Scan(value);
    let mut tags = Vec::new();
    while tags.len() < LIST_MAX {
        scan.skip_white();
        let tag = scan.until(|octet| matches!(octet, b',' | b'(') || is_white(octet));
        if !tag.is_empty() {
            tags.push(tag.into());
        } else if !scan.accept(b',') {
            break;
        }
    }
    tags
}

/// The first word of a value, comments passed over: a Content-Transfer-Encoding.
pub fn first_word(value: &[u8]) -> &[u8] {
    let mut scan = Scan(value);
    scan.skip_white();
    scan.until(|octet| matches!(octet, b';' | b'(' | b',') || is_white(octet))
}

struct Scan<'a>(&'a [u8]);

impl<'a> Scan<'a> {
    /// Passes over white space and comments (RFC 5322 §3.2.2).
    fn skip_white(&mut self) {
        loop {
            self.0 = self.0.trim_ascii_start();
            if self.0.first() != Some(&b'(') {
                return;
            }
            self.0 = behind_comment(self.0);
        }
    }

    fn until(&mut self, ends: impl Fn(u8) -> bool) -> &'a [u8] {
        let length = self.0.iter().position(|octet| ends(*octet)).unwrap_or(self.0.len());
        let (taken, rest) = self.0.split_at_checked(length).unwrap_or((self.0, &[]));
        self.0 = rest;
        taken
    }

    fn accept(&mut self, wanted: u8) -> bool {
        match self.0.split_first() {
            Some((first, rest)) if *first == wanted => {
                self.0 = rest;
                true
            }
            _ => false,
        }
    }

    /// `*( ";" attribute "=" value )`; semicolons may be missing, words without `=` are passed over.
    fn params(mut self) -> Vec<Param> {
        let mut params = Vec::new();
        while params.len() < LIST_MAX {
            self.skip_white();
            if self.0.is_empty() {
                break;
            }
            let name = self.until(|octet| matches!(octet, b'=' | b';' | b'(') || is_white(octet));
            self.skip_white();
            if !self.accept(b'=') {
                self.accept(b';');
                continue;
            }
            self.skip_white();
            let value = if self.accept(b'"') { self.quoted() } else { self.unquoted().into() };
            if !name.is_empty() {
                params.push(Param { name: name.into(), value });
            }
        }
        params
    }

    /// Behind an opening quote: to the closing one, or the end.
    fn quoted(&mut self) -> Octets {
        if let Some(at) = memchr::memchr2(b'"', b'\\', self.0)
            && let Some((content, [b'"', rest @ ..])) = self.0.split_at_checked(at)
        {
            self.0 = rest;
            return content.into();
        }
        let mut content = Vec::new();
        loop {
            content.extend_from_slice(self.until(|octet| matches!(octet, b'"' | b'\\')));
            let Some((first, rest)) = self.0.split_first() else { break };
            self.0 = rest;
            if *first == b'"' {
                break;
            }
            if let Some((escaped, rest)) = self.0.split_first() {
                content.push(*escaped);
                self.0 = rest;
            }
        }
        content.into()
    }

    /// A value without quotes. Much software forgets them, so white space and specials belong to
    /// it, up to `;`, a comment behind white space, or what looks like the next `name=`.
    fn unquoted(&mut self) -> &'a [u8] {
        let whole = self.0;
        loop {
            self.until(|octet| octet == b';' || is_white(octet));
            let value = whole.get(..offset_in(whole, self.0)).unwrap_or(whole);
            self.0 = self.0.trim_ascii_start();
            if matches!(self.0.first(), None | Some(b';' | b'(')) || starts_param(self.0) {
                return value;
            }
        }
    }
}

/// How far into `whole` its suffix `rest` begins.
fn offset_in(whole: &[u8], rest: &[u8]) -> usize {
    whole.len().saturating_sub(rest.len())
}

fn starts_param(text: &[u8]) -> bool {
    let length = text
        .iter()
        .position(|octet| matches!(octet, b'=' | b';' | b'"' | b'/' | b'?') || is_white(*octet))
        .unwrap_or(text.len());
    length > 0 && text.get(length) == Some(&b'=')
}

fn is_white(octet: u8) -> bool {
    octet.is_ascii_whitespace()
}

/// `token` of RFC 2045 §5.1, and octets above 127.
fn is_token(word: &[u8]) -> bool {
    !word.is_empty()
        && word
            .iter()
            .all(|octet| *octet > 32 && *octet != 127 && !b"()<>@,;:\\\"/[]?=".contains(octet))
}

/// What follows a comment that begins here; an open one reaches to the end.
pub(super) fn behind_comment(text: &[u8]) -> &[u8] {
    let mut depth = 0_usize;
    let mut octets = text.iter();
    while let Some(octet) = octets.next() {
        match octet {
            b'\\' => {
                octets.next();
            }
            b'(' => depth = depth.saturating_add(1),
            b')' => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return octets.as_slice();
                }
            }
            _ => {}
        }
    }
    &[]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(kind: &[u8], params: &[Param]) -> String {
        let text = |octets: &[u8]| String::from_utf8_lossy(octets).into_owned();
        let params = params.iter().map(|p| format!(" {}={}", text(&p.name), text(&p.value)));
        text(kind) + &params.collect::<String>()
    }

    #[test]
    fn media_types() {
        let check = |value: &str, expected: Option<&str>| {
            let found = parse_media_type(value.as_bytes())
                .map(|m| shown(&[&*m.kind, b"/", &m.subtype].concat(), &m.params));
            assert_eq!(found.as_deref(), expected, "{value:?}");
        };
        // RFC 2045 §5.1
        check("text/plain; charset=us-ascii (Plain text)", Some("text/plain charset=us-ascii"));
        check("text/plain; charset=\"us-ascii\"", Some("text/plain charset=us-ascii"));
        check("Text / HTML ;charset = UTF-8", Some("Text/HTML charset=UTF-8"));
        check("(c) text/(c)plain(c)", Some("text/plain"));
        check(
            "text/plain charset=utf-8 format=flowed",
            Some("text/plain charset=utf-8 format=flowed"),
        );
        check("a/b; name=my file (1).txt; c=d", Some("a/b name=my file c=d"));
        check("a/b; name=report(1).txt", Some("a/b name=report(1).txt"));
        check("a/b; name=\"open; c=d", Some("a/b name=open; c=d"));
        check("a/b; n=\"a\\\"b\\\\\"", Some("a/b n=a\"b\\"));
        check("a/b; n=1; n=2; =3; x; y=", Some("a/b n=1 n=2 y="));
        check("a/b;;; n=1;", Some("a/b n=1"));
        for bad in ["", "text", "text/", "/plain", "a b/c", "text/pl@in", "(text/plain"] {
            check(bad, None);
        }
    }

    #[test]
    fn dispositions() {
        let check = |value: &str, expected: Option<&str>| {
            let found = parse_disposition(value.as_bytes()).map(|d| shown(&d.kind, &d.params));
            assert_eq!(found.as_deref(), expected, "{value:?}");
        };
        check("inline", Some("inline"));
        check("attachment; filename=a.txt", Some("attachment filename=a.txt"));
        check("attachment filename=a.txt", Some("attachment filename=a.txt"));
        check("filename=a.txt", Some("attachment filename=a.txt"));
        check("", None);
        check("; filename=a", None);
    }

    #[test]
    fn lists_are_bounded() {
        let many = format!("a/b{}", ";n=1".repeat(1000));
        assert_eq!(parse_media_type(many.as_bytes()).unwrap().params.len(), LIST_MAX);
        assert_eq!(parse_language(&b"ko,".repeat(1000)).len(), LIST_MAX);
    }
}
