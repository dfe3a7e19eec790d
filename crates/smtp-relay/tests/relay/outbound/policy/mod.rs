//! What TLS with other servers must be, against a name server that proves what it says, servers
//! with certificates, and a policy host, all on loopback.

mod authority;
mod demands;
mod names;
mod policy_host;
mod reports;
mod require_tls;
mod tls_sink;

use std::net::SocketAddr;

use super::{HASTE, MESSAGE, house::House};
use authority::Authority;
use names::Names;
use policy_host::PolicyHost;
use tls_sink::TlsSink;

/// All that a test talks about.
struct World {
    authority: Authority,
    names: Names,
    sink: TlsSink,
    policies: PolicyHost,
}

impl World {
    /// A server `mx.a.test` with a certificate for that name, which `a.test` and `b.test` have as
    /// their MX, all proved by DNSSEC, and a policy host for `a.test` that has nothing yet.
    async fn new(offers: &'static [&'static str]) -> Self {
        let authority = Authority::new();
        let names = Names::start().await;
        names.set("+a.test MX", "a.test MX 10 mx.a.test");
        names.set("+b.test MX", "b.test MX 10 mx.a.test");
        names.set("+mx.a.test A", "mx.a.test A 127.0.0.1");
        names.set("mta-sts.a.test A", "mta-sts.a.test A 127.0.0.1");
        let sink = TlsSink::start(Some(authority.server("mx.a.test")), offers).await;
        let policies = PolicyHost::start(authority.server("mta-sts.a.test")).await;
        Self { authority, names, sink, policies }
    }

    /// Publishes a policy of `a.test` under this id.
    fn publish(&self, id: &str, policy: &str) {
        let text = format!("_mta-sts.a.test TXT v=STSv1;id={id};");
        self.names.set("_mta-sts.a.test TXT", &text);
        self.policies.serve("/.well-known/mta-sts.txt", policy);
    }

    /// Publishes what mx.a.test's certificate must be.
    fn publish_tlsa(&self, usage: u8, of: &str) {
        let digest = self.authority.digest(of);
        let text = format!("_{0}._tcp.mx.a.test TLSA {usage} 0 1 {digest}", self.sink.port());
        self.names.set(&format!("+_{}._tcp.mx.a.test TLSA", self.sink.port()), &text);
    }

    /// A house with these lines in its configuration about TLS.
    async fn house(&self, more: &str) -> House {
        let config = format!(
            "authorities = {:?}\n[relay.outbound.tls]\nhttps_port = {}\nhttps_to_private = true\n{more}\n{HASTE}",
            self.authority.file(),
            self.policies.address.port(),
        );
        House::build(self.names.address, self.sink.port(), &config).await
    }

    /// What becomes of a message: `delivered` with its TLS, or why it waits.
    async fn sends(&self, more: &str, to: &str) -> String {
        let house = self.house(more).await;
        let said = became(&house, to).await;
        house.close().await;
        said
    }
}

/// Sends a message: `delivered` with its TLS, or why it waits.
async fn became(house: &House, to: &str) -> String {
    let id = house.send(&[to], MESSAGE).await;
    let event = house.either(id, &["\"delivered\"", "\"deferred\""]).await;
    let event = format!("{event:?}");
    for word in ["certificate verified", "certificate not verified"] {
        if event.contains(word) {
            return word.to_owned();
        }
    }
    if event.contains("\"delivered\"") { "in clear".to_owned() } else { event }
}

fn anywhere() -> SocketAddr {
    "127.0.0.1:0".parse().unwrap()
}
