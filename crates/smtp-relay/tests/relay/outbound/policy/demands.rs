//! DANE, MTA-STS, and what the configuration says of domains.

use super::{World, became};

const VERIFIED: &str = "certificate verified";
const ANY: &str = "certificate not verified";

fn policy(mode: &str, mx: &str) -> String {
    format!("version: STSv1\nmode: {mode}\nmx: {mx}\nmax_age: 86400\n")
}

#[tokio::test]
async fn nothing_published_is_tls_with_anybody() {
    let world = World::new(&[]).await;
    assert_eq!(world.sends("", "x@a.test").await, VERIFIED);
    world.sink.show(Some(world.authority.server("else.test")));
    assert_eq!(world.sends("", "x@a.test").await, ANY);
    world.sink.show(None);
    assert_eq!(world.sends("", "x@a.test").await, "in clear");
}

#[tokio::test]
async fn tlsa_records() {
    // RFC 7672 §2.2, §3.1
    let world = World::new(&[]).await;
    world.publish_tlsa(3, "mx.a.test");
    assert_eq!(world.sends("", "x@a.test").await, VERIFIED);
    world.publish_tlsa(2, "authority");
    assert_eq!(world.sends("", "x@a.test").await, VERIFIED);
    // Records that can't be used: TLS, with anybody.
    world.publish_tlsa(1, "mx.a.test");
    assert_eq!(world.sends("", "x@a.test").await, ANY);
    world.publish_tlsa(3, "authority");
    let waits = world.sends("", "x@a.test").await;
    assert!(waits.contains("4.7.5") || waits.contains("handshake failed"), "{waits}");
    assert_eq!(world.sends("dane = false\n", "x@a.test").await, VERIFIED);
}

#[tokio::test]
async fn without_an_answer_about_tlsa_records_the_host_is_left_out() {
    // RFC 7672 §2.1.2
    let world = World::new(&[]).await;
    let question = format!("_{}._tcp.mx.a.test TLSA", world.sink.port());
    world.names.fail(&question);
    let waits = world.sends("", "x@a.test").await;
    assert!(waits.contains("the DNS gave no answer for mx.a.test"), "{waits}");
    // RFC 7672 §2.2.2: to a zone that is not signed no such question is put.
    world.names.set("mx.a.test A", "mx.a.test A 127.0.0.1");
    assert_eq!(world.sends("", "x@a.test").await, VERIFIED);
}

#[tokio::test]
async fn a_policy_is_fetched_and_enforced() {
    // RFC 8461 §4, §5
    let world = World::new(&[]).await;
    world.publish("1", &policy("enforce", "*.a.test"));
    assert_eq!(world.sends("", "x@a.test").await, VERIFIED);
    world.sink.show(Some(world.authority.server("else.test")));
    let waits = world.sends("", "x@a.test").await;
    assert!(waits.contains("not valid for name"), "{waits}");
    world.sink.show(None);
    let waits = world.sends("", "x@a.test").await;
    assert!(waits.contains("offers no TLS"), "{waits}");
    // The same server, for a domain without a policy.
    assert_eq!(world.sends("", "x@b.test").await, "in clear");
    world.publish("1", &policy("enforce", "*.else.test"));
    let waits = world.sends("", "x@a.test").await;
    assert!(waits.contains("mx.a.test is no host of the domain's MTA-STS policy"), "{waits}");
    for mode in ["testing", "none"] {
        world.publish("1", &policy(mode, "*.else.test"));
        assert_eq!(world.sends("", "x@a.test").await, "in clear", "{mode}");
    }
    assert_eq!(world.sends("mta_sts = false\n", "x@a.test").await, "in clear");
}

#[tokio::test]
async fn a_policy_holds_until_another_takes_its_place() {
    // RFC 8461 §3.3, §5.1
    let world = World::new(&[]).await;
    world.publish("1", &policy("enforce", "*.else.test"));
    let house = world.house("").await;
    const NOT_OURS: &str = "no host of the domain's MTA-STS policy";
    assert!(became(&house, "x@a.test").await.contains(NOT_OURS));
    let asked = world.policies.asked();
    assert_eq!(asked, 1);
    // Somebody strips everything off. Each time a process that has to ask.
    world.policies.clear();
    world.names.forget("_mta-sts.a.test TXT");
    let house = house.again().await;
    assert!(became(&house, "y@a.test").await.contains(NOT_OURS));
    world.names.fail("_mta-sts.a.test TXT");
    let house = house.again().await;
    assert!(became(&house, "z@a.test").await.contains(NOT_OURS));
    assert_eq!(world.policies.asked(), asked, "nobody was asked");
    // A new id without a policy changes nothing.
    world.names.set("_mta-sts.a.test TXT", "_mta-sts.a.test TXT v=STSv1;id=2;");
    let house = house.again().await;
    assert!(became(&house, "u@a.test").await.contains(NOT_OURS));
    assert_eq!(world.policies.asked(), asked + 1);
    // And is replaced at last; what waited goes.
    world.publish("3", &policy("enforce", "mx.a.test"));
    let house = house.again().await;
    assert_eq!(became(&house, "t@a.test").await, VERIFIED);
    house.close().await;
}

#[tokio::test]
async fn a_policy_that_cannot_be_had_is_none() {
    // RFC 8461 §3.3
    let world = World::new(&[]).await;
    world.names.set("_mta-sts.a.test TXT", "_mta-sts.a.test TXT v=STSv1;id=1;");
    world.sink.show(None);
    assert_eq!(world.sends("", "x@a.test").await, "in clear", "404");
    world.publish("1", "<html>");
    assert_eq!(world.sends("", "x@a.test").await, "in clear", "no policy");
    world.publish("1", &policy("enforce", "*.else.test"));
    world.names.forget("mta-sts.a.test A");
    assert_eq!(world.sends("", "x@a.test").await, "in clear", "no policy host");
}

#[tokio::test]
async fn both_hold_where_both_are_published() {
    // RFC 8461 §2
    let world = World::new(&[]).await;
    world.publish_tlsa(3, "mx.a.test");
    world.publish("1", &policy("enforce", "*.else.test"));
    let waits = world.sends("", "x@a.test").await;
    assert!(waits.contains("no host of the domain's MTA-STS policy"), "{waits}");
    world.publish("1", &policy("enforce", "mx.a.test"));
    assert_eq!(world.sends("", "x@a.test").await, VERIFIED);
    world.publish_tlsa(3, "authority");
    let waits = world.sends("", "x@a.test").await;
    assert!(waits.contains("handshake failed"), "{waits}");
}

#[tokio::test]
async fn what_the_configuration_says_of_domains() {
    let world = World::new(&[]).await;
    let more = |word: &str| format!("[relay.outbound.tls.domains]\n\"a.test\" = \"{word}\"\n");
    let sends = async |word| world.sends(&more(word), "x@a.test").await;
    assert_eq!(sends("none").await, "in clear");
    assert_eq!(sends("verified").await, VERIFIED);
    let waits = sends("dane").await;
    assert!(waits.contains("no TLSA records that DNSSEC proves"), "{waits}");
    world.sink.show(Some(world.authority.server("else.test")));
    assert_eq!(sends("required").await, ANY);
    let waits = sends("verified").await;
    assert!(waits.contains("not valid for name"), "{waits}");
    world.publish_tlsa(3, "else.test");
    assert_eq!(sends("dane").await, VERIFIED);
    let waits = sends("verified").await;
    assert!(waits.contains("not valid for name"), "on top of what is published: {waits}");
    world.publish_tlsa(3, "authority");
    assert_eq!(sends("opportunistic").await, ANY, "whatever is published");
    world.sink.show(None);
    assert_eq!(sends("opportunistic").await, "in clear");
    let waits = sends("required").await;
    assert!(waits.contains("offers no TLS") || waits.contains("TLSA"), "{waits}");
    let elsewhere = "[relay.outbound.tls.domains]\n\"*\" = \"none\"\n\"a.test\" = \"verified\"\n";
    assert_eq!(world.sends(elsewhere, "x@b.test").await, "in clear");
}
