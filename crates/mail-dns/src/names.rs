//! Names as the DNS writes them, and what it means that nothing is known of one.

use hickory_resolver::proto::rr::Name;
use mail_types::Domain;

use crate::{DnsProblem, asker::Unanswered};

/// The name with its final dot, so that no search list is tried.
pub(crate) fn absolute(domain: &Domain) -> Result<Name, DnsProblem> {
    Name::from_ascii(format!("{domain}.")).map_err(|_| DnsProblem::NoSuchDomain(domain.clone()))
}

/// A name such as `_mta-sts` below a domain; nothing if that is too long for the DNS.
pub(crate) fn below(labels: &str, domain: &Domain) -> Option<Name> {
    Name::from_ascii(format!("{labels}.{domain}.")).ok()
}

/// A host's name, if it is one.
pub(crate) fn domain(name: &Name) -> Option<Domain> {
    Domain::parse(name.to_ascii().trim_end_matches('.')).ok()
}

pub(crate) fn no_answer(name: &Domain, Unanswered(cause): Unanswered) -> DnsProblem {
    DnsProblem::NoAnswer { name: name.clone(), cause }
}
