//! The client's side: verifying by authorities or by TLSA records, or taking whatever certificate
//! there is.

use std::{fs, path::Path, sync::Arc};

use conversation::TlsFacts;
use mail_types::{Domain, TlsaRecord};
use rustls::{
    ClientConfig, ClientConnection, DigitallySignedStruct, RootCertStore, SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature},
};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject};
use tokio_rustls::{TlsConnector, TlsStream};

use super::{TlsError, dane::Dane, facts, fault::fault, identity::identity, provider};
use crate::connection::{Plain, Transport};

/// Whom a client trusts; made once, and used for every host to which it applies.
#[derive(Clone)]
pub struct ClientPolicy {
    config: Arc<ClientConfig>,
    verified: Verified,
}

/// What a handshake that succeeded says of the peer.
#[derive(Clone)]
enum Verified {
    /// That it is who it should be.
    Yes,
    /// Nothing.
    No,
    /// What this verifier says of its certificate afterwards.
    Afterwards(Arc<WebPkiServerVerifier>),
}

/// The client's side towards one host.
#[derive(Clone)]
pub struct ClientTls {
    policy: ClientPolicy,
    host: ServerName<'static>,
}

/// Where systems keep the authorities that they trust: Debian, Fedora, SUSE, Alpine and the BSDs.
const OF_SYSTEMS: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// The authorities that a verifying client trusts.
#[derive(Clone)]
pub struct Roots(Arc<RootCertStore>);

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
        Ok(Self(Arc::new(store)))
    }

    /// Those of the system, from where systems keep them.
    pub fn of_system() -> Result<Self, TlsError> {
        let [first, ..] = OF_SYSTEMS;
        let found = OF_SYSTEMS.iter().find(|path| Path::new(path).exists());
        Self::from_pem_file(Path::new(found.unwrap_or(&first)))
    }

    fn verifier(&self) -> Result<Arc<WebPkiServerVerifier>, TlsError> {
        let built = WebPkiServerVerifier::builder_with_provider(self.0.clone(), provider()).build();
        // The builder's only errors are about revocation lists, of which there are none.
        built.map_err(|error| TlsError::Setup(rustls::Error::General(error.to_string())))
    }
}

impl ClientPolicy {
    /// Takes any certificate: between servers, encryption without authentication is better than
    /// none (RFC 7435 §3), and refusing would only mean sending in clear. The signatures of the
    /// handshake are checked all the same.
    pub fn opportunistic() -> Result<Self, TlsError> {
        Self::by(Arc::new(AnyCertificate(provider())), Verified::No)
    }

    /// The same, and says in [`TlsFacts::verified`] whether the certificate was valid for the
    /// host's name under one of the roots.
    pub fn noting(roots: &Roots) -> Result<Self, TlsError> {
        Self::by(Arc::new(AnyCertificate(provider())), Verified::Afterwards(roots.verifier()?))
    }

    /// Refuses a certificate that is not valid for the host's name under one of the roots.
    pub fn verifying(roots: &Roots) -> Result<Self, TlsError> {
        Self::by(roots.verifier()?, Verified::Yes)
    }

    /// Refuses a certificate that the TLSA records do not speak of (RFC 7672 §3); under a trust
    /// anchor it must be for one of the names. If no record can be used, any certificate will do,
    /// but TLS it must be (RFC 7672 §2.2).
    pub fn dane(records: &[TlsaRecord], names: &[Domain]) -> Result<Self, TlsError> {
        let names = names.iter().filter_map(|name| ServerName::try_from(name.to_string()).ok());
        match Dane::new(records, names.collect(), provider()) {
            Some(dane) => Self::by(Arc::new(dane), Verified::Yes),
            None => Self::opportunistic(),
        }
    }

    /// The same, and besides it must be valid for `host` under one of the roots.
    pub fn dane_and_verifying(
        (records, names): (&[TlsaRecord], &[Domain]),
        (host, roots): (&Domain, &Roots),
    ) -> Result<Self, TlsError> {
        let names = names.iter().filter_map(|name| ServerName::try_from(name.to_string()).ok());
        let dane = Dane::new(records, names.collect(), provider());
        let host = ServerName::try_from(host.to_string())
            .map_err(|_| TlsError::HostName(host.to_string()))?;
        let authorities = roots.verifier()?;
        Self::by(Arc::new(Both { dane, authorities, host }), Verified::Yes)
    }

    /// Whether any of these records can be used (RFC 7672 §3.1).
    pub fn can_use(records: &[TlsaRecord]) -> bool {
        Dane::new(records, Vec::new(), provider()).is_some()
    }

    fn by(verifier: Arc<dyn ServerCertVerifier>, verified: Verified) -> Result<Self, TlsError> {
        let config = ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()?
            .dangerous()
            .with_custom_certificate_verifier(verifier)
            .with_no_client_auth();
        Ok(Self { config: Arc::new(config), verified })
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
        let state = stream.get_ref().1;
        let export = |out, label: &[u8], context: Option<&[u8]>| {
            state.export_keying_material(out, label, context)
        };
        let server = state.peer_certificates().and_then(|chain| chain.first());
        let mut identity = identity(state.protocol_version(), export, server, None);
        let verified = match self.verified(state) {
            Ok(verified) => verified,
            Err(error) => {
                identity.fault = fault(&error);
                false
            }
        };
        let facts = facts(state, Some(&self.host.to_str()), verified, identity);
        Ok((Transport::Tls(Box::new(TlsStream::Client(stream))), facts))
    }

    /// What is known of the peer after the handshake.
    fn verified(&self, state: &ClientConnection) -> Result<bool, rustls::Error> {
        let verifier = match &self.policy.verified {
            Verified::Yes => return Ok(true),
            Verified::No => return Ok(false),
            Verified::Afterwards(verifier) => verifier,
        };
        let Some([end_entity, intermediates @ ..]) = state.peer_certificates() else {
            return Ok(false);
        };
        let now = UnixTime::now();
        verifier.verify_server_cert(end_entity, intermediates, &self.host, &[], now).map(|_| true)
    }
}

/// Asks TLSA records, if any can be used, and authorities, and wants both to agree.
#[derive(Debug)]
struct Both {
    dane: Option<Dane>,
    authorities: Arc<WebPkiServerVerifier>,
    /// For whom it must be valid; the client may ask for another name that the host has.
    host: ServerName<'static>,
}

impl ServerCertVerifier for Both {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let (one, rest, stapled) = (end_entity, intermediates, ocsp_response);
        if let Some(dane) = &self.dane {
            dane.verify_server_cert(one, rest, server_name, stapled, now)?;
        }
        self.authorities.verify_server_cert(one, rest, &self.host, stapled, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.authorities.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.authorities.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.authorities.supported_verify_schemes()
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
