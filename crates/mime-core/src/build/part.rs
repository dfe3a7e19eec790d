//! The parts of a new message, each in the shortest encoding that every host takes.

use crate::{
    header::{
        content::parse_media_type,
        write::{put_ids, put_line},
    },
    text::encode_param,
    transfer::{Base64Encoder, QuotedPrintableEncoder},
};

use super::NewAttachment;

/// Header and encoded body of a part.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct NewPart {
    header: String,
    body: Vec<u8>,
    eight_bit: bool,
}

impl NewPart {
    /// Text in a charset, or in UTF-8 if that has not all its characters.
    pub(crate) fn text(subtype: &str, text: &str, charset: Option<&str>) -> Self {
        let known = charset.and_then(|label| encoding_rs::Encoding::for_label(label.as_bytes()));
        let encoding = known.unwrap_or(encoding_rs::UTF_8).output_encoding();
        let lines = with_crlf(text);
        let (octets, used, lossy) = encoding.encode(&lines);
        let (octets, used) = match lossy {
            false => (octets, used),
            true => (lines.as_bytes().into(), encoding_rs::UTF_8),
        };
        let label = if octets.is_ascii() && lines.is_ascii() { "us-ascii" } else { used.name() };
        let media_type = format!("text/{subtype}; charset={}", label.to_ascii_lowercase());
        Self::encoded(format!("Content-Type: {media_type}\r\n"), &octets, true)
    }

    /// A file, attached or inline (RFC 2183 §2).
    pub(crate) fn attachment(it: &NewAttachment<'_>) -> Self {
        let parsed = parse_media_type(it.media_type.as_bytes())
            .filter(|parsed| parsed.kind.is_ascii() && parsed.subtype.is_ascii());
        let media_type = match &parsed {
            // A message or multipart takes no encoding, so it would have to be of seven bits.
            Some(kind) if !kind.is_kind("message") && !kind.is_kind("multipart") => {
                let text = |octets: &[u8]| String::from_utf8_lossy(octets).into_owned();
                format!("{}/{}", text(&kind.kind), text(&kind.subtype))
            }
            _ => "application/octet-stream".to_owned(),
        };
        let name: String = it.name.chars().map(|c| if c.is_control() { '_' } else { c }).collect();
        let mut header = format!("Content-Type: {media_type}\r\n");
        let kind = if it.content_id.is_some() { "inline" } else { "attachment" };
        let filename = encode_param("filename", &name);
        put_line(&mut header, "Content-Disposition", &format!("{kind};\r\n {filename}"));
        put_ids(&mut header, "Content-ID", it.content_id);
        Self::encoded(header, it.content, false)
    }

    /// A part whose octets go as they are. Lines must end in CRLF.
    pub(crate) fn verbatim(media_type: &str, body: &[u8]) -> Self {
        Self::labelled(media_type, body.to_vec(), !body.is_ascii())
    }

    /// The same, where it is known that octets above 127 are in it, or will be put into it.
    pub(crate) fn labelled(media_type: &str, body: Vec<u8>, eight_bit: bool) -> Self {
        let mut part = Self { header: format!("Content-Type: {media_type}\r\n"), body, eight_bit };
        part.label();
        part
    }

    fn label(&mut self) {
        if self.eight_bit {
            put_line(&mut self.header, "Content-Transfer-Encoding", "8bit");
        }
    }

    /// Whether there are octets above 127 in its body.
    pub(crate) fn is_eight_bit(&self) -> bool {
        self.eight_bit
    }

    /// Text passes if it is plain; else what is shorter of quoted-printable and base64.
    fn encoded(mut header: String, content: &[u8], is_text: bool) -> Self {
        let is_plain = content.is_ascii()
            && !content.contains(&0)
            && content.split(|octet| *octet == b'\n').all(|line| line.len() <= 79);
        if is_text && is_plain {
            return Self { header, body: content.to_vec(), eight_bit: false };
        }
        let (mut quoted, mut base64) = (Vec::new(), Vec::new());
        let mut encoder = Base64Encoder::default();
        encoder.push(content, &mut base64);
        encoder.finish(&mut base64);
        if is_text {
            let mut encoder = QuotedPrintableEncoder::default();
            encoder.push(content, &mut quoted);
            encoder.finish(&mut quoted);
        }
        let quotes = is_text && quoted.len() <= base64.len();
        let name = if quotes { "quoted-printable" } else { "base64" };
        put_line(&mut header, "Content-Transfer-Encoding", name);
        Self { header, body: if quotes { quoted } else { base64 }, eight_bit: false }
    }

    /// Whether a header in it is not ASCII.
    pub(crate) fn needs_smtputf8(&self) -> bool {
        !self.header.is_ascii()
    }

    /// Appends header, blank line and body.
    pub(crate) fn put(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.header.as_bytes());
        out.extend_from_slice(b"\r\n");
        out.extend_from_slice(&self.body);
    }
}

/// The parts in a multipart of this subtype, its parameters included; a single one stays alone.
pub(crate) fn multipart(
    subtype: &str,
    mut parts: Vec<NewPart>,
    boundary: &mut impl FnMut() -> String,
) -> NewPart {
    match (parts.pop(), parts.is_empty()) {
        (Some(only), true) => return only,
        (last, _) => parts.extend(last),
    }
    let boundary = boundary();
    let header = format!("Content-Type: multipart/{subtype};\r\n boundary=\"{boundary}\"\r\n");
    let mut body = Vec::new();
    for part in &parts {
        body.extend_from_slice(format!("--{boundary}\r\n").as_bytes());
        part.put(&mut body);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
    let mut whole = NewPart { header, body, eight_bit: parts.iter().any(NewPart::is_eight_bit) };
    whole.label();
    whole
}

/// Every line end as CRLF.
fn with_crlf(text: &str) -> String {
    text.replace("\r\n", "\n").replace('\r', "\n").replace('\n', "\r\n")
}
