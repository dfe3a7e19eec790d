//! What TLS with the servers of other domains came to on one day (RFC 8460 §4).
//!
//! Its JSON ([`Results::to_json`]) is how it outlives a process; the report that a domain gets is
//! another ([`crate::report`]).
//!
//! Strangers control how many domains, policies and kinds of failure there are: each is bounded,
//! and what is beyond that is counted in the sums only.

use std::{collections::BTreeMap, net::IpAddr};

use mail_types::{Domain, MxPattern};
use serde::{Deserialize, Serialize};

use crate::StsPolicy;

/// Most domains of a day.
const DOMAINS_MAX: usize = 10_000;
/// Most policies of a domain.
const POLICIES_MAX: usize = 20;
/// Most kinds of failure of a policy.
const FAILURES_MAX: usize = 100;
/// The longest reason, in characters.
const REASON_MAX: usize = 200;

/// The sums of a day, by the domain of the mail.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Results {
    domains: BTreeMap<String, Vec<(Applied, Tally)>>,
}

/// A policy that was applied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Applied {
    pub(crate) kind: PolicyKind,
    /// As RFC 8460 §4.5 writes it, line by line.
    pub(crate) text: Vec<String>,
    /// Whose policy it is.
    pub(crate) domain: String,
    /// The servers that it speaks of, if it does.
    pub(crate) servers: Vec<String>,
}

/// Which kind of policy (RFC 8460 §4.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum PolicyKind {
    /// DANE.
    #[serde(rename = "tlsa")]
    Tlsa,
    /// MTA-STS.
    #[serde(rename = "sts")]
    Sts,
    /// None.
    #[serde(rename = "no-policy-found")]
    NoPolicyFound,
}

/// What a session failed with (RFC 8460 §4.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the words of RFC 8460 §4.3 explain themselves there")]
pub enum ResultKind {
    StarttlsNotSupported,
    CertificateHostMismatch,
    CertificateExpired,
    CertificateNotTrusted,
    ValidationFailure,
    TlsaInvalid,
    DnssecInvalid,
    DaneRequired,
    StsPolicyFetchError,
    StsPolicyInvalid,
    StsWebpkiInvalid,
}

/// How many sessions there were under a policy.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    pub(crate) successes: u64,
    pub(crate) failures: u64,
    pub(crate) details: Vec<(Failure, u64)>,
}

/// One kind of failure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// What it was.
    pub kind: ResultKind,
    /// Our address, if it came to a connection.
    pub from: Option<IpAddr>,
    /// The server's name, if it was about one.
    pub server: Option<String>,
    /// The server's address, if it came to a connection.
    pub to: Option<IpAddr>,
    /// In words; may be empty.
    pub reason: String,
}

impl Applied {
    /// The TLSA records under this name, in presentation form.
    pub fn tlsa(base: &Domain, records: Vec<String>) -> Self {
        let (kind, domain) = (PolicyKind::Tlsa, base.to_string());
        Self { kind, text: records, domain, servers: Vec::new() }
    }

    /// The domain's MTA-STS policy; nothing if it could not be had.
    pub fn sts(domain: &Domain, policy: Option<&StsPolicy>) -> Self {
        let patterns = policy.into_iter().flat_map(|policy| &policy.patterns);
        Self {
            kind: PolicyKind::Sts,
            text: policy.map(StsPolicy::lines).unwrap_or_default(),
            domain: domain.to_string(),
            servers: patterns.map(MxPattern::to_string).collect(),
        }
    }

    /// None.
    pub fn nothing(domain: &Domain) -> Self {
        let (kind, domain) = (PolicyKind::NoPolicyFound, domain.to_string());
        Self { kind, text: Vec::new(), domain, servers: Vec::new() }
    }
}

impl Results {
    /// Counts one session with a server of this domain.
    pub fn count(&mut self, domain: &Domain, applied: &Applied, outcome: Result<(), Failure>) {
        let known = self.domains.contains_key(domain.as_str());
        if !known && self.domains.len() >= DOMAINS_MAX {
            return;
        }
        let policies = self.domains.entry(domain.to_string()).or_default();
        let place = policies.iter().position(|(policy, _)| policy == applied);
        let place = place.unwrap_or_else(|| {
            if policies.len() < POLICIES_MAX {
                policies.push((applied.clone(), Tally::default()));
            }
            policies.len().saturating_sub(1)
        });
        let Some((_, tally)) = policies.get_mut(place) else { return };
        match outcome {
            Ok(()) => tally.successes = tally.successes.saturating_add(1),
            Err(failure) => tally.fail(failure),
        }
    }

    /// Whether nothing was counted.
    pub fn is_empty(&self) -> bool {
        self.domains.is_empty()
    }

    /// The domains about which there is something to say.
    pub fn domains(&self) -> impl Iterator<Item = Domain> {
        self.domains.keys().filter_map(|domain| Domain::parse(domain).ok())
    }

    /// What was counted of a domain.
    pub(crate) fn of(&self, domain: &Domain) -> &[(Applied, Tally)] {
        self.domains.get(domain.as_str()).map(Vec::as_slice).unwrap_or_default()
    }

    /// Takes a domain's sums away.
    pub fn forget(&mut self, domain: &Domain) {
        self.domains.remove(domain.as_str());
    }

    /// Takes a domain's sums out, if there are some.
    pub fn take(&mut self, domain: &Domain) -> Option<Self> {
        let taken = self.domains.remove_entry(domain.as_str())?;
        Some(Self { domains: BTreeMap::from([taken]) })
    }

    /// Puts sums back that were taken out; they take the place of what is there of their domains.
    pub fn add(&mut self, taken: Self) {
        self.domains.extend(taken.domains);
    }

    /// As it is kept.
    pub fn to_json(&self) -> Vec<u8> {
        // Strings and numbers only: there is nothing in it that could not be written.
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// From what was kept; nothing if that is something else.
    pub fn from_json(json: &[u8]) -> Option<Self> {
        serde_json::from_slice(json).ok()
    }
}

impl Tally {
    fn fail(&mut self, mut failure: Failure) {
        self.failures = self.failures.saturating_add(1);
        if failure.reason.chars().count() > REASON_MAX {
            failure.reason = failure.reason.chars().take(REASON_MAX).collect();
        }
        if let Some((_, count)) = self.details.iter_mut().find(|(known, _)| *known == failure) {
            *count = count.saturating_add(1);
        } else if self.details.len() < FAILURES_MAX {
            self.details.push((failure, 1));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn domain(name: &str) -> Domain {
        Domain::parse(name).unwrap()
    }

    fn failure(reason: &str) -> Failure {
        let kind = ResultKind::ValidationFailure;
        Failure { kind, from: None, server: None, to: None, reason: reason.to_owned() }
    }

    #[test]
    fn sums_by_domain_policy_and_kind_outlive_the_process() {
        let (mut results, a) = (Results::default(), domain("a.test"));
        let (nothing, tlsa) = (Applied::nothing(&a), Applied::tlsa(&a, vec!["3 1 1 ab".into()]));
        for outcome in [Ok(()), Err(failure("x")), Err(failure("x")), Err(failure("y"))] {
            results.count(&a, &nothing, outcome);
        }
        results.count(&a, &tlsa, Ok(()));
        let mut again = Results::from_json(&results.to_json()).unwrap();
        assert_eq!(again, results);
        again.count(&a, &nothing, Err(failure("x")));
        let [(_, first), (_, second)] = again.of(&a) else { panic!("two policies") };
        assert_eq!((first.successes, first.failures, second.successes), (1, 4, 1));
        assert_eq!(first.details, [(failure("x"), 3), (failure("y"), 1)]);
        let taken = again.take(&a).unwrap();
        assert!(again.is_empty() && again.take(&a).is_none());
        again.add(taken);
        assert_eq!(again.of(&a).len(), 2);
        again.forget(&a);
        assert!(again.is_empty() && Results::from_json(b"{}x").is_none());
    }

    #[test]
    fn strangers_cannot_make_it_grow() {
        let (mut results, a) = (Results::default(), domain("a.test"));
        for number in 0..DOMAINS_MAX + 10 {
            let some = domain(&format!("d{number}.test"));
            results.count(&some, &Applied::nothing(&some), Ok(()));
        }
        assert_eq!(results.domains().count(), DOMAINS_MAX);
        let mut results = Results::default();
        for number in 0..POLICIES_MAX + 10 {
            results.count(&a, &Applied::tlsa(&a, vec![number.to_string()]), Ok(()));
        }
        assert_eq!(results.of(&a).len(), POLICIES_MAX);
        let mut results = Results::default();
        for number in 0..FAILURES_MAX + 10 {
            let reason = format!("{number}{}", "x".repeat(REASON_MAX));
            results.count(&a, &Applied::nothing(&a), Err(failure(&reason)));
        }
        let [(_, tally)] = results.of(&a) else { panic!("one policy") };
        assert_eq!(tally.failures, u64::try_from(FAILURES_MAX).unwrap() + 10);
        assert_eq!(tally.details.len(), FAILURES_MAX);
        assert!(tally.details.iter().all(|(one, _)| one.reason.len() == REASON_MAX));
    }
}
