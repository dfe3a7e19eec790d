//! An agent's surroundings: what every server and client process needs and no protocol knows.
//!
//! Sockets and TLS types live here and nowhere else. [`serve`] accepts connections, within limits;
//! [`drive`] is the one loop that holds a conversation with a peer, for servers and clients alike,
//! over TCP, TLS, Unix sockets and in-memory streams; [`Surroundings`] is what an agent's `run` is
//! handed: configuration, listeners, certificates, stop and reload. The crate refuses to know any
//! protocol, and keeps nothing on disk.
//!
//! A peer controls how fast it sends and reads, and when it goes away. What that can cost is
//! bounded here: buffers by the driver's high-water marks, connections by [`Limits`], every write
//! by a time of its own; how long a peer may stay silent is the machine's business
//! ([`conversation::Wait::until`]).

mod agents;
mod clock;
mod connection;
mod driver;
mod listeners;
pub mod logging;
mod memory;
pub mod metrics;
mod readiness;
mod reload;
mod runtime;
mod serve;
mod stop;
mod surroundings;
pub mod tls;

pub use agents::{Agent, Endpoint, Place, UnknownAgent};
pub use clock::now;
pub use connection::{Connection, Duplex};
pub use driver::{DriveOptions, End, Gone, Handler, Record, Talk, TlsRole, drive};
pub use listeners::{Listener, ListenerError, Listeners, SOCKET_PATH_MAX};
pub use readiness::Readiness;
pub use reload::Reload;
pub use runtime::{descriptors_max, run_to_end, runtime};
pub use serve::{Limits, ServeOptions, may_name_clients, network_of, serve};
pub use stop::{GRACE, Stop, StopSource};
pub use surroundings::{Half, Running, Surroundings};
