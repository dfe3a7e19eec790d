//! The process: what all its conversations share, and the loop that begins them.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use account_usage::{Thresholds, UsagePublisher};
use agent_kit::{Connection, Running, Surroundings, descriptors_max, drive};
use anyhow::Context as _;
use config::Config;
use conversation::Peer;
use mail_store::{MailStore, StoreOptions, open_accounts_max};
use pop3_core::{Limits, Options, Session, TOO_MANY_CONNECTIONS};
use sign_in::{SignIn, SignInOptions};
use stable_storage::Files;
use tracing::Instrument as _;

use crate::{
    answers::Conversation,
    policy::{Pace, Policy},
};

/// What the conversations of a process share.
pub(crate) struct Service {
    pub(crate) sign_in: SignIn,
    pub(crate) store: MailStore,
    pub(crate) usage: UsagePublisher,
    pub(crate) policy: Policy,
    pub(crate) pace: Pace,
}

/// Serves POP3 until the stop.
pub fn run(surroundings: Surroundings) -> Running {
    Box::pin(serve(surroundings))
}

async fn serve(mut surroundings: Surroundings) -> anyhow::Result<()> {
    let config = surroundings.config.clone();
    let service = Arc::new(Service::open(&config).await?);
    let store = service.store.clone();
    let stls = surroundings.tls.is_some();
    let drive_options = surroundings.drive_options();
    let numbers = AtomicU64::new(0);

    let conversation = move |connection: Connection| {
        let number = numbers.fetch_add(1, Ordering::Relaxed);
        let span = tracing::info_span!("connection", number, peer = name(connection.peer()));
        // What there are verifiers for may have changed since the last connection.
        let options = Arc::new(options(&config, &service.sign_in, stls));
        let service = service.clone();
        let drive_options = drive_options.clone();
        async move {
            let mut session = Session::new(options, number);
            let mut conversation = Conversation::new(service);
            let end = drive(&mut session, &mut conversation, connection, drive_options).await;
            tracing::debug!(?end, "conversation ended");
        }
        .instrument(span)
    };
    surroundings.serve_all(TOO_MANY_CONNECTIONS, conversation).await;
    store.close().await;
    Ok(())
}

impl Service {
    async fn open(config: &Config) -> anyhow::Result<Self> {
        let folders = config.folders();
        let sign_in = SignIn::open(SignInOptions::from_config(config))
            .await
            .context("the record of sign-ins cannot be opened")?;
        let options = StoreOptions {
            removed_kept: config.storage.removed_kept,
            open_accounts_max: open_accounts_max(descriptors_max()),
            ..StoreOptions::new(&folders.mail, agent_kit::now)
        };
        let store = MailStore::open(options, Files::real())
            .await
            .context("the mail store cannot be opened")?;
        let warn_at = Thresholds::new(config.storage.warn_at.iter().map(|at| at.0.into()));
        let usage = UsagePublisher::open(&folders.usage.join("usage.db"), warn_at)
            .await
            .context("the usage of accounts cannot be opened")?;
        let (policy, pace) = (Policy::new(config), Pace::new(config));
        Ok(Self { sign_in, store, usage, policy, pace })
    }
}

fn options(config: &Config, sign_in: &SignIn, stls: bool) -> Options {
    let (offers, apop) = sign_in.offers();
    Options {
        hostname: config.hostname.clone(),
        stls,
        offers: (*offers).clone(),
        apop,
        expire_days: Policy::new(config).expire_days(),
        login_delay: config.pop3.login_delay,
        limits: Limits {
            sign_in_time: config.limits.sign_in_within,
            idle_time: config.pop3.idle_timeout,
            ..Limits::default()
        },
    }
}

fn name(peer: Peer) -> String {
    match peer {
        Peer::Tcp { remote, .. } => remote.to_string(),
        Peer::Unix { uid } => format!("uid {uid}"),
    }
}
