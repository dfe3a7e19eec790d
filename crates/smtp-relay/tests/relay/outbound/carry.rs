//! What a next hop can carry, and what becomes of the rest.

use std::time::Duration;

use agent_kit::now;
use mail_types::{BodyKind, DeliverBy, Late, Notify};
use message_queue::{NewEntry, operator::State};

use super::{HASTE, MESSAGE, anywhere, house::House, name_server::NameServer, sink::Sink};

const RECORDS: &[&str] = &[
    "host.test A 127.0.0.1",
    "xn--bcher-kva.test A 127.0.0.1",
    "two.test MX 10 first.test",
    "two.test MX 20 second.test",
    "first.test A 127.0.0.1",
    "second.test A 127.0.0.2",
];
const ALICE: &str = "alice@example.org";
const INTERNATIONAL: &str = "Subject: gr\u{fc}n\r\n\r\ngreen\r\n";

fn international(entry: &mut NewEntry) {
    entry.smtputf8 = true;
    entry.body = BodyKind::EightBitMime;
}

/// One message to a server that offers this: what the server heard, or the notification.
async fn sent(
    offers: &'static [&'static str],
    to: &[&str],
    content: &str,
    change: impl FnOnce(&mut NewEntry),
) -> Result<(Vec<String>, Vec<String>), String> {
    let dns = NameServer::start(RECORDS).await;
    let (sink, address) = Sink::start(anywhere(), offers).await;
    let house = House::build(dns.address, address.port(), "").await;
    let id = house.send_as(ALICE, to, content, change).await;
    // Of a message that was taken there may be a notification as well ("relayed").
    let told = tokio::select! {
        _ = house.event(id, "taken by the sink") => None,
        (_, content) = house.notification() => Some(content),
    };
    let came = {
        let heard = sink.heard.lock().unwrap();
        match told {
            Some(content) if heard.contents.is_empty() => {
                assert!(heard.commands.is_empty(), "nothing was tried");
                Err(content)
            }
            _ => Ok((heard.commands.clone(), heard.contents.clone())),
        }
    };
    house.close().await;
    came
}

#[tokio::test]
async fn international_mail_arrives_where_it_is_known() {
    // RFC 6531 §3.4; a domain goes as A-labels (§3.2).
    let offers = &["SMTPUTF8", "8BITMIME"];
    let to = ["\u{c544}\u{b9ac}@b\u{fc}cher.test"];
    let (commands, contents) = sent(offers, &to, INTERNATIONAL, international).await.unwrap();
    assert_eq!(
        commands,
        [
            "MAIL FROM:<alice@example.org> BODY=8BITMIME SMTPUTF8",
            "RCPT TO:<\u{c544}\u{b9ac}@xn--bcher-kva.test>"
        ]
    );
    assert_eq!(contents, [INTERNATIONAL]);
}

#[tokio::test]
async fn international_mail_in_ascii_where_that_says_the_same() {
    // RFC 6531 §3.2
    let to = ["b@b\u{fc}cher.test"];
    let (commands, contents) = sent(&["SIZE"], &to, INTERNATIONAL, international).await.unwrap();
    assert_eq!(commands[1], "RCPT TO:<b@xn--bcher-kva.test>");
    assert_eq!(contents, ["Subject: =?UTF-8?B?Z3LDvG4=?=\r\n\r\ngreen\r\n"]);
    let size = format!("MAIL FROM:<alice@example.org> SIZE={}", contents[0].len());
    assert_eq!(commands[0], size, "as long as it has become");
}

#[tokio::test]
async fn international_mail_is_returned_where_it_cannot_go() {
    // RFC 6531 §3.6
    let to = ["\u{c544}\u{b9ac}@host.test"];
    let returned = sent(&["8BITMIME"], &to, MESSAGE, |_| {}).await.unwrap_err();
    assert!(returned.contains("Status: 5.6.7"), "{returned}");
    let from = "From: \u{c544}\u{b9ac}@example.org\r\n\r\n";
    let returned = sent(&["8BITMIME"], &["b@host.test"], from, international).await.unwrap_err();
    assert!(returned.contains("Status: 5.6.9"), "{returned}");
    let signed = format!("DKIM-Signature: v=1\r\n{INTERNATIONAL}");
    let returned = sent(&["8BITMIME"], &["b@host.test"], &signed, international).await.unwrap_err();
    assert!(returned.contains("Status: 5.6.9") && returned.contains("signed"), "{returned}");
}

#[tokio::test]
async fn eight_bit_mail_that_is_signed_is_returned() {
    let content = "DKIM-Signature: v=1\r\n\r\ngr\u{fc}n\r\n";
    let eight_bit = |entry: &mut NewEntry| entry.body = BodyKind::EightBitMime;
    let returned = sent(&["SIZE"], &["b@host.test"], content, eight_bit).await.unwrap_err();
    assert!(returned.contains("Status: 5.6.3"), "{returned}");
    let (_, contents) = sent(&["8BITMIME"], &["b@host.test"], content, eight_bit).await.unwrap();
    assert_eq!(contents, [content]);
}

#[tokio::test]
async fn binary_mail_goes_by_bdat_or_is_encoded() {
    // RFC 3030 §3
    let content = "MIME-Version: 1.0\r\nContent-Type: application/x-y\r\n\
                   Content-Transfer-Encoding: binary\r\n\r\n.\0\u{fc}\n";
    let binary = |entry: &mut NewEntry| entry.body = BodyKind::BinaryMime;
    let to = ["b@host.test"];
    let (commands, contents) =
        sent(&["CHUNKING", "BINARYMIME"], &to, content, binary).await.unwrap();
    assert_eq!(commands[0], "MAIL FROM:<alice@example.org> BODY=BINARYMIME");
    assert_eq!(commands[2], format!("BDAT {} LAST", content.len()));
    assert_eq!(contents, [content]);
    // Octets that DATA can't carry become base64, whether they are 8-bit or not.
    let lines = content.replace('\u{fc}', "u");
    for offers in [&["CHUNKING"][..], &["BINARYMIME", "8BITMIME"], &["SIZE"]] {
        for content in [content, &lines] {
            let (commands, contents) = sent(offers, &to, content, binary).await.unwrap();
            let eight_bit = offers.contains(&"8BITMIME");
            assert_eq!(commands[0].contains(" BODY=8BITMIME"), eight_bit, "{commands:?}");
            assert!(contents[0].to_ascii_lowercase().contains("encoding: base64"), "{contents:?}");
        }
    }
    let signed = format!("DKIM-Signature: v=1\r\n{lines}");
    let returned = sent(&["8BITMIME"], &to, &signed, binary).await.unwrap_err();
    assert!(returned.contains("Status: 5.6.3"), "{returned}");
}

#[tokio::test]
async fn what_is_too_large_is_not_tried() {
    // RFC 1870 §6.1
    let returned = sent(&["SIZE 20"], &["b@host.test"], MESSAGE, |_| {}).await.unwrap_err();
    assert!(returned.contains("Status: 5.3.4"), "{returned}");
}

#[tokio::test]
async fn tls_all_the_way_or_not_at_all() {
    // RFC 8689 §4.2.1: nothing says who this host is.
    let require = |entry: &mut NewEntry| entry.handling.require_tls = true;
    let offers = &["REQUIRETLS"];
    let returned = sent(offers, &["b@host.test"], MESSAGE, require).await.unwrap_err();
    assert!(returned.contains("Status: 5.7.10"), "{returned}");
}

#[tokio::test]
async fn delivery_times() {
    // RFC 2852 §4.1.4.1, §4.1.4.2
    let by = |late, seconds| {
        move |entry: &mut NewEntry| {
            let at = now().plus(Duration::from_secs(seconds));
            entry.handling.deliver_by = Some(DeliverBy { at, late, trace: false });
        }
    };
    let to = ["b@host.test"];
    let (commands, _) =
        sent(&["DELIVERBY 60"], &to, MESSAGE, by(Late::Return, 100_000)).await.unwrap();
    let left = commands[0].rsplit_once(" BY=").and_then(|(_, by)| by.strip_suffix(";R"));
    let left: u64 = left.and_then(|left| left.parse().ok()).unwrap();
    assert!((99_900..=100_000).contains(&left), "{commands:?}");
    for offers in [&["DELIVERBY 600"][..], &["SIZE"]] {
        let returned = sent(offers, &to, MESSAGE, by(Late::Return, 300)).await.unwrap_err();
        assert!(returned.contains("Status: 5.4.7"), "{returned}");
    }
    let (commands, _) = sent(&["PIPELINING"], &to, MESSAGE, by(Late::Notify, 300)).await.unwrap();
    assert_eq!(commands[0], "MAIL FROM:<alice@example.org>");
}

#[tokio::test]
async fn who_will_not_be_told_of_a_late_message_is_told_of_its_hop() {
    // RFC 2852 §4.1.4, §4.1.4.2
    for (offers, trace, notify, told) in [
        (&["DSN"][..], false, Notify::DEFAULT, true),
        (&["DSN", "DELIVERBY"], false, Notify::DEFAULT, false),
        (&["DSN", "DELIVERBY"], true, Notify::DEFAULT, true),
        (&["DSN"], true, Notify::NEVER, false),
    ] {
        let dns = NameServer::start(RECORDS).await;
        let (sink, address) = Sink::start(anywhere(), offers).await;
        let house = House::build(dns.address, address.port(), "").await;
        let id = house
            .send_as(ALICE, &["b@host.test"], MESSAGE, |entry| {
                let at = now().plus(Duration::from_secs(300));
                entry.handling.deliver_by = Some(DeliverBy { at, late: Late::Notify, trace });
                entry.recipients[0].notify = notify;
            })
            .await;
        house.event(id, "taken by the sink").await;
        let counts = house.queue.counts().await.unwrap();
        assert_eq!(counts.local.waiting, u64::from(told), "{offers:?} {trace}");
        if told {
            let (_, content) = house.notification().await;
            assert!(content.contains("Action: relayed"), "{content}");
        }
        house.close().await;
        assert_eq!(sink.heard.lock().unwrap().contents.len(), 1);
    }
}

#[tokio::test]
async fn recipients_in_as_many_transactions_as_it_takes() {
    // RFC 9422 §4.2; RFC 5321 §4.5.3.1.10
    let to = ["a@host.test", "b@host.test", "c@host.test", "d@host.test", "e@host.test"];
    let (commands, contents) = sent(&["LIMITS RCPTMAX=2"], &to, MESSAGE, |_| {}).await.unwrap();
    let count = |verb: &str, commands: &[String]| {
        commands.iter().filter(|line| line.starts_with(verb)).count()
    };
    assert_eq!((count("MAIL", &commands), count("RCPT", &commands)), (3, 5), "{commands:?}");
    assert_eq!(contents.len(), 3);

    let dns = NameServer::start(RECORDS).await;
    let (sink, address) = Sink::start(anywhere(), &["PIPELINING"]).await;
    let house = House::build(dns.address, address.port(), "").await;
    let to = ["many1@host.test", "many2@host.test", "many3@host.test", "refuse@host.test"];
    let id = house.send_as(ALICE, &to, MESSAGE, |_| {}).await;
    house.event(id, "nobody here").await;
    house.close().await;
    let heard = sink.heard.lock().unwrap();
    assert_eq!((heard.connections, heard.contents.len()), (1, 3), "{heard:?}");
}

#[tokio::test]
async fn what_one_host_cannot_carry_another_may() {
    let dns = NameServer::start(RECORDS).await;
    let (first, address) = Sink::start(anywhere(), &["SIZE"]).await;
    let at_second = std::net::SocketAddr::new("127.0.0.2".parse().unwrap(), address.port());
    let house = House::build(dns.address, address.port(), HASTE).await;
    let waits = house.send(&["\u{c544}\u{b9ac}@two.test"], MESSAGE).await;
    // Nobody is there yet: what the second host offers is not known.
    let waiting = house.until(waits, |recipient| recipient.attempts > 0).await;
    assert!(waiting.problem.unwrap().contains("SMTPUTF8"));
    let (second, _) = Sink::start(at_second, &["SMTPUTF8", "8BITMIME"]).await;
    house.event(waits, "taken by the sink").await;
    let plain = house.send(&["b@two.test"], MESSAGE).await;
    house.event(plain, "taken by the sink").await;
    house.close().await;
    let heard = second.heard.lock().unwrap();
    assert_eq!(heard.contents.len(), 1);
    assert!(heard.commands[0].ends_with(" SMTPUTF8"), "{heard:?}");
    assert_eq!(first.heard.lock().unwrap().contents.len(), 1, "what it can, it gets");
}

#[tokio::test]
async fn an_lmtp_server_answers_for_each_recipient() {
    // RFC 2033 §4.2
    let dns = NameServer::start(RECORDS).await;
    let (sink, address) = Sink::start(anywhere(), &["PIPELINING", "8BITMIME"]).await;
    let more = format!("[routes]\n\"lists.test\" = \"lmtp:{address}\"\n");
    let house = House::build(dns.address, 9, &more).await;
    let id = house.send(&["full@lists.test", "b@lists.test"], MESSAGE).await;
    house.event(id, "taken by the sink").await;
    let waiting = house.until(id, |recipient| recipient.attempts > 0).await;
    assert!(waiting.problem.unwrap().contains("no room here"));
    house.close().await;
    assert_eq!(sink.heard.lock().unwrap().contents.len(), 1);
}

#[tokio::test]
async fn what_cannot_be_read_here_is_no_fault_of_the_server() {
    // The disk gives out between the lease and the content: the server, whoever it is, hears no
    // end of it, the message is set aside with the reason, and the next one goes as ever.
    let dns = NameServer::start(RECORDS).await;
    let (sink, address) = Sink::start(anywhere(), &["SIZE 1000000"]).await;
    let door = tokio::net::TcpListener::bind("127.0.0.2:0").await.unwrap();
    let more = format!(
        "{HASTE}[routes]\n\"host.test\" = \"127.0.0.2:{}\"\n",
        door.local_addr().unwrap().port()
    );
    let house = House::build(dns.address, address.port(), &more).await;
    let large = format!("Subject: large\r\n\r\n{}", "0123456789abcdef\r\n".repeat(20_000));
    let id = house.send(&["b@host.test", "c@host.test"], &large).await;
    let (mut inward, _) = door.accept().await.unwrap();
    // It is leased by now, and its file is open.
    let spool = house.folder().join("data/queue/spool");
    let folders = std::fs::read_dir(spool).unwrap().map(|folder| folder.unwrap().path());
    let files = folders.flat_map(|folder| std::fs::read_dir(folder).unwrap());
    for file in files {
        let file = std::fs::OpenOptions::new().write(true).open(file.unwrap().path()).unwrap();
        file.set_len(70_000).unwrap();
    }
    tokio::spawn(async move {
        let mut outward = tokio::net::TcpStream::connect(address).await.unwrap();
        let _ = tokio::io::copy_bidirectional(&mut inward, &mut outward).await;
        // Whoever comes later is let through.
        while let Ok((mut inward, _)) = door.accept().await {
            let mut outward = tokio::net::TcpStream::connect(address).await.unwrap();
            let _ = tokio::io::copy_bidirectional(&mut inward, &mut outward).await;
        }
    });
    let event = format!("{:?}", house.event(id, "could not be read").await);
    assert!(!event.contains("127.0.0."), "no server is named: {event}");
    let aside = house.until(id, |recipient| recipient.state == State::SetAside).await;
    assert!(aside.problem.unwrap().contains("has 70000 octets, not"), "{event}");
    let next = house.send(&["b@host.test"], MESSAGE).await;
    house.event(next, "taken by the sink").await;
    house.close().await;
    assert_eq!(sink.heard.lock().unwrap().contents.len(), 1, "nothing was ended that was cut");
}
