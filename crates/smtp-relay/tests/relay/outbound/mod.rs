//! The outbound half against a name server and servers on loopback.

mod carry;
mod house;
mod name_server;
mod policy;
pub(crate) mod sink;
mod ways;

use message_queue::{
    NewEntry,
    operator::{Filter, RecipientSummary, State},
};

use house::{House, notify_success};
use mail_types::ReversePath;
use name_server::NameServer;
use sink::Sink;

const RECORDS: &[&str] = &[
    "mx.test MX 10 dead.test",
    "mx.test MX 20 host.test",
    "dead.test A 127.0.0.9",
    "host.test A 127.0.0.1",
    "null.test MX 0 .",
];
const OFFERS: &[&str] = &["PIPELINING", "8BITMIME", "SIZE 1000000"];
const HASTE: &str = "[relay.outbound.retry]\nfirst_retry = \"100ms\"\nmax_retry = \"200ms\"\n";
const MESSAGE: &str = "Subject: hello\r\nMessage-ID: <m@example.org>\r\n\r\n.a dot\r\nend\r\n";

fn anywhere() -> std::net::SocketAddr {
    "127.0.0.1:0".parse().unwrap()
}

#[tokio::test]
async fn mail_goes_to_the_best_host_that_answers() {
    let dns = NameServer::start(RECORDS).await;
    let (sink, address) = Sink::start(anywhere(), OFFERS).await;
    let house = House::build(dns.address, address.port(), "").await;
    let id = house.send(&["b@mx.test", "c@mx.test"], MESSAGE).await;
    let event = house.event(id, "taken by the sink").await;
    assert!(format!("{event:?}").contains(&format!("host.test [127.0.0.1]:{}", address.port())));
    house.close().await;
    let heard = sink.heard.lock().unwrap();
    assert_eq!(heard.contents, [MESSAGE.replace("\r\n.a", "\r\n..a")]);
    let mail = format!("MAIL FROM:<alice@example.org> SIZE={}", MESSAGE.len());
    let commands = [mail.as_str(), "RCPT TO:<b@mx.test>", "RCPT TO:<c@mx.test>"];
    assert_eq!(heard.commands, commands);
}

#[tokio::test]
async fn many_messages_share_few_connections() {
    let dns = NameServer::start(RECORDS).await;
    let (sink, address) = Sink::start(anywhere(), OFFERS).await;
    let house = House::build(dns.address, address.port(), "").await;
    let mut ids = Vec::new();
    for _ in 0..60 {
        let held = |entry: &mut NewEntry| {
            entry.recipients[0].held = Some("until all are there".to_owned());
        };
        let (from, to) = ("alice@example.org", "b@host.test");
        ids.push(house.send_as(from, &[to], MESSAGE, held).await);
    }
    house.queue.release(&Filter::default(), agent_kit::now()).await.unwrap();
    for id in ids {
        house.event(id, "taken by the sink").await;
    }
    house.close().await;
    let heard = sink.heard.lock().unwrap();
    assert_eq!(heard.contents.len(), 60);
    assert!(heard.connections < 60, "{} connections", heard.connections);
}

#[tokio::test]
async fn a_refused_recipient_is_told_to_the_sender() {
    // RFC 3464, RFC 5321 §6.1
    let dns = NameServer::start(RECORDS).await;
    let (_sink, address) = Sink::start(anywhere(), OFFERS).await;
    let house = House::build(dns.address, address.port(), "").await;
    house.send(&["refuse@host.test"], MESSAGE).await;
    let (from, content) = house.notification().await;
    assert_eq!(from, ReversePath::Null);
    for expected in [
        "Content-Type: multipart/report; report-type=delivery-status;",
        "To: <alice@example.org>",
        "Reporting-MTA: dns; mail.example.org",
        "Final-Recipient: rfc822; refuse@host.test",
        "Action: failed",
        "Status: 5.1.1",
        "Diagnostic-Code: smtp; 550 5.1.1 nobody here",
        "Message-ID: <m@example.org>",
    ] {
        assert!(content.contains(expected), "{expected:?} is missing in:\n{content}");
    }
    house.close().await;
}

#[tokio::test]
async fn a_domain_that_is_not_there_or_wants_nothing() {
    let dns = NameServer::start(RECORDS).await;
    for (to, status) in [("b@gone.test", "Status: 5.1.2"), ("b@null.test", "Status: 5.1.10")] {
        let house = House::build(dns.address, 9, "").await;
        house.send(&[to], MESSAGE).await;
        let (_, content) = house.notification().await;
        assert!(content.contains(status), "{content}");
        house.close().await;
    }
}

#[tokio::test]
async fn what_waits_says_why_and_goes_when_the_host_is_back() {
    let dns = NameServer::start(RECORDS).await;
    let (_elsewhere, address) = Sink::start("127.0.0.2:0".parse().unwrap(), OFFERS).await;
    let house = House::build(dns.address, address.port(), HASTE).await;
    let id = house.send(&["b@host.test"], MESSAGE).await;
    let waiting = house.until(id, |recipient| recipient.attempts > 0).await;
    let problem = waiting.problem.unwrap();
    assert!(problem.contains("Connection refused") && problem.contains("host.test"), "{problem}");
    let back = std::net::SocketAddr::new("127.0.0.1".parse().unwrap(), address.port());
    let (sink, _) = Sink::start(back, OFFERS).await;
    house.event(id, "taken by the sink").await;
    assert_eq!(sink.heard.lock().unwrap().contents.len(), 1);
    house.close().await;
}

#[tokio::test]
async fn it_is_given_up_in_the_end() {
    let dns = NameServer::start(RECORDS).await;
    let (sink, address) = Sink::start(anywhere(), OFFERS).await;
    let more = format!("{HASTE}give_up_after = \"3s\"\n");
    let house = House::build(dns.address, address.port(), &more).await;
    house.send(&["later@host.test"], MESSAGE).await;
    let (_, content) = house.notification().await;
    assert!(
        content.contains("Status: 5.4.7") && content.contains("450 4.2.1 not yet"),
        "{content}"
    );
    assert!(sink.heard.lock().unwrap().commands.len() > 3, "it was tried again and again");
    house.close().await;
}

#[tokio::test]
async fn a_bounce_never_bounces() {
    // RFC 5321 §4.5.5
    let dns = NameServer::start(RECORDS).await;
    let (_sink, address) = Sink::start(anywhere(), OFFERS).await;
    let house = House::build(dns.address, address.port(), "").await;
    let id = house.send_as("", &["refuse@host.test"], MESSAGE, |_| {}).await;
    house.event(id, "nobody here").await;
    let counts = house.queue.counts().await.unwrap();
    assert_eq!((counts.local.waiting, counts.remote.waiting), (0, 0));
    house.close().await;
}

#[tokio::test]
async fn success_is_told_when_the_next_hop_will_not() {
    // RFC 3461 §5.2.2
    let dns = NameServer::start(RECORDS).await;
    let (_sink, address) = Sink::start(anywhere(), OFFERS).await;
    let house = House::build(dns.address, address.port(), "").await;
    house.send_as("alice@example.org", &["b@host.test"], MESSAGE, notify_success).await;
    let (_, content) = house.notification().await;
    assert!(content.contains("Action: relayed"), "{content}");
    house.close().await;
}

#[tokio::test]
async fn eight_bit_content_is_converted_for_who_takes_none() {
    // RFC 6152 §3
    let dns = NameServer::start(RECORDS).await;
    let (sink, address) = Sink::start(anywhere(), &["SIZE"]).await;
    let house = House::build(dns.address, address.port(), "").await;
    let content = "Subject: x\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\
                   Content-Transfer-Encoding: 8bit\r\n\r\nthe colour is gr\u{fc}n\r\n";
    let id = house
        .send_as("alice@example.org", &["b@host.test"], content, |entry| {
            entry.body = mail_types::BodyKind::EightBitMime;
        })
        .await;
    house.event(id, "taken by the sink").await;
    house.close().await;
    let heard = sink.heard.lock().unwrap();
    assert!(heard.contents[0].is_ascii(), "{}", heard.contents[0]);
    assert!(heard.contents[0].contains("gr=C3=BCn"), "{}", heard.contents[0]);
}

#[tokio::test]
async fn routes_that_lead_nowhere() {
    let dns = NameServer::start(RECORDS).await;
    let more = "[routes]\n\"*\" = \"hold: this is a test\"\n\"void.test\" = \"discard\"\n";
    let house = House::build(dns.address, 9, more).await;
    let held = house.send(&["b@host.test"], MESSAGE).await;
    let discarded = house.send(&["b@void.test"], MESSAGE).await;
    let recipient = house.until(held, |recipient| recipient.state == State::Held).await;
    assert!(recipient.problem.unwrap().contains("this is a test"));
    house.event(discarded, "discard").await;
    house.close().await;
}

#[tokio::test]
async fn what_is_released_gets_one_attempt_although_the_route_holds() {
    let dns = NameServer::start(RECORDS).await;
    let (sink, address) = Sink::start(anywhere(), OFFERS).await;
    let more = format!("{HASTE}[routes]\n\"*\" = \"hold: until Monday\"\n");
    let house = House::build(dns.address, address.port(), &more).await;
    let goes = house.send(&["b@host.test"], MESSAGE).await;
    let waits = house.send(&["later@host.test"], MESSAGE).await;
    for id in [goes, waits] {
        let held = house.until(id, |recipient| recipient.state == State::Held).await;
        assert_eq!(held.problem.as_deref(), Some("until Monday"));
    }
    house.queue.release(&Filter::default(), agent_kit::now()).await.unwrap();
    house.event(goes, "taken by the sink").await;
    house.event(waits, "not yet").await;
    house.until(waits, |recipient| recipient.state == State::Held).await;
    house.close().await;
    let heard = sink.heard.lock().unwrap();
    assert_eq!(heard.commands.iter().filter(|line| line.starts_with("RCPT")).count(), 2);
}

#[tokio::test]
async fn the_demo_sends_nothing_out_even_when_it_is_released() {
    let dns = NameServer::start(RECORDS).await;
    let (sink, address) = Sink::start(anywhere(), OFFERS).await;
    let more = "[routes]\n\"*\" = \"hold: this is the demo\"\n";
    let house = House::build_demo(dns.address, address.port(), more).await;
    let id = house.send(&["b@host.test"], MESSAGE).await;
    let held = house.until(id, |recipient| recipient.state == State::Held).await;
    house.queue.release(&Filter::default(), agent_kit::now()).await.unwrap();
    let more = |recipient: &RecipientSummary| recipient.attempts > held.attempts;
    house.until(id, |recipient| more(recipient) && recipient.state == State::Held).await;
    house.close().await;
    assert_eq!(sink.heard.lock().unwrap().connections, 0);
}
