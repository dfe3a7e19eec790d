//! The configuration, read again on SIGHUP.
//!
//! A file with mistakes changes nothing: they are logged and the old configuration stays. What the
//! agents read anew for each connection or attempt counts at once; all else is settled at the
//! start, and a change of it is logged as waiting for a restart ([`settled`]).

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
            for section in settled(&old, &config) {
                tracing::warn!(section, "changed in the file, needs a restart");
            }
            sender.send_replace(Arc::new(config));
            tracing::info!("configuration reloaded");
        }
    }
}

/// The sections of which something changed that no agent takes over while it runs.
fn settled(old: &Config, new: &Config) -> Vec<&'static str> {
    let mut rest = new.clone();
    // What is taken over, by smtp-submission and smtp-relay.
    rest.routes.clone_from(&old.routes);
    rest.sendmail.clone_from(&old.sendmail);
    rest.submission.max_message_size = old.submission.max_message_size;
    rest.submission.max_recipients = old.submission.max_recipients;
    rest.submission.hide_client_address = old.submission.hide_client_address;
    rest.submission.idle_timeout = old.submission.idle_timeout;
    rest.submission.bare_line_ends = old.submission.bare_line_ends;
    rest.submission.sending.clone_from(&old.submission.sending);
    rest.submission.without_sign_in.clone_from(&old.submission.without_sign_in);
    rest.relay.max_message_size = old.relay.max_message_size;
    rest.relay.max_recipients = old.relay.max_recipients;
    rest.relay.idle_timeout = old.relay.idle_timeout;
    rest.relay.bare_line_ends = old.relay.bare_line_ends;
    rest.relay.max_messages_per_connection = old.relay.max_messages_per_connection;
    rest.relay.max_refused_recipients = old.relay.max_refused_recipients;
    rest.relay.max_errors = old.relay.max_errors;
    rest.relay.tarpit_after = old.relay.tarpit_after;
    rest.relay.tarpit_max = old.relay.tarpit_max;
    rest.relay.call_forward.clone_from(&old.relay.call_forward);
    rest.proxies.xclient.clone_from(&old.proxies.xclient);
    rest.relay.outbound.port = old.relay.outbound.port;
    rest.relay.outbound.retry = old.relay.outbound.retry.clone();
    rest.relay.outbound.tls.dane = old.relay.outbound.tls.dane;
    rest.relay.outbound.tls.domains.clone_from(&old.relay.outbound.tls.domains);
    let sections = [
        ("hostname", old.hostname != rest.hostname),
        ("data_dir", old.data_dir != rest.data_dir),
        ("demo", old.demo != rest.demo),
        ("tls", old.tls != rest.tls),
        ("submission", old.submission != rest.submission),
        ("relay", old.relay != rest.relay),
        ("delivery", old.delivery != rest.delivery),
        ("imap", old.imap != rest.imap),
        ("pop3", old.pop3 != rest.pop3),
        ("sign_in", old.sign_in != rest.sign_in),
        ("queue", old.queue != rest.queue),
        ("limits", old.limits != rest.limits),
        ("proxies", old.proxies != rest.proxies),
        ("dns", old.dns != rest.dns),
        ("supervisor", old.supervisor != rest.supervisor),
        ("metrics", old.metrics != rest.metrics),
        ("log", old.log != rest.log),
    ];
    sections.into_iter().filter(|(_, changed)| *changed).map(|(section, _)| section).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_waits_for_a_restart_is_named() {
        let parse = |more: &str| {
            let text = format!(
                "hostname = \"one.example\"\nimap.listen_tls = []\npop3.listen_tls = []\n\
                 submission.listen_tls = []\n{more}"
            );
            Config::parse(&text, Path::new("/")).unwrap()
        };
        for (more, expected) in [
            ("", &[][..]),
            ("routes.\"*\" = \"discard\"", &[]),
            ("relay.outbound.retry.factor = 3.0", &[]),
            ("submission.hide_client_address = false", &[]),
            ("sendmail.1 = \"a@one.example\"", &[]),
            ("relay.outbound.concurrency = 7", &["relay"]),
            ("relay.call_forward.concurrency = 7\nrelay.call_forward.timeout = \"1s\"", &[]),
            ("relay.max_errors = 7\nsubmission.sending.jump_from = 7", &[]),
            ("proxies.xclient = [\"192.0.2.1\"]", &[]),
            ("proxies.proxy_protocol = [\"192.0.2.1\"]", &["proxies"]),
            ("imap.listen = \"127.0.0.1:1143\"\nlog.level = \"debug\"", &["imap", "log"]),
            ("sign_in.max_delay = \"1s\"", &["sign_in"]),
        ] {
            assert_eq!(settled(&parse(""), &parse(more)), expected, "{more}");
        }
    }

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
