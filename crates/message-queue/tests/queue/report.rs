//! Notifications: which are due, and what is in them.

use mail_types::{Address, DsnReturn, Notify, Outcome, RecipientNumber, ReversePath};
use message_queue::{
    Consumes, Lease, Queue, Settlement,
    report::{self, Reported, What},
};

use crate::story::*;

fn reported(number: u32, what: What, outcome: Outcome) -> Reported {
    Reported { number: RecipientNumber(number), what, outcome }
}

/// A lease of four recipients that want different things.
async fn leased(queue: &Queue, ret: Option<DsnReturn>, content: &[u8]) -> Lease {
    let mut new = entry(&["a@x.test", "b@x.test", "c@x.test", "d@x.test"]);
    new.ret = ret;
    new.envid = Some("envelope 7".to_owned());
    new.recipients[1].notify = Notify { success: true, failure: false, delay: false };
    new.recipients[2].notify = Notify::NEVER;
    new.recipients[3].reverse_path =
        Some(ReversePath::Address(Address::parse("list@there.test").unwrap()));
    enqueue(queue, new, content, START).await.unwrap();
    let remote = consumer(queue, Consumes::Remote).await;
    lease(&remote, START).await.remove(0)
}

#[tokio::test]
async fn what_is_due_is_what_was_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let queue = queue(folder.path()).await;
    let mut lease = leased(&queue, None, b"").await;
    let all = |what: What| (0..4).map(|n| reported(n, what, failed("no"))).collect::<Vec<_>>();
    let due = |lease: &Lease, what| {
        let due = report::due(lease, &all(what), false);
        due.into_iter().map(|due| due.to.to_string()).collect::<Vec<_>>()
    };
    let late = What::Delayed(after(60));
    assert_eq!(due(&lease, What::Failed), ["sender@there.test", "list@there.test"]);
    assert_eq!(due(&lease, What::Relayed), ["sender@there.test"]);
    assert_eq!(due(&lease, late), ["sender@there.test", "list@there.test"]);
    let told = report::due(&lease, &all(late), false).iter().flat_map(|due| due.delayed()).count();
    assert_eq!(told, 2);
    // Told once.
    lease.recipients[0].delay_told = true;
    assert_eq!(due(&lease, late), ["list@there.test"]);
    // RFC 5321 §4.5.5: never to the null path.
    for recipient in &mut lease.recipients {
        recipient.reverse_path = ReversePath::Null;
    }
    assert!(due(&lease, What::Failed).is_empty());
}

#[tokio::test]
async fn a_delay_is_told_once() {
    let folder = tempfile::tempdir().unwrap();
    let queue = queue(folder.path()).await;
    enqueue(&queue, entry(&["a@x.test"]), b"", START).await.unwrap();
    let remote = consumer(&queue, Consumes::Remote).await;
    for told in [false, true, true] {
        let lease = lease(&remote, START).await.remove(0);
        assert_eq!(lease.recipients[0].delay_told, told);
        let mut settlement = Settlement::of(lease);
        settlement.recipient(RecipientNumber(0), deferred("late"), Some(START));
        if !told {
            settlement.delay_told(RecipientNumber(0));
        }
        settle(&remote, vec![settlement], START).await;
    }
}

#[tokio::test]
async fn what_is_returned_is_what_ret_says() {
    let header = b"Subject: hello\r\nMessage-ID: <m@there.test>\r\n\r\n";
    let whole = [header.as_slice(), &b"line of the body\r\n".repeat(200)].concat();
    for (ret, full) in
        [(None, false), (Some(DsnReturn::Headers), false), (Some(DsnReturn::Full), true)]
    {
        let folder = tempfile::tempdir().unwrap();
        let queue = queue(folder.path()).await;
        let lease = leased(&queue, ret, &whole).await;
        let id = lease.entry.id;
        let due =
            report::due(&lease, &[reported(0, What::Failed, failed("no such mailbox"))], false);
        let routed = vec![recipient("sender@here.test")];
        let host = mail_types::Domain::parse("mail.here.test").unwrap();
        let new = report::write(&queue, &lease, &due[0], routed, &host, after(1)).await.unwrap();
        assert_eq!(new.entry.reverse_path, ReversePath::Null);
        assert_eq!(new.entry.recipients.len(), 1);
        let mut settlement = all(lease, &failed("no such mailbox"), None);
        settlement.notify(new);
        let remote = consumer(&queue, Consumes::Remote).await;
        assert_eq!(settle(&remote, vec![settlement], after(1)).await.settled, 4);

        let local = consumer(&queue, Consumes::Local).await;
        let notification = crate::story::lease(&local, after(1)).await.remove(0);
        assert_eq!(notification.entry.origin.protocol, Some(format!("about {id}")));
        let text = String::from_utf8(octets(&notification.entry.content).await).unwrap();
        for expected in [
            "To: <sender@there.test>",
            "report-type=delivery-status",
            "Original-Envelope-Id: envelope 7",
            "Final-Recipient: rfc822; a@x.test",
            "Action: failed",
            "Status: 5.1.1",
            "no such mailbox",
            "Subject: hello",
        ] {
            assert!(text.contains(expected), "{expected} is missing in\n{text}");
        }
        assert_eq!(text.contains("line of the body"), full, "{ret:?}");
        assert!(!text.contains("b@x.test"), "it speaks of another recipient");
    }
}

#[tokio::test]
async fn headers_without_end_and_octets_without_ascii() {
    let host = mail_types::Domain::parse("mail.here.test").unwrap();
    let long = [b"Subject: x\r\n".as_slice(), &b"X-Y: z\r\n".repeat(30_000)].concat();
    let rows: [(&[u8], bool); 4] = [
        (b"", false),
        (b"no header at all", false),
        (&long, false),
        (b"Subject: x\r\n\r\nb\xc3\xbccher\r\n", true),
    ];
    for (content, eight_bit) in rows {
        let folder = tempfile::tempdir().unwrap();
        let queue = queue(folder.path()).await;
        let lease = leased(&queue, Some(DsnReturn::Full), content).await;
        let due = report::due(&lease, &[reported(0, What::Failed, failed("no"))], false);
        let routed = vec![recipient("sender@here.test")];
        let new = report::write(&queue, &lease, &due[0], routed, &host, after(1)).await.unwrap();
        assert_eq!(new.entry.body == mail_types::BodyKind::EightBitMime, eight_bit);
        assert!(new.content.len() > content.len() as u64);
    }
}
