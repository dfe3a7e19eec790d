//! What tells one TLS session from all others: channel bindings, and the client's certificate.

use std::sync::Arc;

use conversation::TlsIdentity;
use rustls::{
    DigitallySignedStruct, DistinguishedName, ProtocolVersion, SignatureScheme,
    client::danger::HandshakeSignatureValid,
    crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature},
    server::danger::{ClientCertVerified, ClientCertVerifier},
};
use rustls_pki_types::{CertificateDer, UnixTime, pem::PemObject as _};
use sha2::{Digest, Sha256, Sha384, Sha512};

/// The label of `tls-exporter` (RFC 9266 §2).
const LABEL: &[u8] = b"EXPORTER-Channel-Binding";

/// What may be known of a session with this certificate of the server's. `export` gives keying
/// material.
pub(super) fn identity(
    version: Option<ProtocolVersion>,
    export: impl FnOnce([u8; 32], &[u8], Option<&[u8]>) -> Result<[u8; 32], rustls::Error>,
    server: Option<&CertificateDer<'_>>,
    client: Option<&CertificateDer<'_>>,
) -> Box<TlsIdentity> {
    // RFC 9266 §4.2: before TLS 1.3 only with the extended master secret, of which rustls does not
    // say whether it was agreed on.
    let unique = version == Some(ProtocolVersion::TLSv1_3);
    Box::new(TlsIdentity {
        exporter: unique.then(|| export([0; 32], LABEL, Some(b"")).ok()).flatten(),
        end_point: server.and_then(|certificate| end_point(certificate)),
        client_certificate: client.map(|certificate| Sha256::digest(certificate).into()),
        fault: None,
    })
}

/// The digest of a certificate by the hash of its signature, but SHA-256 for MD5 and SHA-1; nothing
/// if the signature has no hash, or several (RFC 5929 §4.1).
fn end_point(certificate: &[u8]) -> Option<Box<[u8]>> {
    let digest = match signature_hash(certificate)? {
        Hash::Sha256 => Sha256::digest(certificate).to_vec(),
        Hash::Sha384 => Sha384::digest(certificate).to_vec(),
        Hash::Sha512 => Sha512::digest(certificate).to_vec(),
    };
    Some(digest.into())
}

enum Hash {
    Sha256,
    Sha384,
    Sha512,
}

/// What stands in front of the last octet of these algorithms' names (RFC 8017 §A.2.4,
/// RFC 5758 §3.2), and of ECDSA with SHA-1.
const RSA: [u8; 8] = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01];
const ECDSA: [u8; 7] = [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03];
const ECDSA_SHA_1: [u8; 7] = [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x01];

/// `Certificate ::= SEQUENCE { tbsCertificate, signatureAlgorithm, signatureValue }`
/// (RFC 5280 §4.1).
fn signature_hash(certificate: &[u8]) -> Option<Hash> {
    let (0x30, inside, _) = element(certificate)? else { return None };
    let (_, _, after_tbs) = element(inside)?;
    let (0x30, algorithm, _) = element(after_tbs)? else { return None };
    let (0x06, name, _) = element(algorithm)? else { return None };
    if name == ECDSA_SHA_1 {
        return Some(Hash::Sha256);
    }
    if let Some([last]) = name.strip_prefix(&RSA) {
        return match last {
            4 | 5 | 11 => Some(Hash::Sha256),
            12 => Some(Hash::Sha384),
            13 => Some(Hash::Sha512),
            _ => None,
        };
    }
    match name.strip_prefix(&ECDSA)? {
        [2] => Some(Hash::Sha256),
        [3] => Some(Hash::Sha384),
        [4] => Some(Hash::Sha512),
        _ => None,
    }
}

/// The first element of DER: its tag, what is in it, what follows it.
fn element(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&[tag, first], rest) = der.split_first_chunk::<2>()?;
    let (length, rest) = if first < 0x80 {
        (usize::from(first), rest)
    } else {
        let (octets, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
        if octets.len() > 4 {
            return None;
        }
        (octets.iter().fold(0, |length, octet| length << 8 | usize::from(*octet)), rest)
    };
    let (inside, after) = rest.split_at_checked(length)?;
    Some((tag, inside, after))
}

/// The SHA-256 digest of the first certificate of a PEM text: how one is made known before it is
/// shown.
pub fn certificate_digest(pem: &[u8]) -> Option<[u8; 32]> {
    let certificate = CertificateDer::pem_slice_iter(pem).next()?.ok()?;
    Some(Sha256::digest(&certificate).into())
}

/// Lets a client show a certificate, and checks that it has the key of it; whose it is, who signs
/// in decides. Nobody has to show one.
#[derive(Debug)]
pub(super) struct AnyClient(pub(super) Arc<CryptoProvider>);

impl ClientCertVerifier for AnyClient {
    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, dss, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, dss, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_that_of_the_signature() {
        let made = |algorithm| {
            let key = rcgen::KeyPair::generate_for(algorithm).unwrap();
            let params = rcgen::CertificateParams::new(vec!["one.test".to_owned()]).unwrap();
            params.self_signed(&key).unwrap().der().to_vec()
        };
        let p_256 = made(&rcgen::PKCS_ECDSA_P256_SHA256);
        assert_eq!(end_point(&p_256).unwrap().as_ref(), Sha256::digest(&p_256).as_slice());
        let p_384 = made(&rcgen::PKCS_ECDSA_P384_SHA384);
        assert_eq!(end_point(&p_384).unwrap().as_ref(), Sha384::digest(&p_384).as_slice());
        assert!(end_point(&made(&rcgen::PKCS_ED25519)).is_none());
        for cut in 0..p_256.len() {
            assert!(end_point(&p_256[..cut]).is_none());
        }
    }
}
