//! REQUIRETLS and TLS-Required, on their way out (RFC 8689 §4.2).

use message_queue::NewEntry;

use super::{MESSAGE, World};

fn require(entry: &mut NewEntry) {
    entry.handling.require_tls = true;
}

const ALICE: &str = "alice@example.org";

/// What becomes of a message that requires TLS: the MAIL line, or the status that it comes back with.
async fn required(world: &World) -> String {
    let house = world.house("").await;
    let id = house.send_as(ALICE, &["x@a.test"], MESSAGE, require).await;
    let event = house.either(id, &["\"delivered\"", "\"failed\""]).await;
    house.close().await;
    let event = format!("{event:?}");
    if event.contains("delivered") {
        let (mail, secured) = world.sink.mails().pop().unwrap();
        assert!(secured);
        return mail;
    }
    let statuses = ["5.7.10", "5.7.30"];
    let status = statuses.into_iter().find(|status| event.contains(status));
    status.map_or(event.clone(), str::to_owned)
}

#[tokio::test]
async fn tls_all_the_way() {
    let world = World::new(&["REQUIRETLS"]).await;
    // The MX is proved by DNSSEC, the certificate by an authority.
    assert!(required(&world).await.ends_with(" REQUIRETLS"));
    // By TLSA records, whatever the certificate's name.
    world.sink.show(Some(world.authority.server("else.test")));
    assert_eq!(required(&world).await, "5.7.10");
    world.publish_tlsa(3, "else.test");
    assert!(required(&world).await.ends_with(" REQUIRETLS"));
    // An MX that anybody could have forged.
    world.names.set("a.test MX", "a.test MX 10 mx.a.test");
    assert_eq!(required(&world).await, "5.7.10");
    // By a policy that names it.
    world.sink.show(Some(world.authority.server("mx.a.test")));
    world.publish_tlsa(3, "mx.a.test");
    world.publish("1", "version: STSv1\nmode: enforce\nmx: mx.a.test\nmax_age: 100\n");
    assert!(required(&world).await.ends_with(" REQUIRETLS"));
}

#[tokio::test]
async fn a_server_that_does_not_know_it() {
    let world = World::new(&[]).await;
    assert_eq!(required(&world).await, "5.7.30");
    world.sink.show(None);
    assert_eq!(required(&world).await, "5.7.10");
}

#[tokio::test]
async fn a_report_may_go_without() {
    // RFC 8689 §5
    let world = World::new(&[]).await;
    let house = world.house("").await;
    let id = house.send_as("", &["x@a.test"], MESSAGE, require).await;
    house.event(id, "taken by the sink").await;
    house.close().await;
    assert_eq!(world.sink.mails()[0].0, "MAIL FROM:<>");
}

#[tokio::test]
async fn mail_that_rather_goes_in_clear_goes_past_what_domains_demand() {
    // RFC 8689 §4.2.2
    let world = World::new(&[]).await;
    world.publish_tlsa(3, "authority");
    world.publish("1", "version: STSv1\nmode: enforce\nmx: *.else.test\nmax_age: 100\n");
    let optional = |entry: &mut NewEntry| entry.handling.tls_optional = true;
    let house = world.house("").await;
    let waits = house.send(&["x@a.test"], MESSAGE).await;
    house.event(waits, "MTA-STS policy").await;
    let goes = house.send_as(ALICE, &["x@a.test"], MESSAGE, optional).await;
    house.event(goes, "taken by the sink").await;
    world.sink.show(None);
    // A connection that stands is used again.
    let house = house.again().await;
    let goes = house.send_as(ALICE, &["y@a.test"], MESSAGE, optional).await;
    house.event(goes, "taken by the sink").await;
    house.close().await;
    let secured: Vec<bool> = world.sink.mails().into_iter().map(|(_, secured)| secured).collect();
    assert_eq!(secured, [true, false], "TLS where there is some");
    // The operator's demands are another matter.
    let more = "[relay.outbound.tls.domains]\n\"a.test\" = \"required\"\n";
    let house = world.house(more).await;
    let waits = house.send_as(ALICE, &["x@a.test"], MESSAGE, optional).await;
    house.event(waits, "offers no TLS").await;
    house.close().await;
}
