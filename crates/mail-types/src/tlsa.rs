//! A TLSA record, as plain data.

/// What a domain says, by DNSSEC, of a server's certificate (RFC 6698 §2.1).
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct TlsaRecord {
    /// Certificate usage: 2 is a trust anchor, 3 the server's own certificate.
    pub usage: u8,
    /// Selector: 0 for the whole certificate, 1 for its public key.
    pub selector: u8,
    /// Matching type: 0 for all octets, 1 for their SHA-256, 2 for their SHA-512.
    pub matching: u8,
    /// What must be found.
    pub data: Vec<u8>,
}
