//! What DNSSEC proves of hosts, and which TLSA records count (RFC 7672 §2.1, §2.2).

use mail_dns::{Believe, Resolver};

use crate::{HASTE, domain, scripted::Scripted};

const SCRIPT: &[&str] = &[
    "+signed.test MX: signed.test MX 10 mx.signed.test",
    "+mx.signed.test A: mx.signed.test A 192.0.2.1",
    "+mx.signed.test AAAA:",
    "+_25._tcp.mx.signed.test TLSA: _25._tcp.mx.signed.test TLSA 3 1 1 abc",
    // The provider is signed, its customer is not.
    "customer.test MX: customer.test MX 10 mx.signed.test",
    // The other way round: TLSA questions to such a zone were seen to fail.
    "+half.test MX: half.test MX 10 mx.plain.test",
    "mx.plain.test A: mx.plain.test A 192.0.2.2",
    "mx.plain.test AAAA:",
    "!_25._tcp.mx.plain.test TLSA:",
    "+broken.test MX: broken.test MX 10 mx.broken.test",
    "+mx.broken.test A: mx.broken.test A 192.0.2.3",
    "+mx.broken.test AAAA:",
    "!_25._tcp.mx.broken.test TLSA:",
    "+unproved.test MX: unproved.test MX 10 mx.unproved.test",
    "+mx.unproved.test A: mx.unproved.test A 192.0.2.3",
    "+mx.unproved.test AAAA:",
    "_25._tcp.mx.unproved.test TLSA: _25._tcp.mx.unproved.test TLSA 3 1 1 abc",
    // Aliases, proved to their end.
    "+alias.test MX: alias.test MX 10 www.alias.test",
    "+www.alias.test A: www.alias.test CNAME mx.signed.test, mx.signed.test A 192.0.2.1",
    "+www.alias.test AAAA: www.alias.test CNAME mx.signed.test",
    "+mx.other.test A: mx.other.test A 192.0.2.4",
    "+mx.other.test AAAA:",
    "+second.test MX: second.test MX 10 www.second.test",
    "+www.second.test A: www.second.test CNAME mx.other.test, mx.other.test A 192.0.2.4",
    "+www.second.test AAAA: www.second.test CNAME mx.other.test",
    "+_25._tcp.www.second.test TLSA: _25._tcp.www.second.test TLSA 2 0 1 abc",
    // An alias that is proved, of what is not.
    "+out.test MX: out.test MX 10 www.out.test",
    "www.out.test A: www.out.test CNAME mx.plain.test, mx.plain.test A 192.0.2.2",
    "www.out.test AAAA: www.out.test CNAME mx.plain.test",
    "+www.out.test CNAME: www.out.test CNAME mx.plain.test",
    "+_25._tcp.www.out.test TLSA: _25._tcp.www.out.test CNAME t.test, t.test TLSA 2 0 1 abc",
    "open.test MX: open.test MX 10 www.open.test",
    "www.open.test A: www.open.test CNAME mx.signed.test, mx.signed.test A 192.0.2.1",
    "www.open.test AAAA: www.open.test CNAME mx.signed.test",
    "www.open.test CNAME: www.open.test CNAME mx.signed.test",
    // No MX.
    "bare.test MX:",
    "+bare.test A: bare.test A 192.0.2.5",
    "+bare.test AAAA:",
    "+_25._tcp.bare.test TLSA: _25._tcp.bare.test TLSA 3 1 1 abc",
    "+_mta-sts.bare.test TXT: _mta-sts.bare.test TXT v=STSv1; id=1;",
];

async fn seen(resolver: &Resolver, asked: &str) -> String {
    let hosts = resolver.hosts_for(&domain(asked), &[], 7).await.unwrap();
    let named = if hosts[0].named_securely { "named securely" } else { "named" };
    let tlsa = match resolver.tlsa(&hosts[0], 25).await {
        Ok(Some(tlsa)) => format!("{} record of {}", tlsa.records.len(), tlsa.base),
        Ok(None) => "no DANE".to_owned(),
        Err(problem) => problem.status().to_string(),
    };
    format!("{named}, {tlsa}")
}

#[tokio::test]
async fn tlsa_records_that_count() {
    let server = Scripted::of(SCRIPT).await;
    let resolver = Resolver::with_servers(&[server.address], HASTE, Believe::Loopback);
    for (asked, expected) in [
        ("signed.test", "named securely, 1 record of mx.signed.test"),
        ("customer.test", "named, 1 record of mx.signed.test"),
        ("half.test", "named securely, no DANE"),
        ("broken.test", "named securely, 4.4.3"),
        ("unproved.test", "named securely, no DANE"),
        ("alias.test", "named securely, 1 record of mx.signed.test"),
        ("second.test", "named securely, 1 record of www.second.test"),
        ("out.test", "named securely, 1 record of www.out.test"),
        ("open.test", "named, no DANE"),
        ("bare.test", "named securely, 1 record of bare.test"),
    ] {
        assert_eq!(seen(&resolver, asked).await, expected, "{asked}");
    }
}

#[tokio::test]
async fn whom_nobody_believes_proves_nothing() {
    let server = Scripted::of(SCRIPT).await;
    let resolver = Resolver::with_servers(&[server.address], HASTE, Believe::Nobody);
    assert_eq!(seen(&resolver, "signed.test").await, "named, no DANE");
    // 192.0.2.0/24 is nowhere; that it is among the servers is enough.
    let servers = [server.address, "192.0.2.53:53".parse().unwrap()];
    let resolver = Resolver::with_servers(&servers, HASTE, Believe::Loopback);
    assert_eq!(seen(&resolver, "signed.test").await, "named, no DANE");
    // Nor is the resolver of a container one that validates.
    let container = [server.address, "127.0.0.11:53".parse().unwrap()];
    let resolver = Resolver::with_servers(&container, HASTE, Believe::Loopback);
    assert_eq!(seen(&resolver, "signed.test").await, "named, no DANE");
    let resolver = Resolver::with_servers(&servers, HASTE, Believe::All);
    let expected = "named securely, 1 record of mx.signed.test";
    assert_eq!(seen(&resolver, "signed.test").await, expected);
}

#[tokio::test]
async fn texts_are_joined_and_absent_ones_are_none() {
    let server = Scripted::of(SCRIPT).await;
    let resolver = Resolver::with_servers(&[server.address], HASTE, Believe::Loopback);
    let texts = resolver.texts("_mta-sts", &domain("bare.test")).await.unwrap();
    assert_eq!(texts, ["v=STSv1;id=1;"]);
    assert!(resolver.texts("_mta-sts", &domain("signed.test")).await.unwrap().is_empty());
    let ill = Resolver::with_servers(&[], HASTE, Believe::Loopback);
    assert!(ill.texts("_mta-sts", &domain("bare.test")).await.is_err());
}
