//! The configuration: text in, checked sections out, every mistake with its line.
//!
//! A field, its type, its default and its explanation stand once, in [`sections`]. From there come
//! the defaults, the reader and `config.example.toml` ([`example`], compared by a test). An unknown
//! key in any table is an error that names the nearest known one; all mistakes of a file are
//! reported together.
//!
//! This crate knows no agent: it converts text into values and judges whether they fit each other.
//! It opens the configuration file and nothing that the file names. Secrets never stand in the
//! configuration, only the names of the files that hold them.

mod destinations;
mod error;
mod etrn;
mod folders;
mod load;
mod networks;
mod notice_languages;
mod page;
mod reader;
mod routes;
mod section;
mod sections;
mod sender_routes;
mod sendmail;
mod smarthosts;
mod tls_domains;
mod units;
mod value;
mod words;

pub use destinations::{Destination, Destinations, OverIpv4, OverIpv6};
pub use error::{ConfigErrors, Mistake};
pub use etrn::Etrn;
pub use folders::Folders;
pub use load::example;
pub use networks::{Network, SenderName};
pub use notice_languages::NoticeLanguages;
pub use routes::{HostPort, LmtpServer, Route, Routes};
pub use sections::{
    CallForward, Config, Delivery, Dns, Imap, Limits, Log, Metrics, Notices, Outbound, OutboundTls,
    Pop3, Queue, Relay, Retry, Sending, SignIn, Smarthost, Storage, Submission, Supervisor, Tls,
    TlsReports, WithoutSignIn,
};
pub use sender_routes::SenderRoutes;
pub use sendmail::Sendmail;
pub use smarthosts::Smarthosts;
pub use tls_domains::TlsDomains;
pub use units::{ByteSize, Percent, parse_duration};
pub use words::{
    BareLineEnds, DnssecWord, DomainTls, HostTls, ImapCapability, ImapSharing, LogFormat, LogLevel,
    NoticeLanguage, Pop3Deleted, SignInMechanism, Unreachable,
};
