//! A connection to one of a host's places.

use std::{io, time::Duration};

use agent_kit::Connection;
use mail_types::{EnhancedStatus, Problem, Scope};
use tokio::{
    net::{TcpStream, UnixStream},
    time::timeout,
};

use crate::Place;

/// Connects to this place.
pub(crate) async fn connect(
    place: &Place,
    host: &str,
    patience: Duration,
) -> Result<Connection, Problem> {
    let connecting = async {
        match place {
            Place::Tcp(address) => TcpStream::connect(address).await.and_then(Connection::tcp),
            Place::Unix(path) => UnixStream::connect(path).await.and_then(Connection::unix),
        }
    };
    let connected = timeout(patience, connecting).await.unwrap_or_else(|_| {
        let text = format!("no connection within {} seconds", patience.as_secs());
        Err(io::Error::new(io::ErrorKind::TimedOut, text))
    });
    connected.map_err(|error| {
        // RFC 3463 §3.5, X.4.1: no answer from host.
        let status = EnhancedStatus::new(4, 4, 1);
        let text = format!("cannot connect: {error}");
        Problem { host: Some(host.to_owned()), ..Problem::new(status, Scope::Host, text) }
    })
}
