//! Where a lane leads at this moment: the route of the configuration, then the DNS.

use std::net::{IpAddr, SocketAddr};

use config::{HostPort, HostTls, LmtpServer, Route, Smarthost};
use mail_dns::{DnsProblem, MxHost};
use mail_types::{Domain, EnhancedStatus, Problem, Scope, Secret};
use smtp_client::{Credentials, Host, Place, Protocol, Security};

use super::{Shared, plan::Plan};

/// What is done with a lane's mail.
pub(super) enum Destination {
    /// Try these hosts; at least one.
    Hosts(Plan),
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
        Route::Mx => return by_mx(shared, domain).await,
        Route::Host(way) => named(shared, way, Protocol::Smtp).await,
        Route::Lmtp(LmtpServer::Host(way)) => named(shared, way, Protocol::Lmtp).await,
        Route::Lmtp(LmtpServer::Socket(path)) => Ok(Host {
            name: config.hostname.clone(),
            places: vec![Place::Unix(path.clone())],
            protocol: Protocol::Lmtp,
            security: Security::Clear,
            named_securely: true,
            credentials: None,
        }),
    };
    match found {
        Ok(host) => Destination::Hosts(Plan::only(host, most(shared))),
        Err(problem) => Destination::Unknown(problem),
    }
}

/// Finds out what the DNS says, whatever the route is.
pub(super) async fn by_mx(shared: &Shared, domain: &Domain) -> Destination {
    let config = shared.reload.current();
    let port = config.relay.outbound.port;
    let own = std::slice::from_ref(&config.hostname);
    // Which of several equal hosts comes first is no secret: without randomness, always the same
    // one.
    let seed = getrandom::u64().unwrap_or(0);
    match shared.resolver.hosts_for(domain, own, seed).await {
        Ok(hosts) => {
            let at_port = |host: MxHost| {
                (host.preference, Host::new(host.name, at_port(host.addresses, port)))
            };
            let hosts = hosts.into_iter().map(at_port).collect();
            Destination::Hosts(Plan::new(hosts, most(shared)))
        }
        Err(problem) => Destination::Unknown(unresolved(&problem)),
    }
}

/// Conversations that go one way, at most.
fn most(shared: &Shared) -> usize {
    usize::try_from(shared.reload.current().relay.outbound.concurrency).unwrap_or(usize::MAX)
}

/// The host that a route names, with what its own settings say.
async fn named(shared: &Shared, way: &HostPort, protocol: Protocol) -> Result<Host, Problem> {
    let found = match shared.resolver.addresses(&way.host).await {
        Ok(addresses) if addresses.is_empty() => Err(DnsProblem::NoRecords(way.host.clone())),
        found => found,
    };
    let addresses = at_port(found.map_err(|problem| unresolved(&problem))?, way.port);
    let mut host = Host { protocol, ..Host::new(way.host.clone(), addresses) };
    if let Some(smarthost) = shared.reload.current().smarthosts.of(&way.host) {
        host.security = match smarthost.tls {
            HostTls::Opportunistic => Security::Opportunistic,
            HostTls::StartTls => Security::Required,
            HostTls::FromStart => Security::FromStart,
            HostTls::None => Security::Clear,
        };
        host.credentials = credentials(smarthost).await?;
    }
    Ok(host)
}

/// Whom we are there. Read anew each time, so that a changed password needs no restart.
async fn credentials(smarthost: &Smarthost) -> Result<Option<Credentials>, Problem> {
    let (Some(user), Some(file)) = (&smarthost.user, &smarthost.password_file) else {
        return Ok(None);
    };
    let text = tokio::fs::read_to_string(file).await.map_err(|error| {
        tracing::error!(file = %file.display(), %error, "a smarthost's password cannot be read");
        // RFC 3463 §3.4, X.3.5: system incorrectly configured.
        let status = EnhancedStatus::new(4, 3, 5);
        Problem::new(status, Scope::Host, "the password for the next server cannot be read here")
    })?;
    let password = Secret::new(text.trim_end_matches(['\r', '\n']));
    Ok(Some(Credentials { name: user.clone(), password }))
}

fn unresolved(problem: &DnsProblem) -> Problem {
    Problem::new(problem.status(), Scope::Host, problem.to_string())
}

fn at_port(addresses: Vec<IpAddr>, port: u16) -> Vec<SocketAddr> {
    addresses.into_iter().map(|ip| SocketAddr::new(ip, port)).collect()
}
