//! The parts of a message in a row, each with its place: its section number as IMAP addresses it
//! (RFC 9051 §6.4.5.1), and the branches to draw before it.

use mime_core::{
    BodyStructure, Envelope,
    body_structure::{Content, Part},
    file_name::{given_file_name, safe_file_name},
    reading::Numbered,
    text::decode_header,
    transfer::Encoding,
};

use super::opened::section_of;

/// A part in its place.
pub(crate) struct Placed<'a> {
    pub(crate) part: &'a Part,
    /// `2.1`; `TEXT` of a message whose body is a multipart, such as `2.TEXT`.
    pub(crate) section: String,
    /// `│  └─ `
    pub(crate) branches: String,
    /// The envelope fields of the message that this is the body of, if it is not the outermost.
    pub(crate) envelope: Option<&'a Envelope>,
}

/// The charset parameter as written, if it says anything.
pub(crate) fn charset_of(part: &Part) -> Option<String> {
    let charset = part.media_type.param("charset").filter(|label| !label.is_empty())?;
    Some(String::from_utf8_lossy(charset).into_owned())
}

/// All parts in the order of the message.
pub(crate) fn all(body: &BodyStructure) -> Vec<Placed<'_>> {
    let mut found = Vec::new();
    message(&body.root, "", None, "", &mut found);
    found
}

impl<'a> Placed<'a> {
    /// One part by itself.
    pub(crate) fn of(numbered: &Numbered<'a>) -> Self {
        let section = section_of(numbered);
        Self { part: numbered.part, section, branches: String::new(), envelope: None }
    }

    /// `text/plain`, in lower case.
    pub(crate) fn media_type(&self) -> String {
        let kind = String::from_utf8_lossy(&self.part.media_type.kind);
        let subtype = String::from_utf8_lossy(&self.part.media_type.subtype);
        format!("{kind}/{subtype}").to_ascii_lowercase()
    }

    pub(crate) fn is_leaf(&self) -> bool {
        matches!(self.part.content, Content::Leaf)
    }

    /// The transfer encoding in its usual spelling, as written if it has none; `None` if not said.
    pub(crate) fn encoding_name(&self) -> Option<String> {
        let written = self.part.encoding.as_deref()?;
        Some(String::from_utf8_lossy(written).to_ascii_lowercase())
    }

    pub(crate) fn encoding(&self) -> Encoding {
        Encoding::parse(self.part.encoding.as_deref().unwrap_or_default())
    }

    /// The charset parameter as written.
    pub(crate) fn charset(&self) -> Option<String> {
        charset_of(self.part)
    }

    /// The file name, decoded and made safe.
    pub(crate) fn name(&self) -> Option<String> {
        given_file_name(self.part).and_then(|given| safe_file_name(&given.text))
    }

    /// The subject of the message that it holds, decoded.
    pub(crate) fn inner_subject(&self) -> Option<String> {
        let Content::Message(message) = &self.part.content else { return None };
        let subject = decode_header(message.envelope.subject.as_deref()?);
        (!subject.trim().is_empty()).then_some(subject)
    }

    /// `inline`, `attachment` or another word, in lower case.
    pub(crate) fn disposition(&self) -> Option<String> {
        let disposition = self.part.disposition.as_ref()?;
        Some(String::from_utf8_lossy(&disposition.kind).to_ascii_lowercase())
    }
}

/// The body of a message whose number is `number` and a dot, nothing for the outermost.
fn message<'a>(
    root: &'a Part,
    number: &str,
    envelope: Option<&'a Envelope>,
    branches: &str,
    found: &mut Vec<Placed<'a>>,
) {
    let section = match &root.content {
        Content::Multipart(_) => format!("{number}TEXT"),
        // Of a message that is no multipart, the body is part 1.
        Content::Leaf | Content::Message(_) => format!("{number}1"),
    };
    let inside = match &root.content {
        Content::Multipart(_) => number.to_owned(),
        Content::Leaf | Content::Message(_) => format!("{section}."),
    };
    found.push(Placed { part: root, section, branches: branches.to_owned(), envelope });
    below(root, &inside, branches, found);
}

/// What is inside a part whose number is `number` and a dot.
fn below<'a>(part: &'a Part, number: &str, branches: &str, found: &mut Vec<Placed<'a>>) {
    // The part's own branch goes on above what is inside, or ends.
    let trunk = branches.replace("├─ ", "│  ").replace("└─ ", "   ");
    match &part.content {
        Content::Leaf => {}
        Content::Message(inner) => {
            let branches = format!("{trunk}└─ ");
            message(&inner.part, number, Some(&inner.envelope), &branches, found);
        }
        Content::Multipart(parts) => {
            for (index, child) in parts.iter().enumerate() {
                let last = index.saturating_add(1) == parts.len();
                let section = format!("{number}{}", index.saturating_add(1));
                let branches = format!("{trunk}{}", if last { "└─ " } else { "├─ " });
                let inside = format!("{section}.");
                found.push(Placed {
                    part: child,
                    section,
                    branches: branches.clone(),
                    envelope: None,
                });
                below(child, &inside, &branches, found);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use mime_core::structure::Structure;

    use super::*;

    #[track_caller]
    fn check(message: &str, expected: &[&str]) {
        let structure = Structure::of(message.as_bytes());
        let placed = all(&structure.body);
        let drawn: Vec<String> = placed
            .iter()
            .map(|it| format!("{}{} {}", it.branches, it.section, it.media_type()))
            .collect();
        assert_eq!(drawn, expected);
        // A number finds the same part as IMAP would.
        for it in placed.iter().filter(|it| !it.section.ends_with("TEXT")) {
            let path: Vec<u32> = it.section.split('.').map(|n| n.parse().unwrap()).collect();
            assert_eq!(structure.body.part(&path), Some(it.part), "{}", it.section);
        }
    }

    #[test]
    fn sections_and_branches() {
        check("\r\nx", &["1 text/plain"]);
        check(
            "Content-Type: message/rfc822\r\n\r\nSubject: x\r\n\r\ny",
            &["1 message/rfc822", "└─ 1.1 text/plain"],
        );
        let multipart = |boundary: &str, parts: &[&str]| {
            let head = format!("Content-Type: multipart/mixed; boundary={boundary}\r\n\r\n");
            let parts = parts.iter().map(|part| format!("--{boundary}\r\n{part}\r\n"));
            head + &parts.collect::<String>() + &format!("--{boundary}--\r\n")
        };
        let inner = multipart("b", &["\r\nx", "\r\ny"]);
        let message = format!("Content-Type: message/rfc822\r\n\r\n{inner}");
        check(
            &multipart("a", &["\r\nx", &message, &inner]),
            &[
                "TEXT multipart/mixed",
                "├─ 1 text/plain",
                "├─ 2 message/rfc822",
                "│  └─ 2.TEXT multipart/mixed",
                "│     ├─ 2.1 text/plain",
                "│     └─ 2.2 text/plain",
                "└─ 3 multipart/mixed",
                "   ├─ 3.1 text/plain",
                "   └─ 3.2 text/plain",
            ],
        );
    }
}
