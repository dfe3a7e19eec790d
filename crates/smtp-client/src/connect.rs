//! A connection to one of a host's places.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use agent_kit::Connection;
use mail_types::{EnhancedStatus, Problem, Scope};
use tokio::{
    net::{TcpSocket, TcpStream, UnixStream},
    time::timeout,
};

use crate::Place;

/// How an attempt to connect ended, for whoever wants to learn from many of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Connect {
    /// Where to.
    pub to: SocketAddr,
    /// What came of it.
    pub end: ConnectEnd,
}

/// What came of an attempt to connect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConnectEnd {
    /// A connection.
    Connected,
    /// A refusal: somebody is there.
    Refused,
    /// Nothing: no answer in time, or word that there is no way there.
    Silence,
}

/// Connects to this place, from this address of ours if one is given.
pub(crate) async fn connect(
    place: &Place,
    host: &str,
    source: Option<IpAddr>,
    patience: Duration,
) -> Result<Connection, (Problem, ConnectEnd)> {
    let connecting = async {
        match place {
            Place::Tcp(address) => tcp(*address, source).await.and_then(Connection::tcp),
            Place::Unix(path) => UnixStream::connect(path).await.and_then(Connection::unix),
        }
    };
    let connected = timeout(patience, connecting).await.unwrap_or_else(|_| {
        let text = format!("no connection within {} seconds", patience.as_secs_f32());
        Err(io::Error::new(io::ErrorKind::TimedOut, text))
    });
    connected.map_err(|error| {
        // RFC 3463 §3.5, X.4.1: no answer from host.
        let status = EnhancedStatus::new(4, 4, 1);
        let text = format!("cannot connect: {error}");
        let problem = Problem::new(status, Scope::Host, text);
        (Problem { host: Some(host.to_owned()), ..problem }, end(&error))
    })
}

async fn tcp(address: SocketAddr, source: Option<IpAddr>) -> io::Result<TcpStream> {
    let Some(source) = source else { return TcpStream::connect(address).await };
    let socket = if address.is_ipv6() { TcpSocket::new_v6() } else { TcpSocket::new_v4() }?;
    socket.bind(SocketAddr::new(source, 0))?;
    socket.connect(address).await
}

fn end(error: &io::Error) -> ConnectEnd {
    match error.kind() {
        io::ErrorKind::ConnectionRefused | io::ErrorKind::ConnectionReset => ConnectEnd::Refused,
        _ => ConnectEnd::Silence,
    }
}
