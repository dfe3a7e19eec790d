//! An authority, and the certificates that it issues.

use std::{collections::HashMap, path::Path, sync::Arc, sync::Mutex};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use sha2::{Digest, Sha256};
use tempfile::NamedTempFile;
use tokio_rustls::rustls::{ServerConfig, crypto::ring};

pub(super) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    file: NamedTempFile,
    /// Certificates by the name that they are for; `authority` is its own.
    known: Mutex<HashMap<String, Vec<u8>>>,
}

impl Authority {
    pub(super) fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec![]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let own = params.self_signed(&key).unwrap();
        let file = NamedTempFile::new().unwrap();
        std::fs::write(file.path(), own.pem()).unwrap();
        let known = HashMap::from([("authority".to_owned(), own.der().to_vec())]);
        Self { issuer: Issuer::new(params, key), file, known: Mutex::new(known) }
    }

    /// Its own certificate, in PEM.
    pub(super) fn file(&self) -> &Path {
        self.file.path()
    }

    /// A server with a new certificate for this name.
    pub(super) fn server(&self, name: &str) -> Arc<ServerConfig> {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap().der().to_vec();
        let mut known = self.known.lock().unwrap();
        known.insert(name.to_owned(), certificate.clone());
        let chain = vec![certificate, known["authority"].clone()];
        let key = PrivateKeyDer::from_pem_slice(key.serialize_pem().as_bytes()).unwrap();
        let config = ServerConfig::builder_with_provider(ring::default_provider().into())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(chain.into_iter().map(CertificateDer::from).collect(), key)
            .unwrap();
        Arc::new(config)
    }

    /// The SHA-256 digest of the last certificate for this name, in hexadecimal digits.
    pub(super) fn digest(&self, name: &str) -> String {
        let digest = Sha256::digest(&self.known.lock().unwrap()[name]);
        digest.iter().map(|octet| format!("{octet:02x}")).collect()
    }
}
