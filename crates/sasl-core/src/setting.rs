//! What an exchange knows of its surroundings.

/// Where an exchange happens: the protocol, the host, the TLS session under it.
#[derive(Debug, Clone, Copy)]
pub struct Setting<'s> {
    /// The protocol.
    pub service: Service,
    /// The server's name, as the server calls itself or as the client calls it.
    pub host: &'s str,
    /// What stands for the TLS session.
    pub bindings: Bindings<'s>,
    /// As server: a mechanism with channel binding was announced, so that a client that thinks
    /// otherwise was deceived (RFC 5802 §6).
    pub plus_announced: bool,
    /// The digest of the client's certificate, if it has shown one and proved that it is its own.
    pub certificate: Option<&'s [u8; 32]>,
}

/// The protocol around an exchange, by its GSSAPI service name (RFC 4954 §4, RFC 5034 §4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Service {
    /// Message submission and relay.
    Smtp,
    /// IMAP.
    Imap,
    /// POP3.
    Pop,
}

impl Service {
    /// The name that stands in a digest-uri.
    pub fn name(self) -> &'static str {
        match self {
            Self::Smtp => "smtp",
            Self::Imap => "imap",
            Self::Pop => "pop",
        }
    }
}

/// What stands for a TLS session, as far as it is known (RFC 5056 §2).
#[derive(Debug, Clone, Copy, Default)]
pub struct Bindings<'s> {
    /// `tls-exporter` (RFC 9266 §2).
    pub exporter: Option<&'s [u8]>,
    /// `tls-server-end-point` (RFC 5929 §4.1).
    pub end_point: Option<&'s [u8]>,
}

/// The two names of channel bindings that are spoken here.
pub(crate) const EXPORTER: &str = "tls-exporter";
pub(crate) const END_POINT: &str = "tls-server-end-point";

impl<'s> Bindings<'s> {
    /// Whether -PLUS mechanisms can be offered: clients take `tls-exporter` for granted where TLS
    /// has it (RFC 9266 §3), and have nothing in common with us where it has not.
    pub fn allow_plus(self) -> bool {
        self.exporter.is_some()
    }

    /// By the name of its type.
    pub(crate) fn named(self, name: &str) -> Option<&'s [u8]> {
        match name {
            EXPORTER => self.exporter,
            END_POINT => self.end_point,
            _ => None,
        }
    }

    /// The best one.
    pub(crate) fn best(self) -> Option<(&'static str, &'s [u8])> {
        let exporter = self.exporter.map(|data| (EXPORTER, data));
        exporter.or(self.end_point.map(|data| (END_POINT, data)))
    }
}
