//! What is wrong with a certificate, in the few words that another domain can do something with.

use conversation::CertificateFault;
use rustls::{CertificateError, Error};

use super::TlsError;

impl TlsError {
    /// What is wrong with the peer's certificate, if that is why the handshake failed.
    pub fn fault(&self) -> Option<CertificateFault> {
        let Self::Handshake(error) = self else { return None };
        fault(error.get_ref()?.downcast_ref()?)
    }
}

/// The same of rustls' error.
pub(super) fn fault(error: &Error) -> Option<CertificateFault> {
    let Error::InvalidCertificate(why) = error else { return None };
    Some(match why {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            CertificateFault::Expired
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            CertificateFault::WrongName
        }
        // Said by nothing but the verifier of TLSA records.
        CertificateError::ApplicationVerificationFailure => CertificateFault::Unmatched,
        _ => CertificateFault::Untrusted,
    })
}
