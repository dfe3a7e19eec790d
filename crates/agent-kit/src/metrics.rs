//! What an agent counts about itself, for whoever watches the machine: the text format of
//! Prometheus.
//!
//! Each agent answers on a Unix socket of its own, in `data_dir/metrics/`; [`collect()`] asks all of
//! them and makes one page of it, which `postrider up` and `postrider metrics` show. Counting is an
//! addition to a number: it costs nothing where nobody asks.
//!
//! Invariant: every label has a few values, all of which stand in this module. No address, domain
//! or account is one: whoever sends us mail can't make the page grow.

mod collect;
mod families;
mod http;
mod page;
mod process;

use std::{
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

pub use collect::collect;
pub use families::{Count, Gauge};
pub use http::serve;

use config::Config;

use crate::{Agent, Endpoint, ListenerError, Listeners, Place};
use page::Page;

/// What was counted since the process began, by [`Count`].
static COUNTED: [AtomicU64; Count::ALL.len()] = [const { AtomicU64::new(0) }; Count::ALL.len()];
/// Connections that are open.
static OPEN: AtomicU64 = AtomicU64::new(0);

/// The name of smtp-relay's outbound half, if it is a process of its own.
pub(crate) const OUTBOUND: &str = "smtp-relay-outbound";

/// Where that half answers: nobody hands it sockets.
pub(crate) fn listener_of_half(config: &Config) -> Result<Listeners, ListenerError> {
    let place = Place::Unix(config.folders().metrics_socket(OUTBOUND));
    let endpoint = Endpoint { name: "metrics", place };
    let watched = !config.metrics.listen.is_empty();
    Listeners::bind(if watched { std::slice::from_ref(&endpoint) } else { &[] })
}

/// Counts.
pub fn count(what: Count, by: u64) {
    if let Some(counted) = COUNTED.get(what.place()) {
        counted.fetch_add(by, Ordering::Relaxed);
    }
}

/// A connection has begun.
pub(crate) fn opened() {
    count(Count::Connection, 1);
    OPEN.fetch_add(1, Ordering::Relaxed);
}

/// A connection has ended.
pub(crate) fn closed() {
    OPEN.fetch_sub(1, Ordering::Relaxed);
}

/// What is looked at when somebody asks.
pub type Looked = Pin<Box<dyn Future<Output = Vec<(Gauge, f64)>> + Send>>;

type Look = Box<dyn Fn() -> Looked + Send + Sync>;

/// An agent's metrics. A clone is the same.
#[derive(Clone)]
pub struct Metrics {
    agent: Agent,
    name: &'static str,
    looks: Arc<Mutex<Vec<Arc<Look>>>>,
}

impl Metrics {
    /// Those of an agent.
    pub fn of(agent: Agent) -> Self {
        Self::named(agent, agent.name())
    }

    /// The same under another name.
    pub(crate) fn named(agent: Agent, name: &'static str) -> Self {
        process::started();
        Self { agent, name, looks: Arc::default() }
    }

    /// Adds something to be looked at when somebody asks.
    pub fn look(&self, look: impl Fn() -> Looked + Send + Sync + 'static) {
        let mut looks = self.looks.lock().unwrap_or_else(PoisonError::into_inner);
        looks.push(Arc::new(Box::new(look)));
    }

    /// The page.
    pub async fn page(&self) -> String {
        let mut page = Page::of(self.name);
        for what in Count::ALL.into_iter().filter(|what| what.is_of(self.agent)) {
            let counted = COUNTED.get(what.place()).map_or(0, |n| n.load(Ordering::Relaxed));
            page.count(what, counted);
        }
        page.gauge(Gauge::Connections, whole(OPEN.load(Ordering::Relaxed)));
        let looks = self.looks.lock().unwrap_or_else(PoisonError::into_inner).clone();
        for look in looks {
            for (gauge, value) in look().await {
                page.gauge(gauge, value);
            }
        }
        process::look(&mut page);
        page.text()
    }
}

/// A whole number as Prometheus has them, exact up to 2^53.
#[expect(clippy::cast_precision_loss, reason = "all numbers of Prometheus are floating")]
pub fn whole(number: u64) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_page_has_what_was_counted_and_what_is_looked_at() {
        let metrics = Metrics::of(Agent::SmtpRelay);
        metrics.look(|| Box::pin(async { vec![(Gauge::QueueHeld, 3.0)] }));
        count(Count::Reply4, 2);
        let page = metrics.page().await;
        page::check(&page);
        let line = "postrider_queue_recipients{agent=\"smtp-relay\",state=\"held\"} 3\n";
        assert!(page.contains(line), "{page}");
        assert!(page.contains("postrider_replies_total{agent=\"smtp-relay\",class=\"4xx\"} 2\n"));
        assert!(page.contains("process_resident_memory_bytes{agent=\"smtp-relay\"} "), "{page}");
        assert!(!page.contains("sign_ins"), "nobody signs in on port 25: {page}");
    }
}
