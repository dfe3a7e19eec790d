//! The server's side: certificate and key from PEM files, noticed when they change.

use std::{
    fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime},
};

use conversation::TlsFacts;
use rustls::{
    ServerConfig,
    server::{NoServerSessionStorage, ProducesTickets},
};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use tokio::sync::Notify;
use tokio_rustls::{TlsAcceptor, TlsStream};

use super::{
    TlsError, facts,
    identity::{AnyClient, identity},
    provider,
};
use crate::{
    Stop,
    connection::{Plain, Transport},
};

/// How often the files are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(3);

/// A server's certificate and key, of the newest files that fit together. Clones share them.
#[derive(Clone)]
pub struct ServerTls(Arc<Shared>);

struct Shared {
    certificate: PathBuf,
    key: PathBuf,
    /// Whether clients are asked for certificates of their own.
    asking: bool,
    /// Kept across reloads, so that sessions can be resumed.
    tickets: Arc<dyn ProducesTickets>,
    loaded: Mutex<Loaded>,
    look_now: Notify,
}

struct Loaded {
    config: Arc<ServerConfig>,
    own: CertificateDer<'static>,
    /// The files' state at the last attempt to load them, whatever came of it.
    seen: [Option<Stamp>; 2],
}

impl ServerTls {
    /// Loads the pair.
    pub fn load(certificate: &Path, key: &Path) -> Result<Self, TlsError> {
        Self::load_asking(certificate, key, false)
    }

    /// The same; if `asking`, clients may show a certificate of their own, and prove that they have
    /// its key ([`conversation::TlsIdentity`]).
    pub fn load_asking(certificate: &Path, key: &Path, asking: bool) -> Result<Self, TlsError> {
        let tickets = rustls::crypto::ring::Ticketer::new()?;
        let seen = [Stamp::of(certificate), Stamp::of(key)];
        let (config, own) = load(certificate, key, asking, &tickets)?;
        Ok(Self(Arc::new(Shared {
            certificate: certificate.to_owned(),
            key: key.to_owned(),
            asking,
            tickets,
            loaded: Mutex::new(Loaded { config, own, seen }),
            look_now: Notify::new(),
        })))
    }

    /// Loads the pair again if a file has changed since the last attempt: true if it is in use now.
    /// On an error the old pair stays in use, and the same files are not tried again.
    pub fn reload_if_changed(&self) -> Result<bool, TlsError> {
        let Shared { certificate, key, asking, tickets, .. } = &*self.0;
        let seen = [Stamp::of(certificate), Stamp::of(key)];
        {
            let mut loaded = self.loaded();
            if loaded.seen == seen {
                return Ok(false);
            }
            loaded.seen = seen;
        }
        let (config, own) = load(certificate, key, *asking, tickets)?;
        let mut loaded = self.loaded();
        (loaded.config, loaded.own) = (config, own);
        Ok(true)
    }

    /// Looks for changed files now (SIGHUP), if [`ServerTls::watch`] runs.
    pub fn look_now(&self) {
        self.0.look_now.notify_one();
    }

    /// Looks for changed files every few seconds until the stop.
    pub async fn watch(self, stop: Stop) {
        loop {
            tokio::select! {
                () = stop.asked() => return,
                () = tokio::time::sleep(LOOK_EVERY) => {}
                () = self.0.look_now.notified() => {}
            }
            // Two stat calls; a hop to a blocking thread would cost more and keep that thread.
            match self.reload_if_changed() {
                Ok(false) => {}
                Ok(true) => {
                    tracing::info!(certificate = %self.0.certificate.display(), "certificate reloaded");
                }
                Err(error) => {
                    tracing::error!(%error, "the new certificate is not used, the old one stays");
                }
            }
        }
    }

    /// Shakes hands as the server.
    pub(crate) async fn accept(&self, plain: Plain) -> Result<(Transport, TlsFacts), TlsError> {
        let (config, own) = {
            let loaded = self.loaded();
            (loaded.config.clone(), loaded.own.clone())
        };
        let stream = TlsAcceptor::from(config).accept(plain).await.map_err(TlsError::Handshake)?;
        let state = stream.get_ref().1;
        let export = |out, label: &[u8], context: Option<&[u8]>| {
            state.export_keying_material(out, label, context)
        };
        let client = state.peer_certificates().and_then(|chain| chain.first());
        let identity = identity(state.protocol_version(), export, Some(&own), client);
        let facts = facts(state, state.server_name(), false, identity);
        Ok((Transport::Tls(Box::new(TlsStream::Server(stream))), facts))
    }

    fn loaded(&self) -> std::sync::MutexGuard<'_, Loaded> {
        self.0.loaded.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn load(
    certificate: &Path,
    key: &Path,
    asking: bool,
    tickets: &Arc<dyn ProducesTickets>,
) -> Result<(Arc<ServerConfig>, CertificateDer<'static>), TlsError> {
    let read = |path: &Path| {
        fs::read(path).map_err(|cause| TlsError::Read { path: path.to_owned(), cause })
    };
    let no_certificate = || TlsError::NoCertificate { path: certificate.to_owned() };
    let chain = CertificateDer::pem_slice_iter(&read(certificate)?)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|_| no_certificate())?;
    let own = chain.first().ok_or_else(no_certificate)?.clone();
    let private = PrivateKeyDer::from_pem_slice(&read(key)?)
        .map_err(|_| TlsError::NoKey { path: key.to_owned() })?;
    let builder =
        ServerConfig::builder_with_provider(provider()).with_safe_default_protocol_versions()?;
    let builder = if asking {
        builder.with_client_cert_verifier(Arc::new(AnyClient(provider())))
    } else {
        builder.with_no_client_auth()
    };
    let mut config = builder.with_single_cert(chain, private).map_err(|cause| TlsError::Pair {
        certificate: certificate.to_owned(),
        key: key.to_owned(),
        cause,
    })?;
    // Resumption by tickets: nothing is kept per session.
    config.ticketer = tickets.clone();
    config.session_storage = Arc::new(NoServerSessionStorage {});
    Ok((Arc::new(config), own))
}

/// Enough of a file's state to see that it was replaced or rewritten.
#[derive(PartialEq, Eq)]
struct Stamp {
    inode: u64,
    size: u64,
    modified: Option<SystemTime>,
}

impl Stamp {
    fn of(path: &Path) -> Option<Self> {
        let metadata = fs::metadata(path).ok()?;
        Some(Self {
            inode: metadata.ino(),
            size: metadata.size(),
            modified: metadata.modified().ok(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write_pair(folder: &Path, certificate_of: &str) {
        let made = rcgen::generate_simple_self_signed(vec![certificate_of.to_owned()]).unwrap();
        fs::write(folder.join("cert.pem"), made.cert.pem()).unwrap();
        fs::write(folder.join("key.pem"), made.signing_key.serialize_pem()).unwrap();
    }

    fn load_in(folder: &Path) -> Result<ServerTls, TlsError> {
        ServerTls::load(&folder.join("cert.pem"), &folder.join("key.pem"))
    }

    #[test]
    fn a_changed_pair_is_used_and_a_broken_one_is_not() {
        let folder = tempfile::tempdir().unwrap();
        write_pair(folder.path(), "one.test");
        let tls = load_in(folder.path()).unwrap();
        let first = tls.loaded().config.clone();
        assert!(!tls.reload_if_changed().unwrap(), "nothing changed");

        write_pair(folder.path(), "another-name.test");
        assert!(tls.reload_if_changed().unwrap());
        let second = tls.loaded().config.clone();
        assert!(!Arc::ptr_eq(&first, &second));

        fs::write(folder.path().join("key.pem"), "not a key").unwrap();
        assert!(matches!(tls.reload_if_changed(), Err(TlsError::NoKey { .. })));
        assert!(Arc::ptr_eq(&second, &tls.loaded().config), "the old one stays");
        assert!(!tls.reload_if_changed().unwrap(), "the same broken file is reported once");
    }

    #[test]
    fn errors_name_the_file_and_the_cure() {
        let folder = tempfile::tempdir().unwrap();
        let message = |folder: &Path| load_in(folder).map(|_| ()).unwrap_err().to_string();
        assert!(message(folder.path()).contains("cert.pem"), "missing");

        write_pair(folder.path(), "one.test");
        let certificate = fs::read(folder.path().join("cert.pem")).unwrap();
        fs::write(folder.path().join("cert.pem"), "").unwrap();
        assert!(message(folder.path()).starts_with("no certificate in "));

        write_pair(folder.path(), "two.test");
        fs::write(folder.path().join("cert.pem"), certificate).unwrap();
        assert!(message(folder.path()).contains("is the key that of the first certificate?"));
    }
}
