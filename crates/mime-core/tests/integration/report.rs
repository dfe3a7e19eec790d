//! Reports read back.

use mail_types::{Address, Domain, OriginalRecipient, Reply, Timestamp};
use mime_core::{
    header,
    report::{Action, DeliveryReport, Language, RecipientReport, Returned},
    structure::Structure,
};

use crate::corpus::{check_ranges, slice};

const ORIGINAL: &[u8] =
    b"From: a@x.example\r\nSubject: =?EUC-KR?B?vsiz58fPvLy/5C4=?=\r\n\r\nbody\r\n";

fn report(to: &str, returned: Returned<'_>, content: &[u8]) -> (Vec<u8>, bool, bool) {
    report_in(&[Language::English], to, returned, content)
}

fn report_in(
    languages: &[Language],
    to: &str,
    returned: Returned<'_>,
    content: &[u8],
) -> (Vec<u8>, bool, bool) {
    let mta = Domain::parse("mx.example.org").unwrap();
    let to = Address::parse(to).unwrap();
    let gone = Address::parse("gone@example.net").unwrap();
    let late = Address::parse("late@example.net").unwrap();
    let original = OriginalRecipient::new("rfc822", "old@example.net").unwrap();
    let reply: Reply = "550 5.1.1 no such\u{fffd} mailbox".parse().unwrap();
    let recipients = [
        RecipientReport {
            address: &gone,
            original: Some(&original),
            action: Action::Failed,
            status: "5.1.1".parse().unwrap(),
            text: "the host of the recipient refused it\r\nBcc: x",
            remote_mta: Some("mx.example.net"),
            reply: Some(&reply),
            last_attempt: Some(Timestamp::from_secs(1_200_000_000)),
        },
        RecipientReport {
            address: &late,
            original: None,
            action: Action::Delayed(Some(Timestamp::from_secs(1_200_100_000))),
            status: "4.4.1".parse().unwrap(),
            text: "no host answers",
            remote_mta: None,
            reply: None,
            last_attempt: None,
        },
    ];
    let report = DeliveryReport {
        reporting_mta: &mta,
        to: &to,
        date: Timestamp::from_secs(1_200_000_001),
        message_id: "1@mx.example.org",
        boundary: "b0undary",
        envelope_id: Some("QQ314159"),
        arrival: Timestamp::from_secs(1_199_999_999),
        deliver_by: Some(Timestamp::from_secs(1_200_000_000)),
        hold_request: Some("for;3600"),
        languages,
        recipients: &recipients,
    };
    let built = report.build(returned);
    let mut message = built.head;
    message.extend_from_slice(content);
    message.extend_from_slice(&built.tail);
    (message, built.eight_bit, built.smtputf8)
}

fn body(message: &[u8], index: usize) -> String {
    let structure = Structure::of(message);
    let part = &structure.body.root.children()[index];
    String::from_utf8(slice(message, part.body.clone()).to_vec()).unwrap()
}

#[test]
fn a_failure_with_the_header() {
    let (message, eight_bit, smtputf8) = report("a@x.example", Returned::Headers(ORIGINAL), b"");
    let structure = Structure::of(&message);
    assert_eq!(structure.defects, []);
    check_ranges(&structure, &message, "report");
    let root = &structure.body.root;
    assert!(root.media_type.is("multipart", "report"));
    assert_eq!(root.media_type.param("report-type"), Some(&b"delivery-status"[..]));
    let types: Vec<_> = root
        .children()
        .iter()
        .map(|part| String::from_utf8_lossy(&part.media_type.subtype).into_owned())
        .collect();
    assert_eq!(types, ["plain", "delivery-status", "rfc822-headers"]);
    assert_eq!((eight_bit, smtputf8), (true, false), "the subject is shown in UTF-8");
    assert!(header::find(&message, "Bcc").is_none());
    assert_eq!(&*header::find(&message, "Auto-Submitted").unwrap().unfolded(), b"auto-replied");

    let text = body(&message, 0);
    assert!(text.contains("안녕하세요."), "{text}");
    assert!(
        text.contains("<gone@example.net>") && text.contains("mx.example.net said: 550"),
        "{text}"
    );
    assert_eq!(body(&message, 2), "From: a@x.example\r\nSubject: =?EUC-KR?B?vsiz58fPvLy/5C4=?=");

    // RFC 3464 §2: fields of the message, then of each recipient, with blank lines between.
    let status = body(&message, 1);
    let blocks: Vec<&str> = status.split("\r\n\r\n").collect();
    assert_eq!(blocks.len(), 3, "{status}");
    let field = |block: usize, name| {
        header::find(blocks[block].as_bytes(), name)
            .map(|f| String::from_utf8(f.unfolded().into_owned()).unwrap())
    };
    assert_eq!(field(0, "Reporting-MTA").as_deref(), Some("dns; mx.example.org"));
    assert_eq!(field(0, "Original-Envelope-Id").as_deref(), Some("QQ314159"));
    assert_eq!(field(0, "Deliver-By-Date").as_deref(), Some("Thu, 10 Jan 2008 21:20:00 +0000"));
    assert_eq!(field(0, "Future-Release-Request").as_deref(), Some("for;3600"), "RFC 4865 §5.1.2");
    assert_eq!(field(1, "Original-Recipient").as_deref(), Some("rfc822; old@example.net"));
    assert_eq!(field(1, "Final-Recipient").as_deref(), Some("rfc822; gone@example.net"));
    assert_eq!(field(1, "Action").as_deref(), Some("failed"));
    assert_eq!(field(1, "Status").as_deref(), Some("5.1.1"));
    assert_eq!(field(1, "Remote-MTA").as_deref(), Some("dns; mx.example.net"));
    assert_eq!(field(1, "Diagnostic-Code").as_deref(), Some("smtp; 550 5.1.1 no such? mailbox"));
    assert_eq!(field(2, "Action").as_deref(), Some("delayed"));
    assert_eq!(field(2, "Will-Retry-Until").as_deref(), Some("Sat, 12 Jan 2008 01:06:40 +0000"));
}

#[test]
fn the_whole_message_between_head_and_tail() {
    let returned = Returned::Full { header: ORIGINAL, eight_bit: false };
    let (message, _, _) = report("a@x.example", returned, ORIGINAL);
    let structure = Structure::of(&message);
    assert_eq!(structure.defects, []);
    let inner = &structure.body.root.children()[2];
    assert_eq!(slice(&message, inner.body.clone()), ORIGINAL);
}

#[test]
fn an_address_in_utf_8() {
    let (message, eight_bit, smtputf8) = report("아리@x.example", Returned::Headers(ORIGINAL), b"");
    assert_eq!((eight_bit, smtputf8), (true, true));
    let root = Structure::of(&message).body.root;
    assert!(root.children()[1].media_type.is("message", "global-delivery-status"));
    assert!(root.children()[2].media_type.is("message", "global-headers"));
}

#[test]
fn explanations_in_each_language_and_in_both() {
    for (languages, subject, advice) in [
        (&[Language::English][..], "could not be delivered", vec!["There is no such mailbox"]),
        (&[Language::Korean][..], "전달하지 못했습니다", vec!["그런 사서함이 없습니다"]),
        (
            &[Language::Korean, Language::English][..],
            "전달하지 못했습니다 / Your",
            vec!["그런 사서함이 없습니다", "There is no such mailbox"],
        ),
    ] {
        let (message, ..) = report_in(languages, "a@x.example", Returned::Headers(b""), b"");
        let structure = Structure::of(&message);
        assert_eq!(structure.defects, []);
        let head = header::find(&message, "Subject").unwrap();
        let shown = mime_core::text::decode_header(&head.unfolded());
        assert!(shown.contains(subject), "{shown}");
        let text = body(&message, 0);
        for advice in advice {
            assert!(text.contains(advice), "{text}");
        }
        // The remote's exact words, whatever the language, and for how long it is tried.
        assert!(text.contains("550 5.1.1 no such") && text.contains("Sat, 12 Jan 2008"), "{text}");
    }
}
