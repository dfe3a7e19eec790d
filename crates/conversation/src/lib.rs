//! What a protocol machine and its driver agree on.
//!
//! A protocol is a [`Machine`]: bytes in, one [`Step`] out. The driver (`agent_kit::drive`, the
//! only one) does the I/O; the machine never does, nor does it read a clock. It appends what is to
//! be sent to [`Wire::output`], takes what came from [`Wire::input`], and when the agent has to
//! decide something it asks: a question is a value, and its answer consumes it. At most one
//! question is open; a dropped one counts as a temporary failure of ours.
//!
//! This crate knows no protocol and no socket.

mod input;
mod question;

use std::{net::SocketAddr, time::Instant};

pub use input::Input;
pub use question::{OpenQuestion, Ticket};

/// One protocol, one side, one connection.
pub trait Machine {
    /// What the agent is asked to decide.
    type Question;

    /// The connection stands; called once, before the first [`Machine::step`].
    fn opened(&mut self, peer: &PeerFacts);

    /// Goes on as far as it can with what is there. The driver calls again after every answer,
    /// upgrade, notice, arrival of bytes, and when the time of a [`Wait`] has come.
    fn step(&mut self, wire: &mut Wire, now: Instant) -> Step<Self::Question>;

    /// The upgrade that was asked for is done. Whatever the peer sent before it is gone: the
    /// driver closes the connection if bytes were left in the input (command injection).
    fn upgraded(&mut self, upgraded: Upgraded);

    /// Something happened that is not the peer's doing; the next step may speak of it.
    fn notice(&mut self, notice: Notice);
}

/// What the machine wants next.
#[derive(Debug)]
#[must_use]
pub enum Step<Q> {
    /// Decide this, then call again.
    Ask(Q),
    /// Send all output, then change the transport, then call again.
    Upgrade(Upgrade),
    /// Send all output, then wait for bytes, the time, or news.
    Wait(Wait),
    /// Send all output, then close.
    Close,
}

/// What ends a wait, apart from bytes of the peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wait {
    /// Call again at this time at the latest: the machine then says good-bye itself.
    pub until: Option<Instant>,
    /// Whether news from the agent (a mailbox changed) is welcome now.
    pub news: bool,
}

/// A change of the transport.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Upgrade {
    /// TLS, as server or client as the driver was told.
    Tls,
    /// Raw deflate in both directions (RFC 4978 §3).
    Deflate,
}

/// The change that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Upgraded {
    /// TLS stands.
    Tls(TlsFacts),
    /// Compression stands.
    Deflate,
}

/// What the agent tells the machine unasked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Notice {
    /// The agent stops: finish what must be finished, say so, close.
    Shutdown,
    /// What the machine waits for news of has changed.
    Changed,
}

/// Who is at the other end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerFacts {
    /// Where from.
    pub peer: Peer,
    /// The TLS session, if the connection began with one (implicit TLS, RFC 8314 §3).
    pub tls: Option<TlsFacts>,
}

/// The peer's address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Peer {
    /// Over TCP.
    Tcp {
        /// Our end.
        local: SocketAddr,
        /// Its end.
        remote: SocketAddr,
    },
    /// Over a Unix socket: a program on this machine.
    Unix {
        /// The user it runs as, as the kernel says.
        uid: u32,
    },
}

/// What is known of a TLS session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFacts {
    /// Such as `TLSv1.3`.
    pub version: &'static str,
    /// Such as `TLS_AES_256_GCM_SHA384`.
    pub cipher: &'static str,
    /// The host name that the client asked for (RFC 6066 §3).
    pub server_name: Option<Box<str>>,
    /// As client: whether the peer's certificate was verified for its name.
    pub verified: bool,
}

/// The driver's buffers, lent to the machine for a step. Pooled: an idle connection owns none.
#[derive(Debug, Default)]
pub struct Wire {
    /// What the peer sent and the machine has not taken yet.
    pub input: Input,
    /// What is to be sent.
    pub output: Vec<u8>,
}
