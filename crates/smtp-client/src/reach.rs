//! Which family of addresses leads anywhere: what connects have shown. Pure.
//!
//! A route that swallows what is sent over it costs the whole patience for each connect. So a
//! family whose last connects all failed is tried last for a while where there is another one, and
//! the first address of a host waits less when one of the other family stands behind it.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use crate::{Place, Sources};

/// Failed connects in a row after which a family is tried last.
const TRIES: u32 = 3;
/// For how long.
const AVOIDED_FOR: Duration = Duration::from_secs(600);
/// How long a connect may take when there is an address of the other family to be tried.
const SHORT: Duration = Duration::from_secs(10);

/// What is known of the two families.
#[derive(Debug, Default)]
pub(crate) struct Reach {
    v4: Family,
    v6: Family,
}

#[derive(Debug, Default)]
struct Family {
    failures: u32,
    avoided_until: Option<Instant>,
}

impl Reach {
    /// The places to try, in this order, each with its patience.
    pub(crate) fn order<'p>(
        &self,
        places: &'p [Place],
        patience: Duration,
        now: Instant,
    ) -> Vec<(&'p Place, Duration)> {
        let avoided = |place: &&Place| match place {
            Place::Tcp(address) => self.of(address).is_avoided(now),
            Place::Unix(_) => false,
        };
        let mut sorted: Vec<&Place> = places.iter().collect();
        // Stable: apart from that, it is as the caller has it.
        sorted.sort_by_key(avoided);
        let is_v6 = |place: &Place| matches!(place, Place::Tcp(address) if address.is_ipv6());
        let patience = |(at, place): (usize, &&'p Place)| {
            let mut behind = sorted.iter().skip(at.saturating_add(1));
            let other = behind.any(|other| is_v6(other) != is_v6(place));
            (*place, if other { patience.min(SHORT) } else { patience })
        };
        sorted.iter().enumerate().map(patience).collect()
    }

    /// A connect has come to an end.
    pub(crate) fn learn(&mut self, address: &SocketAddr, reached: bool, now: Instant) {
        let family = if address.is_ipv6() { &mut self.v6 } else { &mut self.v4 };
        if reached {
            *family = Family::default();
            return;
        }
        family.failures = family.failures.saturating_add(1);
        if family.failures >= TRIES {
            family.avoided_until = Some(now + AVOIDED_FOR);
        }
    }

    fn of(&self, address: &SocketAddr) -> &Family {
        if address.is_ipv6() { &self.v6 } else { &self.v4 }
    }
}

impl Family {
    fn is_avoided(&self, now: Instant) -> bool {
        self.avoided_until.is_some_and(|until| now < until)
    }
}

impl Sources {
    /// What goes with a host's address.
    pub(crate) fn towards(&self, place: &Place) -> Option<&crate::Source> {
        match place {
            Place::Tcp(address) if address.is_ipv6() => self.v6.as_ref(),
            Place::Tcp(_) => self.v4.as_ref(),
            Place::Unix(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(text: &str) -> Place {
        Place::Tcp(text.parse().unwrap())
    }

    #[test]
    fn a_family_that_leads_nowhere_is_tried_last_for_a_while() {
        let places = ["[2001:db8::1]:25", "[2001:db8::2]:25", "192.0.2.1:25"].map(place);
        let (mut reach, start) = (Reach::default(), Instant::now());
        let order = |reach: &Reach, now| -> Vec<String> {
            let order = reach.order(&places, Duration::from_secs(30), now);
            order.iter().map(|(place, wait)| format!("{place} {}", wait.as_secs())).collect()
        };
        let first = ["[IPv6:2001:db8::1]:25 10", "[IPv6:2001:db8::2]:25 10", "[192.0.2.1]:25 30"];
        let last = ["[192.0.2.1]:25 10", "[IPv6:2001:db8::1]:25 30", "[IPv6:2001:db8::2]:25 30"];
        let v6 = "[2001:db8::1]:25".parse().unwrap();
        for _ in 0..2 {
            reach.learn(&v6, false, start);
            assert_eq!(order(&reach, start), first);
        }
        reach.learn(&v6, false, start);
        assert_eq!(order(&reach, start), last);
        let later = start + AVOIDED_FOR;
        assert_eq!(order(&reach, later), first, "one more try");
        reach.learn(&v6, false, later);
        assert_eq!(order(&reach, later), last);
        reach.learn(&v6, true, later);
        assert_eq!(order(&reach, later), first);
    }

    #[test]
    fn one_family_keeps_its_order_and_its_patience() {
        let places = [place("192.0.2.2:25"), place("192.0.2.1:25")];
        let (mut reach, now) = (Reach::default(), Instant::now());
        for _ in 0..9 {
            reach.learn(&"192.0.2.2:25".parse().unwrap(), false, now);
        }
        let order = reach.order(&places, Duration::from_secs(30), now);
        assert_eq!(
            order.iter().map(|(place, _)| *place).collect::<Vec<_>>(),
            [&places[0], &places[1]]
        );
        assert!(order.iter().all(|(_, wait)| wait.as_secs() == 30));
    }
}
