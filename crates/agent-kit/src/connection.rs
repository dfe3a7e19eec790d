//! A connection as the driver sees it: bytes both ways, and who is at the other end.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use conversation::{Peer, PeerFacts, TlsFacts};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpStream, UnixStream},
    time::timeout,
};
use tokio_rustls::TlsStream;

use crate::tls::{ClientTls, ServerTls, TlsError};

/// Any stream of bytes both ways; for tests, which drive a machine in memory.
pub trait Duplex: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Duplex for T {}

/// An accepted or made connection, not yet driven. Small to hand on: each future that it passes
/// through keeps its place for as long as the conversation lasts.
pub struct Connection {
    pub(crate) parts: Box<Parts>,
}

/// What a connection is, until it is driven.
pub(crate) struct Parts {
    pub(crate) transport: Transport,
    pub(crate) facts: PeerFacts,
    listener: &'static str,
}

impl Connection {
    /// Over TCP. Nagle's delay is turned off: the driver writes whole batches.
    pub fn tcp(stream: TcpStream) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        let peer = Peer::Tcp { local: stream.local_addr()?, remote: stream.peer_addr()? };
        Ok(Self::plain(Plain::Tcp(stream), peer))
    }

    /// Over a Unix socket; the kernel says which user is at the other end.
    pub fn unix(stream: UnixStream) -> io::Result<Self> {
        let peer = Peer::Unix { uid: stream.peer_cred()?.uid() };
        Ok(Self::plain(Plain::Unix(stream), peer))
    }

    /// Over anything, with a peer that the caller names.
    pub fn over(stream: impl Duplex + 'static, peer: Peer) -> Self {
        Self::plain(Plain::Other(Box::new(stream)), peer)
    }

    fn plain(stream: Plain, peer: Peer) -> Self {
        let transport = Transport::Plain(stream);
        let facts = PeerFacts { peer, tls: None };
        Self { parts: Box::new(Parts { transport, facts, listener: "" }) }
    }

    /// The same, known to be accepted by this listener.
    pub(crate) fn of_listener(mut self, name: &'static str) -> Self {
        self.parts.listener = name;
        self
    }

    /// Who is at the other end.
    pub fn peer(&self) -> Peer {
        self.parts.facts.peer
    }

    /// The TLS session that stands already (implicit TLS).
    pub fn tls(&self) -> Option<&TlsFacts> {
        self.parts.facts.tls.as_ref()
    }

    /// Shakes hands at once, where TLS comes first.
    pub(crate) async fn accept_tls(
        &mut self,
        tls: &ServerTls,
        limit: Duration,
    ) -> Result<(), TlsError> {
        let plain = self.parts.transport.take_plain().ok_or(TlsError::NotConfigured)?;
        let (transport, facts) =
            timeout(limit, tls.accept(plain)).await.unwrap_or(Err(TlsError::TimedOut))?;
        self.parts.transport = transport;
        self.parts.facts.tls = Some(facts);
        Ok(())
    }

    /// Shakes hands at once as the client, where TLS comes first (RFC 8314 §3.3).
    pub async fn connect_tls(&mut self, tls: &ClientTls, limit: Duration) -> Result<(), TlsError> {
        let plain = self.parts.transport.take_plain().ok_or(TlsError::NotConfigured)?;
        let (transport, facts) =
            timeout(limit, tls.connect(plain)).await.unwrap_or(Err(TlsError::TimedOut))?;
        self.parts.transport = transport;
        self.parts.facts.tls = Some(facts);
        Ok(())
    }

    /// The name of the listener that accepted it, such as `imap-tls`; empty if none did.
    pub fn listener(&self) -> &'static str {
        self.parts.listener
    }
}

/// What is under TLS, or instead of it.
pub(crate) enum Plain {
    Tcp(TcpStream),
    Unix(UnixStream),
    Other(Box<dyn Duplex>),
}

/// What the driver reads from and writes to.
pub(crate) enum Transport {
    Plain(Plain),
    /// Boxed: a TLS stream is larger than everything else an idle connection keeps.
    Tls(Box<TlsStream<Plain>>),
    /// While an upgrade is under way, and after it has failed.
    Closed,
}

impl Transport {
    /// The plain stream to be upgraded; what stays is closed.
    pub(crate) fn take_plain(&mut self) -> Option<Plain> {
        match std::mem::replace(self, Self::Closed) {
            Self::Plain(plain) => Some(plain),
            Self::Tls(_) | Self::Closed => None,
        }
    }

    fn plain(&self) -> Option<&Plain> {
        match self {
            Self::Plain(plain) => Some(plain),
            Self::Tls(stream) => Some(stream.get_ref().0),
            Self::Closed => None,
        }
    }

    /// Lets the kernel acknowledge at once what has come. A peer with Nagle's algorithm on that
    /// writes the end of a message apart from its body holds the end back until then, and the
    /// kernel would wait 40 ms for a reply to put the acknowledgement on.
    pub(crate) fn acknowledge(&self) {
        if let Some(Plain::Tcp(stream)) = self.plain() {
            // Without it things only take longer.
            let _ = rustix::net::sockopt::set_tcp_quickack(stream, true);
        }
    }

    /// Whether the kernel reports the connection broken. A peer that has only stopped sending may
    /// still be reading, so the end of its bytes does not count.
    pub(crate) fn is_broken(&self) -> bool {
        match self.plain() {
            None => true,
            Some(Plain::Tcp(stream)) => !matches!(stream.take_error(), Ok(None)),
            Some(Plain::Unix(stream)) => !matches!(stream.take_error(), Ok(None)),
            Some(Plain::Other(_)) => false,
        }
    }
}

/// Passes a poll on to the stream inside.
macro_rules! to_inner {
    ($self:ident, $inner:ident => $call:expr, $($variant:ident),+) => {
        match $self.get_mut() {
            $(Self::$variant($inner) => $call,)+
        }
    };
}

impl AsyncRead for Plain {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        to_inner!(self, s => Pin::new(s).poll_read(cx, buffer), Tcp, Unix, Other)
    }
}

impl AsyncWrite for Plain {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        to_inner!(self, s => Pin::new(s).poll_write(cx, bytes), Tcp, Unix, Other)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        to_inner!(self, s => Pin::new(s).poll_flush(cx), Tcp, Unix, Other)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        to_inner!(self, s => Pin::new(s).poll_shutdown(cx), Tcp, Unix, Other)
    }
}

/// The same for the transport, where nothing can be done once it is closed.
macro_rules! to_transport {
    ($self:ident, $inner:ident => $call:expr) => {
        match $self.get_mut() {
            Self::Plain($inner) => $call,
            Self::Tls($inner) => $call,
            Self::Closed => Poll::Ready(Err(io::ErrorKind::NotConnected.into())),
        }
    };
}

impl AsyncRead for Transport {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        to_transport!(self, s => Pin::new(s).poll_read(cx, buffer))
    }
}

impl AsyncWrite for Transport {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        to_transport!(self, s => Pin::new(s).poll_write(cx, bytes))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        to_transport!(self, s => Pin::new(s).poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        to_transport!(self, s => Pin::new(s).poll_shutdown(cx))
    }
}
