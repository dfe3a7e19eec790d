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
mod machine;
mod peer;
mod question;

pub use input::Input;
pub use machine::{Machine, Notice, Step, Upgrade, Upgraded, Wait};
pub use peer::{CertificateFault, Peer, PeerFacts, TlsFacts, TlsIdentity};
pub use question::{OpenQuestion, Ticket};

/// The driver's buffers, lent to the machine for a step. Pooled: an idle connection owns none.
#[derive(Debug, Default)]
pub struct Wire {
    /// What the peer sent and the machine has not taken yet.
    pub input: Input,
    /// What is to be sent.
    pub output: Vec<u8>,
}
