//! The configuration, read again on SIGHUP.
//!
//! A file with mistakes changes nothing: they are logged and the old configuration stays. Who
//! watches decides what of the new one it can take over while it runs; listeners, `data_dir` and
//! `log` are settled at the start.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use config::Config;
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::watch,
};

use crate::tls::ServerTls;

/// The newest configuration. Clones see the same.
#[derive(Debug, Clone)]
pub struct Reload(watch::Receiver<Arc<Config>>);

impl Reload {
    /// One that never changes.
    pub fn never(config: Arc<Config>) -> Self {
        Self(watch::channel(config).1)
    }

    /// Reads `file` again at every SIGHUP, and lets `tls` look for a new certificate. Needs a
    /// running runtime.
    pub(crate) fn on_hangup(
        file: PathBuf,
        config: Arc<Config>,
        tls: Option<ServerTls>,
    ) -> std::io::Result<Self> {
        let (sender, receiver) = watch::channel(config);
        let mut hangup = signal(SignalKind::hangup())?;
        tokio::spawn(async move {
            while hangup.recv().await.is_some() {
                if let Some(tls) = &tls {
                    tls.look_now();
                }
                reload(&file, &sender);
            }
        });
        Ok(Self(receiver))
    }

    /// The newest.
    pub fn current(&self) -> Arc<Config> {
        self.0.borrow().clone()
    }

    /// The next one that this clone has not seen; waits for ever if none comes.
    pub async fn changed(&mut self) -> Arc<Config> {
        if self.0.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
        self.0.borrow_and_update().clone()
    }
}

fn reload(file: &Path, sender: &watch::Sender<Arc<Config>>) {
    match Config::load(file) {
        Err(errors) => tracing::error!(%errors, "the old configuration stays"),
        Ok(config) => {
            let old = sender.borrow().clone();
            if *old == config {
                tracing::info!("the configuration has not changed");
                return;
            }
            for (settled, changed) in [
                ("data_dir", old.data_dir != config.data_dir),
                ("log", old.log != config.log),
                ("tls", old.tls != config.tls),
                ("listeners", listens(&old) != listens(&config)),
            ] {
                if changed {
                    tracing::warn!(settled, "changed in the file, needs a restart");
                }
            }
            sender.send_replace(Arc::new(config));
            tracing::info!("configuration reloaded");
        }
    }
}

fn listens(config: &Config) -> Vec<crate::Endpoint> {
    crate::Agent::ALL.into_iter().flat_map(|agent| agent.endpoints(config)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn mistakes_change_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("config.toml");
        let first = "hostname = \"one.example\"\n[submission]\nlisten_tls = []\n\
                     [imap]\nlisten_tls = []\n[pop3]\nlisten_tls = []\n";
        std::fs::write(&file, first).unwrap();
        let config = Arc::new(Config::load(&file).unwrap());
        let (sender, receiver) = watch::channel(config.clone());
        let mut seen = Reload(receiver);

        std::fs::write(&file, "hostnam = \"two.example\"\n").unwrap();
        reload(&file, &sender);
        reload(&folder.path().join("missing.toml"), &sender);
        assert!(!seen.0.has_changed().unwrap());

        std::fs::write(&file, first.replace("one", "two")).unwrap();
        reload(&file, &sender);
        assert_ne!(seen.changed().await, config);
        assert_ne!(seen.current(), config);
    }
}
