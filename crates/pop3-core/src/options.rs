//! What a server is told once.

use std::time::Duration;

use mail_types::Domain;
use sasl_core::Offers;

/// What all sessions of a listener share.
#[derive(Debug, Clone)]
pub struct Options {
    /// The name this host greets with.
    pub hostname: Domain,
    /// Whether the driver can start TLS.
    pub stls: bool,
    /// How one signs in; USER and PASS are there where passwords may be sent.
    pub offers: Offers,
    /// Whether APOP is there, where challenges may be answered.
    pub apop: bool,
    /// For how many days a message that was fetched is kept at least; as long as its owner wants
    /// without (RFC 2449 §6.7).
    pub expire_days: Option<u32>,
    /// How long an account has to wait between two sign-ins (RFC 2449 §6.5); zero: not at all.
    pub login_delay: Duration,
    /// What a peer could make grow.
    pub limits: Limits,
}

/// Limits on what a peer can make grow.
#[derive(Debug, Clone)]
pub struct Limits {
    /// A command line with its CRLF. RFC 2449 §4 asks for 255 at least; passwords are longer.
    pub command_octets: usize,
    /// A SASL response, whose length RFC 5034 §4 leaves to the mechanism.
    pub sasl_octets: usize,
    /// Breaches of the protocol in a connection.
    pub errors: u32,
    /// Wrong passwords in a connection. Mail clients try several mechanisms in a row.
    pub sign_in_failures: u32,
    /// How long a connection may last without a sign-in.
    pub sign_in_time: Duration,
    /// How long a client may keep silent; RFC 1939 §3 asks for 10 minutes at least.
    pub idle_time: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            command_octets: 2048,
            sasl_octets: 12_288,
            errors: 20,
            sign_in_failures: 6,
            sign_in_time: Duration::from_secs(180),
            idle_time: Duration::from_secs(600),
        }
    }
}
