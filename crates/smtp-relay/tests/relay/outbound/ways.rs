//! Who is talked to, how often, by which way, and from where.

use std::{net::SocketAddr, time::Duration};

use mail_types::QueueId;
use message_queue::operator::{Condition, Filter, State};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpSocket, TcpStream},
};

use super::{HASTE, MESSAGE, OFFERS, anywhere, house::House, name_server::NameServer, sink::Sink};

const RECORDS: &[&str] = &[
    "host.test A 127.0.0.1",
    "a.test MX 10 host.test",
    "b.test MX 10 host.test",
    "two.test MX 10 ill.test",
    "two.test MX 20 host.test",
    "ill.test A 127.0.0.3",
    "backup.test MX 10 host.test",
    "backup.test MX 20 mail.example.org",
    "sub.backup.test A 127.0.0.1",
    "s1.test A 127.0.1.1",
    "s2.test A 127.0.2.1",
    "s3.test A 127.0.3.1",
    "s4.test A 127.0.4.1",
];

const FIVE: [&str; 5] = ["a@one.test", "b@two.test", "c@three.test", "d@four.test", "e@five.test"];

fn count(commands: &[String], verb: &str) -> usize {
    commands.iter().filter(|line| line.starts_with(verb)).count()
}

#[tokio::test]
async fn five_domains_behind_one_smarthost_are_one_transaction() {
    let dns = NameServer::start(RECORDS).await;
    let (sink, address) = Sink::start(anywhere(), OFFERS).await;
    let more =
        format!("[routes]\n\"*\" = \"{address}\"\n[smarthosts.\"[127.0.0.1]\"]\ntls = \"none\"\n");
    let house = House::build(dns.address, 9, &more).await;
    let id = house.send(&FIVE, MESSAGE).await;
    let goes = |queue: &message_queue::Queue| {
        let queue = queue.clone();
        async move { queue.show(id).await.unwrap().is_none() }
    };
    while !goes(&house.queue).await {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    house.close().await;
    let heard = sink.heard.lock().unwrap();
    assert_eq!((heard.connections, heard.contents.len()), (1, 1), "{heard:?}");
    assert_eq!((count(&heard.commands, "MAIL"), count(&heard.commands, "RCPT")), (1, 5));
}

#[tokio::test]
async fn no_more_domains_in_a_session_than_the_server_says() {
    // RFC 9422 §4.3
    let dns = NameServer::start(RECORDS).await;
    let (sink, address) = Sink::start(anywhere(), &["LIMITS RCPTDOMAINMAX=2"]).await;
    let more =
        format!("[routes]\n\"*\" = \"{address}\"\n[smarthosts.\"[127.0.0.1]\"]\ntls = \"none\"\n");
    let house = House::build(dns.address, 9, &more).await;
    let id = house.send(&FIVE, MESSAGE).await;
    while house.queue.show(id).await.unwrap().is_some() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    house.close().await;
    let heard = sink.heard.lock().unwrap();
    assert_eq!(count(&heard.commands, "RCPT"), 5, "{heard:?}");
    assert!(heard.connections >= 3, "{heard:?}");
}

#[tokio::test]
async fn who_sends_decides_the_way() {
    let dns = NameServer::start(RECORDS).await;
    let (ours, address) = Sink::start(anywhere(), OFFERS).await;
    let (smart, at_smart) = Sink::start(anywhere(), OFFERS).await;
    let (other, at_other) = Sink::start(anywhere(), OFFERS).await;
    let more = format!(
        "[sender_routes]\n\"alice@example.org\" = \"via:for alice\"\n\"@example.net\" = \"mx\"\n\
         [routes]\n\"b.test\" = \"{at_other}\"\n\
         [smarthosts.\"for alice\"]\nhost = \"{at_smart}\"\ntls = \"none\"\n"
    );
    let house = House::build(dns.address, address.port(), &more).await;
    for (from, to) in [
        ("Alice@example.org", "1@a.test"),
        ("alice@example.org", "2@b.test"),
        ("carol@example.net", "3@a.test"),
        ("bob@example.org", "4@a.test"),
    ] {
        let id = house.send_as(from, &[to], MESSAGE, |_| {}).await;
        house.event(id, "taken by the sink").await;
    }
    house.close().await;
    let got = |sink: &Sink| {
        let heard = sink.heard.lock().unwrap();
        let lines = heard.commands.iter().filter_map(|line| line.strip_prefix("RCPT TO:<"));
        lines.map(|line| line[..1].to_owned()).collect::<String>()
    };
    assert_eq!((got(&smart), got(&other), got(&ours)), ("1".into(), "2".into(), "34".into()));
}

#[tokio::test]
async fn two_domains_share_what_their_host_bears() {
    let dns = NameServer::start(RECORDS).await;
    let (sink, address) = Sink::start(anywhere(), &["SIZE"]).await;
    let more = "concurrency_per_host = 2\n";
    let house = House::build(dns.address, address.port(), more).await;
    let mut ids = Vec::new();
    for number in 0..6 {
        for domain in ["a.test", "b.test"] {
            ids.push(house.send(&[&format!("wait{number}@{domain}")], MESSAGE).await);
        }
    }
    for id in ids {
        house.event(id, "taken by the sink").await;
    }
    house.close().await;
    let heard = sink.heard.lock().unwrap();
    assert_eq!((heard.contents.len(), heard.open_max), (12, 2), "{heard:?}");
}

#[tokio::test]
async fn a_destination_has_its_own_concurrency_port_and_source() {
    let dns = NameServer::start(RECORDS).await;
    let (sink, address) = Sink::start(anywhere(), &["SIZE"]).await;
    let more = format!(
        "[relay.outbound.ipv4]\nsource = \"127.0.0.6\"\nhello = \"out.example.org\"\n\
         [destinations.\"a.test\"]\nconcurrency = 1\nport = {}\nsource_ipv4 = \"127.0.0.5\"\n",
        address.port()
    );
    let house = House::build(dns.address, 9, &more).await;
    let mut ids = Vec::new();
    for number in 0..4 {
        ids.push(house.send(&[&format!("wait{number}@a.test")], MESSAGE).await);
    }
    for id in ids {
        house.event(id, "taken by the sink").await;
    }
    house.close().await;
    let heard = sink.heard.lock().unwrap();
    assert_eq!(heard.open_max, 1);
    let expected = ("127.0.0.5".parse().unwrap(), "out.example.org".to_owned());
    assert!(heard.hellos.iter().all(|hello| *hello == expected), "{:?}", heard.hellos);
}

#[tokio::test]
async fn a_connection_is_kept_for_later_mail() {
    let dns = NameServer::start(RECORDS).await;
    let (sink, address) = Sink::start(anywhere(), OFFERS).await;
    let house = House::build(dns.address, address.port(), "").await;
    for domain in ["a.test", "b.test", "a.test"] {
        let id = house.send(&[&format!("x@{domain}")], MESSAGE).await;
        house.event(id, "taken by the sink").await;
    }
    house.close().await;
    assert_eq!(sink.heard.lock().unwrap().connections, 1);
}

#[tokio::test]
async fn who_has_had_enough_gets_another_connection() {
    let dns = NameServer::start(RECORDS).await;
    let (sink, address) = Sink::start(anywhere(), OFFERS).await;
    let house = House::build(dns.address, address.port(), "").await;
    for _ in 0..3 {
        let id = house.send(&["enough@a.test"], MESSAGE).await;
        house.event(id, "taken by the sink").await;
    }
    house.close().await;
    let heard = sink.heard.lock().unwrap();
    assert_eq!((heard.connections, heard.contents.len()), (3, 3));
    assert_eq!(heard.commands.iter().filter(|line| line.starts_with("RCPT")).count(), 5);
}

/// Accepts and hangs up at once; counts how often.
async fn hangs_up(at: SocketAddr) -> std::sync::Arc<std::sync::atomic::AtomicUsize> {
    let listener = TcpListener::bind(at).await.unwrap();
    let count = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let counting = count.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            counting.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            drop(stream);
        }
    });
    count
}

#[tokio::test]
async fn a_host_that_is_ill_is_left_alone_and_the_other_takes_it() {
    let dns = NameServer::start(RECORDS).await;
    let (sink, address) = Sink::start(anywhere(), &["LIMITS MAILMAX=1"]).await;
    let at_ill = SocketAddr::new("127.0.0.3".parse().unwrap(), address.port());
    let visits = hangs_up(at_ill).await;
    let house = House::build(dns.address, address.port(), "").await;
    for number in 0..8 {
        let id = house.send(&[&format!("{number}@two.test")], MESSAGE).await;
        house.event(id, "taken by the sink").await;
    }
    house.close().await;
    assert_eq!(sink.heard.lock().unwrap().contents.len(), 8);
    assert_eq!(visits.load(std::sync::atomic::Ordering::Relaxed), 3, "then it rests");
}

/// A house whose host has been ill three times, and the message that waits for it.
async fn waits_for_the_ill(dns: SocketAddr, port: u16) -> (House, QueueId) {
    let at_ill = SocketAddr::new("127.0.0.3".parse().unwrap(), port);
    let visits = hangs_up(at_ill).await;
    // Messages come back soon; hosts rest for as long, so that only a word ends their rest.
    let haste = "[relay.outbound.retry]\nfirst_retry = \"1h\"\nmax_retry = \"2h\"\n";
    let house = House::build(dns, port, haste).await;
    let mut id = house.send(&["x@ill.test"], MESSAGE).await;
    for number in 1..=3 {
        house.until(id, |recipient| recipient.attempts > 0).await;
        assert_eq!(visits.load(std::sync::atomic::Ordering::Relaxed), number);
        id = house.send(&["x@ill.test"], MESSAGE).await;
    }
    let waiting = house.until(id, |recipient| recipient.attempts > 0).await;
    assert!(waiting.problem.unwrap().contains("not tried now"));
    assert_eq!(visits.load(std::sync::atomic::Ordering::Relaxed), 3, "it rests");
    house
        .queue
        .retry(&Filter { id: Some(id), ..Filter::default() }, agent_kit::now())
        .await
        .unwrap();
    while visits.load(std::sync::atomic::Ordering::Relaxed) < 4 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    (house, id)
}

#[tokio::test]
async fn a_host_rests_until_the_operator_asks_for_it() {
    let dns = NameServer::start(RECORDS).await;
    let free = TcpListener::bind("127.0.0.3:0").await.unwrap().local_addr().unwrap().port();
    let (house, _) = waits_for_the_ill(dns.address, free).await;
    house.close().await;
}

/// Says something to the inbound half, line by line, and returns the replies' first lines.
async fn say(house: &House, lines: &[&str]) -> Vec<String> {
    let stream = TcpStream::connect(house.inbound.unwrap()).await.unwrap();
    let mut stream = BufReader::new(stream);
    let mut replies = Vec::new();
    for line in std::iter::once(&"").chain(lines) {
        if !line.is_empty() {
            stream.write_all(format!("{line}\r\n").as_bytes()).await.unwrap();
        }
        let mut whole = String::new();
        loop {
            let mut reply = String::new();
            stream.read_line(&mut reply).await.unwrap();
            let last = reply.as_bytes().get(3) != Some(&b'-');
            whole.push_str(&reply);
            if last {
                break;
            }
        }
        replies.push(whole);
    }
    replies
}

#[tokio::test]
async fn what_is_kept_for_a_domain_goes_when_its_server_asks() {
    // RFC 1985 §5.1, §5.3
    let dns = NameServer::start(RECORDS).await;
    let (sink, address) = Sink::start(anywhere(), OFFERS).await;
    let more = "[routes]\n\"backup.test\" = \"hold: its server asks\"\n\
                \"sub.backup.test\" = \"hold: its server asks\"\n\
                \"other.test\" = \"hold: its server asks\"\n\
                [etrn]\n\"backup.test\" = [\"127.0.0.0/8\"]\n\"far.test\" = [\"192.0.2.1\"]\n";
    let house = House::build_whole(dns.address, address.port(), more).await;
    let mut ids = Vec::new();
    for to in ["1@backup.test", "2@backup.test", "3@sub.backup.test", "4@other.test"] {
        let id = house.send(&[to], MESSAGE).await;
        house.until(id, |recipient| recipient.state == State::Held).await;
        ids.push(id);
    }
    // Held for a reason that is not the route's.
    let flood = house
        .send_as("alice@example.org", &["5@backup.test"], MESSAGE, |entry| {
            entry.recipients[0].held = Some("too much at once".to_owned());
        })
        .await;
    let replies = say(
        &house,
        &[
            "EHLO client.example",
            "ETRN other.test",
            "ETRN far.test",
            "ETRN @test.",
            "ETRN #uucp",
            "ETRN backup.test",
        ],
    )
    .await;
    assert!(replies[1].contains("ETRN\r\n"), "{replies:?}");
    let codes: Vec<&str> = replies[2..].iter().map(|reply| &reply[..3]).collect();
    assert_eq!(codes, ["459", "459", "501", "458", "253"], "{replies:?}");
    assert!(replies[6].contains(" 2 messages"), "{replies:?}");
    for id in &ids[..2] {
        house.event(*id, "taken by the sink").await;
    }
    assert_eq!(sink.heard.lock().unwrap().contents.len(), 2, "nothing of the others");
    let replies = say(&house, &["EHLO c.example", "ETRN backup.test", "ETRN @backup.test"]).await;
    assert_eq!((&replies[2][..3], &replies[3][..3]), ("251", "253"), "{replies:?}");
    house.event(ids[2], "taken by the sink").await;
    for id in [ids[3], flood] {
        let held = house.queue.show(id).await.unwrap().unwrap();
        assert_eq!(held.recipients[0].state, State::Held);
    }
    house.close().await;
}

#[tokio::test]
async fn nobody_is_told_of_etrn_where_nobody_may() {
    let dns = NameServer::start(RECORDS).await;
    let house = House::build_whole(dns.address, 9, "").await;
    let replies = say(&house, &["EHLO client.example", "ETRN backup.test"]).await;
    assert!(!replies[1].contains("ETRN"), "{replies:?}");
    assert!(replies[2].starts_with("502"), "{replies:?}");
    house.close().await;
}

/// A port where connects are swallowed: its queue is full.
async fn silent(at: SocketAddr) -> (TcpListener, Vec<std::net::TcpStream>) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_reuseaddr(true).unwrap();
    socket.bind(at).unwrap();
    let listener = socket.listen(1).unwrap();
    let at = listener.local_addr().unwrap();
    let mut queued = Vec::new();
    while let Ok(stream) = std::net::TcpStream::connect_timeout(&at, Duration::from_millis(200)) {
        queued.push(stream);
    }
    (listener, queued)
}

#[tokio::test]
async fn silence_everywhere_is_told_and_an_answer_takes_it_back() {
    let dns = NameServer::start(RECORDS).await;
    let (sink, address) = Sink::start(anywhere(), OFFERS).await;
    let mut walls = Vec::new();
    for network in 1..=4 {
        let at = format!("127.0.{network}.1:{}", address.port());
        walls.push(silent(at.parse().unwrap()).await);
    }
    let more = format!("connect_timeout = \"300ms\"\n{HASTE}");
    let house = House::build(dns.address, address.port(), &more).await;
    for network in 1..=4 {
        house.send(&[&format!("x@s{network}.test")], MESSAGE).await;
    }
    let found = loop {
        if let Some(found) = house.queue.conditions().await.unwrap().pop() {
            break found;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    assert_eq!(found.condition, Condition::PortBlocked);
    assert!(found.text.contains("smarthost"), "{found:?}");
    assert_eq!(sink.heard.lock().unwrap().connections, 0);
    let id = house.send(&["x@host.test"], MESSAGE).await;
    house.event(id, "taken by the sink").await;
    while !house.queue.conditions().await.unwrap().is_empty() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    house.close().await;
}
