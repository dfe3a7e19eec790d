//! The client's side: verifying, or taking whatever certificate there is.

use std::{fs, path::Path, sync::Arc};

use conversation::TlsFacts;
use rustls::{
    ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature},
};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject};
use tokio_rustls::{TlsConnector, TlsStream};

use super::{TlsError, facts, provider};
use crate::connection::{Plain, Transport};

/// Whom a client trusts; made once, used for every host.
#[derive(Clone)]
pub struct ClientPolicy {
    config: Arc<ClientConfig>,
    verifies: bool,
}

/// The client's side towards one host.
#[derive(Clone)]
pub struct ClientTls {
    policy: ClientPolicy,
    host: ServerName<'static>,
}

/// The authorities that a verifying client trusts.
pub struct Roots(RootCertStore);

impl Roots {
    /// From a file of PEM certificates.
    pub fn from_pem_file(path: &Path) -> Result<Self, TlsError> {
        let text =
            fs::read(path).map_err(|cause| TlsError::Read { path: path.to_owned(), cause })?;
        let mut store = RootCertStore::empty();
        let certificates = CertificateDer::pem_slice_iter(&text).filter_map(Result::ok);
        // Bundles of systems hold old certificates that no longer parse; those are left out.
        let (added, _) = store.add_parsable_certificates(certificates);
        if added == 0 {
            return Err(TlsError::NoCertificate { path: path.to_owned() });
        }
        Ok(Self(store))
    }
}

impl ClientPolicy {
    /// Takes any certificate: between servers, encryption without authentication is better than
    /// none (RFC 7435 §3), and refusing would only mean sending in clear. The signatures of the
    /// handshake are checked all the same.
    pub fn opportunistic() -> Result<Self, TlsError> {
        let provider = provider();
        let config = ClientConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(AnyCertificate(provider)))
            .with_no_client_auth();
        Ok(Self { config: Arc::new(config), verifies: false })
    }

    /// Refuses a certificate that is not valid for the host's name under one of the roots.
    pub fn verifying(roots: Roots) -> Result<Self, TlsError> {
        let config = ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots.0)
            .with_no_client_auth();
        Ok(Self { config: Arc::new(config), verifies: true })
    }

    /// Towards this host, by name or address.
    pub fn for_host(&self, host: &str) -> Result<ClientTls, TlsError> {
        let name = host.strip_suffix('.').unwrap_or(host);
        match ServerName::try_from(name.to_owned()) {
            Ok(host) => Ok(ClientTls { policy: self.clone(), host }),
            Err(_) => Err(TlsError::HostName(host.to_owned())),
        }
    }
}

impl ClientTls {
    /// Shakes hands as the client.
    pub(crate) async fn connect(&self, plain: Plain) -> Result<(Transport, TlsFacts), TlsError> {
        let connector = TlsConnector::from(self.policy.config.clone());
        let stream =
            connector.connect(self.host.clone(), plain).await.map_err(TlsError::Handshake)?;
        let facts = facts(stream.get_ref().1, Some(&self.host.to_str()), self.policy.verifies);
        Ok((Transport::Tls(Box::new(TlsStream::Client(stream))), facts))
    }
}

/// Accepts every certificate, see [`ClientPolicy::opportunistic`].
#[derive(Debug)]
struct AnyCertificate(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
