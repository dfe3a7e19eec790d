//! The queue at one moment, and what has happened since the one before.

use std::collections::BTreeMap;

use mail_types::Timestamp;
use message_queue::{
    Queue,
    operator::{Counts, Filter, GroupBy, Groups, Pace, Paused},
};

use crate::commands::queue::why;

/// So many destinations are looked at, those with the most recipients.
const DESTINATIONS: u32 = 500;

/// All that is shown.
#[derive(Debug, Clone)]
pub(super) struct Snapshot {
    pub(super) at: Timestamp,
    pub(super) counts: Counts,
    pub(super) destinations: Groups,
    pub(super) paused: Vec<Paused>,
    /// What is to be known of the queue as a whole.
    pub(super) matters: Vec<String>,
    /// How often something happened in a minute, since the look before.
    pub(super) rates: Rates,
    pub(super) pace: Pace,
}

/// What happens, in a minute.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Rates {
    pub(super) queued: f64,
    pub(super) delivered: f64,
    pub(super) deferred: f64,
    pub(super) failed: f64,
    /// Deliveries by destination.
    pub(super) delivered_to: BTreeMap<String, f64>,
}

impl Snapshot {
    /// An empty queue.
    #[cfg(test)]
    pub(super) fn empty(at: Timestamp) -> Self {
        Self {
            at,
            counts: Counts::default(),
            destinations: Groups::default(),
            paused: Vec::new(),
            matters: Vec::new(),
            rates: Rates::default(),
            pace: Pace::default(),
        }
    }

    pub(super) async fn look(queue: &Queue, before: Option<&Self>) -> anyhow::Result<Self> {
        let at = agent_kit::now();
        let pace = queue.pace(before.map(|before| &before.pace)).await?;
        let rates = before.map(|before| rates(&pace, at.since(before.at).as_secs_f64()));
        Ok(Self {
            at,
            counts: queue.counts().await?,
            destinations: queue
                .groups(GroupBy::Destination, &Filter::default(), DESTINATIONS)
                .await?,
            paused: queue.paused().await?,
            matters: why::matters(queue).await?,
            rates: rates.unwrap_or_default(),
            pace,
        })
    }
}

fn rates(pace: &Pace, seconds: f64) -> Rates {
    let mut rates = Rates::default();
    for (domain, what, count) in &pace.happened {
        // A count of events fits into the 52 bits that are exact.
        let count = f64::from(u32::try_from(*count).unwrap_or(u32::MAX));
        let in_a_minute = count * 60.0 / seconds.max(0.1);
        match *what {
            "queued" => rates.queued += in_a_minute,
            "delivered" => {
                rates.delivered += in_a_minute;
                *rates.delivered_to.entry(domain.clone()).or_default() += in_a_minute;
            }
            "deferred" => rates.deferred += in_a_minute,
            "failed" => rates.failed += in_a_minute,
            _ => {}
        }
    }
    rates
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_of_a_minute() {
        let event = |domain: &str, what, count| (domain.to_owned(), what, count);
        let happened = vec![
            event("@x.test", "delivered", 3),
            event("@y.test", "delivered", 1),
            event("@x.test", "deferred", 2),
            event("@x.test", "held", 9),
        ];
        let rates = rates(&Pace { until: 0, happened }, 2.0);
        assert_eq!((rates.delivered, rates.deferred, rates.queued), (120.0, 60.0, 0.0));
        assert_eq!(rates.delivered_to["@x.test"], 90.0);
    }
}
