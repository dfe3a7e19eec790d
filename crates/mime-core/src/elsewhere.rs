//! Content that is not in the message: a piece of a larger one, or a name for what lies elsewhere
//! (RFC 2046 §5.2.2, §5.2.3).
//!
//! Only what the message says; nothing is fetched or put together. Senders control all of it: a
//! reader that follows such a name tells the sender that it did.

use crate::{
    Octets,
    body_structure::{MediaType, Part},
    header::{self, content, message_ids, params::param_text},
};

/// Which piece of which message a `message/partial` is (RFC 2046 §5.2.2).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Partial {
    /// What all pieces of one message have in common.
    pub id: Octets,
    /// Which piece this is, from 1.
    pub number: u32,
    /// How many there are; must be known in the last one only.
    pub total: Option<u32>,
}

impl Partial {
    /// What the type says; `None` if it is another type, or lacks what it must say.
    pub fn of(media_type: &MediaType) -> Option<Self> {
        let number = |name| {
            let digits = std::str::from_utf8(media_type.param(name)?.trim_ascii()).ok()?;
            digits.parse::<u32>().ok().filter(|number| *number > 0)
        };
        let id = media_type.param("id").filter(|id| !id.is_empty());
        let partial = Self { id: id?.into(), number: number("number")?, total: number("total") };
        let fits = partial.total.is_none_or(|total| partial.number <= total);
        (media_type.is("message", "partial") && fits).then_some(partial)
    }
}

/// Where the content of a `message/external-body` lies (RFC 2046 §5.2.3).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ExternalBody {
    /// `access-type`, in lower case: `ftp`, `local-file`, `mail-server`, `url` (RFC 2017) and others.
    pub access_type: String,
    /// `expiration`, as it stands.
    pub expiration: Option<String>,
    /// `size`, in octets.
    pub size: Option<u64>,
    /// `url`, put together of its words (RFC 2017 §3.1).
    pub url: Option<String>,
    /// The header that the content has there: Content-ID with its brackets, which it must have.
    pub content_id: Option<Octets>,
    /// The type that the content has there; `None` if it says none.
    pub media_type: Option<MediaType>,
}

impl ExternalBody {
    /// What a part says, given its body; `None` if it is of another type or has no `access-type`.
    pub fn of(part: &Part, body: &[u8]) -> Option<Self> {
        let kind = &part.media_type;
        if !kind.is("message", "external-body") {
            return None;
        }
        let text = |name| param_text(&kind.params, name).map(|found| found.value.text);
        let id = header::find(body, "Content-ID");
        let inner = header::find(body, "Content-Type");
        Some(Self {
            access_type: text("access-type")?.trim().to_lowercase(),
            expiration: text("expiration"),
            size: text("size").and_then(|digits| digits.trim().parse().ok()),
            url: text("url").map(|url| url.split_whitespace().collect()),
            content_id: id.and_then(|field| message_ids(field.value).into_iter().next()),
            media_type: inner.and_then(|field| content::parse_media_type(&field.unfolded())),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::structure::{DefectKind, Structure};

    #[test]
    fn partial_messages() {
        let check = |params: &str, expected: Option<(u32, Option<u32>)>| {
            let value = format!("Message/Partial; {params}");
            let media_type = content::parse_media_type(value.as_bytes()).unwrap();
            let found = Partial::of(&media_type).map(|it| (it.number, it.total));
            assert_eq!(found, expected, "{params}");
            let message = format!("Content-Type: {value}\r\n\r\nx");
            let bad = Structure::of(message.as_bytes()).defects;
            let named = bad.iter().any(|defect| defect.kind == DefectKind::BadPartial);
            assert_eq!(named, expected.is_none(), "{params}");
        };
        // RFC 2046 §5.2.2.
        check("number=2; total=3; id=\"oc=jpbe0M2Yt4s@thumper.bellcore.com\"", Some((2, Some(3))));
        check("number=2; id=a", Some((2, None)));
        check("number=4; total=3; id=a", None);
        check("number=0; id=a", None);
        check("number=1", None);
        check("id=a", None);
    }

    /// The example of RFC 2046 §5.2.3.7, with a body that is to be passed over.
    const EXTERNAL: &str = "\
        Content-Type: message/external-body; access-type=mail-server;\r\n \
        server=\"listserv@bogus.bitnet\"; expiration=\"Fri, 14 Jun 1991 19:13:14 -0400 (EDT)\"\r\n\r\n\
        Content-type: application/postscript\r\n\
        Content-ID: <id42@guppylake.bellcore.com>\r\n\r\n\
        get rfc-mime.doc\r\n";

    fn external(message: &str) -> (Option<ExternalBody>, Vec<DefectKind>) {
        let structure = Structure::of(message.as_bytes());
        let root = &structure.body.root;
        let start = usize::try_from(root.body.start).unwrap();
        let found = ExternalBody::of(root, message.as_bytes().get(start..).unwrap());
        (found, structure.defects.iter().map(|defect| defect.kind).collect())
    }

    #[test]
    fn external_bodies() {
        let (found, defects) = external(EXTERNAL);
        let found = found.unwrap();
        assert_eq!(defects, []);
        assert_eq!(found.access_type, "mail-server");
        assert!(found.expiration.unwrap().contains("1991"));
        assert_eq!(found.content_id.as_deref(), Some(&b"<id42@guppylake.bellcore.com>"[..]));
        assert!(found.media_type.unwrap().is("application", "postscript"));

        // RFC 2017 §3.1.
        let url = "Content-Type: message/external-body; access-type=URL;\r\n url=\"http://host/\r\n path\"\r\n\r\nContent-Type: a/b\r\n";
        let (found, defects) = external(url);
        let found = found.unwrap();
        assert_eq!((found.url.as_deref(), found.content_id), (Some("http://host/path"), None));
        assert_eq!(defects, [DefectKind::NoContentId]);
        assert_eq!(external("\r\nx").0, None);
    }

    #[test]
    fn what_lies_elsewhere_has_no_parts_here() {
        let inside = "Content-Type: message/external-body; access-type=x\r\n\r\n\
            Content-ID: <a@b>\r\nContent-Type: multipart/mixed; boundary=i\r\n\r\n--i\r\n\r\nx\r\n--i--\r\n";
        let message = format!(
            "Content-Type: multipart/mixed; boundary=o\r\n\r\n--o\r\n{inside}--o\r\n\r\nlast\r\n--o--\r\n"
        );
        let structure = Structure::of(message.as_bytes());
        assert_eq!(structure.defects, []);
        let [first, last] = structure.body.root.children() else { panic!("two parts") };
        assert_eq!(first.children(), []);
        let at = |offset| usize::try_from(offset).unwrap();
        let body = &message[at(first.body.start)..at(first.body.end)];
        assert!(body.starts_with("Content-ID") && body.ends_with("--i--"), "{body}");
        assert_eq!((last.size(), first.lines), (4, 6));
    }
}
