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
use sasl_core::Offers;
use sign_in::{SignIn, SignInOptions};
use smtp_core::server::{AuthPolicy, BareLineEnds, Extensions, Limits, Options, Session};
use smtp_server::{Intake, Reception};
use stable_storage::Files;

use crate::{
    notice::Told,
    submitter::{Shared, Submitter},
};

/// The agent's services; a clone is the same one.
#[derive(Clone)]
pub(crate) struct Service(Arc<Inner>);

struct Inner {
    reload: Reload,
    shared: Arc<Shared>,
    intake: Intake,
    has_tls: bool,
    drive: DriveOptions,
    connections: AtomicU64,
}

impl Inner {
    /// How one signs in now. What the configuration allows on loopback is for IMAP and POP3.
    fn offers(&self) -> Offers {
        let (offers, _) = self.shared.sign_in.offers();
        Offers { all_on_loopback: false, ..(*offers).clone() }
    }
}

impl Service {
    pub(crate) async fn open(surroundings: &Surroundings) -> anyhow::Result<Self> {
        let config = surroundings.config.clone();
        let folders = config.folders();
        let queue = Queue::open(queue_options(&config), Files::real());
        let queue = queue.await.context("cannot open the queue")?;
        let sign_in = SignIn::open(SignInOptions::from_config(&config));
        let sign_in = sign_in.await.context("cannot open the record of sign-ins")?;
        let hostname = config.hostname.clone();
        let shared = Shared {
            directory: Directory::open(&folders.directory),
            sign_in,
            queue: queue.clone(),
            hostname: hostname.clone(),
            told: Told::default(),
        };
        Ok(Self(Arc::new(Inner {
            shared: Arc::new(shared),
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
        let peer = connection.peer();
        let trusted = agent_kit::may_name_clients(&config, peer);
        let for_devices = takes_devices(&config, peer, connection.listener());
        let mut options = match peer {
            // People sign in; of programs of this machine the kernel says who they are.
            Peer::Tcp { .. } => {
                let auth = if for_devices { AuthPolicy::Optional } else { AuthPolicy::Required };
                options(&config, hostname, auth(inner.offers()), inner.has_tls)
            }
            Peer::Unix { .. } => options(&config, hostname, AuthPolicy::Known, false),
        };
        if !releases_later(connection.listener()) {
            options.extensions.future_release = None;
        }
        let submitter = Submitter::new(inner.shared.clone(), config, peer, for_devices);
        let session = Session::new(Arc::new(options), number).opened_at(agent_kit::now());
        let mut session = if trusted { session.trusting() } else { session };
        let mut reception = Reception::new(inner.intake.clone(), submitter);
        let end = drive(&mut session, &mut reception, connection, inner.drive.clone()).await;
        tracing::debug!(connection = number, ?end, "conversation ended");
    }
}

/// Whether messages of this listener's may be held for their senders: RFC 4865 §4.2 has it on the
/// submission port and nowhere else. Port 465 is that port as well (RFC 8314 §7.3).
fn releases_later(listener: &str) -> bool {
    listener.starts_with(Agent::SmtpSubmission.name())
}

/// Whether this is a connection on which a device may submit without a sign-in: port 587 only, from
/// its network.
fn takes_devices(config: &Config, peer: Peer, listener: &str) -> bool {
    let Peer::Tcp { remote, .. } = peer else { return false };
    let networks = &config.submission.without_sign_in.networks;
    listener == Agent::SmtpSubmission.name()
        && networks.iter().any(|network| network.contains(remote.ip()))
}

fn options(config: &Config, hostname: Domain, auth: AuthPolicy, starttls: bool) -> Options {
    Options {
        starttls,
        auth,
        message_octets_max: config.submission.max_message_size.bytes(),
        bare_line_ends: match config.submission.bare_line_ends {
            config::BareLineEnds::Refuse => BareLineEnds::Refused,
            config::BareLineEnds::Repair => BareLineEnds::Repaired,
        },
        extensions: Extensions {
            deliver_by: Some(0),
            future_release: Some(config.submission.max_hold).filter(|most| !most.is_zero()),
            priority: true,
            require_tls: true,
            ..Extensions::default()
        },
        limits: Limits {
            recipients: config.submission.max_recipients,
            command_time: config.submission.idle_timeout,
            content_time: config.submission.idle_timeout,
            content_octets_per_second: config.limits.content_per_second.bytes(),
            sign_in_time: config.limits.sign_in_within,
            ..Limits::default()
        },
        ..Options::new(hostname)
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
