//! Accepting connections: within limits, one task each, until the stop.
//!
//! A peer controls how many connections it opens; [`Limits`] bounds them in total and for each
//! address. One too many gets [`ServeOptions::turned_away`] and is closed. Behind a proxy it is the
//! client's address that counts ([`ServeOptions::proxies`]).

mod admission;
mod proxied;
#[cfg(test)]
mod tests;

use std::{
    future::Future,
    io,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use config::Network;
use tokio::{
    io::AsyncWriteExt,
    time::{Instant, timeout},
};

use crate::{Connection, GRACE, Listener, Stop, metrics, tls::ServerTls};
pub use admission::network_of;
use admission::{Admission, Admitted};
pub use proxied::may_name_clients;
use proxied::{is_proxied, read_header};

/// How many connections at once.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// In total, over all listeners of one [`serve`].
    pub connections: usize,
    /// From one address (IPv6: from one /64 network). Unix sockets count together for each uid.
    pub connections_per_address: usize,
}

impl From<&config::Limits> for Limits {
    fn from(limits: &config::Limits) -> Self {
        let number = |number: u32| usize::try_from(number).unwrap_or(usize::MAX);
        Self {
            connections: number(limits.connections),
            connections_per_address: number(limits.connections_per_address),
        }
    }
}

/// How to serve.
#[derive(Clone)]
pub struct ServeOptions {
    /// How many at once.
    pub limits: Limits,
    /// When to stop accepting.
    pub stop: Stop,
    /// Where proxies are that begin each connection with the PROXY protocol.
    pub proxies: Vec<Network>,
    /// For listeners with TLS from the start; without it those are closed at once.
    pub tls: Option<ServerTls>,
    /// How long the handshake may take there.
    pub handshake_limit: Duration,
    /// What one connection too many is told, in the protocol's words (`421 ..`, `* BYE ..`); not
    /// sent where TLS comes first.
    pub turned_away: Vec<u8>,
}

/// The pause after a failed accept, doubled up to [`PAUSE_MAX`] while it keeps failing.
const PAUSE: Duration = Duration::from_millis(50);
const PAUSE_MAX: Duration = Duration::from_secs(1);
/// At most so often the log hears of connections that were turned away.
const WARN_EVERY: Duration = Duration::from_secs(10);
/// How long a farewell to one too many may take.
const TURN_AWAY: Duration = Duration::from_secs(1);

/// Serves all listeners until the stop, then waits, a little longer than [`GRACE`], until the
/// conversations have ended. Each connection gets a task of its own with a `conversation`.
pub async fn serve<F, C>(listeners: Vec<Listener>, options: ServeOptions, conversation: F)
where
    F: Fn(Connection) -> C + Send + Sync + 'static,
    C: Future<Output = ()> + Send + 'static,
{
    let admission = Arc::new(Admission::new(options.limits));
    let conversation = Arc::new(conversation);
    let mut loops = Vec::new();
    for listener in listeners {
        loops.push(tokio::spawn(accept_loop(
            listener,
            options.clone(),
            admission.clone(),
            conversation.clone(),
        )));
    }
    options.stop.asked().await;
    for accepting in loops {
        // Ends by itself at the stop; a panic in it has been reported.
        let _ = accepting.await;
    }
    if timeout(GRACE + TURN_AWAY, admission.all_gone()).await.is_err() {
        tracing::warn!(open = admission.open(), "stopping although conversations go on");
    }
}

async fn accept_loop<F, C>(
    listener: Listener,
    options: ServeOptions,
    admission: Arc<Admission>,
    conversation: Arc<F>,
) where
    F: Fn(Connection) -> C + Send + Sync + 'static,
    C: Future<Output = ()> + Send + 'static,
{
    let mut pause = PAUSE;
    let warnings = Arc::new(Mutex::new(Warnings::default()));
    let options = Arc::new(options);
    loop {
        let accepted = tokio::select! {
            biased;
            () = options.stop.asked() => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok(connection) => {
                pause = PAUSE;
                let door = Door {
                    options: options.clone(),
                    admission: admission.clone(),
                    warnings: warnings.clone(),
                };
                if is_proxied(&connection, &options.proxies) {
                    tokio::spawn(admit_proxied(connection, door, conversation.clone()));
                } else {
                    admit(connection, &door, &conversation);
                }
            }
            Err(error) if is_of_one_connection(&error) => {}
            Err(error) => {
                // Out of descriptors or memory: the backlog keeps the peers while others end.
                tracing::warn!(listener = listener.name(), %error, "cannot accept, waiting");
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(PAUSE_MAX);
            }
        }
    }
}

/// What decides about a connection.
struct Door {
    options: Arc<ServeOptions>,
    admission: Arc<Admission>,
    warnings: Arc<Mutex<Warnings>>,
}

/// Takes a connection in, or turns it away.
fn admit<F, C>(connection: Connection, door: &Door, conversation: &Arc<F>)
where
    F: Fn(Connection) -> C + Send + Sync + 'static,
    C: Future<Output = ()> + Send + 'static,
{
    match door.admission.admit(connection.peer()) {
        Some(admitted) => welcome(connection, admitted, &door.options, conversation),
        None => {
            metrics::count(metrics::Count::TurnedAway, 1);
            let mut warnings = door.warnings.lock().unwrap_or_else(PoisonError::into_inner);
            warnings.turned_away(connection.listener());
            drop(warnings);
            turn_away(connection, &door.options);
        }
    }
}

/// The same once the proxy has said whose connection it is.
async fn admit_proxied<F, C>(mut connection: Connection, door: Door, conversation: Arc<F>)
where
    F: Fn(Connection) -> C + Send + Sync + 'static,
    C: Future<Output = ()> + Send + 'static,
{
    match read_header(&mut connection).await {
        Ok(()) => admit(connection, &door, &conversation),
        Err(error) => {
            let (listener, peer) = (connection.listener(), connection.peer());
            tracing::warn!(listener, ?peer, %error, "connection closed");
        }
    }
}

/// Starts the task of a connection. The handshake is boxed: its memory is gone before the
/// conversation begins.
fn welcome<F, C>(
    mut connection: Connection,
    admitted: Admitted,
    options: &ServeOptions,
    conversation: &Arc<F>,
) where
    F: Fn(Connection) -> C + Send + Sync + 'static,
    C: Future<Output = ()> + Send + 'static,
{
    if !implicit_tls(&connection) {
        let conversation = conversation(connection);
        tokio::spawn(async move {
            conversation.await;
            drop(admitted);
        });
        return;
    }
    let Some(tls) = options.tls.clone() else {
        tracing::error!(listener = connection.listener(), "no certificate: connection closed");
        return;
    };
    let (limit, conversation) = (options.handshake_limit, conversation.clone());
    tokio::spawn(async move {
        let handshake = Box::pin(connection.accept_tls(&tls, limit)).await;
        drop(tls);
        match handshake {
            Ok(()) => conversation(connection).await,
            Err(error) => {
                tracing::debug!(peer = ?connection.peer(), %error, "no TLS session");
            }
        }
        drop(admitted);
    });
}

/// Tells one connection too many so. What bounds the number of such farewells is their time.
fn turn_away(connection: Connection, options: &ServeOptions) {
    if implicit_tls(&connection) || options.turned_away.is_empty() {
        return;
    }
    let words = options.turned_away.clone();
    let mut transport = connection.parts.transport;
    tokio::spawn(timeout(TURN_AWAY, async move {
        // Whether it is heard makes no difference.
        let _ = transport.write_all(&words).await;
        let _ = transport.shutdown().await;
    }));
}

fn implicit_tls(connection: &Connection) -> bool {
    connection.listener().ends_with("-tls")
}

/// Whoever opens too many connections must not fill the log as well.
#[derive(Default)]
struct Warnings {
    last: Option<Instant>,
    since_then: u64,
}

impl Warnings {
    fn turned_away(&mut self, listener: &str) {
        self.since_then += 1;
        if self.last.is_some_and(|last| last.elapsed() < WARN_EVERY) {
            return;
        }
        tracing::warn!(
            listener,
            connections = self.since_then,
            "turned away: too many connections at once, see [limits]"
        );
        *self = Self { last: Some(Instant::now()), since_then: 0 };
    }
}

/// Whether the failure is only that of the connection that was about to be accepted.
fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{
        ConnectionAborted, ConnectionReset, HostUnreachable, InvalidInput, NetworkUnreachable,
        NotConnected,
    };
    matches!(
        error.kind(),
        ConnectionAborted
            | ConnectionReset
            | HostUnreachable
            | NetworkUnreachable
            | NotConnected
            | InvalidInput
    )
}
