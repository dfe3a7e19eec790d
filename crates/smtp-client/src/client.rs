//! One host: its places in turn, TLS as its policy says, and what its end means.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use agent_kit::{
    Connection, DriveOptions, End, Stop, TlsRole, drive,
    tls::{ClientTls, Roots, TlsError},
};
use mail_types::{Domain, EnhancedStatus, Problem, Scope};
use sasl_core::client::Credentials;
use smtp_core::client::{Account, Options, Session, StartTls, Timeouts};
use tokio::sync::mpsc::UnboundedSender;

use crate::{
    Host, NoTls, Outbox, Place, Security, Sheltered,
    connect::{Connect, ConnectEnd, connect},
    handler::Courier,
    reach::Reach,
    sheltered::{addresses, by_end, by_now, failed as failed_with},
    trust::{NoTrust, Trust},
};

/// What is the same for all hosts.
#[derive(Clone)]
pub struct ClientOptions {
    /// Our name, for EHLO.
    pub hello: Domain,
    /// How long to wait for a connection to one address.
    pub connect_timeout: Duration,
    /// How long to wait for replies.
    pub timeouts: Timeouts,
    /// How long a piece of content may wait to be taken (RFC 5321 §4.5.3.2.5: three minutes).
    pub write_stall: Duration,
    /// The authorities whose certificates are valid; none if none are known, and then no host is
    /// reached where a certificate must be.
    pub roots: Option<Roots>,
    /// Who wants to hear how attempts to connect ended.
    pub connects: Option<UnboundedSender<Connect>>,
    /// When to come to an end.
    pub stop: Stop,
}

impl ClientOptions {
    /// The waits of RFC 5321 §4.5.3.2, and no authorities.
    pub fn new(hello: Domain, connect_timeout: Duration, stop: Stop) -> Self {
        let (timeouts, write_stall) = (Timeouts::default(), Duration::from_secs(180));
        let (roots, connects) = (None, None);
        Self { hello, connect_timeout, timeouts, write_stall, roots, connects, stop }
    }
}

/// Connects to hosts.
pub struct Client {
    options: ClientOptions,
    trust: Trust,
    reach: Mutex<Reach>,
    sessions: AtomicU64,
}

/// How one connection ended.
#[derive(Default)]
struct Ended {
    problem: Option<Problem>,
    /// Whether a message was ever given to the session.
    gave: bool,
    /// Whether it was TLS that failed, before anything was sent.
    tls_failed: bool,
    /// Whether the server takes no more over this connection.
    full: bool,
}

/// One place of a host.
#[derive(Clone, Copy)]
struct At<'h> {
    host: &'h Host,
    place: &'h Place,
    /// How long to wait for a connection.
    patience: Duration,
}

impl Client {
    /// A client; the error is that TLS can't be set up at all.
    pub fn new(options: ClientOptions) -> Result<Self, TlsError> {
        let trust = Trust::new(options.roots.as_ref())?;
        let (reach, sessions) = (Mutex::default(), AtomicU64::new(0));
        Ok(Self { options, trust, reach, sessions })
    }

    /// Sends what the outbox has. An error says why this host takes no more now; messages that
    /// the outbox still has were not tried then, and one that was on its way has been reported.
    pub async fn converse<O: Outbox>(&self, host: &Host, outbox: &mut O) -> Result<(), Problem> {
        let tls = self.trust.towards(host).map_err(|NoTrust(text)| {
            let tls = Err(NoTls::Hopeless(text.clone()));
            outbox.sheltered(Sheltered { addresses: None, tls });
            insecure(host.name.as_str(), text)
        })?;
        let mut last = Ok(());
        // RFC 5321 §5.1: all addresses of a host, in turn, until one answers.
        for (place, patience) in self.order(host) {
            let at = At { host, place, patience };
            let mut ended = self.visit(at, tls.as_ref(), outbox).await;
            if ended.tls_failed && host.security == Security::Opportunistic {
                tracing::warn!(host = %host.name, %place, "TLS failed, trying in clear");
                ended = self.visit(at, None, outbox).await;
            }
            // RFC 9422 §4.1: so many messages a session.
            while ended.full && outbox.has_more() && !self.options.stop.is_asked() {
                ended = Ended { gave: true, ..self.visit(at, tls.as_ref(), outbox).await };
            }
            match ended.problem {
                None => return Ok(()),
                Some(problem) if ended.gave => return Err(problem),
                Some(problem) => last = Err(problem),
            }
        }
        last
    }

    /// One connection; without `tls` in clear.
    async fn visit<O: Outbox>(&self, at: At<'_>, tls: Option<&ClientTls>, outbox: &mut O) -> Ended {
        let At { host, place, .. } = at;
        let words = described(host, place);
        let failed = |problem| Ended { problem: Some(problem), ..Ended::default() };
        let mut connection = match self.connect(at, &words).await {
            Ok(connection) => connection,
            Err(problem) => return failed(problem),
        };
        let mut driving = DriveOptions::new(self.options.stop.clone());
        driving.write_stall = self.options.write_stall;
        if let Some(tls) = tls {
            if host.security == Security::FromStart
                && let Err(error) = connection.connect_tls(tls, driving.handshake_limit).await
            {
                let (addresses, tls) = (addresses(connection.peer()), Err(failed_with(&error)));
                outbox.sheltered(Sheltered { addresses, tls });
                return failed(insecure(&words, error.to_string()));
            }
            driving.tls = TlsRole::Client(tls.clone());
        }
        let start_tls = tls.map_or(StartTls::Never, |_| host.security.start_tls());
        let options = Options {
            hello: host
                .sources
                .towards(place)
                .and_then(|source| source.hello.clone())
                .unwrap_or_else(|| self.options.hello.clone()),
            host: words,
            protocol: host.protocol,
            start_tls,
            account: host.credentials.clone().map(|credentials| account(host, credentials)),
            timeouts: self.options.timeouts,
        };
        self.talk(connection, driving, options, outbox).await
    }

    /// The places of a host, as far as it is known which lead anywhere.
    fn order<'h>(&self, host: &'h Host) -> Vec<(&'h Place, Duration)> {
        let reach = self.reach.lock().unwrap_or_else(PoisonError::into_inner);
        reach.order(&host.places, self.options.connect_timeout, Instant::now())
    }

    async fn connect(&self, at: At<'_>, words: &str) -> Result<Connection, Problem> {
        let source = at.host.sources.towards(at.place).and_then(|source| source.address);
        let connected = connect(at.place, words, source, at.patience).await;
        let end = connected.as_ref().map_or_else(|(_, end)| *end, |_| ConnectEnd::Connected);
        if let Place::Tcp(to) = *at.place {
            let reached = end != ConnectEnd::Silence;
            let mut reach = self.reach.lock().unwrap_or_else(PoisonError::into_inner);
            reach.learn(&to, reached, Instant::now());
            drop(reach);
            if let Some(connects) = &self.options.connects {
                // Who listens no more does not want to know.
                let _ = connects.send(Connect { to, end });
            }
        }
        connected.map_err(|(problem, _)| problem)
    }

    async fn talk<O: Outbox>(
        &self,
        connection: Connection,
        driving: DriveOptions,
        options: Options,
        outbox: &mut O,
    ) -> Ended {
        let words = options.host.clone();
        let number = self.sessions.fetch_add(1, Ordering::Relaxed);
        let mut session = Session::new(number, options);
        let addresses = addresses(connection.peer());
        let mut courier = Courier::new(outbox, self.options.stop.clone(), addresses);
        let end = drive(&mut session, &mut courier, connection, driving).await;
        courier.tell(by_end(&end).map(Err).or_else(|| by_now(&session)));
        let gave = courier.gave;
        let ending = session.finish(&in_words(&end));
        if let Some(report) = ending.report {
            outbox.done(report).await;
        }
        let tls_failed = matches!(end, End::Tls(_) | End::Injected) && !gave;
        let problem = match tls_failed {
            true => Some(insecure(&words, in_words(&end))),
            false => ending.problem,
        };
        Ended { problem, gave, tls_failed, full: ending.full }
    }
}

/// `mx1.example.org [192.0.2.1]:25`.
fn described(host: &Host, place: &Place) -> String {
    match place {
        Place::Tcp(_) if !host.name.is_literal() => format!("{} {place}", host.name),
        _ => place.to_string(),
    }
}

fn account(host: &Host, credentials: Credentials) -> Account {
    let mut nonce = [0; 18];
    // Without randomness, mechanisms that need it fail or are weaker; none becomes dangerous, since
    // the server adds its own.
    let _ = getrandom::fill(&mut nonce);
    Account { credentials, host: host.name.to_string(), nonce }
}

/// RFC 3463 §3.8, X.7.5: cryptographic failure.
fn insecure(host: &str, text: String) -> Problem {
    let problem = Problem::new(EnhancedStatus::new(4, 7, 5), Scope::Host, text);
    Problem { host: Some(host.to_owned()), ..problem }
}

fn in_words(end: &End) -> String {
    match end {
        End::Closed => "the conversation ended".to_owned(),
        End::Gone(None) => "the server closed the connection".to_owned(),
        End::Gone(Some(error)) => format!("the connection broke: {error}"),
        End::Tls(error) => error.to_string(),
        End::Injected => "the server mixed TLS and clear text".to_owned(),
        End::Stalled => "the server took no more data".to_owned(),
        End::Stopped => "this server was stopped".to_owned(),
        End::Unsupported(what) => format!("{what} is not possible here"),
    }
}
