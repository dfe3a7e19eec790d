//! Connects, verifies, asks.

use std::{io, net::SocketAddr};

use agent_kit::{
    Connection, DriveOptions, End, Gone, Handler, Stop, Talk, drive,
    tls::{ClientPolicy, ClientTls, Roots, TlsError},
};
use tokio::{
    net::TcpStream,
    time::{Instant, timeout_at},
};

use crate::{
    Request, Response,
    exchange::{Exchange, Fault, NoQuestion},
};

/// Asks HTTPS servers.
pub struct HttpsClient {
    policy: ClientPolicy,
    stop: Stop,
}

/// Why there is no response.
#[derive(Debug, thiserror::Error)]
pub enum HttpsError {
    /// None of the addresses could be reached.
    #[error("cannot connect: {0}")]
    Connect(#[source] io::Error),
    /// The server has not proved that it is who it should be, or there is no TLS with it.
    #[error("{0}")]
    Tls(#[source] TlsError),
    /// The connection broke.
    #[error("the connection broke: {0}")]
    Broken(String),
    /// What it said is no response.
    #[error("what the server answered is no response: {0}")]
    Malformed(&'static str),
    /// Its response is larger than it may be.
    #[error("the response is larger than it may be")]
    TooLarge,
    /// It took longer than it may.
    #[error("the server took too long")]
    TooSlow,
}

impl HttpsClient {
    /// A client that trusts these authorities, and gives up at the stop.
    pub fn new(roots: &Roots, stop: Stop) -> Result<Self, TlsError> {
        Ok(Self { policy: ClientPolicy::verifying(roots)?, stop })
    }

    /// Asks the server at one of these addresses, in their order until one can be connected to.
    pub async fn ask(
        &self,
        request: Request,
        addresses: &[SocketAddr],
    ) -> Result<Response, HttpsError> {
        let deadline = Instant::now() + request.within;
        let tls = self.policy.for_host(request.target.host.as_str()).map_err(HttpsError::Tls)?;
        let asking = self.ask_in_time(request, (addresses, &tls), deadline);
        timeout_at(deadline, asking).await.unwrap_or(Err(HttpsError::TooSlow))
    }

    async fn ask_in_time(
        &self,
        request: Request,
        (addresses, tls): (&[SocketAddr], &ClientTls),
        deadline: Instant,
    ) -> Result<Response, HttpsError> {
        let mut connection = connect(addresses, deadline).await.map_err(HttpsError::Connect)?;
        let left = deadline.saturating_duration_since(Instant::now());
        connection.connect_tls(tls, left).await.map_err(HttpsError::Tls)?;
        let mut exchange = Exchange::new(request);
        let options = DriveOptions::new(self.stop.clone());
        let end = drive(&mut exchange, &mut Nobody, connection, options).await;
        let orderly = matches!(end, End::Closed | End::Gone(None));
        match exchange.finish(orderly) {
            Ok(Some(response)) => Ok(response),
            Ok(None) => Err(HttpsError::Broken(in_words(&end))),
            Err(Fault::Malformed(why)) => Err(HttpsError::Malformed(why)),
            Err(Fault::TooLarge) => Err(HttpsError::TooLarge),
        }
    }
}

/// The first of the addresses that can be connected to; each has its share of the time.
async fn connect(addresses: &[SocketAddr], deadline: Instant) -> io::Result<Connection> {
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the host has no address");
    for (place, address) in addresses.iter().enumerate() {
        let others = u32::try_from(addresses.len().saturating_sub(place)).unwrap_or(u32::MAX);
        let now = Instant::now();
        let share = deadline.saturating_duration_since(now) / others.saturating_add(1).max(1);
        match timeout_at(now + share, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => return Connection::tcp(stream),
            Ok(Err(error)) => last = error,
            Err(_) => last = io::ErrorKind::TimedOut.into(),
        }
    }
    Err(last)
}

/// Answers nothing, as nothing is asked.
struct Nobody;

impl Handler<Exchange> for Nobody {
    async fn answer(
        &mut self,
        question: NoQuestion,
        _talk: &mut Talk<'_, Exchange>,
    ) -> Result<(), Gone> {
        match question {}
    }
}

fn in_words(end: &End) -> String {
    match end {
        End::Gone(Some(error)) => error.to_string(),
        End::Stopped => "this server was stopped".to_owned(),
        End::Stalled => "the server took no more data".to_owned(),
        _ => "the server closed it too early".to_owned(),
    }
}
