//! What was demanded of the hosts of a domain, and what came of it: for the reports that the domain
//! may get, and for mail that needs a host to have proved who it is.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use mail_types::{Domain, Lane, TlsaRecord};
use smtp_client::{CertificateFault, Host, NoTls, Sheltered};
use tls_policy::{Applied, Failure, ResultKind, StsPolicy};

use super::counter::Counter;

/// A policy as it was applied to one host.
#[derive(Debug, Clone)]
pub(super) enum Term {
    /// No policy.
    Nothing,
    /// TLSA records under this name.
    Tlsa { base: Domain, records: Vec<TlsaRecord> },
    /// The domain's MTA-STS policy, and whether the host is one of its.
    Sts { policy: StsPolicy, admitted: bool },
    /// It came to no policy, or to no host, for this reason.
    Failed { applied: Failed, kind: ResultKind, reason: String },
}

/// Which policy it came to nothing with.
#[derive(Debug, Clone)]
pub(super) enum Failed {
    Sts,
    Tlsa(Domain),
}

/// The terms of all hosts of a domain.
#[derive(Debug)]
pub(in crate::outbound) struct Terms {
    domain: Domain,
    by_host: HashMap<Domain, Vec<Term>>,
    counter: Option<Arc<Counter>>,
}

impl Terms {
    /// Terms that are counted by `counter`, if there is one.
    pub(super) fn new(
        domain: Domain,
        by_host: HashMap<Domain, Vec<Term>>,
        counter: Option<Arc<Counter>>,
    ) -> Self {
        Self { domain, by_host, counter }
    }

    /// What must be equal for mail to other domains that goes the same way: a policy is one
    /// domain's.
    pub(in crate::outbound) fn manner(&self) -> String {
        let is_own = |term: &Term| matches!(term, Term::Sts { .. } | Term::Failed { .. });
        let owned = self.by_host.values().flatten().any(is_own);
        if owned { format!("as {} demands", self.domain) } else { String::new() }
    }
}

/// One connection to a host, as far as TLS goes.
#[derive(Debug, Default)]
pub(in crate::outbound) struct Shelter {
    terms: Option<Arc<Terms>>,
    host: Option<Domain>,
    /// Whether its name is beyond doubt.
    named_securely: bool,
    /// Whether it has proved that the name is its own.
    proved: bool,
    /// Policy by policy.
    outcomes: Vec<(Term, Result<(), Failure>)>,
    /// Whom it was counted for.
    counted: BTreeSet<Domain>,
}

impl Shelter {
    /// Before a connection to this host.
    pub(in crate::outbound) fn of(host: &Host, terms: Option<Arc<Terms>>) -> Self {
        Self {
            terms,
            host: Some(host.name.clone()),
            named_securely: host.named_securely,
            ..Self::default()
        }
    }

    /// Whether the host has proved to be one of the domain's, beyond doubt (RFC 8689 §4.2.1).
    pub(in crate::outbound) fn is_authentic(&self) -> bool {
        self.named_securely && self.proved
    }

    /// Takes what TLS over a connection came to.
    pub(in crate::outbound) fn hear(&mut self, heard: &Sheltered<'_>) {
        self.counted.clear();
        self.proved = heard.tls.as_ref().is_ok_and(|facts| facts.verified);
        let (Some(terms), Some(host)) = (self.terms.clone(), &self.host) else { return };
        let known = terms.by_host.get(host).map(Vec::as_slice).unwrap_or_default();
        let failure = |(kind, reason): (ResultKind, String)| Failure {
            kind,
            from: heard.addresses.map(|(local, _)| local),
            server: Some(host.to_string()),
            to: heard.addresses.map(|(_, remote)| remote),
            reason,
        };
        let judged = |term: &Term| (term.clone(), judge(term, heard).map_err(failure));
        self.outcomes = known.iter().map(judged).collect();
        if heard.tls.is_err() {
            // Mail may never come to it.
            self.count(&terms.domain);
        }
    }

    /// Mail to this lane goes over the connection.
    pub(in crate::outbound) fn carries(&mut self, lane: &Lane) {
        if let Lane::Remote(domain) = lane {
            self.count(domain);
        }
    }

    /// Counts the connection for a domain, once.
    fn count(&mut self, domain: &Domain) {
        let Some(counter) = self.terms.as_ref().and_then(|terms| terms.counter.as_ref()) else {
            return;
        };
        if self.outcomes.is_empty() || !self.counted.insert(domain.clone()) {
            return;
        }
        for (term, outcome) in &self.outcomes {
            counter.count(domain, &term.applied(domain), outcome.clone());
        }
    }
}

impl Term {
    /// As it is reported to this domain.
    fn applied(&self, domain: &Domain) -> Applied {
        match self {
            Self::Nothing => Applied::nothing(domain),
            Self::Tlsa { base, records } => {
                Applied::tlsa(base, records.iter().map(presentation).collect())
            }
            Self::Sts { policy, .. } => Applied::sts(domain, Some(policy)),
            Self::Failed { applied: Failed::Sts, .. } => Applied::sts(domain, None),
            Self::Failed { applied: Failed::Tlsa(base), .. } => Applied::tlsa(base, Vec::new()),
        }
    }
}

/// `3 1 1 0123456789ABCDEF` (RFC 6698 §2.2).
fn presentation(record: &TlsaRecord) -> String {
    let data: String = record.data.iter().map(|octet| format!("{octet:02X}")).collect();
    format!("{} {} {} {data}", record.usage, record.selector, record.matching)
}

/// What a connection means under a policy (RFC 8460 §4.3).
fn judge(term: &Term, heard: &Sheltered<'_>) -> Result<(), (ResultKind, String)> {
    match term {
        Term::Failed { kind, reason, .. } => return Err((*kind, reason.clone())),
        Term::Sts { admitted: false, .. } => {
            let reason = "the host is none of the policy".to_owned();
            return Err((ResultKind::CertificateHostMismatch, reason));
        }
        Term::Nothing | Term::Tlsa { .. } | Term::Sts { admitted: true, .. } => {}
    }
    let facts = match &heard.tls {
        Ok(facts) => facts,
        Err(NoTls::NotOffered) => return Err((ResultKind::StarttlsNotSupported, String::new())),
        Err(NoTls::Hopeless(text)) => return Err((ResultKind::ValidationFailure, text.clone())),
        Err(NoTls::Failed { fault: Some(fault), text }) => return Err(of_fault(*fault, text)),
        Err(NoTls::Failed { fault: None, text }) => {
            return Err((ResultKind::ValidationFailure, text.clone()));
        }
    };
    match (term, facts.identity.fault) {
        // A policy that is only tested takes hosts that it should not.
        (Term::Sts { .. }, Some(fault)) => Err(of_fault(fault, "")),
        (Term::Sts { .. }, None) if !facts.verified => {
            Err((ResultKind::CertificateNotTrusted, "it was not verified".to_owned()))
        }
        _ => Ok(()),
    }
}

fn of_fault(fault: CertificateFault, text: &str) -> (ResultKind, String) {
    match fault {
        CertificateFault::Expired => (ResultKind::CertificateExpired, String::new()),
        CertificateFault::WrongName => (ResultKind::CertificateHostMismatch, String::new()),
        CertificateFault::Untrusted => (ResultKind::CertificateNotTrusted, text.to_owned()),
        CertificateFault::Unmatched => {
            let reason = "no TLSA record matches the certificate".to_owned();
            (ResultKind::ValidationFailure, reason)
        }
    }
}

#[cfg(test)]
mod tests {
    use mail_types::MxPattern;
    use smtp_client::Security;

    use super::*;

    #[test]
    fn a_name_that_only_we_demand_proof_of_is_no_name_of_the_domain() {
        let name = Domain::parse("mx.forged.example").unwrap();
        let security = Security::DaneAndMtaSts {
            records: Vec::new(),
            names: vec![name.clone()],
            patterns: vec![MxPattern::parse(name.as_str()).unwrap()],
        };
        for named_securely in [false, true] {
            let host = Host {
                named_securely,
                security: security.clone(),
                ..Host::new(name.clone(), Vec::new())
            };
            let shelter = Shelter { proved: true, ..Shelter::of(&host, None) };
            assert_eq!(shelter.is_authentic(), named_securely);
        }
    }
}
