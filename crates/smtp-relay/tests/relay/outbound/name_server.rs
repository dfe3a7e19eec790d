//! A name server on loopback for `test.`

use std::{net::SocketAddr, str::FromStr, sync::Arc, time::Duration};

use hickory_resolver::{
    net::runtime::TokioRuntimeProvider,
    proto::rr::{
        LowerName, Name, RData, Record,
        rdata::{A, MX, SOA},
    },
};
use hickory_server::{
    Server,
    store::in_memory::InMemoryZoneHandler,
    zone_handler::{AxfrPolicy, Catalog, ZoneType},
};
use tokio::net::{TcpListener, UdpSocket};

/// Answers until it is dropped.
pub(crate) struct NameServer {
    _server: Server<Catalog>,
    pub(crate) address: SocketAddr,
}

fn name(text: &str) -> Name {
    Name::from_str(&format!("{}.", text.trim_end_matches('.'))).unwrap()
}

impl NameServer {
    /// `mx.test MX 10 host.test`, `host.test A 127.0.0.1`, and so on.
    pub(crate) async fn start(records: &[&str]) -> Self {
        let origin = name("test");
        let mut zone = InMemoryZoneHandler::<TokioRuntimeProvider>::empty(
            origin.clone(),
            ZoneType::Primary,
            AxfrPolicy::Deny,
            None,
        );
        let soa = SOA::new(name("ns.test"), name("root.test"), 1, 60, 60, 60, 1);
        zone.upsert_mut(Record::from_rdata(origin.clone(), 60, RData::SOA(soa)), 0);
        for line in records {
            let words: Vec<&str> = line.split(' ').collect();
            let data = match words[1] {
                "A" => RData::A(A(words[2].parse().unwrap())),
                _ => RData::MX(MX::new(words[2].parse().unwrap(), name(words[3]))),
            };
            assert!(zone.upsert_mut(Record::from_rdata(name(words[0]), 60, data), 0), "{line}");
        }
        let mut catalog = Catalog::new();
        catalog.upsert(LowerName::new(&origin), vec![Arc::new(zone)]);
        let mut server = Server::new(catalog);
        let (udp, tcp, address) = free_port().await;
        server.register_socket(udp);
        server.register_listener(tcp, Duration::from_secs(5), 32);
        Self { _server: server, address }
    }
}

/// A port that is free for both.
async fn free_port() -> (UdpSocket, TcpListener, SocketAddr) {
    loop {
        let udp = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let address = udp.local_addr().unwrap();
        if let Ok(tcp) = TcpListener::bind(address).await {
            return (udp, tcp, address);
        }
    }
}
