//! Messages and reports that were built, read back.

use mail_types::{Address, ReversePath, Timestamp};
use mime_core::{
    build::{BuiltMessage, Head, NewAttachment, NewMessage, Person},
    header::{self, date::DateTime},
    reading::{Numbered, Preview, Reading, cid_of_url, part_by_content_id},
    report::{AbuseReport, Disposed, DispositionReport, FeedbackType},
    structure::Structure,
    text::{decode_header, decode_text_part},
};
use proptest::prelude::*;

use crate::corpus::{check_ranges, slice};

fn head<'a>(from: &'a Address, subject: &'a str) -> Head<'a> {
    Head {
        from: Person { name: "홍길동, \"Hong\"", address: from },
        reply_to: &[],
        to: &[],
        cc: &[],
        subject,
        date: DateTime { at: Timestamp::from_secs(1_200_000_000), offset_minutes: 540 },
        message_id: "1@b.example",
        in_reply_to: &[],
        references: &[],
        auto_submitted: None,
    }
}

fn read(built: &BuiltMessage) -> Structure {
    let structure = Structure::of(&built.octets);
    assert_eq!(structure.defects, [], "{}", built.octets.escape_ascii());
    check_ranges(&structure, &built.octets, "built");
    structure
}

fn text(found: &Numbered<'_>, message: &[u8]) -> String {
    let body = slice(message, found.part.body.clone());
    decode_text_part(body, found.encoding(), found.part.media_type.param("charset"))
}

fn types(structure: &Structure) -> Vec<String> {
    let mut types = Vec::new();
    structure.body.root.visit(&mut |part| {
        types.push(String::from_utf8_lossy(&part.media_type.subtype).into_owned());
    });
    types
}

#[test]
fn a_message_with_everything() {
    let from = Address::parse("a@b.example").unwrap();
    let attachments = [
        NewAttachment {
            name: "회의.pdf",
            media_type: "application/pdf",
            content: b"\0\x01\xff",
            content_id: None,
        },
        NewAttachment {
            name: "x\r\nBcc: y.png",
            media_type: "image/png",
            content: b"png",
            content_id: Some("i@b"),
        },
    ];
    let message = NewMessage {
        head: head(&from, "3월 정기 회의"),
        charset: Some("euc-kr"),
        text: Some("가나다\n"),
        html: Some("<p>가나다 <img src=\"cid:i@b\">"),
        attachments: &attachments,
        boundary: "b0undary",
    };
    let built = message.build();
    assert_eq!(built, message.build());
    assert!(built.octets.is_ascii() && !built.smtputf8);
    assert!(header::find(&built.octets, "Bcc").is_none());
    let structure = read(&built);
    let expected = ["mixed", "alternative", "plain", "related", "html", "png", "pdf"];
    assert_eq!(types(&structure), expected);
    let root = &structure.body.root;
    let reading = Reading::of(root);
    assert_eq!(text(&reading.text[0], &built.octets), "가나다\r\n");
    assert_eq!(reading.text[0].part.media_type.param("charset"), Some(&b"euc-kr"[..]));
    assert!(text(&reading.html[0], &built.octets).starts_with("<p>가나다"));
    let pdf = reading.attachments.last().unwrap();
    assert_eq!(pdf.file_name().as_deref(), Some("회의.pdf"));
    let content = pdf.content(slice(&built.octets, pdf.part.body.clone()));
    assert_eq!(content, b"\0\x01\xff");
    let inline = part_by_content_id(root, &cid_of_url("cid:i@b").unwrap()).unwrap();
    assert!(inline.media_type.is("image", "png"));
    assert_eq!(Preview::of(&reading, &built.octets, 2), "가나");
}

#[test]
fn what_a_charset_lacks_is_written_in_utf_8() {
    let from = Address::parse("a@b.example").unwrap();
    for (charset, used) in [("iso-8859-1", "utf-8"), ("no-such", "utf-8"), ("koi8-r", "utf-8")] {
        let message = NewMessage {
            head: head(&from, "x"),
            charset: Some(charset),
            text: Some("가"),
            html: None,
            attachments: &[],
            boundary: "b",
        };
        let built = message.build();
        let found = read(&built).body.root.media_type.param("charset").map(<[u8]>::to_vec);
        assert_eq!(found.as_deref(), Some(used.as_bytes()), "{charset}");
    }
}

/// RFC 8098 §3.
#[test]
fn a_disposition_notification() {
    let from = Address::parse("a@b.example").unwrap();
    let mut report = DispositionReport {
        head: head(&from, "읽음"),
        text: "메일을 읽었습니다.\n",
        reporting_ua: Some("b.example; Postrider"),
        original_recipient: None,
        final_recipient: &from,
        original_message_id: Some("2@c"),
        disposed: Disposed::Displayed,
        by_person: true,
        sent_by_person: false,
        original_header: Some(b"Subject: x\r\n\r\n"),
        boundary: "b",
    };
    let built = report.build();
    let structure = read(&built);
    let root = &structure.body.root;
    assert_eq!(
        types(&structure),
        ["report", "plain", "disposition-notification", "rfc822-headers"]
    );
    let kind = root.media_type.param("report-type");
    assert_eq!(kind, Some(&b"disposition-notification"[..]));
    assert!(header::find(&built.octets, "Auto-Submitted").is_some());
    let fields = slice(&built.octets, root.children()[1].body.clone());
    assert_eq!(
        String::from_utf8_lossy(fields),
        "Reporting-UA: b.example; Postrider\r\nFinal-Recipient: rfc822; a@b.example\r\n\
         Original-Message-ID: <2@c>\r\n\
         Disposition: manual-action/MDN-sent-automatically; displayed\r\n"
    );

    // RFC 6533 §5.
    let global = Address::parse("홍@b.example").unwrap();
    report.final_recipient = &global;
    let built = report.build();
    assert!(built.smtputf8);
    assert!(types(&read(&built)).contains(&"global-disposition-notification".to_owned()));
}

/// RFC 5965 §2 and §3.
#[test]
fn an_abuse_report() {
    let from = Address::parse("a@b.example").unwrap();
    let report = AbuseReport {
        head: head(&from, "Abuse"),
        text: "This is spam.\n",
        feedback_type: FeedbackType::Abuse,
        user_agent: "Postrider/0.1",
        mail_from: Some(&ReversePath::Null),
        rcpt_to: &[&from],
        arrival: Some(Timestamp::from_secs(1_200_000_000)),
        source_ip: Some("192.0.2.1".parse().unwrap()),
        reported_domain: None,
        original: b"Subject: buy\n\nnow\n",
        header_only: false,
        boundary: "b",
    };
    let built = report.build();
    let structure = read(&built);
    let expected = ["report", "plain", "feedback-report", "rfc822", "plain"];
    assert_eq!(types(&structure), expected);
    let children = structure.body.root.children();
    assert_eq!(
        String::from_utf8_lossy(slice(&built.octets, children[1].body.clone())),
        "Feedback-Type: abuse\r\nUser-Agent: Postrider/0.1\r\nVersion: 1\r\n\
         Original-Mail-From: <>\r\nOriginal-Rcpt-To: <a@b.example>\r\n\
         Arrival-Date: Thu, 10 Jan 2008 21:20:00 +0000\r\nSource-IP: 192.0.2.1\r\n"
    );
    let original = slice(&built.octets, children[2].body.clone());
    assert_eq!(original, b"Subject: buy\r\n\r\nnow");
}

proptest! {
    #[test]
    fn what_is_built_is_read_back(
        subject in "[!-~가-힣]{1,20}( [!-~가-힣é]{1,90}){0,5}",
        body in "(\\PC{0,90}\n){0,5}",
        name in "[a-z가-힣]{1,20}\\.hwp",
        content in proptest::collection::vec(any::<u8>(), 0..300),
        charset in proptest::option::of(prop::sample::select(vec!["euc-kr", "iso-2022-jp", "koi8-r", "utf-16"])),
    ) {
        let from = Address::parse("a@b.example").unwrap();
        let attachments =
            [NewAttachment { name: &name, media_type: "x/y", content: &content, content_id: None }];
        let message = NewMessage {
            head: head(&from, &subject),
            charset,
            text: Some(&body),
            html: None,
            attachments: &attachments,
            boundary: "b0undary0b0undary",
        };
        let built = message.build();
        prop_assert!(built.octets.is_ascii());
        prop_assert!(built.octets.split(|o| *o == b'\n').all(|line| line.len() <= 999));
        let structure = read(&built);
        let found = decode_header(structure.envelope.subject.as_deref().unwrap_or_default());
        prop_assert_eq!(found, subject);
        let reading = Reading::of(&structure.body.root);
        prop_assert_eq!(text(&reading.text[0], &built.octets), body.replace('\n', "\r\n"));
        let file = &reading.attachments[0];
        prop_assert_eq!(file.file_name(), Some(name));
        prop_assert_eq!(file.content(slice(&built.octets, file.part.body.clone())), content);
    }
}
