//! The machine, and what it and its driver tell each other.

use std::time::Instant;

use crate::{PeerFacts, TlsFacts, Wire};

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
