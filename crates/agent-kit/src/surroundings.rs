//! What an agent's `run` is handed.

use std::{path::Path, pin::Pin, str::FromStr, sync::Arc};

use config::Config;

use crate::{
    Agent, Connection, DriveOptions, Limits, Listeners, Readiness, Reload, ServeOptions, Stop,
    TlsRole,
    metrics::{self, Metrics, OUTBOUND},
    serve,
    tls::{ServerTls, TlsError},
};

/// Which half of smtp-relay a process is, if not both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Half {
    /// Takes mail from other servers.
    Inbound,
    /// Brings mail to other servers.
    Outbound,
}

impl FromStr for Half {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        match name {
            "inbound" => Ok(Self::Inbound),
            "outbound" => Ok(Self::Outbound),
            _ => Err(format!("{name:?} is neither inbound nor outbound")),
        }
    }
}

/// An agent at work, until its stop. It is boxed so that each agent is compiled in its own crate:
/// the body of a plain `async fn` is compiled again in every crate that awaits it.
pub type Running = Pin<Box<dyn Future<Output = anyhow::Result<()>> + Send>>;

/// An agent's surroundings.
pub struct Surroundings {
    /// The configuration at the start.
    pub config: Arc<Config>,
    /// The configuration as it changes.
    pub reload: Reload,
    /// The agent's own listeners.
    pub listeners: Listeners,
    /// When to stop.
    pub stop: Stop,
    /// To be told once the agent serves.
    pub ready: Readiness,
    /// The certificate, if one is configured and the agent shows it. Reloads itself.
    pub tls: Option<ServerTls>,
    /// What it counts about itself.
    pub metrics: Metrics,
    /// Which half of itself the agent is to be; `None` for all.
    pub only: Option<Half>,
}

impl Surroundings {
    /// As a process of its own: inherited or bound listeners, signals, readiness, reloading.
    /// Needs a running runtime.
    pub fn of_process(
        agent: Agent,
        config: Config,
        config_file: &Path,
        only: Option<Half>,
    ) -> anyhow::Result<Self> {
        let mut listeners = match only {
            Some(Half::Outbound) => metrics::listener_of_half(&config)?,
            _ => Listeners::of_agent(agent, &config)?,
        };
        let watched = listeners.take("metrics");
        let places = listeners.places();
        let ready = Readiness::from_environment(places.map(|(name, at)| (name, at.to_string())))?;
        let mut surroundings = Self::new(agent, config, listeners, Stop::on_signals()?)?;
        if only == Some(Half::Outbound) {
            surroundings.metrics = Metrics::named(agent, OUTBOUND);
        }
        let reload = Reload::on_hangup(
            config_file.to_owned(),
            surroundings.config.clone(),
            surroundings.tls.clone(),
        )?;
        let metrics = surroundings.metrics.clone();
        tokio::spawn(metrics::serve(watched, surroundings.stop.clone(), move || {
            let metrics = metrics.clone();
            async move { metrics.page().await }
        }));
        if let Some(tls) = surroundings.tls.clone() {
            tokio::spawn(tls.watch(surroundings.stop.clone()));
        }
        Ok(Self { ready, reload, only, ..surroundings })
    }

    /// Within another process, such as a test: nothing is inherited, reported or reloaded. Needs
    /// a running runtime.
    pub fn within(agent: Agent, config: Config, stop: Stop) -> anyhow::Result<Self> {
        let mut listeners = Listeners::bind(&agent.endpoints(&config))?;
        listeners.take("metrics");
        Self::new(agent, config, listeners, stop)
    }

    fn new(agent: Agent, config: Config, listeners: Listeners, stop: Stop) -> anyhow::Result<Self> {
        let tls = if agent.uses_tls() { load_tls(&config)? } else { None };
        let config = Arc::new(config);
        let reload = Reload::never(config.clone());
        let ready = Readiness::default();
        let metrics = Metrics::of(agent);
        Ok(Self { config, reload, listeners, stop, ready, tls, metrics, only: None })
    }

    /// How to drive this agent's conversations as a server.
    pub fn drive_options(&self) -> DriveOptions {
        let tls = self.tls.clone().map_or(TlsRole::None, TlsRole::Server);
        DriveOptions::new(self.stop.clone()).with_tls(tls)
    }

    /// How to serve this agent's listeners; `turned_away` is what one connection too many is told.
    pub fn serve_options(&self, turned_away: impl Into<Vec<u8>>) -> ServeOptions {
        ServeOptions {
            limits: Limits::from(&self.config.limits),
            stop: self.stop.clone(),
            proxies: self.config.proxies.proxy_protocol.clone(),
            tls: self.tls.clone(),
            handshake_limit: self.drive_options().handshake_limit,
            turned_away: turned_away.into(),
        }
    }

    /// Reports readiness, serves all listeners until the stop, and reports the stopping.
    pub async fn serve_all<F, C>(&mut self, turned_away: impl Into<Vec<u8>>, conversation: F)
    where
        F: Fn(Connection) -> C + Send + Sync + 'static,
        C: Future<Output = ()> + Send + 'static,
    {
        let options = self.serve_options(turned_away);
        let listeners = self.listeners.take_all();
        self.ready.ready();
        tokio::join!(serve(listeners, options, conversation), async {
            self.stop.asked().await;
            self.ready.stopping();
        });
    }
}

fn load_tls(config: &Config) -> Result<Option<ServerTls>, TlsError> {
    match (&config.tls.certificate, &config.tls.key) {
        (Some(certificate), Some(key)) => {
            // Some clients bother their owners with a choice of certificates when they are asked.
            let asking = config.sign_in.mechanisms.contains(&config::SignInMechanism::External);
            ServerTls::load_asking(certificate, key, asking).map(Some)
        }
        _ => Ok(None),
    }
}
