//! Who guesses waits: the pause before a refusal grows with the number of different wrong secrets
//! that came from an address; where many clients share one, that came for a name. While a pause lasts no other secret from there is judged, so that
//! many connections guess no faster than one.
//!
//! A client that repeats its one wrong password (mail clients try three mechanisms, and the local
//! part before the whole address) counts once. The peer controls how many addresses there are;
//! [`ADDRESSES_MAX`] bounds what is remembered.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use blake3::Hash;
use tokio::time::Instant;

/// The most addresses that are remembered.
const ADDRESSES_MAX: usize = 10_000;
/// An address that was quiet for so long starts afresh.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(15 * 60);
/// Secrets of an address that are told apart; older ones count again when they come back.
const SECRETS_KEPT: usize = 8;
/// The pause after the first wrong secret; each further one doubles it.
const FIRST_PAUSE: Duration = Duration::from_millis(500);

pub(crate) struct Failures {
    longest_pause: Duration,
    addresses: Mutex<HashMap<Culprit, Guesses>>,
}

/// Whom guesses are counted against.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Culprit {
    /// Whoever is at an address; of an IPv6 host it is the network.
    Address(IpAddr),
    /// Whoever tries this name.
    Name(String),
}

impl Culprit {
    pub(crate) fn at(address: IpAddr) -> Self {
        Self::Address(network(address))
    }
}

struct Guesses {
    /// How many different secrets were wrong.
    different: u32,
    last_secrets: Vec<Hash>,
    last_time: Instant,
    /// When the last pause ends.
    pause_ends: Instant,
}

impl Failures {
    pub(crate) fn new(longest_pause: Duration) -> Self {
        Self { longest_pause, addresses: Mutex::default() }
    }

    /// Counts a wrong secret, and says how long the refusal has to wait.
    pub(crate) fn count(&self, culprit: Culprit, secret: Hash, now: Instant) -> Duration {
        let mut addresses = self.addresses.lock().unwrap_or_else(PoisonError::into_inner);
        if !addresses.contains_key(&culprit) && addresses.len() >= ADDRESSES_MAX {
            make_room(&mut addresses, now);
        }
        let fresh =
            || Guesses { different: 0, last_secrets: Vec::new(), last_time: now, pause_ends: now };
        let guesses = addresses.entry(culprit).or_insert_with(fresh);
        if now.duration_since(guesses.last_time) > FORGOTTEN_AFTER {
            *guesses = fresh();
        }
        guesses.last_time = now;
        if !guesses.last_secrets.contains(&secret) {
            guesses.different = guesses.different.saturating_add(1);
            if guesses.last_secrets.len() >= SECRETS_KEPT {
                guesses.last_secrets.remove(0);
            }
            guesses.last_secrets.push(secret);
        }
        let doublings = guesses.different.saturating_sub(1).min(16);
        let pause = FIRST_PAUSE.saturating_mul(1 << doublings).min(self.longest_pause);
        guesses.pause_ends = now + pause;
        pause
    }

    /// How long a secret of this one has to wait before it is judged.
    pub(crate) fn pause_left(&self, culprit: &Culprit, now: Instant) -> Duration {
        let addresses = self.addresses.lock().unwrap_or_else(PoisonError::into_inner);
        let guesses = addresses.get(culprit);
        guesses.map_or(Duration::ZERO, |guesses| guesses.pause_ends.duration_since(now))
    }

    /// A good sign-in: whoever is there isn't guessing.
    pub(crate) fn forget(&self, culprit: &Culprit) {
        self.addresses.lock().unwrap_or_else(PoisonError::into_inner).remove(culprit);
    }
}

/// Forgets who was quiet for long; if all are busy, the half whose last guess is older, so that a
/// flood of addresses doesn't cost a search each.
fn make_room(addresses: &mut HashMap<Culprit, Guesses>, now: Instant) {
    addresses.retain(|_, guesses| now.duration_since(guesses.last_time) <= FORGOTTEN_AFTER);
    if addresses.len() >= ADDRESSES_MAX {
        let mut times: Vec<Instant> = addresses.values().map(|guesses| guesses.last_time).collect();
        let middle = times.len() / 2;
        let (_, median, _) = times.select_nth_unstable(middle);
        let median = *median;
        addresses.retain(|_, guesses| guesses.last_time > median);
    }
}

/// An IPv6 host has a whole /64 to itself.
pub(crate) fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(v4) => IpAddr::V4(v4),
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(text: &str) -> Hash {
        blake3::hash(text.as_bytes())
    }

    #[tokio::test(start_paused = true)]
    async fn pauses_grow_with_different_secrets_and_end() {
        let failures = Failures::new(Duration::from_secs(3));
        let now = Instant::now();
        let pause = |address: &str, text: &str, now| {
            failures.count(Culprit::at(address.parse().unwrap()), secret(text), now).as_millis()
        };
        assert_eq!(pause("192.0.2.1", "a", now), 500);
        assert_eq!(pause("192.0.2.1", "a", now), 500, "the same secret counts once");
        assert_eq!(pause("192.0.2.1", "b", now), 1000);
        assert_eq!(pause("192.0.2.2", "a", now), 500, "another address");
        assert_eq!(pause("192.0.2.1", "c", now), 2000);
        assert_eq!(pause("192.0.2.1", "d", now), 3000, "bounded");
        assert_eq!(pause("::ffff:192.0.2.1", "e", now), 3000, "the same address");
        assert_eq!(pause("192.0.2.1", "f", now + FORGOTTEN_AFTER * 2), 500);
        failures.forget(&Culprit::at("192.0.2.2".parse().unwrap()));
        assert_eq!(pause("192.0.2.2", "b", now), 500);
        assert_eq!(pause("2001:db8::1", "a", now), 500);
        let left =
            |address: &str, now| failures.pause_left(&Culprit::at(address.parse().unwrap()), now);
        assert_eq!(left("2001:db8::3", now), FIRST_PAUSE);
        assert_eq!(left("2001:db8::3", now + FIRST_PAUSE), Duration::ZERO);
        assert_eq!(left("2001:db8:1::", now), Duration::ZERO, "another network");
        assert_eq!(pause("2001:db8::2", "b", now), 1000, "the same network");
    }

    #[tokio::test(start_paused = true)]
    async fn memory_is_bounded() {
        let failures = Failures::new(Duration::from_secs(3));
        let start = Instant::now();
        for n in 0..3 * ADDRESSES_MAX {
            let address = Ipv6Addr::from((n as u128) << 64);
            let now = start + Duration::from_millis(n as u64);
            failures.count(Culprit::at(IpAddr::V6(address)), secret("a"), now);
            assert!(failures.addresses.lock().unwrap().len() <= ADDRESSES_MAX);
        }
        assert!(failures.addresses.lock().unwrap().len() > ADDRESSES_MAX / 3);
    }
}
