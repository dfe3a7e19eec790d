//! What must be known to find the way of mail: the configuration, the DNS, and what is demanded of
//! hosts.

use std::sync::Arc;

use agent_kit::Reload;
use config::{Config, DnssecWord};
use mail_dns::{Believe, Patience, Resolver};
use mail_types::Domain;
use smtp_client::{Host, Roots};

use super::{
    destination::{self, Destination},
    policy::{Demands, Policies},
};

/// Finds ways.
pub(crate) struct Ways {
    pub(super) reload: Reload,
    pub(super) resolver: Resolver,
    pub(super) policies: Arc<Policies>,
}

impl Ways {
    /// For those who only ask hosts something and send no mail: hosts are held to what DNSSEC
    /// proves (DANE) and what the configuration demands. Policies by HTTPS are for mail; fetching
    /// one would take longer than whoever asks can wait.
    pub(crate) fn for_questions(reload: Reload) -> Self {
        let resolver = resolver(&reload.current());
        let policies = Arc::new(Policies::of_dns(reload.clone(), resolver.clone()));
        Self { reload, resolver, policies }
    }

    /// The hosts that take mail for a domain, best first. Nobody is there where the configuration
    /// holds or drops its mail; an error says why it cannot be told.
    pub(crate) async fn hosts(&self, domain: &Domain) -> Result<Vec<Host>, String> {
        match destination::of(self, domain, None, Demands::All).await {
            Destination::Hosts(plan) => Ok(plan.into_hosts()),
            Destination::Discard | Destination::Hold(_) => Ok(Vec::new()),
            Destination::Unknown(problem) => Err(problem.to_string()),
        }
    }
}

/// Whose certificates are valid. Without any, mail still goes where no certificate must be.
pub(crate) fn authorities(config: &Config) -> Option<Roots> {
    let file = config.relay.outbound.authorities.as_deref();
    match file.map_or_else(Roots::of_system, Roots::from_pem_file) {
        Ok(roots) => Some(roots),
        Err(error) => {
            tracing::warn!(%error, "no server's certificate can be verified");
            None
        }
    }
}

pub(super) fn resolver(config: &Config) -> Resolver {
    let patience = Patience { timeout: config.dns.timeout, ..Patience::default() };
    let believe = match config.dns.dnssec {
        DnssecWord::Loopback => Believe::Loopback,
        DnssecWord::Servers => Believe::All,
        DnssecWord::Off => Believe::Nobody,
    };
    let resolver = match config.dns.servers.as_slice() {
        [] => Resolver::system(patience, believe),
        servers => Resolver::with_servers(servers, patience, believe),
    };
    if let Some(why) = resolver.unusable() {
        tracing::warn!(
            why,
            "no name server is known: mail to domains with a route \"mx\" will wait"
        );
    }
    resolver
}
