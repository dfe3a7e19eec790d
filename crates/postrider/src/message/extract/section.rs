//! One section of a message, by the number under which IMAP addresses it (RFC 9051 §6.4.5.1).

use std::ops::Range;

use anyhow::{Context, bail};
use mime_core::{
    body_structure::{Content, Part},
    section::{Section, SectionOf},
    transfer::Encoding,
};

use crate::message::Opened;

/// Octets of a message and how they are encoded.
pub(crate) struct Piece<'a> {
    pub(crate) range: Range<u64>,
    /// Of a part that holds something, its encoding; otherwise nothing is to be decoded.
    pub(crate) encoding: Encoding,
    /// The part whose content it is.
    pub(crate) leaf: Option<&'a Part>,
}

/// `2.1`, `2.HEADER`, `2.TEXT`, `2.1.MIME`, `HEADER`, `TEXT`.
pub(crate) fn piece<'a>(opened: &'a Opened, section: &str) -> anyhow::Result<Piece<'a>> {
    let section_text = section;
    let section = parse(section).with_context(|| {
        format!("`{section_text}` is no section: it would be `2.1`, `2.HEADER`, `2.TEXT`, `2.MIME`")
    })?;
    let body = &opened.structure.body;
    let Some(range) = body.resolve(&section) else {
        bail!(
            "there is no section {section_text} in this message: `postrider message structure` \
             draws those that are"
        );
    };
    let of_content = section.of == SectionOf::Content;
    let part = body.part(&section.path).filter(|_| of_content);
    let leaf = part.filter(|part| matches!(part.content, Content::Leaf));
    let encoding = leaf.and_then(|part| part.encoding.as_deref()).unwrap_or_default();
    Ok(Piece { range, encoding: Encoding::parse(encoding), leaf })
}

fn parse(text: &str) -> Option<Section> {
    let (numbers, of) = match text.rsplit_once('.') {
        Some((numbers, word)) => (numbers, word),
        None => ("", text),
    };
    let of = match of.to_ascii_uppercase().as_str() {
        "HEADER" => SectionOf::Header,
        "TEXT" => SectionOf::Text,
        "MIME" => SectionOf::Mime,
        _ => return Some(Section { path: path(text)?, of: SectionOf::Content }),
    };
    let path = if numbers.is_empty() { Vec::new() } else { path(numbers)? };
    Some(Section { path, of })
}

fn path(text: &str) -> Option<Vec<u32>> {
    text.split('.').map(|number| number.parse().ok().filter(|number| *number > 0)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections() {
        let check = |text: &str, expected: Option<(&[u32], SectionOf)>| {
            let found = parse(text).map(|section| (section.path, section.of));
            assert_eq!(found, expected.map(|(path, of)| (path.to_vec(), of)), "{text:?}");
        };
        check("1", Some((&[1], SectionOf::Content)));
        check("2.10.3", Some((&[2, 10, 3], SectionOf::Content)));
        check("2.header", Some((&[2], SectionOf::Header)));
        check("TEXT", Some((&[], SectionOf::Text)));
        check("1.2.MIME", Some((&[1, 2], SectionOf::Mime)));
        for bad in ["", ".", "1.", ".1", "0", "1.0", "1..2", "x", "TEXT.1", "-1", "99999999999"] {
            check(bad, None);
        }
    }
}
