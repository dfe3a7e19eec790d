//! The process: what all its conversations share, and the loop that begins them.

use std::{
    path::PathBuf,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use account_usage::{Thresholds, UsagePublisher};
use agent_kit::{Connection, DriveOptions, End, Running, Surroundings, descriptors_max, drive};
use anyhow::Context as _;
use config::{Config, ImapCapability, ImapSharing, NoticeLanguage};
use conversation::Peer;
use directory::Directory;
use imap_core::{
    Language,
    server::{Limits, MessageLimit, Options, Session},
};
use mail_store::{AccessList, AnnotationLimits, MailStore, StoreOptions, open_accounts_max};
use mail_types::{AccountId, Address, AnnotationName, Rights};
use sasl_core::Offers;
use sign_in::{SignIn, SignInOptions};
use stable_storage::Files;
use tokio::sync::watch;
use tracing::Instrument as _;

use crate::{
    handler::Conversation, key_resets::KeyResets, numbering::Numberings, presence::watch_directory,
};

/// What one connection too many is told.
const TURNED_AWAY: &[u8] = b"* BYE [LIMIT] Too many connections, please close some\r\n";

/// What the conversations of a process share.
pub(crate) struct Service {
    pub(crate) sign_in: SignIn,
    pub(crate) directory: Directory,
    /// Rings when another directory is published.
    pub(crate) directory_published: watch::Receiver<()>,
    pub(crate) store: MailStore,
    /// Where it is.
    pub(crate) mail: PathBuf,
    /// Which messages the mailboxes have that are open.
    pub(crate) numberings: Numberings,
    pub(crate) usage: UsagePublisher,
    /// With whom mailboxes are shared.
    pub(crate) sharing: ImapSharing,
    pub(crate) annotation_limits: AnnotationLimits,
    /// Which keys of URLs were reset.
    pub(crate) key_resets: KeyResets,
    /// Who may use URLs that are for a submission server (RFC 4467 §3).
    pub(crate) submission_servers: Vec<Address>,
    /// What the operator has noted of the server (RFC 5464 §3.2.1.1).
    pub(crate) told_to_all: Vec<(AnnotationName, Vec<u8>)>,
}

/// Serves IMAP until the stop.
pub fn run(surroundings: Surroundings) -> Running {
    Box::pin(serve(surroundings))
}

async fn serve(mut surroundings: Surroundings) -> anyhow::Result<()> {
    let config = surroundings.config.clone();
    let service = Arc::new(Service::open(&config).await?);
    let starttls = surroundings.tls.is_some();
    let options = CurrentOptions::new(config, service.sign_in.clone(), starttls);
    let drive_options = surroundings.drive_options();
    let numbers = AtomicU64::new(0);
    let store = service.store.clone();

    let conversation = move |connection: Connection| {
        let number = numbers.fetch_add(1, Ordering::Relaxed);
        let peer = connection.peer();
        let span = tracing::info_span!(
            "connection",
            number,
            peer = %name(&peer),
            account = tracing::field::Empty
        );
        let session = Session::new(number, options.now());
        let conversation = Conversation::new(service.clone());
        converse(session, conversation, connection, drive_options.clone()).instrument(span)
    };
    surroundings.serve_all(TURNED_AWAY, conversation).await;
    store.close().await;
    Ok(())
}

/// One conversation from greeting to end.
fn converse(
    mut session: Session,
    mut conversation: Conversation,
    connection: Connection,
    options: DriveOptions,
) -> impl Future<Output = ()> {
    // No `async fn`, which would keep its arguments twice; what `drive` takes over is boxed, so
    // that an idle session does not keep its place.
    let begun = Box::new((connection, options));
    async move {
        let (connection, options) = *begun;
        let end = drive(&mut session, &mut conversation, connection, options).await;
        log_end(&end);
    }
}

impl Service {
    /// Whether mailboxes are shared at all.
    pub(crate) fn shares(&self) -> bool {
        self.sharing != ImapSharing::Off
    }

    /// Whether one may be shared with all accounts at once.
    pub(crate) fn shares_with_all(&self) -> bool {
        self.sharing == ImapSharing::Everyone
    }

    /// What somebody may do who is not the owner of a mailbox with this list. Where nothing is shared
    /// with all at once, what was granted to anyone before that does not count.
    pub(crate) fn rights(&self, list: &AccessList, account: AccountId) -> Rights {
        match self.sharing {
            ImapSharing::Everyone => list.rights_of(account),
            ImapSharing::Accounts | ImapSharing::Off => list.rights_of_single(account),
        }
    }

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
        let directory = Directory::open(&folders.directory);
        let directory_published = watch_directory(directory.clone());
        Ok(Self {
            sign_in,
            directory,
            directory_published,
            store,
            mail: folders.mail,
            numberings: Numberings::default(),
            usage,
            sharing: config.imap.sharing,
            annotation_limits: annotation_limits(config),
            key_resets: KeyResets::default(),
            submission_servers: config.imap.submission_servers.clone(),
            told_to_all: told_to_all(config),
        })
    }
}

/// What the operator tells all who ask.
fn told_to_all(config: &Config) -> Vec<(AnnotationName, Vec<u8>)> {
    let told = [
        ("/shared/admin", &config.imap.admin_contact),
        ("/shared/comment", &config.imap.server_comment),
    ];
    let told = told.into_iter().filter_map(|(name, value)| {
        let name = AnnotationName::parse(name).ok()?;
        Some((name, value.as_ref()?.clone().into_bytes()))
    });
    told.collect()
}

/// What annotations there may be: never less than the standard wants (RFC 5464 §4.1).
fn annotation_limits(config: &Config) -> AnnotationLimits {
    let octets = usize::try_from(config.imap.max_annotation_size.bytes()).unwrap_or(usize::MAX);
    let entries = usize::try_from(config.imap.max_annotations).unwrap_or(usize::MAX);
    AnnotationLimits { value_octets: octets.max(1024), entries: entries.max(10) }
}

/// The options of new sessions: which mechanisms are offered changes while the process runs. All
/// sessions that were begun between two changes share theirs.
struct CurrentOptions {
    config: Arc<Config>,
    sign_in: SignIn,
    starttls: bool,
    last: Mutex<Arc<Options>>,
}

impl CurrentOptions {
    fn new(config: Arc<Config>, sign_in: SignIn, starttls: bool) -> Self {
        let last = Mutex::new(Arc::new(options(&config, &sign_in.offers().0, starttls)));
        Self { config, sign_in, starttls, last }
    }

    fn now(&self) -> Arc<Options> {
        let (offers, _) = self.sign_in.offers();
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if last.offers != *offers {
            *last = Arc::new(options(&self.config, &offers, self.starttls));
        }
        Arc::clone(&last)
    }
}

fn options(config: &Config, offers: &Offers, starttls: bool) -> Options {
    let limits = Limits {
        append_max: config.imap.max_message_size.bytes(),
        annotation_max: config.imap.max_annotation_size.bytes().max(1024),
        sign_in_time: config.limits.sign_in_within,
        idle_time: config.imap.idle_timeout,
        ..Limits::default()
    };
    let (hostname, offers) = (config.hostname.to_string(), offers.clone());
    let offered = |capability| config.imap.extra_capabilities.contains(&capability);
    let utf8_accept = offered(ImapCapability::Utf8Accept);
    let uid_only = offered(ImapCapability::UidOnly);
    let sharing = config.imap.sharing != ImapSharing::Off;
    let message_limit = match (config.imap.message_limit, config.imap.save_limit) {
        (0, 0) => MessageLimit::Unlimited,
        (0, limit) => MessageLimit::Saving(limit),
        (limit, _) => MessageLimit::All(limit),
    };
    let preferred_language = match config.notices.language {
        NoticeLanguage::English => Language::English,
        NoticeLanguage::Korean | NoticeLanguage::Both => Language::Korean,
    };
    Options {
        starttls,
        hostname,
        offers,
        utf8_accept,
        uid_only,
        sharing,
        message_limit,
        preferred_language,
        limits,
        ..Options::default()
    }
}

fn name(peer: &Peer) -> String {
    match peer {
        Peer::Tcp { remote, .. } => remote.to_string(),
        Peer::Unix { uid } => format!("uid {uid}"),
    }
}

fn log_end(end: &End) {
    match end {
        End::Closed | End::Gone(None) => tracing::debug!("closed"),
        end => tracing::debug!(?end, "ended"),
    }
}

#[cfg(test)]
mod tests {
    use agent_kit::Stop;

    use super::*;

    #[tokio::test]
    async fn what_an_idle_session_costs() {
        let folder = tempfile::tempdir().unwrap();
        let config = Config { data_dir: folder.path().to_owned(), ..Config::default() };
        let folders = config.folders();
        for folder in [&folders.sign_ins, &folders.usage] {
            Files::real().make_folders(folder).unwrap();
        }
        sign_in::migrate(&folders.sign_ins).await.unwrap();
        account_usage::migrate(&folders.usage.join("usage.db")).await.unwrap();
        let service = Arc::new(Service::open(&config).await.unwrap());
        let session = Session::new(1, Arc::new(options(&config, &Offers::passwords(), false)));
        let (_client, server) = tokio::io::duplex(64);
        let connection = Connection::over(server, Peer::Unix { uid: 1 });
        let drive_options = DriveOptions::new(Stop::source().stop());
        let idle = converse(session, Conversation::new(service), connection, drive_options);
        let octets = size_of_val(&idle);
        assert!(octets < 2048, "{octets} octets");
    }
}
