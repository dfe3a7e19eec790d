//! A message as a person reads it: which parts are its text, which are attached, what is shown
//! where.
//!
//! Decided from the structure alone, so it costs no reading of bodies. A message inside a message
//! is an attachment and is not looked into. What the parts hold is for the submodules to say.

mod attachment;
mod preview;
mod search;

use crate::body_structure::{Content, Part};

pub use attachment::{cid_of_url, part_by_content_id};
pub use preview::Preview;
pub use search::{SearchText, casemap_shown};

/// A part and its number, as IMAP counts (RFC 9051 §6.4.5.1).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Numbered<'a> {
    /// The part.
    pub part: &'a Part,
    /// `1.2` is `[1, 2]`.
    pub number: Vec<u32>,
}

/// The parts of a message by their use, each in the order of the message (RFC 8621 §4.1.4).
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Reading<'a> {
    /// What is shown to someone who prefers plain text: text, and pictures that stand between.
    /// Where there is no plain text, HTML.
    pub text: Vec<Numbered<'a>>,
    /// Likewise for someone who prefers HTML.
    pub html: Vec<Numbered<'a>>,
    /// What is attached, and what HTML shows by its Content-ID.
    pub attachments: Vec<Numbered<'a>>,
}

impl<'a> Reading<'a> {
    /// The reading of a message with this top-level part.
    pub fn of(root: &'a Part) -> Self {
        let mut walk = Self::default();
        let (mut text, mut html) = (Vec::new(), Vec::new());
        let top = std::slice::from_ref(root);
        let (children, kind, path) = match &root.content {
            Content::Multipart(parts) => (parts.as_slice(), Kind::of(root), Vec::new()),
            Content::Leaf | Content::Message(_) => (top, Kind::Mixed, Vec::new()),
        };
        let around = Around { kind, in_alternative: kind == Kind::Alternative, path };
        walk.parts(children, &around, Some(&mut text), Some(&mut html));
        Self { text, html, attachments: walk.attachments }
    }

    /// Goes through the parts of one multipart. `text` and `html` are the lists that still take
    /// parts here: inside an alternative, each of its branches belongs to one of them.
    fn parts<'l>(
        &mut self,
        parts: &'a [Part],
        around: &Around,
        mut text: Option<&'l mut Vec<Numbered<'a>>>,
        mut html: Option<&'l mut Vec<Numbered<'a>>>,
    ) {
        let before = (length(&text), length(&html));
        for (index, part) in parts.iter().enumerate() {
            let mut number = around.path.clone();
            number.push(u32::try_from(index).unwrap_or(u32::MAX).saturating_add(1));
            if let Content::Multipart(children) = &part.content {
                let kind = Kind::of(part);
                let in_alternative = around.in_alternative || kind == Kind::Alternative;
                let inner = Around { kind, in_alternative, path: number };
                self.parts(children, &inner, text.as_deref_mut(), html.as_deref_mut());
                continue;
            }
            let found = Numbered { part, number };
            if !is_body(part, index == 0, around.kind) {
                self.attachments.push(found);
                continue;
            }
            let (is_plain, is_html) = (is_text(part, b"plain"), is_text(part, b"html"));
            if around.kind == Kind::Alternative {
                let list = if is_plain { &mut text } else { &mut html };
                match list {
                    Some(list) if is_plain || is_html => list.push(found),
                    _ => self.attachments.push(found),
                }
                continue;
            }
            if around.in_alternative && is_plain {
                html = None;
            }
            if around.in_alternative && is_html {
                text = None;
            }
            if (text.is_none() || html.is_none()) && !is_plain && !is_html {
                self.attachments.push(found.clone());
            }
            for list in [&mut text, &mut html].into_iter().flatten() {
                list.push(found.clone());
            }
        }
        if around.kind == Kind::Alternative
            && let (Some(text), Some(html)) = (text, html)
        {
            // One of the two was not offered: the other stands for it.
            let (text_from, html_from) = (before.0, before.1);
            if text.len() == text_from {
                text.extend(html.iter().skip(html_from).cloned());
            } else if html.len() == html_from {
                html.extend(text.iter().skip(text_from).cloned());
            }
        }
    }
}

/// What is known of the multipart around a part.
struct Around {
    kind: Kind,
    in_alternative: bool,
    path: Vec<u32>,
}

/// The multiparts that matter for reading; all others are as mixed (RFC 2046 §5.1.3).
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Mixed,
    Alternative,
    Related,
}

impl Kind {
    fn of(part: &Part) -> Self {
        let is = |name: &[u8]| part.media_type.subtype.eq_ignore_ascii_case(name);
        if is(b"alternative") {
            Self::Alternative
        } else if is(b"related") {
            Self::Related
        } else {
            Self::Mixed
        }
    }
}

/// Whether a part that is no multipart is shown with the text, not beside it.
fn is_body(part: &Part, first: bool, around: Kind) -> bool {
    let attached =
        part.disposition.as_ref().is_some_and(|it| it.kind.eq_ignore_ascii_case(b"attachment"));
    let is_message = matches!(part.content, Content::Message(_));
    let is_text = is_text(part, b"plain") || is_text(part, b"html");
    let is_media = ["image", "audio", "video"].iter().any(|kind| part.media_type.is_kind(kind));
    // Of related parts only the first is shown by itself; text with a name is a file.
    let placed = || {
        let named = crate::file_name::given_file_name(part).is_some();
        first || (around != Kind::Related && (is_media || !named))
    };
    !attached && !is_message && (is_text || is_media) && placed()
}

/// By the type under which a part is shown: what cannot be taken apart is shown as text.
fn is_text(part: &Part, subtype: &[u8]) -> bool {
    let (kind, found) = part.shown_type();
    kind.eq_ignore_ascii_case(b"text") && found.eq_ignore_ascii_case(subtype)
}

fn length(list: &Option<&mut Vec<Numbered<'_>>>) -> usize {
    list.as_ref().map_or(0, |list| list.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::structure::Structure;

    /// `m(..)`, `a(..)`, `r(..)` are multiparts, words are leaves: writes the message.
    fn write(tree: &str, out: &mut String, depth: usize) {
        let Some((kind, inside)) = tree.split_once('(') else {
            let (media_type, more) = match tree {
                "plain" => ("text/plain", ""),
                "html" => ("text/html", ""),
                "image" => ("image/png", ""),
                "photo" => ("image/jpeg", "Content-Disposition: attachment\r\n"),
                "file" => ("application/pdf", ""),
                "named" => ("text/plain; name=a.txt", ""),
                "attached" => ("text/plain", "Content-Disposition: attachment\r\n"),
                "message" => ("message/rfc822", ""),
                other => panic!("no part {other}"),
            };
            out.push_str(&format!("Content-Type: {media_type}\r\n{more}\r\nX: x\r\n\r\nbody\r\n"));
            return;
        };
        let subtype = match kind {
            "a" => "alternative",
            "r" => "related",
            _ => "mixed",
        };
        out.push_str(&format!("Content-Type: multipart/{subtype}; boundary=b{depth}\r\n\r\n"));
        let (mut level, mut from) = (0, 0);
        let inside = inside.strip_suffix(')').unwrap();
        for (at, c) in inside.char_indices().chain([(inside.len(), ' ')]) {
            match c {
                '(' => level += 1,
                ')' => level -= 1,
                ' ' if level == 0 => {
                    out.push_str(&format!("--b{depth}\r\n"));
                    write(&inside[from..at], out, depth + 1);
                    from = at + 1;
                }
                _ => {}
            }
        }
        out.push_str(&format!("--b{depth}--\r\n"));
    }

    #[track_caller]
    fn check(tree: &str, text: &str, html: &str, attachments: &str) {
        let mut message = String::new();
        write(tree, &mut message, 0);
        let structure = Structure::of(message.as_bytes());
        let reading = Reading::of(&structure.body.root);
        let shown = |parts: &[Numbered<'_>]| {
            let number = |part: &Numbered<'_>| {
                assert_eq!(structure.body.part(&part.number), Some(part.part), "{tree}");
                part.number.iter().map(u32::to_string).collect::<Vec<_>>().join(".")
            };
            parts.iter().map(number).collect::<Vec<_>>().join(" ")
        };
        let found = (shown(&reading.text), shown(&reading.html), shown(&reading.attachments));
        assert_eq!(found, (text.into(), html.into(), attachments.into()), "{tree}");
    }

    #[test]
    fn readings() {
        check("plain", "1", "1", "");
        check("html", "1", "1", "");
        check("file", "", "", "1");
        check("message", "", "", "1");
        check("attached", "", "", "1");
        check("named", "1", "1", "");
        check("m(plain file)", "1", "1", "2");
        check("m(plain image plain)", "1 2 3", "1 2 3", "");
        check("m(plain named)", "1", "1", "2");
        check("m(plain message)", "1", "1", "2");
        check("a(plain html)", "1", "2", "");
        check("a(html)", "1", "1", "");
        check("a(plain)", "1", "1", "");
        check("a(plain r(html image))", "1", "2.1", "2.2");
        check("r(a(plain html) image)", "1.1", "1.2", "2");
        check("m(a(plain r(html image)) file)", "1.1", "1.2.1", "1.2.2 2");
        check("a(plain m(html file plain))", "1", "2.1", "2.2");
        check("a(plain file)", "1", "1", "2");
    }

    /// The example of RFC 8621 §4.1.4.
    #[test]
    fn rfc_8621() {
        check(
            "m(plain m(a(m(plain image plain) r(html image)) photo file message) plain)",
            "1 2.1.1.1 2.1.1.2 2.1.1.3 3",
            "1 2.1.2.1 3",
            "2.1.1.2 2.1.2.2 2.2 2.3 2.4",
        );
    }
}
