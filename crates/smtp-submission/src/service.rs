//! What all connections share.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use agent_kit::{Agent, Connection, DriveOptions, Reload, Surroundings, drive};
use anyhow::Context as _;
use config::Config;
use conversation::Peer;
use directory::Directory;
use mail_types::Domain;
use message_queue::{Queue, QueueOptions};
use sasl_core::Mechanism;
use sign_in::{SignIn, SignInOptions};
use smtp_core::server::{AuthPolicy, Limits, Options, Session};
use smtp_server::{Intake, Reception};
use stable_storage::Files;

use crate::submitter::Submitter;

/// The agent's services; a clone is the same one.
#[derive(Clone)]
pub(crate) struct Service(Arc<Inner>);

struct Inner {
    reload: Reload,
    directory: Directory,
    sign_in: SignIn,
    intake: Intake,
    has_tls: bool,
    drive: DriveOptions,
    connections: AtomicU64,
}

impl Service {
    pub(crate) async fn open(surroundings: &Surroundings) -> anyhow::Result<Self> {
        let config = surroundings.config.clone();
        let folders = config.folders();
        let queue = Queue::open(queue_options(&config), Files::real());
        let queue = queue.await.context("cannot open the queue")?;
        let sign_in = SignIn::open(SignInOptions {
            directory: folders.directory.clone(),
            credentials: folders.credentials,
            sign_ins: folders.sign_ins,
            checks_at_once: usize::try_from(config.sign_in.checks_at_once)?,
            remember_for: config.sign_in.remember_for,
            max_delay: config.sign_in.max_delay,
        });
        let sign_in = sign_in.await.context("cannot open the record of sign-ins")?;
        let hostname = config.hostname.clone();
        Ok(Self(Arc::new(Inner {
            directory: Directory::open(&folders.directory),
            sign_in,
            intake: Intake { queue, agent: Agent::SmtpSubmission.name(), hostname },
            has_tls: surroundings.tls.is_some(),
            drive: surroundings.drive_options(),
            connections: AtomicU64::new(0),
            reload: surroundings.reload.clone(),
        })))
    }

    /// Holds one conversation to its end.
    pub(crate) async fn converse(&self, connection: Connection) {
        let inner = &self.0;
        let number = inner.connections.fetch_add(1, Ordering::Relaxed);
        // A changed configuration counts from the next connection on.
        let config = inner.reload.current();
        let hostname = inner.intake.hostname.clone();
        let options = match connection.peer() {
            // People sign in; of programs of this machine the kernel says who they are.
            Peer::Tcp { .. } => {
                let mechanisms = vec![Mechanism::Plain, Mechanism::Login];
                options(&config, hostname, AuthPolicy::Required(mechanisms), inner.has_tls)
            }
            Peer::Unix { .. } => options(&config, hostname, AuthPolicy::Known, false),
        };
        let submitter = Submitter::new(
            config,
            inner.directory.clone(),
            inner.sign_in.clone(),
            connection.peer(),
        );
        let mut session = Session::new(Arc::new(options), number);
        let mut reception = Reception::new(inner.intake.clone(), submitter);
        let end = drive(&mut session, &mut reception, connection, inner.drive.clone()).await;
        tracing::debug!(connection = number, ?end, "conversation ended");
    }
}

fn options(config: &Config, hostname: Domain, auth: AuthPolicy, starttls: bool) -> Options {
    Options {
        hostname,
        starttls,
        auth,
        message_octets_max: config.submission.max_message_size.bytes(),
        limits: Limits {
            recipients: config.submission.max_recipients,
            command_time: config.submission.idle_timeout,
            content_time: config.submission.idle_timeout,
            sign_in_time: config.limits.sign_in_within,
            ..Limits::default()
        },
    }
}

fn queue_options(config: &Config) -> QueueOptions {
    QueueOptions::new(
        config.folders().queue,
        config.queue.inline_limit.in_memory(),
        config.largest_message().bytes(),
        config.queue.journey_kept,
        config.queue.refusals_kept,
    )
}
