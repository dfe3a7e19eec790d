//! The questions of mail to the DNS.
//!
//! What a stranger controls: every answer. So names that are no domains are dropped, lists are cut,
//! and all waits end by [`Patience`].

use std::{
    net::{IpAddr, SocketAddr},
    pin::Pin,
    sync::Arc,
    time::Duration,
};

use hickory_resolver::proto::rr::{RData, RecordType};
use mail_types::Domain;
use tokio::task::JoinSet;

use crate::{
    DnsProblem, MxHost, Tlsa,
    asker::{Answer, Asker},
    names::{absolute, below, domain, no_answer},
    next_hop::{Mx, in_order},
    tlsa,
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

/// Whose word counts that an answer is proved by DNSSEC. It needs a resolver that validates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Believe {
    /// Nobody's.
    Nobody,
    /// That of resolvers on this machine, if there are no others.
    #[default]
    Loopback,
    /// That of all, because nobody else can write into the path to them.
    All,
}

/// An answer on its way. It is boxed so that the resolver is compiled here, once, and not again in
/// every crate that awaits it.
pub type Pending<'a, T> = Pin<Box<dyn Future<Output = Result<T, DnsProblem>> + Send + 'a>>;

/// Asks name servers; cheap to clone, and all clones share one cache.
#[derive(Clone)]
pub struct Resolver {
    /// Who asks, or why nobody does: each question then gets that as its answer.
    inner: Result<Arc<Asker>, String>,
}

impl Resolver {
    /// Asks whom the system asks (`/etc/resolv.conf`). Without a usable one the resolver stands
    /// nevertheless and gives no answers; see [`Resolver::unusable`].
    pub fn system(patience: Patience, believe: Believe) -> Self {
        Self { inner: Asker::system(patience, believe).map(Arc::new) }
    }

    /// Asks these servers and nothing else: not the system's, not its hosts file.
    pub fn with_servers(servers: &[SocketAddr], patience: Patience, believe: Believe) -> Self {
        Self { inner: Asker::with_servers(servers, patience, believe).map(Arc::new) }
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

    /// The TLSA records of this host for this port (RFC 7672 §2.2.3); nothing where DANE does not
    /// apply to it. Where this is an error, mail must not go to that host (RFC 7672 §2.1.2).
    pub fn tlsa<'a>(&'a self, host: &'a MxHost, port: u16) -> Pending<'a, Option<Tlsa>> {
        Box::pin(async move { tlsa::of(self.asker(&host.name)?, host, port).await })
    }

    /// The host of a name that does not come from the DNS, such as that of a route, with what
    /// DNSSEC proves of it.
    pub fn host<'a>(&'a self, name: &'a Domain) -> Pending<'a, MxHost> {
        Box::pin(async move {
            let host = self.find_host(name, 0).await?;
            match host.addresses.is_empty() {
                true => Err(DnsProblem::NoRecords(name.clone())),
                false => Ok(MxHost { named_securely: true, ..host }),
            }
        })
    }

    /// The texts (TXT) at a name below the domain, such as `_mta-sts`; of each the strings are
    /// joined (RFC 8461 §3.1, RFC 8460 §3). None if there is no such name.
    pub fn texts<'a>(&'a self, labels: &'a str, domain: &'a Domain) -> Pending<'a, Vec<String>> {
        Box::pin(async move {
            let Some(name) = below(labels, domain) else { return Ok(Vec::new()) };
            let answer = self.asker(domain)?.ask(&name, RecordType::TXT).await;
            let answer = answer.map_err(|why| no_answer(domain, why))?;
            let texts = answer.records.iter().filter_map(|data| match data {
                RData::TXT(txt) => Some(String::from_utf8_lossy(&txt.txt_data.concat()).into()),
                _ => None,
            });
            Ok(texts.collect())
        })
    }

    async fn find_hosts(
        &self,
        domain: &Domain,
        own: &[Domain],
        seed: u64,
    ) -> Result<Vec<MxHost>, DnsProblem> {
        if domain.is_literal() {
            return Ok(vec![self.find_host(domain, 0).await?]);
        }
        let asked = self.asker(domain)?.ask(&absolute(domain)?, RecordType::MX).await;
        let answer = asked.map_err(|why| no_answer(domain, why))?;
        if !answer.exists {
            return Err(DnsProblem::NoSuchDomain(domain.clone()));
        }
        let records: Vec<Mx> = answer.records.iter().filter_map(mx_of).collect();
        if records.is_empty() {
            // RFC 5321 §5.1: "the address RR is treated as if it was associated with an implicit
            // MX RR, with a preference of 0"; only after a definite answer that there is no MX.
            return match self.find_host(domain, 0).await? {
                host if host.addresses.is_empty() => Err(DnsProblem::NoRecords(domain.clone())),
                _ if own.contains(domain) => Err(DnsProblem::LoopsBack(domain.clone())),
                // Where the addresses are proved, so was it that there is no MX beside them.
                host => Ok(vec![MxHost { named_securely: !host.tlsa_bases.is_empty(), ..host }]),
            };
        }
        let hosts = self.resolve_all(domain, in_order(domain, records, own, seed)?).await?;
        let named = |host| MxHost { named_securely: answer.secure, ..host };
        Ok(hosts.into_iter().map(named).collect())
    }

    async fn find_addresses(&self, host: &Domain) -> Result<Vec<IpAddr>, DnsProblem> {
        Ok(self.find_host(host, 0).await?.addresses)
    }

    /// A host by its name, with its addresses and what DNSSEC proves of them.
    async fn find_host(&self, name: &Domain, preference: u16) -> Result<MxHost, DnsProblem> {
        let mut host = MxHost {
            name: name.clone(),
            preference,
            addresses: name.ip().into_iter().collect(),
            named_securely: false,
            tlsa_bases: Vec::new(),
        };
        if name.is_literal() {
            return Ok(host);
        }
        let (asker, asked) = (self.asker(name)?, absolute(name)?);
        let (v6, v4) =
            tokio::join!(asker.ask(&asked, RecordType::AAAA), asker.ask(&asked, RecordType::A));
        // Some name servers fail at questions about IPv6, or deny the name then: what the other
        // question has found counts.
        let (mut answers, mut trouble) = (Vec::new(), None);
        for answer in [v6, v4] {
            match answer {
                Ok(answer) => answers.push(answer),
                Err(why) => trouble = Some(no_answer(name, why)),
            }
        }
        if answers.iter().all(|answer| answer.records.is_empty()) {
            if let Some(problem) = trouble {
                return Err(problem);
            }
            if answers.iter().all(|answer| !answer.exists) {
                return Err(DnsProblem::NoSuchDomain(name.clone()));
            }
        }
        let ips = answers.iter().flat_map(|answer| &answer.records).filter_map(|data| match data {
            RData::A(a) => Some(IpAddr::V4(a.0)),
            RData::AAAA(aaaa) => Some(IpAddr::V6(aaaa.0)),
            _ => None,
        });
        host.addresses = ips.take(MAX_ADDRESSES).collect();
        if !host.addresses.is_empty() {
            let with_records = |answer: &&Answer| !answer.records.is_empty();
            let answers: Vec<&Answer> = answers.iter().filter(with_records).collect();
            host.tlsa_bases = self.tlsa_bases(name, &answers).await?;
        }
        Ok(host)
    }

    /// The names under which TLSA records of a host with these addresses may stand, the better one
    /// first (RFC 7672 §2.2.2); none where that is not worth asking, since unsigned zones have been
    /// seen to answer such questions with errors.
    async fn tlsa_bases(
        &self,
        name: &Domain,
        answers: &[&Answer],
    ) -> Result<Vec<Domain>, DnsProblem> {
        let alias = answers.iter().find(|answer| answer.is_alias);
        match (answers.iter().all(|answer| answer.secure), alias) {
            (true, None) => Ok(vec![name.clone()]),
            (true, Some(answer)) => {
                Ok(domain(&answer.end).into_iter().chain([name.clone()]).collect())
            }
            (false, None) => Ok(Vec::new()),
            (false, Some(_)) => {
                // RFC 7672 §2.1.3: whether the alias itself is proved takes a question of its own.
                let asker = self.asker(name)?;
                if !asker.believes() {
                    return Ok(Vec::new());
                }
                let first = asker.ask(&absolute(name)?, RecordType::CNAME).await;
                let first = first.map_err(|why| no_answer(name, why))?;
                let proved = first.secure && !first.records.is_empty();
                Ok(proved.then(|| name.clone()).into_iter().collect())
            }
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
            lookups.spawn(async move { (place, resolver.find_host(&name, preference).await) });
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

    fn asker(&self, name: &Domain) -> Result<&Asker, DnsProblem> {
        match &self.inner {
            Ok(asker) => Ok(asker),
            Err(cause) => Err(DnsProblem::NoAnswer { name: name.clone(), cause: cause.clone() }),
        }
    }
}

/// The MX record in this answer; one whose exchange is no domain is no use.
fn mx_of(data: &RData) -> Option<Mx> {
    let RData::MX(mx) = data else { return None };
    if mx.exchange.is_root() {
        return Some(Mx { preference: mx.preference, exchange: None });
    }
    Some(Mx { preference: mx.preference, exchange: Some(domain(&mx.exchange)?) })
}
