//! The judgement of claims: what all of them have in common.

use std::{
    io,
    net::IpAddr,
    sync::{
        Arc, Mutex, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
};

use agent_kit::metrics::{Count, count};
use directory::{Account, Credentials, Directory, DirectoryError};
use mail_types::Domain;
use sasl_core::{
    Claim, Cost, LastWord, Offers, PasswordVerifier,
    server::{Preparation, Prepared},
};
use stable_storage::DatabaseError;
use tokio::{sync::watch, time::Instant};

use crate::{
    InstallationKey, Origin, Presence, SignInOptions,
    blocks::Blocks,
    failures::{Culprit, Failures, network},
    gateways::Gateways,
    hashing::{Crowded, Hashing},
    key::random,
    proofs::Proofs,
    records::{Event, Failure, SignInRecords},
    watch::{Stamps, look},
};

/// The answer to a claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SignInResult {
    /// It is true.
    Welcome {
        /// Whose account it is.
        account: Account,
        /// What is said to prove that we know the secret as well.
        last_word: Option<LastWord>,
    },
    /// It is not, or the account is disabled: the peer isn't told which.
    Rejected,
    /// Too many wrong secrets came from there, or for that name: not judged for so many minutes.
    Blocked {
        /// Rounded up.
        minutes: u64,
    },
    /// It cannot be judged now: we are ill or too busy.
    Unavailable,
}

/// Judges claims. A clone is the same one.
#[derive(Clone)]
pub struct SignIn {
    inner: Arc<Inner>,
    published: watch::Receiver<u64>,
}

pub(crate) struct Inner {
    pub(crate) options: SignInOptions,
    pub(crate) key: InstallationKey,
    pub(crate) directory: Directory,
    pub(crate) credentials: Credentials,
    pub(crate) hashing: Hashing,
    pub(crate) proofs: Proofs,
    pub(crate) failures: Failures,
    /// What the password of nobody is checked against.
    pub(crate) decoy: PasswordVerifier,
    records: SignInRecords,
    gateways: Gateways,
    blocks: Blocks,
    offers: RwLock<(Arc<Offers>, bool)>,
    /// Wrong answers to challenges, which cannot be told apart; counted from anywhere, so that
    /// those of two processes don't look the same.
    wrong_answers: AtomicU64,
    /// Whether that the key is missing was said.
    warned: Mutex<Option<String>>,
}

/// A claim that is true.
pub(crate) struct Proved {
    pub(crate) account: Account,
    /// What the app password or the certificate is called; empty for the password.
    pub(crate) device: String,
    pub(crate) last_word: Option<LastWord>,
}

/// Why a claim was rejected, for the log.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Cause {
    UnknownAccount,
    WrongPassword,
    WrongAnswer,
    OtherProtocol,
    UnknownCertificate,
    Disabled,
    OtherAuthorization,
    Blocked,
}

impl Cause {
    fn as_str(self) -> &'static str {
        match self {
            Self::UnknownAccount => "unknown account",
            Self::WrongPassword => "wrong password",
            Self::WrongAnswer => "wrong answer to the challenge",
            Self::OtherProtocol => "app password of another protocol",
            Self::UnknownCertificate => "unknown certificate",
            Self::Disabled => "disabled account",
            Self::OtherAuthorization => "may not act as the other account",
            Self::Blocked => "blocked",
        }
    }

    /// Whether somebody may be guessing.
    fn is_a_guess(self) -> bool {
        matches!(self, Self::UnknownAccount | Self::WrongPassword | Self::WrongAnswer)
    }
}

/// Why there is no judgement.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Trouble {
    #[error(transparent)]
    Directory(#[from] DirectoryError),
    #[error(transparent)]
    Records(#[from] DatabaseError),
    #[error("no random bytes: {0}")]
    Random(#[from] io::Error),
    #[error("too many sign-ins wait to be checked")]
    Crowded,
}

impl From<Crowded> for Trouble {
    fn from(_: Crowded) -> Self {
        Self::Crowded
    }
}

pub(crate) type Judgement = Result<Proved, (Cause, Option<Account>)>;

impl SignIn {
    /// Opens `sign-ins.db`, which must have been made ([`crate::migrate`]).
    pub async fn open(options: SignInOptions) -> Result<Self, DatabaseError> {
        let path = options.sign_ins.clone();
        let cannot = |doing, source| DatabaseError::File { doing, path: path.clone(), source };
        let mut key = [0; 32];
        random(&mut key).map_err(|error| cannot("get random bytes for", error))?;
        let mut first_answer = [0; 8];
        random(&mut first_answer).map_err(|error| cannot("get random bytes for", error))?;
        let first_answer = u64::from_le_bytes(first_answer);
        let decoy = PasswordVerifier::decoy(Cost::default())
            .ok_or_else(|| cannot("make a decoy for", io::Error::other("no decoy verifier")))?;
        let installation = match InstallationKey::load(&options.key_file) {
            Ok(Some(key)) => key,
            missing => {
                let error = missing.err().map(|error| error.to_string());
                tracing::warn!(
                    file = %options.key_file.display(),
                    error = error.as_deref().unwrap_or("the file is missing"),
                    "no sign-in key: app passwords and CRAM-MD5, DIGEST-MD5, APOP do not work; \
                     `postrider migrate` says what to do"
                );
                InstallationKey::passing().map_err(|error| cannot("make a key for", error))?
            }
        };
        let (publisher, published) = watch::channel(0);
        let inner = Arc::new(Inner {
            key: installation,
            directory: Directory::open(&options.directory),
            credentials: Credentials::open(&options.credentials),
            records: SignInRecords::open_to_write(&options.sign_ins).await?,
            hashing: Hashing::new(options.checks_at_once),
            proofs: Proofs::new(key, options.remember_for),
            failures: Failures::new(options.max_delay),
            decoy,
            gateways: Gateways::default(),
            blocks: Blocks::default(),
            offers: RwLock::default(),
            wrong_answers: AtomicU64::new(first_answer),
            warned: Mutex::default(),
            options,
        });
        let known = inner.stamps();
        inner.take_census().await;
        inner.look_at_blocks().await;
        tokio::spawn(look(Arc::downgrade(&inner), publisher, known));
        Ok(Self { inner, published })
    }

    /// What is offered to clients now, and whether POP3 offers APOP.
    pub fn offers(&self) -> (Arc<Offers>, bool) {
        self.inner.offers.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How many passwords were checked by hashing.
    pub fn checks_made(&self) -> u64 {
        self.inner.hashing.made()
    }

    /// For a session of this account: learns when its sign-in has ended.
    pub fn presence(&self, account: &Account) -> Presence {
        Presence::of(account, self.inner.directory.clone(), self.published.clone())
    }

    /// What a challenge is made of; nothing if we are ill.
    pub async fn prepare(&self, wanted: &Preparation) -> Option<Prepared> {
        match self.inner.prepare(wanted).await {
            Ok(prepared) => Some(prepared),
            Err(trouble) => {
                let error = &trouble as &dyn std::error::Error;
                tracing::error!(error, "a challenge cannot be made");
                None
            }
        }
    }

    /// Judges a claim. A refusal comes only after a pause that grows with the number of wrong
    /// secrets from the address.
    pub async fn verify(&self, claim: Claim, origin: Origin) -> SignInResult {
        let inner = &self.inner;
        let name = claim.authentication().unwrap_or_default().to_owned();
        let spelled = match inner.spelled(&name).await {
            Ok(spelled) => spelled,
            // The judgement meets the same trouble, and tells of it.
            Err(_) => name.to_lowercase(),
        };
        let mark = inner.key.mark(spelled.as_bytes());
        let gateway = inner.gateways.tried(origin.address, mark, Instant::now());
        let visit = Visit { origin, gateway, name, spelled };
        match inner.judge_unless_blocked(&claim, &visit).await {
            Ok(Ok(Ok(proved))) => {
                count(Count::SignInOk, 1);
                inner.welcome(proved, &visit, &claim)
            }
            Ok(Ok(Err((cause, account)))) => {
                count(Count::SignInFailed, 1);
                inner.reject(cause, account, &claim, &visit).await
            }
            Ok(Err(minutes)) => {
                count(Count::SignInFailed, 1);
                SignInResult::Blocked { minutes }
            }
            Err(trouble) => {
                tracing::error!(
                    protocol = origin.protocol.as_str(),
                    peer = %origin.address,
                    error = &trouble as &dyn std::error::Error,
                    "a sign-in cannot be judged"
                );
                SignInResult::Unavailable
            }
        }
    }
}

/// Where a claim comes from, and what that says.
pub(crate) struct Visit {
    pub(crate) origin: Origin,
    /// Whether the address is many clients'.
    pub(crate) gateway: bool,
    pub(crate) name: String,
    /// The name as [`Inner::spelled`] has it.
    pub(crate) spelled: String,
}

impl Visit {
    /// Against whom guesses count.
    pub(crate) fn culprit(&self) -> Culprit {
        if self.gateway {
            Culprit::Name(self.spelled.clone())
        } else {
            Culprit::at(self.origin.address)
        }
    }

    fn network(&self) -> Option<String> {
        (!self.gateway).then(|| network_name(self.origin.address))
    }
}

impl Inner {
    /// The judgement, or for how many minutes there is none.
    async fn judge_unless_blocked(
        &self,
        claim: &Claim,
        visit: &Visit,
    ) -> Result<Result<Judgement, u64>, Trouble> {
        let now = agent_kit::now();
        let trusted = self.options.never_blocks(visit.origin.address);
        let blocked = visit.network().filter(|_| !trusted);
        if let Some(minutes) = blocked.and_then(|network| self.blocks.of_address(&network, now)) {
            self.note_blocked(visit);
            return Ok(Err(minutes));
        }
        let who = self.who(&visit.name).await?;
        if let Some(minutes) = self.blocks.of_account(&self.subject(&who, &visit.spelled), now) {
            // From where the account has signed in before it can sign in now. Where many clients
            // share an address it is never locked out: there only pauses hold guessing up.
            let known = match (&who, visit.network()) {
                (_, None) => true,
                _ if trusted => true,
                (Some((account, _)), Some(network)) => {
                    self.records.is_known_to(account.id, &network, now).await?
                }
                (None, Some(_)) => false,
            };
            if !known {
                self.note_blocked(visit);
                return Ok(Err(minutes));
            }
        }
        self.judge(claim, who, visit).await.map(Ok)
    }

    fn note_blocked(&self, visit: &Visit) {
        let origin = visit.origin;
        tracing::warn!(
            protocol = origin.protocol.as_str(),
            peer = %origin.address,
            tls = origin.tls,
            name = "?",
            cause = Cause::Blocked.as_str(),
            "sign-in failed"
        );
    }

    /// What the failures of a name count against: the account's address, or a mark of what nobody
    /// is called, so that blocks do not tell who exists.
    fn subject(&self, who: &Option<(Account, Option<String>)>, name: &str) -> String {
        match who {
            Some((account, _)) => account.address.folded(),
            None => self.key.veiled(name),
        }
    }

    fn welcome(&self, proved: Proved, visit: &Visit, claim: &Claim) -> SignInResult {
        let (origin, Proved { account, device, last_word }) = (visit.origin, proved);
        tracing::info!(
            protocol = origin.protocol.as_str(),
            peer = %origin.address,
            tls = origin.tls,
            method = claim.method(),
            account = %account.address,
            device,
            "signed in"
        );
        self.failures.forget(&visit.culprit());
        if self.gateways.good(origin.address) {
            warn_of_gateway(origin.address);
        }
        let (now, network) = (agent_kit::now(), visit.network());
        let event = Event::SignedIn { account: account.id, device, origin, network, now };
        self.records.write(event, |_| ());
        SignInResult::Welcome { account, last_word }
    }

    async fn reject(
        self: &Arc<Self>,
        cause: Cause,
        account: Option<Account>,
        claim: &Claim,
        visit: &Visit,
    ) -> SignInResult {
        let origin = visit.origin;
        if self.gateways.bad(origin.address) {
            warn_of_gateway(origin.address);
        }
        let wrong = self.wrong_secret(claim);
        let secret = self.proofs.mark(&wrong);
        let pause = self.failures.count(visit.culprit(), secret, Instant::now());
        // What an unknown name looks like is not logged in full: some type their password there.
        let name = match &account {
            Some(account) => account.address.to_string(),
            None => match self.own_domain_in(&visit.name).await {
                Some(domain) => format!("?@{domain}"),
                None => "?".to_owned(),
            },
        };
        tracing::warn!(
            protocol = origin.protocol.as_str(),
            peer = %origin.address,
            tls = origin.tls,
            name,
            cause = cause.as_str(),
            pause_ms = pause.as_millis(),
            "sign-in failed"
        );
        let counts = cause.is_a_guess();
        let exempt = self.options.never_blocks(origin.address);
        let subject = match &account {
            Some(account) => account.address.folded(),
            None => self.key.veiled(&visit.spelled),
        };
        let failure = Failure {
            name,
            cause: cause.as_str(),
            origin,
            network: visit.network().filter(|_| counts && !exempt),
            subject: Some(subject).filter(|_| counts && !exempt),
            mark: self.key.mark(wrong.reveal()),
            limits: self.options.block,
            now: agent_kit::now(),
        };
        let inner = Arc::clone(self);
        self.records.write(Event::Failed(failure), move |begun| inner.blocks.begin(begun));
        tokio::time::sleep(pause).await;
        SignInResult::Rejected
    }

    /// The domain of a name, if it is one of ours: whatever else stands there may be a secret.
    async fn own_domain_in(&self, name: &str) -> Option<Domain> {
        let (_, domain) = name.rsplit_once('@')?;
        let domain = Domain::parse(domain.trim()).ok()?;
        self.directory.is_ours(&domain).await.is_ok_and(|ours| ours).then_some(domain)
    }

    /// What tells this wrong secret from the next. Wrong answers to challenges never look the same;
    /// a mail client tries up to three times by itself, so three of them count as one.
    fn wrong_secret(&self, claim: &Claim) -> mail_types::Secret {
        match claim {
            Claim::Password { password, .. } => password.clone(),
            _ => {
                let number = self.wrong_answers.fetch_add(1, Ordering::Relaxed) / 3;
                mail_types::Secret::new(format!("answer {number}"))
            }
        }
    }

    pub(crate) fn stamps(&self) -> Stamps {
        (self.directory.stamp().ok(), self.credentials.stamp().ok())
    }

    pub(crate) async fn look_at_blocks(&self) {
        match self.records.blocks(agent_kit::now()).await {
            Ok(blocks) => self.blocks.replace(blocks),
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::debug!(error, "blocks not looked up");
            }
        }
    }

    /// What there are verifiers for decides what is offered.
    pub(crate) async fn take_census(&self) {
        let offers = match self.credentials.census().await {
            Ok(census) => {
                (Arc::new(self.options.offers(&census)), self.options.offers_apop(&census))
            }
            Err(error) => {
                let text = error.to_string();
                let mut warned = self.warned.lock().unwrap_or_else(PoisonError::into_inner);
                if warned.as_ref() != Some(&text) {
                    tracing::error!(error = text, "the credentials cannot be read");
                    *warned = Some(text);
                }
                (Arc::new(self.options.offers(&directory::Census::default())), false)
            }
        };
        *self.offers.write().unwrap_or_else(PoisonError::into_inner) = offers;
    }
}

/// How a network is called in tables and commands: an address, or the /64 that it is in.
pub(crate) fn network_name(address: IpAddr) -> String {
    match network(address) {
        IpAddr::V4(v4) => v4.to_string(),
        IpAddr::V6(v6) => format!("{v6}/64"),
    }
}

fn warn_of_gateway(address: IpAddr) {
    tracing::warn!(
        peer = %address,
        "ATTENTION: most clients seem to come from this one private address (a NAT, a container \
         bridge or a proxy in front). Nothing is trusted or blocked by it until tomorrow, so \
         guessing is only slowed down; let the real addresses through to change that"
    );
}
