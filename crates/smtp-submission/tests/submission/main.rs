//! The agent with real sockets, a real queue and a real directory.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may stop at the first surprise")]
#![allow(clippy::indexing_slicing, reason = "a test may stop at the first surprise")]

mod house;
mod policy;
mod wishes;

use house::House;
use mail_types::{BodyKind, Lane, Notify};
use message_queue::Consumes;

/// `\0alice@example.org\0secret`.
const SIGN_IN: &str = "AUTH PLAIN AGFsaWNlQGV4YW1wbGUub3JnAHNlY3JldA==";

#[tokio::test]
async fn mail_goes_from_587_into_the_queue() {
    let house = House::build("").await;
    let script = format!(
        "S: 220 mail.example.org\nC: EHLO [127.0.0.1]\nS: 250 STARTTLS\n\
         C: MAIL FROM:<alice@example.org>\nS: 530 5.7.0\n\
         C: {SIGN_IN}\nS: 538 5.7.11\n\
         C: STARTTLS\nS: 220\n@tls\n\
         C: EHLO [127.0.0.1]\nS: 250 AUTH PLAIN LOGIN\n\
         C: AUTH PLAIN AGFsaWNlQGV4YW1wbGUub3JnAHdyb25n\nS: 535 5.7.8\n\
         C: {SIGN_IN}\nS: 235\n\
         C: MAIL FROM:<bob@example.org>\nS: 553 5.7.1 You cannot send as this address; your own is alice@example.org\n\
         C: MAIL FROM:<alice@example.org> BODY=8BITMIME RET=HDRS ENVID=x+2By\nS: 250\n\
         C: RCPT TO:<nobody@example.org>\nS: 550 5.1.1\n\
         C: RCPT TO:<all@example.org> NOTIFY=NEVER\nS: 250\n\
         C: RCPT TO:<carol@example.net>\nS: 250\n\
         C: DATA\nS: 354\n\
         C: From: Alice <alice@example.org>\nC: Bcc: carol@example.net\nC: Subject: hello\n\
         C: MIME-Version: 1.0\nC: Content-Type: text/plain; charset=utf-8\n\
         C: Content-Transfer-Encoding: 8bit\nC: \nC: Grüße from the sea\nC: ..\nC: .\nS: 250 2.0.0 Queued as \n\
         C: QUIT\nS: 221\n"
    );
    let said = house.play("smtp-submission", &script).await;
    let id = said.split("Queued as ").nth(1).unwrap().split("\r\n").next().unwrap();

    let local = house.queued(Consumes::Local).await;
    assert_eq!(local.len(), 1);
    let (entry, content) = (&local[0].lease.entry, &local[0].content);
    assert_eq!(entry.id.to_string(), id);
    assert_eq!(entry.reverse_path.to_string(), "alice@example.org");
    assert_eq!(entry.envid.as_deref(), Some("x+y"));
    assert_eq!(entry.origin.protocol.as_deref(), Some("ESMTPSA"));
    let to: Vec<_> = local[0].lease.recipients.iter().map(|r| r.address.to_string()).collect();
    assert_eq!(to, ["alice@example.org", "bob@example.org"]);
    assert_eq!(local[0].lease.recipients[0].notify, Notify::NEVER);

    let (trace, message) = content.split_once("From: Alice").unwrap();
    assert!(trace.starts_with("Received: from "), "{trace}");
    assert!(trace.contains("by mail.example.org (Postrider) with ESMTPSA"), "{trace}");
    assert!(trace.contains(&format!("id {id};")) && !trace.contains("for <"), "{trace}");
    assert!(!trace.contains("127.0.0.1"), "RFC 6409 §8: the client is not told: {trace}");
    assert!(message.contains("\r\nDate: "), "RFC 6409 §8.2: {message}");
    let message_id = format!("\r\nMessage-ID: <{id}@mail.example.org>\r\n");
    assert!(message.contains(&message_id), "RFC 6409 §8.3: {message}");
    assert!(!message.contains("Bcc"), "RFC 5322 §3.6.3: {message}");
    assert!(message.contains("Content-Transfer-Encoding: quoted-printable\r\n"), "{message}");
    assert!(
        message.ends_with("\r\n\r\nGr=C3=BC=C3=9Fe from the sea\r\n=2E\r\n"),
        "RFC 6152 §3: {message}"
    );
    assert_eq!(entry.body, BodyKind::SevenBit);

    let remote = house.queued(Consumes::Remote).await;
    assert_eq!(remote[0].lease.lane, Lane::parse("@example.net").unwrap());
    assert_eq!(remote[0].content, *content);
    house.close().await;
}

#[tokio::test]
async fn port_465_speaks_tls_first_and_login_too() {
    let house = House::build("hide_client_address = false\n").await;
    let said = house
        .play(
            "smtp-submission-tls",
            "@tls\nS: 220\nC: EHLO client.example\nS: 250 AUTH\nC: AUTH LOGIN\nS: 334\n\
             C: YWxpY2U=\nS: 334\nC: c2VjcmV0\nS: 235\n\
             C: MAIL FROM:<> SIZE=2000000\nS: 552 5.3.4\n\
             C: MAIL FROM:<>\nS: 250\nC: RCPT TO:<bob@example.org>\nS: 250\nC: DATA\nS: 354\n\
             C: Date: Thu, 01 Jan 1970 00:00:00 +0000\nC: Message-ID: <mine@client.example>\n\
             C: Return-Path: <x@example.org>\nC: \nC: Grüße\nC: .\nS: 250\n\
             C: RSET\nS: 250\nC: QUIT\nS: 221\n",
        )
        .await;
    assert!(!said.contains("STARTTLS"), "{said}");
    let queued = house.queued(Consumes::Local).await;
    let Some(message) = queued.first() else { panic!("nothing in the queue") };
    let trace = "from client.example ([127.0.0.1])";
    assert!(message.content.contains(trace), "{}", message.content);
    assert!(message.content.contains("\r\n\tfor <bob@example.org>;"), "RFC 5321 §4.4");
    assert_eq!(message.content.matches("Message-ID").count(), 1);
    assert_eq!(message.content.matches("Date: ").count(), 1);
    assert!(!message.content.contains("Return-Path"), "RFC 5321 §4.4");
    assert!(message.content.contains("From: alice@example.org\r\n"), "RFC 5322 §3.6");
    assert!(message.content.ends_with("\r\n\r\nGrüße\r\n"), "what stays here stays as it is");
    assert_eq!(message.lease.entry.body, BodyKind::EightBitMime);
    assert_eq!(message.lease.entry.message_id.as_deref(), Some("mine@client.example"));
    house.close().await;
}

#[tokio::test]
async fn a_large_message_arrives_whole_and_a_larger_one_not() {
    let house = House::build("").await;
    let envelope = format!(
        "@tls\nS: 220\nC: EHLO client.example\nS: 250 AUTH\nC: {SIGN_IN}\nS: 235\n\
         C: MAIL FROM:<alice@example.org>\nS: 250\nC: RCPT TO:<bob@example.org>\nS: 250\n\
         C: DATA\nS: 354\nC: Subject: \\{{long*20000}}\nC: \n"
    );
    let fits = format!("{envelope}C: \\{{0123456789*80000}}\nC: .\nS: 250\nC: QUIT\nS: 221\n");
    house.play("smtp-submission-tls", &fits).await;
    let large = format!("{envelope}C: \\{{0123456789*110000}}\nC: .\nS: 552 5.3.4\nC: QUIT\n");
    house.play("smtp-submission-tls", &large).await;
    let queued = house.queued(Consumes::Local).await;
    assert_eq!(queued.len(), 1);
    let content = &queued[0].content;
    assert!(content.contains(&format!("Subject: {}\r\n", "long".repeat(20_000))));
    assert!(content.ends_with(&format!("\r\n\r\n{}\r\n", "0123456789".repeat(80_000))));
    house.close().await;
}

#[tokio::test]
async fn a_program_of_this_machine_is_known_by_its_user() {
    let uid = rustix::process::getuid().as_raw();
    let house = House::build(&format!("[sendmail]\n{uid} = \"alice@example.org\"\n")).await;
    house
        .play(
            "submission-socket",
            "S: 220\nC: EHLO localhost\nS: 250 EXPN\nC: AUTH PLAIN\nS: 503\n\
             C: MAIL FROM:<alice@example.org>\nS: 250\nC: RCPT TO:<bob@example.org>\nS: 250\n\
             C: BDAT 15 LAST\nC: Subject: cron\\r\\n\\-\nS: 250\nC: QUIT\nS: 221\n",
        )
        .await;
    let queued = house.queued(Consumes::Local).await;
    let content = &queued[0].content;
    assert!(content.contains(&format!("(uid {uid})")), "{content}");
    assert!(
        content.contains("From: alice@example.org\r\nTo: undisclosed-recipients:;\r\nDate: "),
        "{content}"
    );
    assert!(queued[0].lease.entry.account.is_some());
    house.close().await;
}
