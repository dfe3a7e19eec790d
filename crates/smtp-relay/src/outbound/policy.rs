//! What TLS with the hosts of a domain must be: what the domain publishes by DNSSEC (DANE, RFC 7672)
//! and by HTTPS (MTA-STS, RFC 8461), and what the configuration demands on top.
//!
//! Where both are published, both hold: RFC 8461 §2 forbids that a policy stands in for records
//! that fail, and a domain that publishes two demands has been heard twice. Where a demand can't be
//! found out, the host is left out (RFC 7672 §2.1.2); mail that says `TLS-Required: No` goes past
//! what domains demand (RFC 8689 §4.2.2), not past what the configuration does.
//!
//! What came of it is counted for the domains that want to know ([`terms`], [`counter`]), and told
//! them once a day ([`reports`]).

mod book;
mod counter;
mod fetch;
mod gzip;
mod message;
mod reports;
mod shelf;
mod terms;

use std::{collections::HashMap, net::SocketAddr, sync::Arc, time::Duration};

use agent_kit::{Reload, Stop, now};
use anyhow::Context as _;
use config::DomainTls;
use mail_dns::{DnsProblem, MxHost, Resolver, Tlsa};
use mail_types::{Domain, MxPattern};
use smtp_client::{Host, Roots, Security};
use stable_storage::Files;
use tls_policy::{Mode, ResultKind};
use tokio::{task::JoinSet, time::sleep};

use book::{Book, Found};
use counter::Counter;
use fetch::{Fetcher, Reach};
use reports::Reports;
use shelf::Shelf;
use terms::{Failed, Term};

pub(super) use terms::{Shelter, Terms};

/// How often what was counted is written down, and reports that are due are looked for.
const EVERY: Duration = Duration::from_secs(60);

/// Knows what is demanded.
pub(super) struct Policies {
    reload: Reload,
    resolver: Resolver,
    /// None where the configuration wants no policies.
    book: Option<Arc<Book>>,
    /// None where the configuration wants no reports.
    counter: Option<Arc<Counter>>,
    reports: Option<Arc<Reports>>,
}

/// Whose demands count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Demands {
    /// The domain's and the configuration's.
    All,
    /// Only the configuration's.
    Ours,
}

impl Policies {
    /// As the configuration has it.
    pub(super) fn open(
        reload: Reload,
        resolver: Resolver,
        roots: Option<&Roots>,
        stop: &Stop,
    ) -> anyhow::Result<Self> {
        let config = reload.current();
        let (tls, folder) = (&config.relay.outbound.tls, config.folders().queue);
        let reach = Reach { port: tls.https_port, private: tls.https_to_private };
        let fetcher = || Fetcher::new(resolver.clone(), roots, reach, stop);
        let book = match tls.mta_sts {
            true => {
                let shelf = Shelf::open(folder.join("mta-sts"), Files::real(), now());
                let shelf = shelf.context("MTA-STS policies cannot be kept")?;
                Some(Arc::new(Book::new(resolver.clone(), fetcher(), shelf)))
            }
            false => None,
        };
        let counter = match &tls.reports.contact {
            Some(_) => {
                let counter = Counter::open(folder.join("tls-results"), Files::real());
                Some(Arc::new(counter.context("what TLS comes to cannot be counted")?))
            }
            None => None,
        };
        let reports =
            counter.as_ref().map(|counter| Reports::new(counter.clone(), fetcher(), stop.clone()));
        let reports = reports.transpose()?.map(Arc::new);
        Ok(Self { reload, resolver, book, counter, reports })
    }

    /// What the DNS proves and the configuration demands, and nothing else.
    pub(super) fn of_dns(reload: Reload, resolver: Resolver) -> Self {
        Self { reload, resolver, book: None, counter: None, reports: None }
    }

    /// Keeps policies fresh, writes down what was counted, and sends reports, until the stop. None of
    /// them waits for another: policy hosts and those who get reports may be slow.
    pub(super) async fn keep(self: Arc<Self>, stop: Stop) {
        tokio::join!(self.refresh(&stop), self.report(&stop), async {
            while !stop.is_asked() {
                self.write().await;
                pause(&stop).await;
            }
        });
    }

    async fn refresh(&self, stop: &Stop) {
        let Some(book) = &self.book else { return };
        while !stop.is_asked() {
            // What is cut off is fetched again.
            tokio::select! {
                () = stop.asked() => return,
                () = book.refresh() => {}
            }
            pause(stop).await;
        }
    }

    async fn report(&self, stop: &Stop) {
        let Some(reports) = &self.reports else { return };
        while !stop.is_asked() {
            reports.send_due(self.reload.current(), &self.resolver).await;
            pause(stop).await;
        }
    }

    /// Writes down what was counted.
    pub(super) async fn write(&self) {
        if let Some(counter) = &self.counter
            && let Err(error) = counter.write().await
        {
            tracing::error!(%error, "what TLS came to cannot be written down");
        }
    }

    /// The hosts of a domain with what is demanded of each, and the terms for reports.
    pub(super) async fn hosts(
        &self,
        domain: &Domain,
        hosts: Vec<MxHost>,
        port: u16,
        demands: Demands,
    ) -> (Vec<(u16, Host)>, Arc<Terms>) {
        let config = self.reload.current();
        let tls = &config.relay.outbound.tls;
        let demanded = tls.domains.of(domain);
        let published = demands == Demands::All
            && !matches!(demanded, DomainTls::None | DomainTls::Opportunistic);
        let found = match &self.book {
            Some(book) if published => book.policy(domain).await,
            _ => Found::default(),
        };
        let with_dane = demanded == DomainTls::Dane || tls.dane && published;
        let records = self.records(&hosts, port, with_dane).await;
        let (mut secured, mut by_host) = (Vec::new(), HashMap::new());
        for (mx, records) in hosts.into_iter().zip(records) {
            let asked = Asked { domain, host: &mx, records, found: &found };
            let (security, terms) = asked.security(demanded);
            by_host.insert(mx.name.clone(), terms);
            let addresses = mx.addresses.into_iter().map(|ip| SocketAddr::new(ip, port)).collect();
            // Names that the domain's own policy holds its hosts to are the domain's (RFC 8461 §4.1);
            // a name that only we demand proof of is still the one that the MX lookup gave.
            let named_securely = mx.named_securely || found.enforced().is_some();
            let host = Host { security, named_securely, ..Host::new(mx.name, addresses) };
            secured.push((mx.preference, host));
        }
        // RFC 8460 §3: sessions with reports in them are not reported.
        let counted = demands == Demands::All && demanded != DomainTls::None;
        let counter = self.counter.clone().filter(|_| counted);
        (secured, Arc::new(Terms::new(domain.clone(), by_host, counter)))
    }

    /// The TLSA records of each host, asked for at once.
    async fn records(&self, hosts: &[MxHost], port: u16, wanted: bool) -> Vec<Records> {
        let mut all: Vec<Records> = hosts.iter().map(|_| Ok(None)).collect();
        let mut lookups = JoinSet::new();
        let asked = hosts.iter().enumerate().filter(|(_, host)| !host.tlsa_bases.is_empty());
        for (place, host) in asked.filter(|_| wanted) {
            let (resolver, host) = (self.resolver.clone(), host.clone());
            lookups.spawn(async move { (place, resolver.tlsa(&host, port).await) });
        }
        for (place, records) in lookups.join_all().await {
            if let Some(one) = all.get_mut(place) {
                *one = records;
            }
        }
        all
    }
}

/// Until the next time, or the stop.
async fn pause(stop: &Stop) {
    tokio::select! {
        () = stop.asked() => {}
        () = sleep(EVERY) => {}
    }
}

/// TLSA records, none, or no answer about them.
type Records = Result<Option<Tlsa>, DnsProblem>;

/// A host and what its domain says of it.
struct Asked<'a> {
    domain: &'a Domain,
    host: &'a MxHost,
    records: Records,
    found: &'a Found,
}

impl Asked<'_> {
    /// What TLS with the host must be, and why.
    fn security(self, demanded: DomainTls) -> (Security, Vec<Term>) {
        let Self { domain, host, records, found } = self;
        let mut terms = Vec::new();
        if let Some(why) = &found.unread {
            return (Security::Never(why.clone()), vec![Term::Nothing]);
        }
        if let Some(kept) = found.kept.as_ref().filter(|kept| kept.policy.mode != Mode::None) {
            let policy = kept.policy.clone();
            let admitted = policy.patterns.iter().any(|pattern| pattern.matches(&host.name));
            terms.push(Term::Sts { policy, admitted });
        }
        if let Some(failed) = &found.failed {
            let (kind, reason) = (failed.kind, failed.reason.clone());
            terms.push(Term::Failed { applied: Failed::Sts, kind, reason });
        }
        let enforced = found.enforced();
        let mut patterns = enforced.map(|policy| policy.patterns.clone());
        if demanded == DomainTls::Verified && patterns.is_none() {
            // A policy of ours, of this host.
            patterns = MxPattern::parse(host.name.as_str()).ok().map(|own| vec![own]);
        }
        let base = || host.tlsa_bases.first().unwrap_or(&host.name).clone();
        let failed = |kind, reason: &str| {
            let (applied, reason) = (Failed::Tlsa(base()), reason.to_owned());
            Term::Failed { applied, kind, reason }
        };
        let records = match records {
            Ok(records) => records,
            Err(problem) => {
                let why = problem.to_string();
                terms.push(failed(ResultKind::DnssecInvalid, &why));
                return (Security::Never(why), terms);
            }
        };
        if records.is_none() && demanded == DomainTls::Dane {
            const WHY: &str = "it has no TLSA records that DNSSEC proves, and must have some";
            terms.push(failed(ResultKind::DaneRequired, WHY));
            return (Security::Never(WHY.to_owned()), terms);
        }
        if let Some(Tlsa { base, records }) = records.clone() {
            terms.push(Term::Tlsa { base, records });
        }
        if terms.is_empty() {
            terms.push(Term::Nothing);
        }
        let security = match (records.map(|tlsa| named(tlsa, domain)), patterns) {
            (Some((records, names)), Some(patterns)) => {
                Security::DaneAndMtaSts { records, names, patterns }
            }
            (Some((records, names)), None) => Security::Dane { records, names },
            (None, Some(_)) if enforced.is_none() => Security::Required,
            (None, Some(patterns)) => Security::MtaSts { patterns },
            (None, None) => match demanded {
                DomainTls::None => Security::Clear,
                DomainTls::Required => Security::Encrypted,
                DomainTls::Verified => Security::Required,
                DomainTls::AsPublished | DomainTls::Opportunistic | DomainTls::Dane => {
                    Security::Opportunistic
                }
            },
        };
        (security, terms)
    }
}

/// The records with the names that may stand in a certificate under a trust anchor: the base
/// domain, and the domain of the mail (RFC 7672 §3.2.2). Where no record is of an anchor, names make
/// no difference, and mail to other domains may go the same way.
fn named(tlsa: Tlsa, domain: &Domain) -> (Vec<mail_types::TlsaRecord>, Vec<Domain>) {
    let mut names = vec![tlsa.base];
    if tlsa.records.iter().any(|record| record.usage == 2) {
        names.push(domain.clone());
    }
    (tlsa.records, names)
}
