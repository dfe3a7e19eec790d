//! What a server is told once, by whoever listens: all sessions of a listener share it.

use std::time::Duration;

use mail_types::Domain;
use sasl_core::Offers;

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
    /// SMTP or LMTP.
    pub dialect: Dialect,
    /// What is done about a CR or LF that stands alone.
    pub bare_line_ends: BareLineEnds,
    /// Extensions that not every listener has.
    pub extensions: Extensions,
    /// What else a peer could make grow.
    pub limits: Limits,
}

impl Options {
    /// A server that takes mail from other hosts, with everything as usual.
    pub fn new(hostname: Domain) -> Self {
        Self {
            hostname,
            starttls: false,
            auth: AuthPolicy::NotHere,
            message_octets_max: 50 << 20,
            dialect: Dialect::Smtp,
            bare_line_ends: BareLineEnds::Refused,
            extensions: Extensions::default(),
            limits: Limits::default(),
        }
    }
}

/// Which of the two sisters is spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Dialect {
    /// SMTP: one reply to the content.
    #[default]
    Smtp,
    /// LMTP: LHLO, and a reply to the content for each recipient (RFC 2033 §4).
    Lmtp,
}

/// What is done about a CR or LF that stands alone (RFC 5321 §2.3.8). Whatever it is, only CRLF, dot,
/// CRLF ends content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum BareLineEnds {
    /// Content with one is refused; a command with one ends the connection.
    #[default]
    Refused,
    /// Either counts as CRLF, and the content has that when it is passed on: for devices that
    /// were never taught better.
    Repaired,
}

/// Extensions that a listener has or has not. What is not announced is refused: a parameter with
/// 555 (RFC 5321 §4.1.1.11), a command with 502.
#[derive(Debug, Clone, Default)]
pub struct Extensions {
    /// DELIVERBY, with the least number of seconds that can be kept, or zero (RFC 2852 §3).
    pub deliver_by: Option<u32>,
    /// FUTURERELEASE, with the longest time that a message is held: where people submit, only
    /// (RFC 4865 §4.2).
    pub future_release: Option<Duration>,
    /// MT-PRIORITY (RFC 6710 §3).
    pub priority: bool,
    /// REQUIRETLS, announced under TLS (RFC 8689 §2).
    pub require_tls: bool,
    /// ETRN (RFC 1985 §5).
    pub etrn: bool,
}

/// Who signs in on this listener.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AuthPolicy {
    /// Nobody: mail from other hosts.
    NotHere,
    /// Everybody, before MAIL (RFC 6409 §4.3); with a password under TLS only (RFC 8314 §4.1).
    Required(Offers),
    /// Whoever can, likewise: the agent decides which senders need none.
    Optional(Offers),
    /// The peer is known already: a program on this machine.
    Known,
}

impl AuthPolicy {
    /// How one signs in, where one does.
    pub(crate) fn offers(&self) -> Option<&Offers> {
        match self {
            Self::NotHere | Self::Known => None,
            Self::Required(offers) | Self::Optional(offers) => Some(offers),
        }
    }
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
    /// Recipients beyond that, in a connection, that are no breach of the protocol yet: who has more
    /// than fit may send all of them before it reads a reply.
    pub excess_recipients: u32,
    /// Messages of a connection, begun with MAIL (RFC 9422 §4.1).
    pub messages: u32,
    /// Commands in a row that lead to no message: NOOP, RSET, VRFY and the like.
    pub idle_commands: u32,
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
    /// How many octets of content have to come in a second, on average, once `content_time` is over.
    pub content_octets_per_second: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            command_octets: 2048,
            auth_octets: 12_288,
            recipients: 1000,
            excess_recipients: 1000,
            messages: 10_000,
            idle_commands: 100,
            refused_recipients: 100,
            errors: 20,
            unknown_commands: 8,
            sign_in_failures: 6,
            sign_in_time: Duration::from_secs(300),
            command_time: Duration::from_secs(300),
            content_time: Duration::from_secs(300),
            content_octets_per_second: 100,
        }
    }
}
