//! Reports about any message, in any words: what is built has no defect and the parts it must have.

use mail_types::{Address, Domain, OriginalRecipient, Reply, Timestamp};
use mime_core::{
    build::{Head, Person},
    header::date::DateTime,
    report::{
        AbuseReport, Action, DeliveryReport, Disposed, DispositionReport, FeedbackType, Language,
        RecipientReport, Returned,
    },
    structure::Structure,
};

const BOUNDARY: &str = "q4Zt9Xw2Lk8Vb3Nm6Rc1Hs7Jd5Fg0PyTe";

pub(crate) fn check(octets: &[u8]) {
    let mut pieces = octets.splitn(4, |octet| *octet == 0xff);
    let mut text = || String::from_utf8_lossy(pieces.next().unwrap_or_default()).into_owned();
    let (words, agent, id) = (text(), text(), text());
    let original = pieces.next().unwrap_or_default();
    let from = Address::parse("a@b.example").unwrap();
    let reply: Reply = "550 5.1.1 no such mailbox".parse().unwrap();
    let given = OriginalRecipient::new("rfc822", &agent).ok();

    let mta = Domain::parse("b.example").unwrap();
    let recipients = [RecipientReport {
        address: &from,
        original: given.as_ref(),
        action: Action::Failed,
        status: "5.1.1".parse().unwrap(),
        text: &words,
        remote_mta: Some(&agent),
        reply: Some(&reply),
        last_attempt: None,
    }];
    let report = DeliveryReport {
        reporting_mta: &mta,
        to: &from,
        date: Timestamp::from_secs(1_200_000_001),
        message_id: "1@b.example",
        boundary: BOUNDARY,
        envelope_id: Some(&id),
        arrival: Timestamp::from_secs(1_200_000_000),
        deliver_by: Some(Timestamp::from_secs(1_200_000_000)),
        hold_request: Some(&words),
        languages: &[Language::Korean, Language::English],
        recipients: &recipients,
    };
    let built = report.build(Returned::Headers(original));
    check_parts(&[built.head, built.tail].concat(), "delivery-status");
    let eight_bit = !original.is_ascii();
    let built = report.build(Returned::Full { header: original, eight_bit });
    check_parts(&[&built.head, original, &built.tail].concat(), "delivery-status");

    let head = Head {
        from: Person { name: &agent, address: &from },
        reply_to: &[],
        to: &[],
        cc: &[],
        subject: &words,
        date: DateTime { at: Timestamp::from_secs(1_200_000_000), offset_minutes: 0 },
        message_id: "1@b.example",
        in_reply_to: &[],
        references: &[],
        auto_submitted: None,
    };
    let report = DispositionReport {
        head: head.clone(),
        text: &words,
        reporting_ua: Some(&agent),
        original_recipient: given.as_ref(),
        final_recipient: &from,
        original_message_id: Some(&id),
        disposed: Disposed::Displayed,
        by_person: true,
        sent_by_person: false,
        original_header: Some(original),
        boundary: BOUNDARY,
    };
    check_parts(&report.build().octets, "disposition-notification");
    for header_only in [false, true] {
        let report = AbuseReport {
            head: head.clone(),
            text: &words,
            feedback_type: FeedbackType::Abuse,
            user_agent: &agent,
            mail_from: None,
            rcpt_to: &[&from],
            arrival: None,
            source_ip: None,
            reported_domain: None,
            original,
            header_only,
            boundary: BOUNDARY,
        };
        check_parts(&report.build().octets, "feedback-report");
    }
}

/// Three parts: words, what machines read, the original.
fn check_parts(message: &[u8], subtype: &str) {
    let structure = Structure::of(message);
    let root = &structure.body.root;
    assert!(root.media_type.is("multipart", "report"));
    assert_eq!(root.children().len(), 3);
    assert!(root.children()[1].media_type.is("message", subtype));
    // What machines read is blocks of fields, none of which anyone but us began.
    let machine = &root.children()[1].body;
    let blocks = &message[machine.start as usize..machine.end as usize];
    assert!(blocks.is_ascii() || subtype == "delivery-status" || subtype == "feedback-report");
    for line in blocks.split(|octet| *octet == b'\n') {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        assert!(!line.contains(&b'\r') && !line.contains(&0));
        assert!(line.len() <= 998);
    }
}
