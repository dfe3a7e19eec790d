//! Messages built from any text are read back as they were meant, whatever it holds.

use mail_types::{Address, ReversePath, Timestamp};
use mime_core::{
    build::{AutoReply, Head, NewAttachment, NewMessage, Person, may_reply},
    file_name::safe_file_name,
    header::{self, address::AddressItem, date::DateTime},
    reading::Reading,
    structure::{DefectKind, Structure},
    text::{decode_header, decode_text_part},
    transfer::Encoding,
};

const DATE: DateTime = DateTime { at: Timestamp::from_secs(1_200_000_000), offset_minutes: 540 };

pub(crate) fn check(octets: &[u8]) {
    // The pieces of the input, between octets that are never in UTF-8.
    let mut pieces = octets.split(|octet| *octet == 0xff);
    let mut raw = || pieces.next().unwrap_or_default();
    let mut text = || String::from_utf8_lossy(raw()).into_owned();
    let (subject, name, plain, html) = (text(), text(), text(), text());
    let (charset, id, file_name, media_type) = (text(), text(), text(), text());
    let content = raw();
    let from = Address::parse("a@b.example").unwrap();
    let person = Person { name: &name, address: &from };
    let attachments =
        [NewAttachment { name: &file_name, media_type: &media_type, content, content_id: None }];
    let message = NewMessage {
        head: Head {
            from: person,
            reply_to: &[],
            to: &[person, person],
            cc: &[],
            subject: &subject,
            date: DATE,
            message_id: "1@b.example",
            in_reply_to: &[&id],
            references: &[&id, "2@b.example"],
            auto_submitted: None,
        },
        charset: Some(&charset),
        text: Some(&plain),
        html: Some(&html),
        attachments: &attachments,
        boundary: "q4Zt9Xw2Lk8Vb3Nm6Rc1Hs7Jd5Fg0PyTe",
    };
    let built = message.build();
    assert!(built.octets.is_ascii() || built.smtputf8);
    let built = built.octets;
    assert!(built.split(|octet| *octet == b'\n').all(|line| line.len() <= 999));
    let structure = structure_of(&built);
    let names: Vec<_> = header::fields(&built[..header::header_length(&built)])
        .map(|field| String::from_utf8_lossy(field.name).into_owned())
        .collect();
    let expected = [
        "From",
        "To",
        "Subject",
        "Date",
        "Message-ID",
        "In-Reply-To",
        "References",
        "MIME-Version",
        "Content-Type",
    ];
    assert!(names.iter().all(|name| expected.contains(&name.as_str())), "{names:?}");
    if !subject.contains(|c: char| c.is_control() || c == '\u{feff}') {
        let found = decode_header(structure.envelope.subject.as_deref().unwrap_or_default());
        assert_eq!(found, subject.trim_matches([' ', '\t']));
    }
    assert_eq!(structure.envelope.to.len(), 2);
    let AddressItem::Mailbox(mailbox) = &structure.envelope.from[0] else { panic!("a group") };
    assert_eq!(mailbox.address(), Some(from.clone()));

    let reading = Reading::of(&structure.body.root);
    let part = &reading.text[0];
    let body = &built[part.part.body.start as usize..part.part.body.end as usize];
    let found = decode_text_part(body, part.encoding(), part.part.media_type.param("charset"));
    let lines = plain.replace("\r\n", "\n").replace('\r', "\n").replace('\n', "\r\n");
    // Text with escapes of ISO 2022 is taken for such text, whatever it was.
    if charset.is_empty() && !lines.contains(['\u{feff}', '\u{1b}', '\u{e}']) {
        assert_eq!(found, lines);
    }
    let file = &reading.attachments[0];
    let body = &built[file.part.body.start as usize..file.part.body.end as usize];
    assert_eq!(file.content(body), content);
    assert_eq!(file.encoding(), Encoding::Base64);
    // What looks like an encoded word is read as one, because senders write file names so.
    if !file_name.contains(char::is_control) && !file_name.contains("=?") {
        assert_eq!(file.file_name(), safe_file_name(&file_name));
    }

    // The input as the header of what is answered by itself.
    let sender = ReversePath::Address(from.clone());
    if let Ok(to) = may_reply(&sender, octets) {
        let reply = AutoReply {
            from: person,
            to,
            original_header: octets,
            subject: None,
            text: &plain,
            date: DATE,
            message_id: "3@b.example",
        };
        let structure = structure_of(&reply.build().octets);
        assert_eq!(structure.envelope.to.len(), 1);
    }
}

/// Nothing is wrong with what was built. Only an identifier may be 8-bit, and its caller is told.
fn structure_of(built: &[u8]) -> Structure {
    let structure = Structure::of(built);
    assert!(structure.defects.iter().all(|defect| defect.kind == DefectKind::EightBitHeader));
    structure
}
