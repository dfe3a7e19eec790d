//! Addresses that lead on: lists, forwards, domains that are taken for others.

use super::{HELLO, House};
use message_queue::Consumes;

/// Sends a message and returns what the agent said; `rcpt` are recipients and the replies to them.
async fn send(house: &House, from: &str, rcpt: &[(&str, &str)], queued: bool) -> String {
    let rcpt: String =
        rcpt.iter().map(|(to, reply)| format!("C: RCPT TO:<{to}>\nS: {reply}\n")).collect();
    let content = if queued {
        "C: DATA\nS: 354\nC: Subject: hello\nC: \nC: text\nC: .\nS: 250 2.0.0\n"
    } else {
        "C: DATA\nS: 554\n"
    };
    let script = format!("{HELLO}C: MAIL FROM:<{from}>\nS: 250\n{rcpt}{content}C: QUIT\nS: 221\n");
    house.play(&script).await
}

#[tokio::test]
async fn a_list_takes_what_its_members_post() {
    let house = House::build().await;
    let team = "team@example.org";
    send(&house, "eve@example.net", &[(team, "550 5.7.2 You may not post")], false).await;
    send(&house, "", &[(team, "550 5.7.2")], false).await;
    send(&house, "Carol@example.net", &[(team, "250")], true).await;
    let local = house.queued(Consumes::Local).await;
    let alice = &local[0].lease.recipients[0];
    assert_eq!(alice.address.to_string(), "alice@example.org");
    assert_eq!(alice.reverse_path.to_string(), "owner@example.net", "RFC 5321 §3.9.2");
    let head = String::from_utf8(alice.head.clone()).unwrap();
    let added = "X-Original-To: team@example.org\r\nDelivered-To: team@example.org\r\n\
                 List-Id: <team.example.org>\r\n";
    assert!(head.starts_with(added), "{head}");
    assert!(alice.original.is_none(), "RFC 3461 §5.2.7.1");
    assert!(!alice.notify.success && !alice.notify.delay, "{:?}", alice.notify);
    // What comes back from a member is not posted again.
    let again = format!(
        "{HELLO}C: MAIL FROM:<owner@example.net>\nS: 250\nC: RCPT TO:<{team}>\nS: 250\nC: DATA\n\
         S: 354\nC: Delivered-To: Team@example.org\nC: \nC: .\nS: 554 5.4.6\nC: QUIT\nS: 221\n"
    );
    house.play(&again).await;
    let remote = house.queued(Consumes::Remote).await;
    let carol = &remote[0].lease.recipients[0];
    assert_eq!(carol.reverse_path.to_string(), "owner@example.net");
    assert_eq!(remote[0].lease.entry.reverse_path.to_string(), "Carol@example.net");
    house.close().await;
}

#[tokio::test]
async fn what_is_passed_on_for_strangers_comes_back_to_them() {
    let house = House::build().await;
    send(&house, "eve@example.net", &[("out@example.org", "250")], true).await;
    let remote = house.queued(Consumes::Remote).await;
    let out = &remote[0].lease.recipients[0];
    assert_eq!(out.address.to_string(), "out@elsewhere.example");
    let path = out.reverse_path.to_string();
    assert!(path.starts_with("SRS0=") && path.ends_with("=example.net=eve@example.org"), "{path}");
    let forged = path.replace("eve", "victim");
    send(&house, "", &[(&forged, "550 5.1.1"), (&path, "250")], true).await;
    let remote = house.queued(Consumes::Remote).await;
    let to = remote.iter().map(|one| one.lease.recipients[0].address.to_string());
    assert_eq!(to.collect::<Vec<_>>(), ["eve@example.net"]);
    house.close().await;
}

#[tokio::test]
async fn domains_are_taken_for_others() {
    let house = House::build().await;
    let recipients = [
        ("alice@also.example", "250"),
        ("nobody@also.example", "550 5.1.1"),
        ("known@backup.example", "250"),
        ("other@backup.example", "550 5.1.1"),
        ("eve%example.net@backup.example", "550 5"),
    ];
    send(&house, "eve@example.net", &recipients, true).await;
    let local = house.queued(Consumes::Local).await;
    assert_eq!(local[0].lease.recipients[0].address.to_string(), "alice@example.org");
    let remote = house.queued(Consumes::Remote).await;
    let known = &remote[0].lease.recipients[0];
    assert_eq!(known.address.to_string(), "known@backup.example");
    assert_eq!(known.reverse_path.to_string(), "eve@example.net", "a relay is no forwarder");
    house.close().await;
}
