//! Mail from other servers.

mod house;

use house::House;
use message_queue::Consumes;

const HELLO: &str = "S: 220 mx.example.org\nC: EHLO client.example\nS: 250 STARTTLS\n";

#[tokio::test]
async fn mail_for_our_people_is_taken_over_tls() {
    let house = House::build().await;
    let said = house
        .play(&format!(
            "{HELLO}C: STARTTLS\nS: 220\n@tls\nC: EHLO client.example\nS: 250 CHUNKING\n\
             C: MAIL FROM:<eve@example.net>\nS: 250\nC: RCPT TO:<Alice@Example.ORG>\nS: 250\n\
             C: DATA\nS: 354\nC: Return-Path: <old@example.net>\nC: Subject: as it came\nC: \n\
             C: \\{{x*5000}}\nC: .\nS: 250 2.0.0 Queued as\nC: QUIT\nS: 221\n"
        ))
        .await;
    assert!(!said.contains("AUTH"), "{said}");
    let queued = house.queued(Consumes::Local).await;
    let (trace, message) = queued[0].content.split_once("Return-Path").unwrap();
    assert!(trace.starts_with("Received: from client.example ([127.0.0.1])\r\n"), "{trace}");
    assert!(trace.contains("with ESMTPS\r\n\t(TLSv1.3 TLS_"), "{trace}");
    let long = "x".repeat(5000);
    assert_eq!(message, format!(": <old@example.net>\r\nSubject: as it came\r\n\r\n{long}\r\n"));
    assert_eq!(queued[0].lease.entry.reverse_path.to_string(), "eve@example.net");
    house.close().await;
}

#[tokio::test]
async fn who_is_not_ours_is_refused_while_the_peer_waits() {
    let house = House::build().await;
    house
        .play(&format!(
            "{HELLO}C: AUTH PLAIN AGEAYg==\nS: 502 5.5.1\n\
             C: MAIL FROM:<alice@example.org>\nS: 250\n\
             C: RCPT TO:<eve@example.net>\nS: 550 5.7.1 Relaying denied\n\
             C: RCPT TO:<eve%example.net@example.org>\nS: 550 5.1.1\n\
             C: RCPT TO:<\"eve@example.net\"@example.org>\nS: 550 5.1.1\n\
             C: RCPT TO:<@mx.example.org:eve@example.net>\nS: 550 5.7.1\n\
             C: RCPT TO:<nobody@example.org>\nS: 550 5.1.1\n\
             C: RCPT TO:<gone@example.org>\nS: 550 5.2.1\n\
             C: RCPT TO:<full@example.org>\nS: 452 4.2.2\n\
             C: DATA\nS: 554\nC: QUIT\nS: 221\n"
        ))
        .await;
    assert!(house.queued(Consumes::Local).await.is_empty());
    assert!(house.queued(Consumes::Remote).await.is_empty());
    house.close().await;
}

#[tokio::test]
async fn an_alias_is_followed_and_the_postmaster_needs_no_domain() {
    let house = House::build().await;
    house
        .play(&format!(
            "{HELLO}C: MAIL FROM:<>\nS: 250\nC: RCPT TO:<Postmaster>\nS: 250\n\
             C: RCPT TO:<list@example.org>\nS: 250\n\
             C: DATA\nS: 354\nC: Subject: both\nC: .\nS: 250\nC: QUIT\nS: 221\n"
        ))
        .await;
    let local = house.queued(Consumes::Local).await;
    let recipients = local[0].lease.recipients.iter();
    let to: Vec<_> = recipients.map(|recipient| recipient.address.to_string()).collect();
    assert_eq!(to, ["alice@example.org", "full@example.org"], "one full mailbox is delivery's");
    let remote = house.queued(Consumes::Remote).await;
    let eve = &remote[0].lease.recipients[0];
    assert_eq!(eve.address.to_string(), "eve@example.net");
    let original = eve.original.as_ref().map(ToString::to_string);
    assert_eq!(original.as_deref(), Some("rfc822;list@example.org"), "RFC 3461 §4.2");
    house.close().await;
}

#[tokio::test]
async fn a_message_that_goes_round_is_stopped() {
    let house = House::build().await;
    let hops = "C: Received: from a by b; Thu, 1 Jan 1970 00:00:00 +0000\n";
    let script = |count: usize, reply: &str| {
        format!(
            "{HELLO}C: MAIL FROM:<eve@example.net>\nS: 250\nC: RCPT TO:<alice@example.org>\n\
             S: 250\nC: DATA\nS: 354\n{}C: \nC: text\nC: .\nS: {reply}\nC: QUIT\nS: 221\n",
            hops.repeat(count)
        )
    };
    house.play(&script(101, "554 5.4.6")).await;
    house.play(&script(100, "250 2.0.0")).await;
    assert_eq!(house.queued(Consumes::Local).await.len(), 1, "RFC 5321 §6.3");
    house.close().await;
}

#[tokio::test]
async fn what_is_refused_leaves_nothing() {
    let house = House::build().await;
    let envelope = "C: MAIL FROM:<eve@example.net>\nS: 250\n\
                    C: RCPT TO:<alice@example.org>\nS: 250\nC: DATA\nS: 354\n";
    house
        .play(&format!(
            "{HELLO}C: MAIL FROM:<eve@example.net> SIZE=2000000\nS: 552 5.3.4\n\
             {envelope}C: bare\\nline feed\nC: .\nS: 554 5.6.0\n\
             {envelope}C: \\x00\nC: .\nS: 554 5.6.0\n\
             {envelope}C: \\{{x*1100000}}\nC: .\nS: 552 5.3.4\nC: QUIT\nS: 221\n"
        ))
        .await;
    assert!(house.queued(Consumes::Local).await.is_empty());
    // The session refuses these by itself, and the operator sees them all the same.
    let noted: Vec<_> = house
        .refusals(4)
        .await
        .into_iter()
        .map(|refusal| (refusal.sender.unwrap_or_default(), refusal.reply.code()))
        .collect();
    let eve = |code| ("eve@example.net".to_owned(), code);
    assert_eq!(noted, [eve(552), eve(554), eve(554), eve(552)], "the newest first");
    house.close().await;
}
