//! A way as whoever goes it needs it: its hosts, where they are, and how to talk to them.

use std::{collections::BTreeSet, sync::Arc};

use smtp_client::{Host, Place};

use super::{
    policy::{Shelter, Terms},
    schedule::{HostId, Way},
};

/// Hosts that take some mail, at least one.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    hosts: Vec<Planned>,
    /// Conversations at most.
    most: usize,
    /// What is demanded of the hosts' TLS.
    terms: Option<Arc<Terms>>,
}

#[derive(Debug, Clone)]
struct Planned {
    id: HostId,
    /// The lower, the sooner.
    preference: u16,
    host: Host,
}

impl Plan {
    /// Over these hosts, each with its preference.
    pub(super) fn new(hosts: Vec<(u16, Host)>, most: usize) -> Self {
        let planned = |(preference, host): (u16, Host)| {
            let id = HostId::new(&match host.places.first() {
                Some(Place::Tcp(address)) => format!("{}:{}", host.name, address.port()),
                Some(place @ Place::Unix(_)) => place.to_string(),
                None => host.name.to_string(),
            });
            Planned { id, preference, host }
        };
        Self { hosts: hosts.into_iter().map(planned).collect(), most, terms: None }
    }

    /// The same under these terms.
    pub(super) fn under(self, terms: Option<Arc<Terms>>) -> Self {
        Self { terms, ..self }
    }

    /// What TLS with one of the hosts comes to, before it is known.
    pub(super) fn shelter(&self, host: &Host) -> Shelter {
        Shelter::of(host, self.terms.clone())
    }

    /// One host.
    pub(super) fn only(host: Host, most: usize) -> Self {
        Self::new(vec![(0, host)], most)
    }

    /// What of it decides whether mail goes the same way. Addresses do not: they are the host's.
    pub(super) fn way(&self) -> Way {
        let hosts = self.hosts.iter().map(|one| (one.preference, one.id.clone())).collect();
        let manner = |Planned { host, id, .. }: &Planned| {
            let user = host.credentials.as_ref().map(|credentials| &credentials.name);
            let named = host.named_securely;
            let from = &host.sources;
            format!("{id} {:?} {:?} {named} {user:?} {from:?}\n", host.protocol, host.security)
        };
        // In the hosts' order of names: the DNS gives equal ones in any.
        let mut manners: Vec<String> = self.hosts.iter().map(manner).collect();
        manners.sort();
        manners.extend(self.terms.as_ref().map(|terms| terms.manner()));
        Way::new(hosts, manners.concat(), self.most)
    }

    /// The hosts, best first.
    pub(super) fn into_hosts(mut self) -> Vec<Host> {
        self.hosts.sort_by_key(|one| one.preference);
        self.hosts.into_iter().map(|one| one.host).collect()
    }

    /// A host of it.
    pub(super) fn host(&self, id: &HostId) -> Option<&Host> {
        self.hosts.iter().find(|one| one.id == *id).map(|one| &one.host)
    }

    /// How many hosts there are; one that is listed twice is one.
    pub(super) fn hosts(&self) -> usize {
        self.hosts.iter().map(|one| &one.id).collect::<BTreeSet<_>>().len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_that_is_listed_twice_is_one() {
        let host = |name: &str| Host::new(mail_types::Domain::parse(name).unwrap(), Vec::new());
        let plan = Plan::new(vec![(10, host("a")), (20, host("a")), (20, host("b"))], 1);
        assert_eq!(plan.hosts(), 2);
    }
}
