//! Ports that a stack has for as long as its story lasts, running or not.
//!
//! A socket that is bound and never listens keeps each of them: the kernel gives such a port to
//! nobody who asks for any port, a peer that connects to it is refused, and whoever names it and
//! sets `SO_REUSEADDR`, as the listeners of the agents do, may listen there.

use std::{collections::BTreeMap, net::SocketAddr, os::fd::OwnedFd};

use rustix::net::{
    AddressFamily, SocketFlags, SocketType, bind, getsockname, socket_with, sockopt,
};

/// The listeners that every stack has.
const LISTENERS: [&str; 7] = [
    "smtp-submission",
    "smtp-submission-tls",
    "smtp-relay",
    "imap",
    "imap-tls",
    "pop3",
    "pop3-tls",
];

/// A port for each listener.
#[derive(Default)]
pub(crate) struct Ports(BTreeMap<&'static str, (SocketAddr, OwnedFd)>);

impl Ports {
    /// Free ones at this address, which are nobody else's from now on.
    pub(crate) fn keep(ip: &str) -> Self {
        Self(LISTENERS.into_iter().map(|name| (name, keep(ip))).collect())
    }

    /// Where this listener is to listen.
    pub(crate) fn of(&self, listener: &str) -> SocketAddr {
        self.0[listener].0
    }
}

fn keep(ip: &str) -> (SocketAddr, OwnedFd) {
    let any = SocketAddr::new(ip.parse().expect("an IPv4 address"), 0);
    let (family, flags) = (AddressFamily::INET, SocketFlags::CLOEXEC);
    let kept = socket_with(family, SocketType::STREAM, flags, None).expect("a socket");
    sockopt::set_socket_reuseaddr(&kept, true).expect("SO_REUSEADDR");
    bind(&kept, &any).expect("a free port");
    let address = getsockname(&kept).expect("a bound socket has an address");
    (address.try_into().expect("an IPv4 address"), kept)
}
