//! What all connections share.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicU64, Ordering},
};

use account_usage::UsageReader;
use agent_kit::{Agent, Connection, DriveOptions, Reload, Surroundings, drive};
use anyhow::Context as _;
use config::Config;
use directory::Directory;
use mail_types::{Domain, ReversePath};
use message_queue::Queue;
use smtp_core::server::{AuthPolicy, BareLineEnds, Extensions, Limits, Options, Session};
use smtp_server::{Intake, Reception};

use crate::call_forward::CallForward;

use super::{own_host::OwnHost, receiver::Receiver};

/// The inbound half's services; a clone is the same one.
#[derive(Clone)]
pub(super) struct Service(Arc<Inner>);

struct Inner {
    directory: Directory,
    usage: UsageReader,
    intake: Intake,
    call_forward: CallForward,
    reload: Reload,
    has_tls: bool,
    /// What sessions go by, and the configuration that it was made of.
    options: Mutex<(Arc<Config>, Arc<Options>)>,
    drive: DriveOptions,
    connections: AtomicU64,
}

impl Service {
    pub(super) async fn open(
        surroundings: &Surroundings,
        queue: Queue,
        call_forward: CallForward,
    ) -> anyhow::Result<Self> {
        let config = &surroundings.config;
        let folders = config.folders();
        let usage = UsageReader::open(&folders.usage.join("usage.db"))
            .await
            .context("cannot open the accounts' usage")?;
        let (hostname, has_tls) = (config.hostname.clone(), surroundings.tls.is_some());
        let options = Arc::new(options(config, hostname.clone(), has_tls));
        Ok(Self(Arc::new(Inner {
            directory: Directory::open(&folders.directory),
            usage,
            intake: Intake { queue, agent: Agent::SmtpRelay.name(), hostname },
            call_forward,
            reload: surroundings.reload.clone(),
            has_tls,
            options: Mutex::new((config.clone(), options)),
            drive: surroundings.drive_options(),
            connections: AtomicU64::new(0),
        })))
    }

    /// Holds one conversation to its end.
    pub(super) async fn converse(&self, connection: Connection) {
        let inner = &self.0;
        let number = inner.connections.fetch_add(1, Ordering::Relaxed);
        // A changed configuration counts from the next connection on.
        let config = inner.reload.current();
        let options = inner.options(&config);
        let trusted = agent_kit::may_name_clients(&config, connection.peer());
        let (directory, usage) = (inner.directory.clone(), inner.usage.clone());
        let receiver = Receiver {
            directory,
            usage,
            queue: inner.intake.queue.clone(),
            call_forward: inner.call_forward.clone(),
            host: OwnHost::at(&config, connection.peer()),
            client: connection.peer(),
            config,
            reverse_path: ReversePath::Null,
            declared_octets: 0,
        };
        let session = Session::new(options, number);
        let mut session = if trusted { session.trusting() } else { session };
        let mut reception = Reception::new(inner.intake.clone(), receiver);
        let end = drive(&mut session, &mut reception, connection, inner.drive.clone()).await;
        tracing::debug!(connection = number, ?end, "conversation ended");
    }
}

impl Inner {
    /// Made once for all connections that come under a configuration.
    fn options(&self, config: &Arc<Config>) -> Arc<Options> {
        let mut made = self.options.lock().unwrap_or_else(PoisonError::into_inner);
        if !Arc::ptr_eq(&made.0, config) {
            let options = options(config, self.intake.hostname.clone(), self.has_tls);
            *made = (config.clone(), Arc::new(options));
        }
        made.1.clone()
    }
}

fn options(config: &Config, hostname: Domain, starttls: bool) -> Options {
    Options {
        starttls,
        auth: AuthPolicy::NotHere,
        message_octets_max: config.relay.max_message_size.bytes(),
        bare_line_ends: match config.relay.bare_line_ends {
            config::BareLineEnds::Refuse => BareLineEnds::Refused,
            config::BareLineEnds::Repair => BareLineEnds::Repaired,
        },
        extensions: Extensions {
            deliver_by: Some(0),
            priority: true,
            require_tls: true,
            // Where nobody may ask, nothing is offered.
            etrn: !config.etrn.is_empty(),
            ..Extensions::default()
        },
        limits: Limits {
            recipients: config.relay.max_recipients,
            excess_recipients: config.relay.max_recipients,
            messages: config.relay.max_messages_per_connection,
            refused_recipients: config.relay.max_refused_recipients,
            errors: config.relay.max_errors,
            command_time: config.relay.idle_timeout,
            content_time: config.relay.idle_timeout,
            content_octets_per_second: config.limits.content_per_second.bytes(),
            ..Limits::default()
        },
        ..Options::new(hostname)
    }
}
