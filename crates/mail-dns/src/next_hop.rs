//! From MX records to the list of hosts to try (RFC 5321 §5.1). Pure.

use std::net::IpAddr;

use mail_types::Domain;

use crate::DnsProblem;

/// A host that takes mail for the domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MxHost {
    /// Its name, for logs and for TLS.
    pub name: Domain,
    /// The lower, the sooner; 0 where the DNS gives none.
    pub preference: u16,
    /// Where it listens, IPv6 first; never empty.
    pub addresses: Vec<IpAddr>,
    /// Whether DNSSEC proves that it is a host of the domain, or somebody did who needs no DNS.
    pub named_securely: bool,
    /// The names under which its TLSA records may stand, in the order to ask (RFC 7672 §2.2.2);
    /// none where DANE does not apply to it.
    pub tlsa_bases: Vec<Domain>,
}

/// One MX record; no exchange is the root name `.`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mx {
    pub(crate) preference: u16,
    pub(crate) exchange: Option<Domain>,
}

/// Most hosts whose addresses are looked up for one attempt. RFC 5321 §5.1 asks for two at least;
/// a domain may list hundreds.
const MAX_HOSTS: usize = 16;

/// The exchanges to try, in order: by preference, at random among equals, and none that is as far
/// away as we are or farther.
pub(crate) fn in_order(
    domain: &Domain,
    mut records: Vec<Mx>,
    own: &[Domain],
    seed: u64,
) -> Result<Vec<(u16, Domain)>, DnsProblem> {
    // RFC 7505 §3: a null MX stands alone; beside others the root name is only a host without
    // an address.
    if let [Mx { exchange: None, .. }] = records.as_slice() {
        return Err(DnsProblem::AcceptsNoMail(domain.clone()));
    }
    // RFC 5321 §5.1: "the sender-SMTP MUST randomize them to spread the load".
    shuffle(&mut records, seed);
    records.sort_by_key(|mx| mx.preference);
    let ours = |mx: &Mx| mx.exchange.as_ref().is_some_and(|name| own.contains(name));
    // RFC 5321 §5.1: hosts of our own preference and farther ones are left out, or mail would
    // travel in a circle.
    if let Some(preference) = records.iter().find(|mx| ours(mx)).map(|mx| mx.preference) {
        records.retain(|mx| mx.preference < preference);
        if records.is_empty() {
            return Err(DnsProblem::LoopsBack(domain.clone()));
        }
    }
    Ok(records
        .into_iter()
        .filter_map(|mx| mx.exchange.map(|name| (mx.preference, name)))
        .take(MAX_HOSTS)
        .collect())
}

/// Fisher and Yates' shuffle, fed by the splitmix64 sequence that starts at `seed`.
fn shuffle(records: &mut [Mx], seed: u64) {
    let mut state = seed;
    for last in (1..records.len()).rev() {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        let bound = u64::try_from(last).unwrap_or(u64::MAX).saturating_add(1);
        records.swap(last, usize::try_from(mixed % bound).unwrap_or(0));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn domain(name: &str) -> Domain {
        Domain::parse(name).unwrap()
    }

    /// `10 a` lines in, the names in the order of trying out; `.` is the root.
    fn order(records: &str, own: &[&str], seed: u64) -> Result<String, DnsProblem> {
        let records = records
            .split(", ")
            .map(|line| {
                let (preference, name) = line.split_once(' ').unwrap();
                let exchange = (name != ".").then(|| domain(name));
                Mx { preference: preference.parse().unwrap(), exchange }
            })
            .collect();
        let own: Vec<Domain> = own.iter().map(|name| domain(name)).collect();
        let names = in_order(&domain("example.org"), records, &own, seed)?;
        Ok(names.iter().map(|(_, name)| name.as_str()).collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn preference_decides() {
        assert_eq!(order("20 b, 10 a, 30 c", &[], 1).unwrap(), "a b c");
    }

    #[test]
    fn equals_take_turns() {
        // RFC 5321 §5.1
        let seen: std::collections::BTreeSet<_> =
            (0..200).map(|seed| order("10 a, 10 b, 10 c, 5 first", &[], seed).unwrap()).collect();
        assert_eq!(seen.len(), 6, "{seen:?}");
        assert!(seen.iter().all(|order| order.starts_with("first ")));
    }

    #[test]
    fn null_mx() {
        // RFC 7505 §3
        let problem = order("0 .", &[], 1).unwrap_err();
        assert_eq!(problem.status().to_string(), "5.1.10");
        assert_eq!(order("0 ., 10 a", &[], 1).unwrap(), "a");
    }

    #[test]
    fn nothing_at_or_behind_ourselves() {
        // RFC 5321 §5.1
        let all = "10 near, 20 us, 20 beside, 30 far";
        assert_eq!(order(all, &["us"], 1).unwrap(), "near");
        let problem = order("10 us, 20 far", &["other", "us"], 1).unwrap_err();
        assert_eq!(problem.status().to_string(), "5.4.6");
    }

    #[test]
    fn a_long_list_is_cut() {
        let many = (0..200).map(|n| format!("{n} h{n}")).collect::<Vec<_>>().join(", ");
        assert_eq!(order(&many, &[], 1).unwrap().split(' ').count(), MAX_HOSTS);
    }
}
