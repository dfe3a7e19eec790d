//! What an attachment is called and holds, and which part HTML means by `cid:`.

use super::Numbered;
use crate::{
    body_structure::Part,
    file_name::{given_file_name, safe_file_name},
    transfer::{Decoder, Encoding},
};

impl Numbered<'_> {
    /// The name to save it under; `None` if it has none that is of use.
    pub fn file_name(&self) -> Option<String> {
        given_file_name(self.part).and_then(|given| safe_file_name(&given.text))
    }

    /// About how many octets it holds once decoded, from its size alone: exact for what is not
    /// encoded, and within three octets for base64 in whole lines.
    pub fn about_octets(&self) -> u64 {
        let size = self.part.size();
        let characters = size.saturating_sub(self.part.lines.saturating_mul(2));
        match self.encoding() {
            Encoding::Base64 => characters.saturating_mul(3) / 4,
            _ => size,
        }
    }

    /// What it holds, decoded, given its body's octets.
    pub fn content(&self, body: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(body.len());
        let mut decoder = Decoder::new(self.encoding());
        decoder.push(body, &mut out);
        decoder.finish(&mut out);
        out
    }

    /// Exactly how many octets that is. Nothing of it is kept.
    pub fn content_octets(&self, body: &[u8]) -> u64 {
        const PIECE: usize = 64 * 1024;
        let mut decoder = Decoder::new(self.encoding());
        let (mut count, mut decoded) = (0_usize, Vec::new());
        for piece in body.chunks(PIECE) {
            decoded.clear();
            decoder.push(piece, &mut decoded);
            count = count.saturating_add(decoded.len());
        }
        decoded.clear();
        decoder.finish(&mut decoded);
        u64::try_from(count.saturating_add(decoded.len())).unwrap_or(u64::MAX)
    }

    /// Its Content-Transfer-Encoding.
    pub fn encoding(&self) -> Encoding {
        Encoding::parse(self.part.encoding.as_deref().unwrap_or_default())
    }
}

/// The content id that a URL `cid:..` names (RFC 2392 §2); `None` for other URLs.
pub fn cid_of_url(url: &str) -> Option<Vec<u8>> {
    let (scheme, rest) = url.trim().split_at_checked(4)?;
    let mut id = Vec::new();
    crate::header::params::percent_decode(rest.as_bytes(), &mut id);
    scheme.eq_ignore_ascii_case("cid:").then_some(id)
}

/// The first part with this content id, angle brackets or not. Parts of inner messages have their
/// own names and are not looked at.
pub fn part_by_content_id<'a>(root: &'a Part, id: &[u8]) -> Option<&'a Part> {
    let wanted = bare(id);
    let is_it = |part: &Part| part.id.as_deref().is_some_and(|id| bare(id) == wanted);
    let mut open = vec![root];
    while let Some(part) = open.pop() {
        if is_it(part) && !wanted.is_empty() {
            return Some(part);
        }
        open.extend(part.children().iter().rev());
    }
    None
}

fn bare(id: &[u8]) -> &[u8] {
    let id = id.trim_ascii();
    let id = id.strip_prefix(b"<").unwrap_or(id);
    id.strip_suffix(b">").unwrap_or(id).trim_ascii()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{reading::Reading, structure::Structure};

    const MESSAGE: &str = "Content-Type: multipart/related; boundary=b\r\n\r\n\
        --b\r\nContent-Type: text/html\r\n\r\n<img src=\"cid:a%25b@c\">\r\n\
        --b\r\nContent-Type: image/png; name=\"../x.png\"\r\nContent-ID: <a%b@c>\r\n\
        Content-Transfer-Encoding: base64\r\n\r\nAAECAwQFBgcI\r\nCQoL\r\n\r\n\
        --b\r\nContent-Type: message/rfc822\r\n\r\nContent-ID: <in@c>\r\n\r\n\r\n--b--\r\n";

    #[test]
    fn attachments() {
        let structure = Structure::of(MESSAGE.as_bytes());
        let reading = Reading::of(&structure.body.root);
        let image = &reading.attachments[0];
        assert_eq!(image.file_name().as_deref(), Some("x.png"));
        let body = &image.part.body;
        let at = |offset| usize::try_from(offset).unwrap();
        let content = image.content(&MESSAGE.as_bytes()[at(body.start)..at(body.end)]);
        assert_eq!(content, (0..12).collect::<Vec<u8>>());
        assert_eq!(image.content_octets(&MESSAGE.as_bytes()[at(body.start)..at(body.end)]), 12);
        assert!(image.about_octets().abs_diff(12) <= 3);
        assert_eq!(reading.attachments[1].file_name(), None);
    }

    #[test]
    fn content_ids() {
        let structure = Structure::of(MESSAGE.as_bytes());
        let root = &structure.body.root;
        let id = cid_of_url("CID:a%25b@c").unwrap();
        assert_eq!(id, b"a%b@c");
        assert_eq!(part_by_content_id(root, &id), root.children().get(1));
        assert_eq!(part_by_content_id(root, b"<a%b@c>"), root.children().get(1));
        assert_eq!(part_by_content_id(root, b"in@c"), None);
        assert_eq!(part_by_content_id(root, b""), None);
        assert_eq!(cid_of_url("http://x"), None);
        assert_eq!(cid_of_url("ci"), None);
    }
}
