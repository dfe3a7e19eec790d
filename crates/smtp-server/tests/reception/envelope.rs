//! What is said before the content, and how it goes along.

use std::time::Duration;

use mail_types::{Late, ReversePath};
use message_queue::Consumes;
use smtp_core::server::{AuthPolicy, Dialect};

use crate::house::House;

/// A whole conversation with these lines of the envelope.
fn message(envelope: &str) -> Vec<u8> {
    format!("EHLO client.example\r\n{envelope}DATA\r\nSubject: a\r\n\r\nb\r\n.\r\nQUIT\r\n").into()
}

#[tokio::test]
async fn what_is_asked_of_the_way_goes_along() {
    let mut house = House::build().await;
    house.options.auth = AuthPolicy::Known;
    house.options.extensions.priority = true;
    house.options.extensions.deliver_by = Some(1);
    house.options.extensions.future_release = Some(Duration::from_secs(86_400));
    let envelope = "MAIL FROM:<a@example.org> AUTH=e+3Dmc2@example.org MT-PRIORITY=-3 HOLDFOR=3600 \
        BY=7200;NT\r\nRCPT TO:<b@example.org>\r\n";
    let before = agent_kit::now();
    let said = house.say(&message(envelope)).await;
    assert!(said.contains("Queued"), "{said}");
    assert!(house.queued(Consumes::Local, agent_kit::now()).await.is_empty(), "RFC 4865 §4.2");
    let later = agent_kit::now().plus(Duration::from_secs(3600));
    let queued = house.queued(Consumes::Local, later).await;
    let handling = &queued[0].lease.entry.handling;
    assert_eq!(handling.submitter, Some(ReversePath::Null), "RFC 4954 §5: it is not believed");
    assert_eq!(handling.priority.number(), -3, "RFC 6710 §4.1");
    assert_eq!(handling.hold_request.as_deref(), Some("for;3600"), "RFC 4865 §5.1.2");
    let by = handling.deliver_by.unwrap();
    assert_eq!((by.late, by.trace), (Late::Notify, true));
    let left = by.at.since(before).as_secs();
    assert!((7200..7300).contains(&left), "RFC 2852 §4: {left}");
}

#[tokio::test]
async fn a_header_may_say_that_tls_is_not_required() {
    // RFC 8689 §4.1
    let says = |field: &str| {
        format!(
            "EHLO client.example\r\nMAIL FROM:<a@example.com>\r\nRCPT TO:<b@example.org>\r\n\
             DATA\r\n{field}Subject: a\r\n\r\nTLS-Required: No\r\n.\r\nQUIT\r\n"
        )
    };
    for (field, expected) in
        [("TLS-Required: No\r\n", true), ("TLS-Required: Yes\r\n", false), ("", false)]
    {
        let house = House::build().await;
        let said = house.say(says(field).as_bytes()).await;
        assert!(said.contains("Queued"), "{said}");
        let queued = house.queued(Consumes::Local, agent_kit::now()).await;
        assert_eq!(queued[0].lease.entry.handling.tls_optional, expected, "{field}");
    }
}

#[tokio::test]
async fn a_proxy_speaks_of_its_client() {
    let mut house = House::build().await;
    house.trusted = true;
    let envelope = "XCLIENT ADDR=203.0.113.9 HELO=spike.example\r\nEHLO proxy.example\r\n\
        MAIL FROM:<a@example.com>\r\nRCPT TO:<b@example.org>\r\n";
    let said = house.say(&message(envelope)).await;
    assert!(said.contains("Queued"), "{said}");
    let queued = house.queued(Consumes::Local, agent_kit::now()).await;
    let received = queued[0].received();
    assert!(received.starts_with("Received: from spike.example ([203.0.113.9]) by"), "{received}");
    house.trusted = false;
    let said = house.say(&message(envelope)).await;
    assert!(said.contains("\r\n502 5.5.1 "), "{said}");
}

#[tokio::test]
async fn lmtp_replies_for_each_recipient() {
    let mut house = House::build().await;
    house.options.dialect = Dialect::Lmtp;
    let input = b"LHLO client.example\r\nMAIL FROM:<a@example.com>\r\nRCPT TO:<b@example.org>\r\n\
        RCPT TO:<nobody@example.org>\r\nRCPT TO:<c@example.org>\r\nDATA\r\na\r\n.\r\nQUIT\r\n";
    let said = house.say(input).await;
    assert_eq!(said.matches("250 2.0.0 Queued as ").count(), 2, "RFC 2033 §4.2: {said}");
    let queued = house.queued(Consumes::Local, agent_kit::now()).await;
    assert_eq!(queued[0].lease.recipients.len(), 2);
    assert!(queued[0].received().contains(" with LMTP "), "{}", queued[0].received());
}

#[tokio::test]
async fn an_agent_that_says_nothing_tells_nothing() {
    let house = House::build().await;
    let said = house.say(b"VRFY b\r\nEXPN b\r\nQUIT\r\n").await;
    assert_eq!(said.matches("\r\n252 2.5.0 ").count(), 2, "RFC 5321 §7.3: {said}");
    let mut house = House::build().await;
    house.options.extensions.etrn = true;
    let said = house.say(b"EHLO client.example\r\nETRN example.net\r\nQUIT\r\n").await;
    assert!(said.contains("\r\n459 4.7.1 "), "RFC 1985 §5.1: {said}");
}
