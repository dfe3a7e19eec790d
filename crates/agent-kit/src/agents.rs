//! Which agents there are, and where each listens.

use std::{fmt, net::SocketAddr, path::PathBuf, str::FromStr};

use config::Config;

/// An agent: a process with a job of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Agent {
    /// Takes mail from our own people (MSA).
    SmtpSubmission,
    /// Takes mail from other servers, and brings it to them (MTA).
    SmtpRelay,
    /// Puts mail into mailboxes (MDA).
    DeliveryAgent,
    /// Lets mail be read over IMAP.
    ImapServer,
    /// Lets mail be read over POP3.
    Pop3Server,
}

/// One place where an agent listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// The listener's name in `LISTEN_FDNAMES`, the ready file and the log.
    pub name: &'static str,
    /// Where.
    pub place: Place,
}

impl Endpoint {
    /// Where the numbers of all agents are asked for, by whoever shows them together.
    pub fn of_metrics(config: &Config) -> Vec<Self> {
        let places = config.metrics.listen.iter().map(|address| Place::Tcp(*address));
        places.map(|place| Self { name: "metrics", place }).collect()
    }
}

/// Where something listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// A TCP address; port 0 takes any free one.
    Tcp(SocketAddr),
    /// A Unix socket that every user of the machine may connect to.
    Unix(PathBuf),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(path) => path.display().fmt(f),
        }
    }
}

impl Agent {
    /// All of them, in the order in which they are started.
    pub const ALL: [Self; 5] = [
        Self::SmtpSubmission,
        Self::SmtpRelay,
        Self::DeliveryAgent,
        Self::ImapServer,
        Self::Pop3Server,
    ];

    /// The name, as in `postrider run NAME`.
    pub fn name(self) -> &'static str {
        match self {
            Self::SmtpSubmission => "smtp-submission",
            Self::SmtpRelay => "smtp-relay",
            Self::DeliveryAgent => "delivery-agent",
            Self::ImapServer => "imap-server",
            Self::Pop3Server => "pop3-server",
        }
    }

    /// The names of the listeners that it can have; those with TLS from the start end in `-tls`.
    pub fn listener_names(self) -> &'static [&'static str] {
        match self {
            Self::SmtpSubmission => {
                &["smtp-submission", "smtp-submission-tls", "submission-socket", "metrics"]
            }
            Self::SmtpRelay => &["smtp-relay", "metrics"],
            Self::DeliveryAgent => &["lmtp", "lmtp-socket", "metrics"],
            Self::ImapServer => &["imap", "imap-tls", "metrics"],
            Self::Pop3Server => &["pop3", "pop3-tls", "metrics"],
        }
    }

    /// Where the configuration wants it to listen: for those it serves, and for those who watch it.
    pub fn endpoints(self, config: &Config) -> Vec<Endpoint> {
        let mut all = self.serves_at(config);
        if !config.metrics.listen.is_empty() {
            let place = Place::Unix(config.folders().metrics_socket(self.name()));
            all.push(Endpoint { name: "metrics", place });
        }
        all
    }

    fn serves_at(self, config: &Config) -> Vec<Endpoint> {
        let tcp = |name: &'static str, addresses: &[SocketAddr]| {
            let places = addresses.iter().map(|address| Place::Tcp(*address));
            places.map(|place| Endpoint { name, place }).collect::<Vec<_>>()
        };
        match self {
            Self::SmtpSubmission => [
                tcp("smtp-submission", &config.submission.listen),
                tcp("smtp-submission-tls", &config.submission.listen_tls),
                vec![Endpoint {
                    name: "submission-socket",
                    place: Place::Unix(config.folders().submission_socket()),
                }],
            ]
            .concat(),
            Self::SmtpRelay => tcp("smtp-relay", &config.relay.listen),
            Self::DeliveryAgent => {
                let socket = config.delivery.lmtp_socket.iter().cloned().map(Place::Unix);
                let socket = socket.map(|place| Endpoint { name: "lmtp-socket", place });
                [tcp("lmtp", &config.delivery.lmtp_listen), socket.collect()].concat()
            }
            Self::ImapServer => {
                [tcp("imap", &config.imap.listen), tcp("imap-tls", &config.imap.listen_tls)]
                    .concat()
            }
            Self::Pop3Server => {
                [tcp("pop3", &config.pop3.listen), tcp("pop3-tls", &config.pop3.listen_tls)]
                    .concat()
            }
        }
    }

    /// Whether it shows the certificate.
    pub fn uses_tls(self) -> bool {
        self != Self::DeliveryAgent
    }
}

impl fmt::Display for Agent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// There is no agent of this name.
#[derive(Debug, thiserror::Error)]
#[error(
    "no agent is called {0:?}; there are smtp-submission, smtp-relay, delivery-agent, imap-server and pop3-server"
)]
pub struct UnknownAgent(String);

impl FromStr for Agent {
    type Err = UnknownAgent;

    fn from_str(name: &str) -> Result<Self, UnknownAgent> {
        let found = Self::ALL.into_iter().find(|agent| agent.name() == name);
        found.ok_or_else(|| UnknownAgent(name.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_endpoint_has_a_name_of_its_agent() {
        let config = Config::default();
        for agent in Agent::ALL {
            assert_eq!(agent.name().parse::<Agent>().unwrap(), agent);
            for endpoint in agent.endpoints(&config) {
                assert!(agent.listener_names().contains(&endpoint.name), "{endpoint:?}");
            }
        }
        assert!("pop4-server".parse::<Agent>().is_err());
    }
}
