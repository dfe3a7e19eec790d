//! Counting connections, in total and for each address.

use std::{
    collections::{HashMap, hash_map::Entry},
    net::{IpAddr, Ipv6Addr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use conversation::Peer;
use tokio::sync::Notify;

use super::Limits;
use crate::metrics;

/// Who is counted together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Origin {
    Address(IpAddr),
    Uid(u32),
}

impl Origin {
    fn of(peer: Peer) -> Self {
        match peer {
            Peer::Unix { uid } => Self::Uid(uid),
            Peer::Tcp { remote, .. } => Self::Address(network_of(remote.ip())),
        }
    }
}

/// Who is counted together with an address: a whole /64 is one customer, who could use any number of
/// addresses in it.
pub fn network_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)).into()
        }
        v4 => v4,
    }
}

/// The open connections.
pub(super) struct Admission {
    limits: Limits,
    counts: Mutex<Counts>,
    gone: Notify,
}

#[derive(Default)]
struct Counts {
    total: usize,
    by_origin: HashMap<Origin, usize>,
}

/// A place among the open connections, given back when dropped.
pub(super) struct Admitted {
    admission: Arc<Admission>,
    origin: Origin,
}

impl Admission {
    pub(super) fn new(limits: Limits) -> Self {
        Self { limits, counts: Mutex::default(), gone: Notify::new() }
    }

    /// A place, if there is one.
    pub(super) fn admit(self: &Arc<Self>, peer: Peer) -> Option<Admitted> {
        let origin = Origin::of(peer);
        let mut counts = self.counts();
        if counts.total >= self.limits.connections {
            return None;
        }
        let of_origin = counts.by_origin.entry(origin).or_insert(0);
        if *of_origin >= self.limits.connections_per_address {
            return None;
        }
        *of_origin += 1;
        counts.total += 1;
        metrics::opened();
        Some(Admitted { admission: self.clone(), origin })
    }

    /// How many are open.
    pub(super) fn open(&self) -> usize {
        self.counts().total
    }

    /// Returns once none is open.
    pub(super) async fn all_gone(&self) {
        loop {
            let gone = self.gone.notified();
            if self.open() == 0 {
                return;
            }
            gone.await;
        }
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Admitted {
    fn drop(&mut self) {
        metrics::closed();
        let mut counts = self.admission.counts();
        counts.total -= 1;
        if let Entry::Occupied(mut entry) = counts.by_origin.entry(self.origin) {
            *entry.get_mut() -= 1;
            if *entry.get() == 0 {
                entry.remove();
            }
        }
        if counts.total == 0 {
            // One waits at most; if it is not waiting yet, it will find the place empty.
            self.admission.gone.notify_one();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(address: &str) -> Peer {
        Peer::Tcp {
            local: ([127, 0, 0, 1], 25).into(),
            remote: (address.parse::<IpAddr>().unwrap(), 4000).into(),
        }
    }

    #[tokio::test]
    async fn counts_in_total_and_by_origin() {
        let limits = Limits { connections: 3, connections_per_address: 2 };
        let admission = Arc::new(Admission::new(limits));
        let admit = |address| admission.admit(peer(address));

        let one = admit("192.0.2.1").unwrap();
        let mapped = admit("::ffff:192.0.2.1").unwrap();
        assert!(admit("192.0.2.1").is_none(), "two of one address, however it is written");
        let two = admit("2001:db8::1").unwrap();
        assert!(admit("192.0.2.2").is_none(), "three in total");
        drop(one);
        let neighbour = admit("2001:db8::ffff").unwrap();
        drop(mapped);
        assert!(admit("2001:db8::2").is_none(), "two of one /64");
        assert!(admission.admit(Peer::Unix { uid: 0 }).is_some());

        drop((two, neighbour));
        admission.all_gone().await;
        assert_eq!(admission.open(), 0);
        assert!(admission.counts().by_origin.is_empty());
    }
}
