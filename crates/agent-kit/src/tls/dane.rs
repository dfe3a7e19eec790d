//! A server's certificate judged by TLSA records (RFC 7672 §3).
//!
//! The records are plain data, taken as proved by DNSSEC; whoever has looked them up answers for
//! that. Of the usages, 2 (a trust anchor) and 3 (the server's own certificate) count between
//! servers; all else is unusable (RFC 7672 §3.1.3).
//!
//! The peer controls the chain of certificates; rustls bounds its length.

use std::sync::Arc;

use mail_types::TlsaRecord;
use rustls::{
    CertificateError, DigitallySignedStruct, RootCertStore, SignatureScheme,
    client::{
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
        verify_server_cert_signed_by_trust_anchor, verify_server_name,
    },
    crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature},
    server::ParsedCertificate,
};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use sha2::{Digest, Sha256, Sha512};

/// Verifies by records.
#[derive(Debug)]
pub(super) struct Dane {
    records: Vec<TlsaRecord>,
    /// Any of them may stand in a certificate under a trust anchor (RFC 7672 §3.2.2).
    names: Vec<ServerName<'static>>,
    provider: Arc<CryptoProvider>,
}

impl Dane {
    /// A verifier by those records that can be used; none if no one can.
    pub(super) fn new(
        records: &[TlsaRecord],
        names: Vec<ServerName<'static>>,
        provider: Arc<CryptoProvider>,
    ) -> Option<Self> {
        let records = usable(records);
        (!records.is_empty()).then_some(Self { records, names, provider })
    }

    fn of_usage(&self, usage: u8) -> impl Iterator<Item = &TlsaRecord> {
        self.records.iter().filter(move |record| record.usage == usage)
    }

    /// Usage 2: the chain leads to a certificate that a record names, and the certificate is for
    /// one of the names.
    fn under_anchor(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<(), rustls::Error> {
        let mut anchors = RootCertStore::empty();
        for record in self.of_usage(2) {
            let named = intermediates.iter().filter(|certificate| matches(record, certificate));
            for certificate in named {
                anchors.add(certificate.clone().into_owned())?;
            }
            // RFC 7671 §5.2.2: a whole certificate in a record need not be in the chain.
            if (record.selector, record.matching) == (0, 0) {
                anchors.add(CertificateDer::from(record.data.clone()))?;
            }
        }
        let certificate = ParsedCertificate::try_from(end_entity)?;
        let algorithms = self.provider.signature_verification_algorithms.all;
        verify_server_cert_signed_by_trust_anchor(
            &certificate,
            &anchors,
            intermediates,
            now,
            algorithms,
        )?;
        let wrong_name = rustls::Error::InvalidCertificate(CertificateError::NotValidForName);
        let fits = |name| verify_server_name(&certificate, name).is_ok();
        if self.names.iter().any(fits) { Ok(()) } else { Err(wrong_name) }
    }
}

/// The records that can be used, and of several digests of the same the strongest only (RFC 7671
/// §9, which RFC 7672 §5 demands).
fn usable(records: &[TlsaRecord]) -> Vec<TlsaRecord> {
    let known = |record: &&TlsaRecord| {
        let length = record.data.len();
        matches!(record.usage, 2 | 3)
            && matches!(record.selector, 0 | 1)
            && match record.matching {
                0 => length > 0,
                1 => length == Sha256::output_size(),
                2 => length == Sha512::output_size(),
                _ => false,
            }
    };
    let records: Vec<&TlsaRecord> = records.iter().filter(known).collect();
    let outdone = |record: &TlsaRecord| {
        record.matching == 1
            && records.iter().any(|other| {
                (other.usage, other.selector, other.matching) == (record.usage, record.selector, 2)
            })
    };
    records.iter().filter(|record| !outdone(record)).map(|record| (*record).clone()).collect()
}

/// No record speaks of the certificate.
fn unmatched() -> rustls::Error {
    rustls::Error::InvalidCertificate(CertificateError::ApplicationVerificationFailure)
}

/// Whether a record speaks of this certificate.
fn matches(record: &TlsaRecord, certificate: &CertificateDer<'_>) -> bool {
    let key;
    let octets = match record.selector {
        0 => certificate.as_ref(),
        _ => {
            let Ok(parsed) = ParsedCertificate::try_from(certificate) else { return false };
            key = parsed.subject_public_key_info();
            key.as_ref()
        }
    };
    match record.matching {
        0 => record.data == octets,
        1 => record.data == Sha256::digest(octets).as_slice(),
        _ => record.data == Sha512::digest(octets).as_slice(),
    }
}

impl ServerCertVerifier for Dane {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        // RFC 7672 §3.1.1: neither names nor dates count for the server's own certificate.
        if self.of_usage(3).any(|record| matches(record, end_entity)) {
            return Ok(ServerCertVerified::assertion());
        }
        if self.of_usage(2).next().is_none() {
            return Err(unmatched());
        }
        self.under_anchor(end_entity, intermediates, now)?;
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};

    use super::*;
    use crate::tls::provider;

    /// An authority, and a certificate that it has issued.
    struct Chain {
        authority: CertificateDer<'static>,
        leaf: CertificateDer<'static>,
    }

    fn chain(name: &str, expired: bool) -> Chain {
        let (authority_key, key) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
        let mut params = CertificateParams::new(vec![]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = params.self_signed(&authority_key).unwrap().der().clone();
        let issuer = Issuer::new(params, authority_key);
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        if expired {
            params.not_after = rcgen::date_time_ymd(2001, 1, 1);
        }
        let leaf = params.signed_by(&key, &issuer).unwrap().der().clone();
        Chain { authority, leaf }
    }

    fn record(usage: u8, selector: u8, matching: u8, of: &CertificateDer<'_>) -> TlsaRecord {
        let key = ParsedCertificate::try_from(of).unwrap().subject_public_key_info();
        let octets = if selector == 0 { of.as_ref() } else { key.as_ref() };
        let data = match matching {
            0 => octets.to_vec(),
            1 => Sha256::digest(octets).to_vec(),
            _ => Sha512::digest(octets).to_vec(),
        };
        TlsaRecord { usage, selector, matching, data }
    }

    /// Whether `presented` passes for mx.example.org or example.org; none if no record is usable.
    fn passes(records: &[TlsaRecord], presented: &[&CertificateDer<'static>]) -> Option<bool> {
        let names = ["mx.example.org", "example.org"];
        let names = names.map(|name| ServerName::try_from(name).unwrap()).to_vec();
        let dane = Dane::new(records, names.clone(), provider())?;
        let rest: Vec<_> =
            presented[1..].iter().map(|certificate| (*certificate).clone()).collect();
        let now = UnixTime::since_unix_epoch(Duration::from_secs(1_800_000_000));
        Some(dane.verify_server_cert(presented[0], &rest, &names[0], &[], now).is_ok())
    }

    #[test]
    fn the_servers_own_certificate() {
        // RFC 7672 §3.1.1: whatever its name and date.
        let (good, other) = (chain("else.example", true), chain("mx.example.org", false));
        for selector in [0, 1] {
            for matching in [0, 1, 2] {
                let records = [record(3, selector, matching, &good.leaf)];
                assert_eq!(passes(&records, &[&good.leaf]), Some(true), "3 {selector} {matching}");
                assert_eq!(passes(&records, &[&other.leaf, &good.leaf]), Some(false));
            }
        }
    }

    #[test]
    fn a_trust_anchor() {
        // RFC 7672 §3.2.2: with a name and in time.
        let good = chain("mx.example.org", false);
        let by_domain = chain("example.org", false);
        for selector in [0, 1] {
            for matching in [0, 1, 2] {
                let of = |chain: &Chain| [record(2, selector, matching, &chain.authority)];
                let full = |chain: &Chain| passes(&of(chain), &[&chain.leaf, &chain.authority]);
                assert_eq!(full(&good), Some(true), "2 {selector} {matching}");
                assert_eq!(full(&by_domain), Some(true), "2 {selector} {matching}");
                assert_eq!(full(&chain("else.example", false)), Some(false));
                assert_eq!(full(&chain("mx.example.org", true)), Some(false));
                let strange = passes(&of(&good), &[&by_domain.leaf, &good.authority]);
                assert_eq!(strange, Some(false), "not issued by it");
                // Only a whole certificate in the record can stand in for one that is not sent.
                let alone = passes(&of(&good), &[&good.leaf]);
                assert_eq!(alone, Some((selector, matching) == (0, 0)), "2 {selector} {matching}");
            }
        }
    }

    #[test]
    fn any_record_will_do() {
        let (good, other) = (chain("mx.example.org", false), chain("mx.example.org", false));
        let records = [record(3, 1, 1, &other.leaf), record(2, 0, 1, &good.authority)];
        assert_eq!(passes(&records, &[&good.leaf, &good.authority]), Some(true));
        assert_eq!(passes(&records, &[&other.leaf]), Some(true));
    }

    #[test]
    fn the_strongest_digest_counts() {
        // RFC 7671 §9
        let (good, other) = (chain("mx.example.org", false), chain("mx.example.org", false));
        let weak = record(3, 1, 1, &good.leaf);
        let both = [weak.clone(), record(3, 1, 2, &other.leaf)];
        assert_eq!(passes(&both, &[&good.leaf]), Some(false));
        let of_two_kinds = [weak, record(3, 0, 2, &other.leaf)];
        assert_eq!(passes(&of_two_kinds, &[&good.leaf]), Some(true));
    }

    #[test]
    fn unusable_records() {
        // RFC 7672 §3.1.3; RFC 7671 §9: the wrong length.
        let good = chain("mx.example.org", false);
        let fine = record(3, 1, 1, &good.leaf);
        for bad in [
            TlsaRecord { usage: 0, ..fine.clone() },
            TlsaRecord { usage: 1, ..fine.clone() },
            TlsaRecord { usage: 255, ..fine.clone() },
            TlsaRecord { selector: 2, ..fine.clone() },
            TlsaRecord { matching: 3, ..fine.clone() },
            TlsaRecord { matching: 2, ..fine.clone() },
            TlsaRecord { matching: 0, data: Vec::new(), ..fine.clone() },
        ] {
            assert_eq!(passes(std::slice::from_ref(&bad), &[&good.leaf]), None, "{bad:?}");
            assert_eq!(passes(&[bad, fine.clone()], &[&good.leaf]), Some(true));
        }
    }
}
