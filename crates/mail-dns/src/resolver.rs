//! The questions to the name servers.
//!
//! What a stranger controls: every answer. So names that are no domains are dropped, lists are cut,
//! and all waits end by [`Patience`].

use std::{
    net::{IpAddr, SocketAddr},
    pin::Pin,
    time::Duration,
};

use hickory_resolver::{
    TokioResolver,
    config::{ConnectionConfig, NameServerConfig, ResolveHosts, ResolverConfig, ResolverOpts},
    net::{NetError, runtime::TokioRuntimeProvider},
    proto::rr::{Name, RData},
};
use mail_types::Domain;
use tokio::task::JoinSet;

use crate::{
    DnsProblem, MxHost,
    next_hop::{Mx, in_order},
};

/// Most addresses of one host that are tried.
const MAX_ADDRESSES: usize = 8;

/// How long one question may take.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// The wait for one answer.
    pub timeout: Duration,
    /// How often the question is asked again after that.
    pub repeats: usize,
}

impl Default for Patience {
    fn default() -> Self {
        Self { timeout: Duration::from_secs(5), repeats: 1 }
    }
}

/// An answer on its way. It is boxed so that the resolver is compiled here, once, and not again in
/// every crate that awaits it.
pub type Pending<'a, T> = Pin<Box<dyn Future<Output = Result<T, DnsProblem>> + Send + 'a>>;

/// Asks name servers; cheap to clone, and all clones share one cache.
#[derive(Debug, Clone)]
pub struct Resolver {
    /// The resolver, or why there is none: each question then gets that as its answer.
    inner: Result<TokioResolver, String>,
}

impl Resolver {
    /// Asks whom the system asks (`/etc/resolv.conf`). Without a usable one the resolver stands
    /// nevertheless and gives no answers; see [`Resolver::unusable`].
    pub fn system(patience: Patience) -> Self {
        let builder = TokioResolver::builder_tokio().and_then(|mut builder| {
            apply(patience, builder.options_mut());
            builder.build()
        });
        Self {
            inner: builder.map_err(|error| format!("/etc/resolv.conf names no server: {error}")),
        }
    }

    /// Asks these servers and nothing else: not the system's, not its hosts file.
    pub fn with_servers(servers: &[SocketAddr], patience: Patience) -> Self {
        let servers = servers.iter().map(name_server).collect();
        let mut builder = TokioResolver::builder_with_config(
            ResolverConfig::from_name_servers(servers),
            TokioRuntimeProvider::default(),
        );
        let options = builder.options_mut();
        apply(patience, options);
        options.use_hosts_file = ResolveHosts::Never;
        Self { inner: builder.build().map_err(|error| error.to_string()) }
    }

    /// Why no question will be answered, to be said at start.
    pub fn unusable(&self) -> Option<&str> {
        self.inner.as_ref().err().map(String::as_str)
    }

    /// The hosts that take mail for `domain`, in the order to try them (RFC 5321 §5.1). `own` are
    /// the names of this server; `seed` decides the order among equals. Never an empty list.
    ///
    /// Called from within a tokio runtime.
    pub fn hosts_for<'a>(
        &'a self,
        domain: &'a Domain,
        own: &'a [Domain],
        seed: u64,
    ) -> Pending<'a, Vec<MxHost>> {
        Box::pin(self.find_hosts(domain, own, seed))
    }

    /// The addresses of one host; IPv6 first, as RFC 5321 §5.2 leaves us free to choose. Empty
    /// if the name exists without any.
    pub fn addresses<'a>(&'a self, host: &'a Domain) -> Pending<'a, Vec<IpAddr>> {
        Box::pin(self.find_addresses(host))
    }

    async fn find_hosts(
        &self,
        domain: &Domain,
        own: &[Domain],
        seed: u64,
    ) -> Result<Vec<MxHost>, DnsProblem> {
        if let Some(ip) = domain.ip() {
            return Ok(vec![MxHost { name: domain.clone(), preference: 0, addresses: vec![ip] }]);
        }
        let records = self.mx(domain).await?;
        if records.is_empty() {
            // RFC 5321 §5.1: "the address RR is treated as if it was associated with an implicit
            // MX RR, with a preference of 0"; only after a definite answer that there is no MX.
            return match self.find_addresses(domain).await? {
                addresses if addresses.is_empty() => Err(DnsProblem::NoRecords(domain.clone())),
                _ if own.contains(domain) => Err(DnsProblem::LoopsBack(domain.clone())),
                addresses => Ok(vec![MxHost { name: domain.clone(), preference: 0, addresses }]),
            };
        }
        self.resolve_all(domain, in_order(domain, records, own, seed)?).await
    }

    async fn find_addresses(&self, host: &Domain) -> Result<Vec<IpAddr>, DnsProblem> {
        if let Some(ip) = host.ip() {
            return Ok(vec![ip]);
        }
        let (resolver, name) = (self.ask(host)?, absolute(host)?);
        let (v6, v4) =
            tokio::join!(resolver.ipv6_lookup(name.clone()), resolver.ipv4_lookup(name.clone()));
        let (v6, v4) = (definite(host, v6)?, definite(host, v4)?);
        if matches!((&v6, &v4), (Definite::NoSuchName, _) | (_, Definite::NoSuchName)) {
            return Err(DnsProblem::NoSuchDomain(host.clone()));
        }
        let ips = v6.records().into_iter().chain(v4.records()).filter_map(|data| match data {
            RData::A(a) => Some(IpAddr::V4(a.0)),
            RData::AAAA(aaaa) => Some(IpAddr::V6(aaaa.0)),
            _ => None, // the CNAMEs on the way
        });
        Ok(ips.take(MAX_ADDRESSES).collect())
    }

    async fn mx(&self, domain: &Domain) -> Result<Vec<Mx>, DnsProblem> {
        match definite(domain, self.ask(domain)?.mx_lookup(absolute(domain)?).await)? {
            Definite::NoSuchName => Err(DnsProblem::NoSuchDomain(domain.clone())),
            Definite::Records(records) => Ok(records.into_iter().filter_map(mx_of).collect()),
        }
    }

    /// Looks the addresses of all these hosts up at once. Hosts without any are left out; if none
    /// is left, a missing answer about one of them makes the problem a temporary one.
    async fn resolve_all(
        &self,
        domain: &Domain,
        names: Vec<(u16, Domain)>,
    ) -> Result<Vec<MxHost>, DnsProblem> {
        let mut lookups = JoinSet::new();
        for (place, (preference, name)) in names.into_iter().enumerate() {
            let resolver = self.clone();
            lookups.spawn(async move {
                let addresses = resolver.find_addresses(&name).await;
                (place, addresses.map(|addresses| MxHost { name, preference, addresses }))
            });
        }
        let (mut hosts, mut unanswered) = (Vec::new(), None);
        for (place, result) in lookups.join_all().await {
            match result {
                Ok(host) if !host.addresses.is_empty() => hosts.push((place, host)),
                Err(problem) if !problem.is_permanent() => unanswered = Some(problem),
                Ok(_) | Err(_) => {}
            }
        }
        if hosts.is_empty() {
            return Err(unanswered.unwrap_or_else(|| DnsProblem::NoUsableHost(domain.clone())));
        }
        hosts.sort_by_key(|(place, _)| *place);
        Ok(hosts.into_iter().map(|(_, host)| host).collect())
    }

    fn ask(&self, name: &Domain) -> Result<&TokioResolver, DnsProblem> {
        self.inner
            .as_ref()
            .map_err(|cause| DnsProblem::NoAnswer { name: name.clone(), cause: cause.clone() })
    }
}

/// An answer that can be relied on.
enum Definite {
    /// What there is; may be nothing.
    Records(Vec<RData>),
    NoSuchName,
}

impl Definite {
    fn records(self) -> Vec<RData> {
        match self {
            Self::Records(records) => records,
            Self::NoSuchName => Vec::new(),
        }
    }
}

type Answer = Result<hickory_resolver::lookup::Lookup, NetError>;

/// Divides definite answers from missing ones: the latter are the error.
fn definite(name: &Domain, answer: Answer) -> Result<Definite, DnsProblem> {
    match answer {
        Ok(lookup) => {
            Ok(Definite::Records(lookup.answers().iter().map(|r| r.data.clone()).collect()))
        }
        Err(error) if error.is_nx_domain() => Ok(Definite::NoSuchName),
        Err(error) if error.is_no_records_found() => Ok(Definite::Records(Vec::new())),
        Err(error) => Err(DnsProblem::NoAnswer { name: name.clone(), cause: error.to_string() }),
    }
}

/// The MX record in this answer; one whose exchange is no domain is no use.
fn mx_of(data: RData) -> Option<Mx> {
    let RData::MX(mx) = data else { return None };
    if mx.exchange.is_root() {
        return Some(Mx { preference: mx.preference, exchange: None });
    }
    let name = mx.exchange.to_ascii();
    let exchange = Domain::parse(name.trim_end_matches('.')).ok()?;
    Some(Mx { preference: mx.preference, exchange: Some(exchange) })
}

/// The name with its final dot, so that no search list is tried.
fn absolute(domain: &Domain) -> Result<Name, DnsProblem> {
    Name::from_ascii(format!("{domain}.")).map_err(|_| DnsProblem::NoSuchDomain(domain.clone()))
}

fn name_server(server: &SocketAddr) -> NameServerConfig {
    let (mut udp, mut tcp) = (ConnectionConfig::udp(), ConnectionConfig::tcp());
    udp.port = server.port();
    tcp.port = server.port();
    NameServerConfig::new(server.ip(), true, vec![udp, tcp])
}

fn apply(patience: Patience, options: &mut ResolverOpts) {
    options.timeout = patience.timeout;
    options.attempts = patience.repeats;
}
