//! What MAIL may ask for: held until a time, delivered by one, before others; and reverse-paths that
//! name their recipients.

use std::time::Duration;

use mail_types::{DeliverBy, Late};
use message_queue::Consumes;

use crate::{SIGN_IN, house::House};

const CONTENT: &str = "C: RCPT TO:<carol@example.net>\nS: 250\nC: DATA\nS: 354\n\
                       C: Subject: x\nC: \nC: text\nC: .\nS: 250\n";

fn signed_in(script: &str) -> String {
    format!(
        "@tls\nS: 220\nC: EHLO client.example\nS: 250 AUTH\nC: {SIGN_IN}\nS: 235\n\
         C: EHLO client.example\nS: 250\n{script}C: QUIT\nS: 221\n"
    )
}

#[tokio::test]
async fn times_and_priorities_are_announced_and_kept() {
    let house = House::build("max_hold = \"2h\"\n").await;
    let script = format!(
        "C: MAIL FROM:<alice@example.org> HOLDFOR=7201\nS: 501 5.5.4\n\
         C: MAIL FROM:<alice@example.org> HOLDFOR=3600 BY=3599;R\nS: 501 5.5.4\n\
         C: MAIL FROM:<alice@example.org> BY=0;R\nS: 501 5.5.4\n\
         C: MAIL FROM:<alice@example.org> MT-PRIORITY=6 BY=600;RT\nS: 250 2.1.0\n{CONTENT}\
         C: MAIL FROM:<alice@example.org> HOLDFOR=3600\nS: 250\n{CONTENT}"
    );
    let begun = agent_kit::now();
    let said = house.play("smtp-submission-tls", &signed_in(&script)).await;
    assert!(said.contains("250-MT-PRIORITY\r\n"), "RFC 6710 §3: {said}");
    assert!(said.contains("250-DELIVERBY\r\n"), "RFC 2852 §2: {said}");
    // RFC 4865 §6: for those only who may send.
    let greetings: Vec<&str> = said.split("mail.example.org Hello").collect();
    let (before, behind) = said.split_once("235").unwrap();
    assert!(!before.contains("FUTURERELEASE"), "{greetings:?}");
    assert!(behind.contains("FUTURERELEASE 7200 20"), "RFC 4865 §3: {behind}");

    let due = house.queued(Consumes::Remote).await;
    assert_eq!(due.len(), 1, "what is held is not due");
    let of = &due[0].lease.entry;
    assert_eq!(of.handling.priority.number(), 6);
    let Some(DeliverBy { at, late: Late::Return, trace: true }) = of.handling.deliver_by else {
        panic!("{:?}", of.handling)
    };
    let left = at.since(begun);
    assert!(left >= Duration::from_secs(600) && left < Duration::from_secs(700), "{left:?}");
    assert!(due[0].content.contains("\r\n\tpriority 6;"), "RFC 6710 §4.1: {}", due[0].content);
    let held = async |seconds| {
        let queued = house.queued_at(Consumes::Remote, begun.plus(Duration::from_secs(seconds)));
        let requests =
            queued.await.into_iter().map(|one| one.lease.entry.handling.hold_request.clone());
        requests.flatten().collect::<Vec<_>>()
    };
    assert!(held(3599).await.is_empty(), "RFC 4865 §4.2");
    assert_eq!(held(3700).await, ["for;3600".into()]);
    house.close().await;
}

#[tokio::test]
async fn tls_all_the_way_or_rather_none_than_no_mail() {
    // RFC 8689 §4.1, §4.3
    let house = House::build("").await;
    let content = CONTENT.replace("C: Subject: x", "C: Subject: x\nC: TLS-Required: No");
    let script = format!(
        "C: MAIL FROM:<alice@example.org> REQUIRETLS\nS: 250\n{content}\
         C: MAIL FROM:<alice@example.org>\nS: 250\n{content}"
    );
    let said = house.play("smtp-submission-tls", &signed_in(&script)).await;
    assert!(said.contains("250-REQUIRETLS\r\n"), "RFC 8689 §2: {said}");
    let due = house.queued(Consumes::Remote).await;
    let wishes = due.iter().map(|one| {
        let handling = &one.lease.entry.handling;
        (handling.require_tls, handling.tls_optional)
    });
    let mut wishes: Vec<(bool, bool)> = wishes.collect();
    wishes.sort();
    assert_eq!(wishes, [(false, true), (true, false)], "the parameter counts, not the field");
    house.close().await;
}

#[tokio::test]
async fn the_operator_sets_limits() {
    let house = House::build("max_hold = \"0s\"\nmax_priority = 2\n").await;
    let script = format!(
        "C: MAIL FROM:<alice@example.org> HOLDFOR=60\nS: 555 5.5.4\n\
         C: MAIL FROM:<alice@example.org> MT-PRIORITY=9\nS: 250 2.3.6 2 \n{CONTENT}"
    );
    let said = house.play("smtp-submission-tls", &signed_in(&script)).await;
    assert!(!said.contains("FUTURERELEASE"), "{said}");
    let due = house.queued(Consumes::Remote).await;
    assert_eq!(due[0].lease.entry.handling.priority.number(), 2, "RFC 6710 §4.1");
    house.close().await;
}

#[tokio::test]
async fn reverse_paths_name_their_recipients() {
    let house = House::build("verp = [\"alice@example.org\"]\n").await;
    let script = "C: MAIL FROM:<alice@example.org>\nS: 250\n\
                  C: RCPT TO:<bob@example.org>\nS: 250\n\
                  C: RCPT TO:<dora@example.net>\nS: 250\n"
        .to_owned()
        + CONTENT;
    house.play("smtp-submission-tls", &signed_in(&script)).await;
    let paths = |queued: &[crate::house::Queued]| {
        let recipients = queued.iter().flat_map(|one| &one.lease.recipients);
        recipients.map(|one| one.reverse_path.to_string()).collect::<Vec<_>>()
    };
    let mut there = paths(&house.queued(Consumes::Remote).await);
    there.sort();
    assert_eq!(
        there,
        ["alice+carol=example.net@example.org", "alice+dora=example.net@example.org"]
    );
    assert_eq!(paths(&house.queued(Consumes::Local).await), ["alice@example.org"]);
    // And back: what comes to such an address is alice's.
    let script = "S: 220\nC: EHLO localhost\nS: 250\nC: MAIL FROM:<>\nS: 250\n\
                  C: RCPT TO:<alice+carol=example.net@example.org>\nS: 250\n\
                  C: DATA\nS: 354\nC: Subject: a bounce\nC: \nC: .\nS: 250\nC: QUIT\nS: 221\n";
    house.play("submission-socket", script).await;
    let back = house.queued(Consumes::Local).await;
    let bounce = back.iter().find(|one| one.content.contains("a bounce")).unwrap();
    let alice = house.account("alice@example.org").await;
    assert_eq!(bounce.lease.recipients[0].account, Some(alice));
    house.close().await;
}
