//! What a server is told once.

use std::time::Duration;

use mail_types::Domain;
use sasl_core::Mechanism;

/// What all sessions of a listener share.
#[derive(Debug, Clone)]
pub struct Options {
    /// The name this host greets with.
    pub hostname: Domain,
    /// Whether the driver can start TLS.
    pub starttls: bool,
    /// Who signs in.
    pub auth: AuthPolicy,
    /// The largest message, in octets (RFC 1870 §3).
    pub message_octets_max: u64,
    /// What else a peer could make grow.
    pub limits: Limits,
}

/// Who signs in on this listener.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AuthPolicy {
    /// Nobody: mail from other hosts.
    NotHere,
    /// Everybody, under TLS only, before MAIL (RFC 6409 §4.3, RFC 8314 §4.1).
    Required(Vec<Mechanism>),
    /// The peer is known already: a program on this machine.
    Known,
}

/// Limits on what a peer can make grow.
#[derive(Debug, Clone)]
pub struct Limits {
    /// A command line with its CRLF. RFC 5321 §4.5.3.1.4 has 512, which extensions raise.
    pub command_octets: usize,
    /// A line of AUTH (RFC 4954 §4).
    pub auth_octets: usize,
    /// Recipients of a transaction; RFC 5321 §4.5.3.1.8 asks for 100 at least.
    pub recipients: u32,
    /// Recipients refused in a connection: more is a search for addresses.
    pub refused_recipients: u32,
    /// Breaches of the protocol in a connection.
    pub errors: u32,
    /// Commands that do not exist, in a connection: somebody speaks another protocol.
    pub unknown_commands: u32,
    /// Wrong passwords in a connection. Mail clients try several mechanisms in a row.
    pub sign_in_failures: u32,
    /// How long a connection may last without a sign-in, where everybody signs in.
    pub sign_in_time: Duration,
    /// How long a command may take to come; RFC 5321 §4.5.3.2.7 asks for 5 minutes at least.
    pub command_time: Duration,
    /// How long nothing may come within content; likewise.
    pub content_time: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            command_octets: 2048,
            auth_octets: 12_288,
            recipients: 1000,
            refused_recipients: 100,
            errors: 20,
            unknown_commands: 8,
            sign_in_failures: 6,
            sign_in_time: Duration::from_secs(300),
            command_time: Duration::from_secs(300),
            content_time: Duration::from_secs(300),
        }
    }
}
