//! Listening sockets: handed over by whoever started us, or bound here.
//!
//! systemd and `postrider up` pass them as file descriptors from 3 on, with `LISTEN_FDS` and
//! `LISTEN_FDNAMES` in the environment (`sd_listen_fds(3)`). So an agent that may not bind low
//! ports can serve them, and a restarted one finds its queue of connections waiting.

mod bind;
mod inherit;

use std::{io, net::SocketAddr, path::PathBuf};

use tokio::net::{TcpListener, UnixListener};

use crate::{Agent, Connection, Endpoint, Place};

/// The longest path of a Unix socket, in bytes (`sun_path` of unix(7), without the zero at its end).
pub const SOCKET_PATH_MAX: usize = 107;

/// A listening socket with its name.
pub struct Listener {
    name: &'static str,
    socket: Socket,
}

enum Socket {
    Tcp(TcpListener),
    Unix(UnixListener),
}

/// Why a listener cannot be had, in one line: what, where, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum ListenerError {
    /// Somebody else listens there.
    #[error(
        "{name}: {place} is in use by another program; stop that one, or name another address in the config"
    )]
    InUse {
        /// The listener.
        name: &'static str,
        /// Where.
        place: String,
    },
    /// We may not listen there.
    #[error(
        "{name}: not allowed to listen on {place}; ports below 1024 need root, systemd, or the capability CAP_NET_BIND_SERVICE"
    )]
    NotAllowed {
        /// The listener.
        name: &'static str,
        /// Where.
        place: String,
    },
    /// The path of a Unix socket does not fit into a socket's address.
    #[error(
        "{name}: the path {place} is too long for a Unix socket, {most} bytes at most: move data_dir to a shorter path",
        most = SOCKET_PATH_MAX
    )]
    PathTooLong {
        /// The listener.
        name: &'static str,
        /// Where.
        place: String,
    },
    /// Another failure.
    #[error("{name}: cannot listen on {place}: {cause}")]
    Other {
        /// The listener.
        name: &'static str,
        /// Where.
        place: String,
        /// Why.
        cause: io::Error,
    },
    /// The environment's promise and the descriptors differ.
    #[error("LISTEN_FDS: {0}; the sockets passed by systemd or another supervisor cannot be used")]
    Inherited(String),
}

impl Listener {
    /// Binds. `None`: the machine has no IPv6, and that was all the address asked for; a warning
    /// is logged. Needs a running runtime.
    pub fn bind(endpoint: &Endpoint) -> Result<Option<Self>, ListenerError> {
        let Some(bound) = bind::bind(endpoint)? else { return Ok(None) };
        Self::adopt(endpoint.name, bound).map(Some)
    }

    /// Binds without serving, to pass the socket on to an agent. Needs no runtime.
    pub fn bind_to_pass_on(endpoint: &Endpoint) -> Result<Option<socket2::Socket>, ListenerError> {
        bind::bind(endpoint)
    }

    fn adopt(name: &'static str, socket: socket2::Socket) -> Result<Self, ListenerError> {
        let other = |cause| ListenerError::Other { name, place: String::new(), cause };
        socket.set_nonblocking(true).map_err(other)?;
        let is_unix = socket.local_addr().map_err(other)?.is_unix();
        let socket = if is_unix {
            Socket::Unix(UnixListener::from_std(socket.into()).map_err(other)?)
        } else {
            Socket::Tcp(TcpListener::from_std(socket.into()).map_err(other)?)
        };
        Ok(Self { name, socket })
    }

    /// Its name, such as `imap-tls`.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Where it listens, with the port that was chosen.
    pub fn place(&self) -> io::Result<Place> {
        match &self.socket {
            Socket::Tcp(listener) => listener.local_addr().map(Place::Tcp),
            Socket::Unix(listener) => {
                let address = listener.local_addr()?;
                Ok(Place::Unix(address.as_pathname().map(PathBuf::from).unwrap_or_default()))
            }
        }
    }

    /// Accepts a connection.
    pub(crate) async fn accept(&self) -> io::Result<Connection> {
        let connection = match &self.socket {
            Socket::Tcp(listener) => Connection::tcp(listener.accept().await?.0)?,
            Socket::Unix(listener) => Connection::unix(listener.accept().await?.0)?,
        };
        Ok(connection.of_listener(self.name))
    }
}

/// An agent's listeners.
#[derive(Default)]
pub struct Listeners(Vec<Listener>);

impl Listeners {
    /// Those that were handed over for the agent; if none were, those of the configuration.
    /// Needs a running runtime.
    pub fn of_agent(agent: Agent, config: &config::Config) -> Result<Self, ListenerError> {
        let inherited = inherit::inherited(agent)?;
        if !inherited.is_empty() {
            return inherited
                .into_iter()
                .map(|(name, socket)| Listener::adopt(name, socket))
                .collect::<Result<_, _>>()
                .map(Self);
        }
        Self::bind(&agent.endpoints(config))
    }

    /// Binds all. Needs a running runtime.
    pub fn bind(endpoints: &[Endpoint]) -> Result<Self, ListenerError> {
        let bound = endpoints.iter().filter_map(|endpoint| Listener::bind(endpoint).transpose());
        bound.collect::<Result<_, _>>().map(Self)
    }

    /// Takes all of them, to [`crate::serve`] them.
    pub fn take_all(&mut self) -> Vec<Listener> {
        std::mem::take(&mut self.0)
    }

    /// Takes those of a name.
    pub fn take(&mut self, name: &str) -> Vec<Listener> {
        self.0.extract_if(.., |listener| listener.name == name).collect()
    }

    /// Names and places of those that were not taken.
    pub fn places(&self) -> impl Iterator<Item = (&'static str, Place)> {
        self.0.iter().filter_map(|listener| Some((listener.name, listener.place().ok()?)))
    }

    /// The TCP addresses of a name, for tests that let the kernel choose the port.
    pub fn addresses(&self, name: &str) -> Vec<SocketAddr> {
        let of_name = self.places().filter(|(its_name, _)| *its_name == name);
        of_name
            .filter_map(|(_, place)| match place {
                Place::Tcp(address) => Some(address),
                Place::Unix(_) => None,
            })
            .collect()
    }
}
