//! Whether anything answers at all: many providers block port 25 outward, and all that their
//! customers see is mail that waits.
//!
//! [`Silence`] is pure. It suspects that when connects to servers in several networks came to nothing and not one was
//! answered meanwhile, be it by a refusal; the first answer ends the suspicion. One dead domain is
//! no reason for it.

use std::{collections::BTreeSet, net::IpAddr};

use agent_kit::{Reload, now};
use config::Route;
use message_queue::{Queue, operator::Condition};
use smtp_client::{Connect, ConnectEnd};
use tokio::sync::mpsc::UnboundedReceiver;

/// Networks that must be silent: a domain has two or three servers, often in as many networks.
const SILENT_NETWORKS: usize = 4;

/// What connects have shown.
#[derive(Debug)]
pub(super) struct Silence {
    /// The port that matters: a smarthost's says nothing about it.
    port: u16,
    silent: BTreeSet<IpAddr>,
    suspected: bool,
}

/// What one more connect has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    /// It looks as if the port were blocked.
    Suspected,
    /// It is not, or no more.
    Answered,
}

impl Silence {
    /// `suspected` is what an earlier process has found.
    pub(super) fn new(port: u16, suspected: bool) -> Self {
        Self { port, silent: BTreeSet::new(), suspected }
    }

    /// A connect has come to an end.
    pub(super) fn learn(&mut self, connect: Connect) -> Option<Change> {
        if connect.to.port() != self.port {
            return None;
        }
        if connect.end != ConnectEnd::Silence {
            self.silent.clear();
            return std::mem::take(&mut self.suspected).then_some(Change::Answered);
        }
        if self.suspected {
            return None;
        }
        self.silent.insert(network(connect.to.ip()));
        self.suspected = self.silent.len() >= SILENT_NETWORKS;
        self.suspected.then_some(Change::Suspected)
    }

    /// Everything goes another way now: what was found out is of no use any more. Whether something
    /// was.
    pub(super) fn forget(&mut self) -> bool {
        self.silent.clear();
        std::mem::take(&mut self.suspected)
    }

    /// In words, for the log and whoever looks at the queue.
    pub(super) fn words(port: u16) -> String {
        format!(
            "no server anywhere answers on port {port}: it looks as if the provider of this machine \
             blocked it. Ask the provider to open outgoing port {port}, or send everything by way of \
             a smarthost: \"*\" = \"smart.example.net:587\" in [routes], with its account in \
             [smarthosts]"
        )
    }
}

/// Watches how connects end, until nobody connects any more; what it finds out is in the log, and
/// in the queue's database for whoever looks at the queue.
pub(super) async fn watch(
    mut connects: UnboundedReceiver<Connect>,
    queue: Queue,
    reload: Reload,
    port: u16,
) {
    let known = queue.conditions().await.unwrap_or_default();
    let suspected = known.iter().any(|found| found.condition == Condition::PortBlocked);
    let mut silence = Silence::new(port, suspected);
    while let Some(connect) = connects.recv().await {
        let words = Silence::words(port);
        let text = match silence.learn(connect) {
            Some(Change::Suspected) => {
                tracing::error!("{words}");
                Some(words.as_str())
            }
            Some(Change::Answered) => {
                tracing::info!("other servers answer on port {port}");
                None
            }
            // What it advises was done.
            None if *reload.current().routes.otherwise() != Route::Mx && silence.forget() => None,
            None => continue,
        };
        if let Err(error) = queue.note_condition(Condition::PortBlocked, text, now()).await {
            tracing::error!(%error, "the queue cannot be told whether other servers answer");
        }
    }
}

/// A /24, or a /48.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(v4) => IpAddr::V4((v4.to_bits() & (u32::MAX << 8)).into()),
        IpAddr::V6(v6) => IpAddr::V6((v6.to_bits() & (u128::MAX << 80)).into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(connects: &[(&str, ConnectEnd)], expected: &[Option<Change>]) {
        let mut silence = Silence::new(25, false);
        let learn = |(to, end): &(&str, ConnectEnd)| {
            silence.learn(Connect { to: to.parse().unwrap(), end: *end })
        };
        assert_eq!(connects.iter().map(learn).collect::<Vec<_>>(), expected, "{connects:?}");
    }

    #[test]
    fn silence_everywhere_is_suspicious() {
        use ConnectEnd::{Connected, Refused, Silence};
        let four = ["192.0.2.1:25", "198.51.100.1:25", "203.0.113.1:25", "[2001:db8::1]:25"];
        let silent = four.map(|to| (to, Silence));
        check(&silent, &[None, None, None, Some(Change::Suspected)]);
        for answer in [Connected, Refused] {
            let mut answered = silent.to_vec();
            answered.insert(2, ("192.0.2.9:25", answer));
            check(&answered, &[None; 5]);
            let mut later = silent.to_vec();
            later.extend([("192.0.2.9:25", Silence), ("192.0.2.9:25", answer)]);
            let changes = [None, None, None, Some(Change::Suspected), None, Some(Change::Answered)];
            check(&later, &changes);
        }
    }

    #[test]
    fn one_network_or_another_port_is_not() {
        use ConnectEnd::Silence;
        let one: Vec<String> = (1..9).map(|host| format!("192.0.2.{host}:25")).collect();
        let one: Vec<_> = one.iter().map(|to| (to.as_str(), Silence)).collect();
        check(&one, &[None; 8]);
        let ports = ["192.0.2.1:587", "198.51.100.1:587", "203.0.113.1:587", "10.0.0.1:587"];
        check(&ports.map(|to| (to, Silence)), &[None; 4]);
    }

    #[test]
    fn what_was_known_before_is_taken_back() {
        let mut silence = Silence::new(25, true);
        let to = "192.0.2.1:25".parse().unwrap();
        assert_eq!(silence.learn(Connect { to, end: ConnectEnd::Silence }), None);
        let answer = Connect { to, end: ConnectEnd::Connected };
        assert_eq!(silence.learn(answer), Some(Change::Answered));
        assert_eq!(silence.learn(answer), None);
    }
}
