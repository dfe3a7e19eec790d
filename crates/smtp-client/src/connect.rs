//! A TCP connection to one of a host's addresses.

use std::{io, net::SocketAddr, time::Duration};

use agent_kit::Connection;
use mail_types::{EnhancedStatus, Problem, Scope};
use tokio::{net::TcpStream, time::timeout};

/// Connects to this address.
pub(crate) async fn connect(
    address: SocketAddr,
    host: &str,
    patience: Duration,
) -> Result<Connection, Problem> {
    let connected = timeout(patience, TcpStream::connect(address)).await;
    let stream = connected.unwrap_or_else(|_| {
        let text = format!("no connection within {} seconds", patience.as_secs());
        Err(io::Error::new(io::ErrorKind::TimedOut, text))
    });
    stream.and_then(Connection::tcp).map_err(|error| {
        // RFC 3463 §3.5, X.4.1: no answer from host.
        let status = EnhancedStatus::new(4, 4, 1);
        let text = format!("cannot connect: {error}");
        Problem { host: Some(host.to_owned()), ..Problem::new(status, Scope::Host, text) }
    })
}
