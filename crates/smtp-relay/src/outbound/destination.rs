//! Where an errand leads at this moment: the route of the configuration, then the DNS.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use config::{Config, HostPort, HostTls, LmtpServer, Route, Smarthost};
use mail_dns::{DnsProblem, MxHost};
use mail_types::{Domain, EnhancedStatus, Problem, Scope, Secret};
use smtp_client::{Credentials, Host, Place, Protocol, Security, Source, Sources};

use super::{
    plan::Plan,
    policy::{Demands, Terms},
    ways::Ways,
};

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

/// Finds out where mail for this domain goes, from senders that this rule is for.
pub(super) async fn of(
    ways: &Ways,
    domain: &Domain,
    rule: Option<&str>,
    demands: Demands,
) -> Destination {
    let config = ways.reload.current();
    let by_rule = || rule.and_then(|name| config.sender_routes.named(name));
    let own = config.routes.own(domain).or_else(by_rule);
    let found = match own.unwrap_or_else(|| config.routes.to(domain)) {
        Route::Discard => return Destination::Discard,
        Route::Hold(reason) => return Destination::Hold(reason.clone()),
        Route::Mx => return by_mx(ways, domain, demands).await,
        Route::Host(way) => {
            let smarthost = config.smarthosts.of(&way.host);
            named(ways, way, smarthost, Protocol::Smtp, demands).await
        }
        Route::Via(name) => match config.smarthosts.named(name) {
            Some((way, smarthost)) => {
                named(ways, way, Some(smarthost), Protocol::Smtp, demands).await
            }
            None => Err(misconfigured(format!("there is no smarthost called {name}"))),
        },
        Route::Lmtp(LmtpServer::Host(way)) => {
            let smarthost = config.smarthosts.of(&way.host);
            named(ways, way, smarthost, Protocol::Lmtp, demands).await
        }
        Route::Lmtp(LmtpServer::Socket(path)) => {
            let host = Host {
                name: config.hostname.clone(),
                places: vec![Place::Unix(path.clone())],
                protocol: Protocol::Lmtp,
                security: Security::Clear,
                named_securely: true,
                credentials: None,
                sources: Sources::default(),
            };
            Ok((host, None))
        }
    };
    match found {
        Ok((host, terms)) => {
            let most = most(&config, [domain, &host.name]);
            Destination::Hosts(Plan::only(host, most).under(terms))
        }
        Err(problem) => Destination::Unknown(problem),
    }
}

/// Finds out what the DNS says, whatever the route is.
pub(super) async fn by_mx(ways: &Ways, domain: &Domain, demands: Demands) -> Destination {
    let config = ways.reload.current();
    let rule = config.destinations.of(domain);
    let port = rule.and_then(|rule| rule.port).unwrap_or(config.relay.outbound.port);
    let own = std::slice::from_ref(&config.hostname);
    // Which of several equal hosts comes first is no secret: without randomness, always the same
    // one.
    let seed = getrandom::u64().unwrap_or(0);
    match ways.resolver.hosts_for(domain, own, seed).await {
        Ok(hosts) => {
            let usable =
                |host: MxHost| MxHost { addresses: usable(&config, host.addresses), ..host };
            let mut hosts: Vec<MxHost> = hosts.into_iter().map(usable).collect();
            hosts.retain(|host| !host.addresses.is_empty());
            if hosts.is_empty() {
                return Destination::Unknown(unreachable(domain));
            }
            let (mut hosts, terms) = ways.policies.hosts(domain, hosts, port, demands).await;
            let sources = sources(&config, [domain]);
            hosts.iter_mut().for_each(|(_, host)| host.sources = sources.clone());
            Destination::Hosts(Plan::new(hosts, most(&config, [domain])).under(Some(terms)))
        }
        Err(problem) => Destination::Unknown(unresolved(&problem)),
    }
}

/// Conversations that go one way, at most, as far as a destination of these names has a rule.
fn most<const N: usize>(config: &Config, names: [&Domain; N]) -> usize {
    let rules = names.into_iter().filter_map(|name| config.destinations.of(name));
    let most = rules.filter_map(|rule| rule.concurrency).min();
    usize::try_from(most.unwrap_or(config.relay.outbound.concurrency)).unwrap_or(usize::MAX)
}

/// From where such a destination is reached, and as whom.
fn sources<const N: usize>(config: &Config, names: [&Domain; N]) -> Sources {
    let outbound = &config.relay.outbound;
    let rules = || names.into_iter().filter_map(|name| config.destinations.of(name));
    let v4 = rules().find_map(|rule| rule.source_ipv4).or(outbound.ipv4.source);
    let v6 = rules().find_map(|rule| rule.source_ipv6).or(outbound.ipv6.source);
    let source = |address: Option<IpAddr>, hello: &Option<Domain>| {
        let said = address.is_some() || hello.is_some();
        said.then(|| Source { address, hello: hello.clone() })
    };
    Sources {
        v4: source(v4.map(IpAddr::V4), &outbound.ipv4.hello),
        v6: source(v6.map(IpAddr::V6), &outbound.ipv6.hello),
    }
}

/// The addresses that may be used at all.
fn usable(config: &Config, addresses: Vec<IpAddr>) -> Vec<IpAddr> {
    let (ipv4, ipv6) = (config.relay.outbound.ipv4.enabled, config.relay.outbound.ipv6.enabled);
    let may = |address: &IpAddr| if address.is_ipv6() { ipv6 } else { ipv4 };
    addresses.into_iter().filter(may).collect()
}

/// The host that a route names, with what its own settings say.
async fn named(
    ways: &Ways,
    way: &HostPort,
    smarthost: Option<&Smarthost>,
    protocol: Protocol,
    demands: Demands,
) -> Result<(Host, Option<Arc<Terms>>), Problem> {
    let config = ways.reload.current();
    let found = ways.resolver.host(&way.host).await.map_err(|problem| unresolved(&problem))?;
    let found = MxHost { addresses: usable(&config, found.addresses), ..found };
    if found.addresses.is_empty() {
        return Err(unreachable(&way.host));
    }
    // RFC 7672 §2.2.2, RFC 8461 §3.4: where nothing was said of it, what it publishes counts.
    let silent = smarthost.is_none_or(|smarthost| smarthost.tls == HostTls::Opportunistic);
    let (mut host, mut terms) = (Host::new(way.host.clone(), Vec::new()), None);
    if silent && protocol == Protocol::Smtp {
        let found = vec![found.clone()];
        let (hosts, known) = ways.policies.hosts(&way.host, found, way.port, demands).await;
        terms = Some(known);
        hosts.into_iter().for_each(|(_, one)| host = one);
    }
    host.places = at_port(found.addresses, way.port).into_iter().map(Place::Tcp).collect();
    (host.protocol, host.sources) = (protocol, sources(&config, [&way.host]));
    host.named_securely = true;
    if let Some(smarthost) = smarthost.filter(|_| !silent) {
        host.security = match smarthost.tls {
            HostTls::Opportunistic => Security::Opportunistic,
            HostTls::StartTls => Security::Required,
            HostTls::FromStart => Security::FromStart,
            HostTls::None => Security::Clear,
        };
    }
    if let Some(smarthost) = smarthost {
        host.credentials = credentials(smarthost).await?;
    }
    Ok((host, terms))
}

/// Whom we are there. Read anew each time, so that a changed password needs no restart.
async fn credentials(smarthost: &Smarthost) -> Result<Option<Credentials>, Problem> {
    let (Some(user), Some(file)) = (&smarthost.user, &smarthost.password_file) else {
        return Ok(None);
    };
    let text = tokio::fs::read_to_string(file).await.map_err(|error| {
        tracing::error!(file = %file.display(), %error, "a smarthost's password cannot be read");
        misconfigured("the password for the next server cannot be read here".to_owned())
    })?;
    let password = Secret::new(text.trim_end_matches(['\r', '\n']));
    Ok(Some(Credentials { name: user.clone(), password }))
}

/// RFC 3463 §3.4, X.3.5: system incorrectly configured.
fn misconfigured(text: String) -> Problem {
    Problem::new(EnhancedStatus::new(4, 3, 5), Scope::Host, text)
}

/// RFC 3463 §3.5, X.4.4: unable to route.
fn unreachable(host: &Domain) -> Problem {
    let text = format!("{host} has no address of a family that is used here");
    Problem::new(EnhancedStatus::new(4, 4, 4), Scope::Host, text)
}

fn unresolved(problem: &DnsProblem) -> Problem {
    Problem::new(problem.status(), Scope::Host, problem.to_string())
}

fn at_port(addresses: Vec<IpAddr>, port: u16) -> Vec<SocketAddr> {
    addresses.into_iter().map(|ip| SocketAddr::new(ip, port)).collect()
}
