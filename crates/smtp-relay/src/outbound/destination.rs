//! Where a lane leads at this moment: the route of the configuration, then the DNS.

use std::net::SocketAddr;

use config::Route;
use mail_dns::{DnsProblem, MxHost};
use mail_types::{Domain, Problem, Scope};
use smtp_client::Host;

use super::Shared;

/// What is done with a lane's mail.
pub(super) enum Destination {
    /// Try these hosts, in this order; at least one.
    Hosts(Vec<Host>),
    /// Drop it.
    Discard,
    /// Keep it, for this reason.
    Hold(String),
    /// It can't be said now, or never.
    Unknown(Problem),
}

/// Finds out where mail for this domain goes.
pub(super) async fn of(shared: &Shared, domain: &Domain) -> Destination {
    let config = shared.reload.current();
    let found = match config.routes.to(domain) {
        Route::Discard => return Destination::Discard,
        Route::Hold(reason) => return Destination::Hold(reason.clone()),
        Route::Host(way) => match shared.resolver.addresses(&way.host).await {
            Ok(addresses) if addresses.is_empty() => Err(DnsProblem::NoRecords(way.host.clone())),
            Ok(addresses) => {
                let host = MxHost { name: way.host.clone(), preference: 0, addresses };
                Ok(vec![at_port(host, way.port)])
            }
            Err(problem) => Err(problem),
        },
        Route::Mx => return by_mx(shared, domain).await,
    };
    destination(found)
}

/// Finds out what the DNS says, whatever the route is.
pub(super) async fn by_mx(shared: &Shared, domain: &Domain) -> Destination {
    let config = shared.reload.current();
    let port = config.relay.outbound.port;
    let own = std::slice::from_ref(&config.hostname);
    // Which of several equal hosts comes first is no secret: without randomness, always the same
    // one.
    let seed = getrandom::u64().unwrap_or(0);
    let found = shared.resolver.hosts_for(domain, own, seed).await;
    destination(found.map(|hosts| hosts.into_iter().map(|host| at_port(host, port)).collect()))
}

fn destination(found: Result<Vec<Host>, DnsProblem>) -> Destination {
    match found {
        Ok(hosts) => Destination::Hosts(hosts),
        Err(problem) => {
            Destination::Unknown(Problem::new(problem.status(), Scope::Host, problem.to_string()))
        }
    }
}

fn at_port(host: MxHost, port: u16) -> Host {
    let addresses = host.addresses.into_iter().map(|ip| SocketAddr::new(ip, port)).collect();
    Host { name: host.name, addresses }
}
