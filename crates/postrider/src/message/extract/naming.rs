//! What a file is called whose sender gave it no name, and how names are told apart.

use mime_core::file_name::safe_file_name;

use crate::{message::placed::Placed, terminal};

/// How many files of one name there may be.
pub(super) const NUMBERS: u32 = 10_000;
/// Of a subject, so much becomes a name.
const SUBJECT_COLUMNS: usize = 60;

/// Extensions by type, where the subtype is none.
const EXTENSIONS: [(&str, &str); 26] = [
    ("application/gzip", "gz"),
    ("application/json", "json"),
    ("application/ms-tnef", "dat"),
    ("application/msword", "doc"),
    ("application/pdf", "pdf"),
    ("application/pgp-keys", "asc"),
    ("application/pgp-signature", "asc"),
    ("application/pkcs7-mime", "p7m"),
    ("application/pkcs7-signature", "p7s"),
    ("application/x-pkcs7-mime", "p7m"),
    ("application/x-pkcs7-signature", "p7s"),
    ("application/xml", "xml"),
    ("application/zip", "zip"),
    ("audio/mpeg", "mp3"),
    ("audio/ogg", "ogg"),
    ("image/gif", "gif"),
    ("image/jpeg", "jpg"),
    ("image/jpg", "jpg"),
    ("image/png", "png"),
    ("image/svg+xml", "svg"),
    ("image/tiff", "tif"),
    ("image/webp", "webp"),
    ("text/calendar", "ics"),
    ("text/html", "html"),
    ("text/vcard", "vcf"),
    ("video/mp4", "mp4"),
];

/// The name of a part's file: its own, or the subject of a message, or its section.
pub(super) fn of(placed: &Placed<'_>) -> String {
    if let Some(name) = placed.name() {
        return name;
    }
    let subject = placed.inner_subject();
    let subject = subject.as_deref().map(|text| terminal::shortened(text, SUBJECT_COLUMNS));
    // A subject is no path: its slashes are marks like others.
    let subject = subject.and_then(|text| safe_file_name(&text.replace(['/', '\\'], "_")));
    match subject {
        Some(subject) => format!("{subject}.eml"),
        None => format!("part-{}.{}", placed.section, extension(&placed.media_type())),
    }
}

fn extension(media_type: &str) -> &'static str {
    let known = EXTENSIONS.iter().find(|(known, _)| *known == media_type);
    match (known, media_type) {
        (Some((_, extension)), _) => extension,
        (None, "message/rfc822" | "message/global") => "eml",
        (None, it) if it.starts_with("text/") || it.starts_with("message/") => "txt",
        (None, _) => "bin",
    }
}

/// `name.txt`, then `name-2.txt` and so on.
pub(super) fn numbered(name: &str, number: u32) -> String {
    if number <= 1 {
        return name.to_owned();
    }
    match name.rsplit_once('.') {
        Some((stem, extension)) if !stem.is_empty() => format!("{stem}-{number}.{extension}"),
        _ => format!("{name}-{number}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{Opened, Source};

    #[test]
    fn numbers() {
        assert_eq!(numbered("a.txt", 1), "a.txt");
        assert_eq!(numbered("a.txt", 2), "a-2.txt");
        assert_eq!(numbered("a.tar.gz", 3), "a.tar-3.gz");
        assert_eq!(numbered("a", 2), "a-2");
    }

    #[test]
    fn names() {
        let check = |message: &str, expected: &str| {
            let opened = Opened::read(Source::of(message.as_bytes().to_vec())).unwrap();
            let placed = opened.placed();
            assert_eq!(of(&placed[0]), expected, "{message:?}");
        };
        check("Content-Type: image/png; name=\"../x.png\"\r\n\r\n", "x.png");
        check("Content-Type: IMAGE/PNG\r\n\r\n", "part-1.png");
        check("Content-Type: message/delivery-status\r\n\r\n", "part-1.txt");
        check("Content-Type: application/x-nobody\r\n\r\n", "part-1.bin");
        let message = "Content-Type: message/rfc822\r\n\r\n";
        check(&format!("{message}Subject: Re: a/../b\r\n\r\n"), "Re_ a_.._b.eml");
        check(&format!("{message}From: a\r\n\r\n"), "part-1.eml");
    }
}
