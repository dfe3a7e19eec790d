//! Private addresses that stand for many: a NAT in front, a container bridge, a proxy. What comes
//! from there says nothing about who is there, so that address is neither trusted nor blocked.
//!
//! An address is taken for one when, within a day, good sign-ins and tries with several names came
//! from it, and more than from all others together. A peer controls how many addresses and names
//! there are: both are bounded.

use std::{
    collections::{HashMap, HashSet},
    net::IpAddr,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use crate::failures::network;

/// So many different names from one address are not one household.
const NAMES: usize = 5;
/// So many names of an address are told apart.
const NAMES_MAX: usize = 64;
/// So many addresses are remembered.
const ADDRESSES_MAX: usize = 4096;
/// What is older doesn't count.
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

#[derive(Default)]
pub(crate) struct Gateways(Mutex<State>);

#[derive(Default)]
struct State {
    since: Option<Instant>,
    seen: HashMap<IpAddr, Seen>,
    /// Pairs of address and name.
    pairs: usize,
    /// Those that were found to be gateways.
    found: HashSet<IpAddr>,
}

#[derive(Default)]
struct Seen {
    names: HashSet<u16>,
    good: bool,
}

impl Gateways {
    /// A try, by the mark of its name: whether the address is a gateway.
    pub(crate) fn tried(&self, address: IpAddr, name: u16, now: Instant) -> bool {
        let address = network(address);
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if state.since.is_none_or(|since| now.duration_since(since) > DAY) {
            *state = State { since: Some(now), ..State::default() };
        }
        if state.seen.len() < ADDRESSES_MAX || state.seen.contains_key(&address) {
            let seen = state.seen.entry(address).or_default();
            if seen.names.len() < NAMES_MAX && seen.names.insert(name) {
                state.pairs += 1;
            }
        }
        state.found.contains(&address)
    }

    /// A good sign-in from there: whether that address turns out to be a gateway just now.
    pub(crate) fn good(&self, address: IpAddr) -> bool {
        let address = network(address);
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(seen) = state.seen.get_mut(&address) {
            seen.good = true;
        }
        state.finds(address)
    }

    /// A bad one: likewise.
    pub(crate) fn bad(&self, address: IpAddr) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).finds(network(address))
    }
}

impl State {
    fn finds(&mut self, address: IpAddr) -> bool {
        let Some(seen) = self.seen.get(&address) else { return false };
        let names = seen.names.len();
        is_private(address)
            && seen.good
            && names >= NAMES
            && names * 2 > self.pairs
            && self.found.insert(address)
    }
}

/// Addresses that no two sites share (RFC 1918 §3, RFC 4193 §3, RFC 6598 §7), and this machine.
fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            let [a, b, ..] = v4.octets();
            v4.is_private()
                || v4.is_loopback()
                || v4.is_link_local()
                || (a == 100 && b & 0xc0 == 64)
        }
        // Of an IPv6 address only the network is known here.
        IpAddr::V6(v6) => {
            v6.is_unique_local() || v6.is_unicast_link_local() || v6.segments() == [0; 8]
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn many_names_behind_one_private_address() {
        let now = Instant::now();
        let check = |address: &str, names: u16, good: bool, others: u16, expected: bool| {
            let gateways = Gateways::default();
            let address: IpAddr = address.parse().unwrap();
            for name in 0..others {
                gateways.tried(format!("203.0.113.{name}").parse().unwrap(), name, now);
            }
            for name in 0..names {
                gateways.tried(address, name, now);
            }
            let found = if good { gateways.good(address) } else { gateways.bad(address) };
            assert_eq!(found, expected, "{address} {names} {good} {others}");
            assert_eq!(gateways.tried(address, 0, now), expected);
            assert!(!gateways.tried(address, 0, now + 2 * DAY), "forgotten after a day");
        };
        check("172.17.0.1", 5, true, 0, true);
        check("fd00::1", 5, true, 4, true);
        check("127.0.0.1", 9, true, 8, true);
        // A household, a guesser, an office at a public address, one of many.
        check("192.168.1.7", 4, true, 0, false);
        check("192.168.1.7", 50, false, 0, false);
        check("198.51.100.1", 50, true, 0, false);
        check("10.0.0.1", 5, true, 5, false);
    }
}
