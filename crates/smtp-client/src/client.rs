//! One host: its addresses in turn, TLS where offered, and what its end means.

use std::{
    net::SocketAddr,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use agent_kit::{
    Connection, DriveOptions, End, Stop, TlsRole, drive,
    tls::{ClientPolicy, TlsError},
};
use mail_types::{Domain, Problem};
use smtp_core::client::{Options, Session, StartTls, Timeouts};

use crate::{Outbox, connect::connect, handler::Courier};

/// What is the same for all hosts.
#[derive(Debug, Clone)]
pub struct ClientOptions {
    /// Our name, for EHLO.
    pub hello: Domain,
    /// How long to wait for a connection to one address.
    pub connect_timeout: Duration,
    /// How long to wait for replies.
    pub timeouts: Timeouts,
    /// How long a piece of content may wait to be taken (RFC 5321 §4.5.3.2.5: three minutes).
    pub write_stall: Duration,
    /// When to come to an end.
    pub stop: Stop,
}

impl ClientOptions {
    /// The waits of RFC 5321 §4.5.3.2.
    pub fn new(hello: Domain, connect_timeout: Duration, stop: Stop) -> Self {
        let write_stall = Duration::from_secs(180);
        Self { hello, connect_timeout, timeouts: Timeouts::default(), write_stall, stop }
    }
}

/// A host that takes mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Host {
    /// Its name.
    pub name: Domain,
    /// Where it listens, in the order to try.
    pub addresses: Vec<SocketAddr>,
}

/// Connects to hosts.
pub struct Client {
    options: ClientOptions,
    tls: ClientPolicy,
    sessions: AtomicU64,
}

/// How one connection ended.
struct Ended {
    problem: Option<Problem>,
    gave: bool,
    tls_failed: bool,
}

impl Client {
    /// A client; the error is that TLS can't be set up at all.
    pub fn new(options: ClientOptions) -> Result<Self, TlsError> {
        Ok(Self { options, tls: ClientPolicy::opportunistic()?, sessions: AtomicU64::new(0) })
    }

    /// Sends what the outbox has. An error says why this host takes no more now; messages that
    /// the outbox still has were not tried then, and one that was on its way has been reported.
    pub async fn converse<O: Outbox>(&self, host: &Host, outbox: &mut O) -> Result<(), Problem> {
        let mut last = Ok(());
        // RFC 5321 §5.1: all addresses of a host, in turn, until one answers.
        for address in &host.addresses {
            let mut ended = self.visit(host, *address, StartTls::IfOffered, outbox).await;
            if ended.tls_failed {
                tracing::warn!(host = %host.name, %address, "TLS failed, trying in clear");
                ended = self.visit(host, *address, StartTls::Never, outbox).await;
            }
            match ended.problem {
                None => return Ok(()),
                Some(problem) if ended.gave => return Err(problem),
                Some(problem) => last = Err(problem),
            }
        }
        last
    }

    async fn visit<O: Outbox>(
        &self,
        host: &Host,
        address: SocketAddr,
        start_tls: StartTls,
        outbox: &mut O,
    ) -> Ended {
        let words = described(host, address);
        let connection = match connect(address, &words, self.options.connect_timeout).await {
            Ok(connection) => connection,
            Err(problem) => {
                return Ended { problem: Some(problem), gave: false, tls_failed: false };
            }
        };
        self.talk(connection, host, words, start_tls, outbox).await
    }

    async fn talk<O: Outbox>(
        &self,
        connection: Connection,
        host: &Host,
        words: String,
        start_tls: StartTls,
        outbox: &mut O,
    ) -> Ended {
        let options = Options {
            hello: self.options.hello.clone(),
            host: words,
            start_tls,
            timeouts: self.options.timeouts,
        };
        let number = self.sessions.fetch_add(1, Ordering::Relaxed);
        let mut session = Session::new(number, options);
        let mut courier = Courier::new(outbox, self.options.stop.clone());
        let mut driving = DriveOptions::new(self.options.stop.clone());
        driving.write_stall = self.options.write_stall;
        // A host without a name that could stand in a certificate is asked by its address.
        let server = host.name.ip().map_or(host.name.to_string(), |ip| ip.to_string());
        if let Ok(tls) = self.tls.for_host(&server) {
            driving.tls = TlsRole::Client(tls);
        }
        let end = drive(&mut session, &mut courier, connection, driving).await;
        let gave = courier.gave;
        let ending = session.finish(&in_words(&end));
        if let Some(report) = ending.report {
            outbox.done(report).await;
        }
        let tls_failed = matches!(end, End::Tls(_) | End::Injected) && !gave;
        Ended { problem: ending.problem, gave, tls_failed }
    }
}

/// `mx1.example.org [192.0.2.1]:25`.
fn described(host: &Host, address: SocketAddr) -> String {
    let literal = Domain::from_ip(address.ip());
    match host.name.is_literal() {
        true => format!("{literal}:{}", address.port()),
        false => format!("{} {literal}:{}", host.name, address.port()),
    }
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
