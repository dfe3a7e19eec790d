//! `Resolver::hosts_for` against a real name server on loopback, and against sick ones.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use hickory_resolver::proto::rr::{LowerName, RData, Record, rdata::SOA};
use hickory_server::{
    Server,
    store::in_memory::InMemoryZoneHandler,
    zone_handler::{AxfrPolicy, Catalog, ZoneType},
};
use mail_dns::{Believe, DnsProblem, MxHost, Patience, Resolver};
use tokio::net::UdpSocket;

use crate::{
    HASTE, LOOPBACK, domain, free_port,
    records::{name, record},
};

const ZONE: &[&str] = &[
    "two.example MX 20 b.example",
    "two.example MX 10 a.example",
    "a.example A 192.0.2.1",
    "a.example AAAA 2001:db8::1",
    "b.example A 192.0.2.2",
    "implicit.example A 192.0.2.3",
    "null.example MX 0 .",
    "empty.example CNAME nothing.example",
    "nothing.example MX 10 gone.example",
    "alias.example CNAME two.example",
    "mxalias.example MX 10 other.example",
    "other.example CNAME b.example",
    "half.example MX 10 gone.example",
    "half.example MX 20 b.example",
    "lame.example MX 10 mx.elsewhere.test",
    "lame2.example MX 10 mx.elsewhere.test",
    "lame2.example MX 20 b.example",
    "us.example MX 10 mail.us.example",
    "mail.us.example A 192.0.2.9",
    "bare.sub.example A 192.0.2.8",
];

/// A name server for `example.`; it refuses to speak of anything else.
async fn name_server() -> (Server<Catalog>, SocketAddr) {
    let origin = name("example");
    let mut zone =
        InMemoryZoneHandler::<hickory_resolver::net::runtime::TokioRuntimeProvider>::empty(
            origin.clone(),
            ZoneType::Primary,
            AxfrPolicy::Deny,
            None,
        );
    let soa = SOA::new(name("ns.example"), name("root.example"), 1, 60, 60, 60, 1);
    zone.upsert_mut(Record::from_rdata(origin.clone(), 60, RData::SOA(soa)), 0);
    for line in ZONE {
        assert!(zone.upsert_mut(record(line), 0), "{line}");
    }
    let mut catalog = Catalog::new();
    catalog.upsert(LowerName::new(&origin), vec![Arc::new(zone)]);
    let mut server = Server::new(catalog);
    let (udp, tcp, address) = free_port().await;
    server.register_socket(udp);
    server.register_listener(tcp, Duration::from_secs(5), 32);
    (server, address)
}

/// Answers every question with this response code, or not at all.
async fn sick_server(code: Option<u8>) -> SocketAddr {
    let udp = UdpSocket::bind(LOOPBACK).await.unwrap();
    let address = udp.local_addr().unwrap();
    tokio::spawn(async move {
        let mut packet = [0; 1500];
        while let Ok((len, peer)) = udp.recv_from(&mut packet).await {
            if let Some(code) = code {
                packet[2] |= 0x80; // a response
                packet[3] = code;
                udp.send_to(&packet[..len], peer).await.unwrap();
            }
        }
    });
    address
}

fn render(hosts: &[MxHost]) -> String {
    let one = |host: &MxHost| {
        let ips: Vec<String> = host.addresses.iter().map(IpAddr::to_string).collect();
        format!("{} {} {}", host.preference, host.name, ips.join(" "))
    };
    hosts.iter().map(one).collect::<Vec<_>>().join(", ")
}

#[tokio::test]
async fn definite_answers() {
    let (_server, address) = name_server().await;
    let resolver = Resolver::with_servers(&[address], Patience::default(), Believe::Loopback);
    let own = [domain("mail.us.example"), domain("bare.sub.example")];
    for (asked, expected) in [
        ("two.example", "10 a.example 2001:db8::1 192.0.2.1, 20 b.example 192.0.2.2"),
        ("implicit.example", "0 implicit.example 192.0.2.3"),
        ("alias.example", "10 a.example 2001:db8::1 192.0.2.1, 20 b.example 192.0.2.2"),
        ("mxalias.example", "10 other.example 192.0.2.2"),
        ("half.example", "20 b.example 192.0.2.2"),
        ("lame2.example", "20 b.example 192.0.2.2"),
        ("localhost", "0 localhost ::1 127.0.0.1"),
        ("[192.0.2.77]", "0 [192.0.2.77] 192.0.2.77"),
        ("gone.example", "5.1.2"),
        ("sub.example", "5.4.4"),
        ("nothing.example", "5.4.4"),
        ("empty.example", "5.4.4"),
        ("null.example", "5.1.10"),
        ("us.example", "5.4.6"),
        ("bare.sub.example", "5.4.6"),
        ("lame.example", "4.4.3"),
        ("elsewhere.test", "4.4.3"),
    ] {
        let found = match resolver.hosts_for(&domain(asked), &own, 7).await {
            // This server proves nothing.
            Ok(hosts) if hosts.iter().any(|host| host.named_securely) => "proved".to_owned(),
            Ok(hosts) => render(&hosts),
            Err(problem) => problem.status().to_string(),
        };
        assert_eq!(found, expected, "{asked}");
    }
}

#[tokio::test]
async fn no_answer_is_never_a_definite_one() {
    const SERVFAIL: u8 = 2;
    const REFUSED: u8 = 5;
    for code in [Some(SERVFAIL), Some(REFUSED), None] {
        let resolver = Resolver::with_servers(&[sick_server(code).await], HASTE, Believe::Loopback);
        let problem = resolver.hosts_for(&domain("two.example"), &[], 7).await.unwrap_err();
        assert!(!problem.is_permanent(), "{problem}");
        assert_eq!(problem.status().to_string(), "4.4.3", "{code:?}");
    }
}

#[tokio::test]
async fn without_servers_nothing_is_known() {
    let resolver = Resolver::with_servers(&[], HASTE, Believe::Loopback);
    let problem = resolver.hosts_for(&domain("two.example"), &[], 7).await.unwrap_err();
    assert!(matches!(problem, DnsProblem::NoAnswer { .. }), "{problem}");
}
