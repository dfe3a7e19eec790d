//! The resolver against name servers on loopback: a real one, sick ones, liars, and one that says
//! that DNSSEC proves what it says.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may stop at the first surprise"
)]

mod hosts_for;
mod liars;
mod records;
mod scripted;
mod secured;

use std::{
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use mail_dns::Patience;
use mail_types::Domain;
use tokio::net::{TcpListener, UdpSocket};

const LOOPBACK: (Ipv4Addr, u16) = (Ipv4Addr::LOCALHOST, 0);
const HASTE: Patience = Patience { timeout: Duration::from_millis(300), repeats: 0 };

fn domain(text: &str) -> Domain {
    Domain::parse(text).unwrap()
}

/// A port that is free for both.
async fn free_port() -> (UdpSocket, TcpListener, SocketAddr) {
    loop {
        let udp = UdpSocket::bind(LOOPBACK).await.unwrap();
        let address = udp.local_addr().unwrap();
        if let Ok(tcp) = TcpListener::bind(address).await {
            return (udp, tcp, address);
        }
    }
}
