//! The judgement of a claim.

use std::{path::PathBuf, sync::Arc, time::Duration};

use directory::{Account, Credentials, Directory, DirectoryError};
use mail_types::Secret;
use sasl_core::{Claim, Cost, PasswordVerifier};
use stable_storage::DatabaseError;
use tokio::time::Instant;

use crate::{
    Origin,
    failures::Failures,
    hashing::{Crowded, Hashing, Turn},
    proofs::Proofs,
    records::{Event, SignInRecords},
};

/// The longest that a claim waits for the pauses which others at its address have caused. The
/// right password waits as well: which it is shows only when it is judged.
const WAIT_MAX: Duration = Duration::from_secs(30);

/// How sign-ins are judged.
#[derive(Debug, Clone)]
pub struct SignInOptions {
    /// The directory's folder.
    pub directory: PathBuf,
    /// The credentials' folder.
    pub credentials: PathBuf,
    /// The folder of `sign-ins.db`.
    pub sign_ins: PathBuf,
    /// How many passwords are checked at once.
    pub checks_at_once: usize,
    /// How long a proven password is remembered.
    pub remember_for: Duration,
    /// The longest pause before a refusal.
    pub max_delay: Duration,
}

/// The answer to a claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SignInResult {
    /// It is true, and this is whose account it is.
    Welcome(Account),
    /// It is not, or the account is disabled: the peer isn't told which.
    Rejected,
    /// It cannot be judged now: we are ill or too busy.
    Unavailable,
}

/// Judges claims. A clone is the same one.
#[derive(Clone)]
pub struct SignIn(Arc<Inner>);

struct Inner {
    directory: Directory,
    credentials: Credentials,
    records: SignInRecords,
    hashing: Hashing,
    proofs: Proofs,
    failures: Failures,
    /// What the password of nobody is checked against.
    decoy: Arc<PasswordVerifier>,
}

/// Why a claim was rejected, for the log.
#[derive(Debug, Clone, Copy)]
enum Cause {
    UnknownAccount,
    WrongPassword,
    Disabled,
    OtherAuthorization,
}

impl Cause {
    fn as_str(self) -> &'static str {
        match self {
            Self::UnknownAccount => "unknown account",
            Self::WrongPassword => "wrong password",
            Self::Disabled => "disabled account",
            Self::OtherAuthorization => "may not act as the other account",
        }
    }
}

/// Why there is no judgement.
#[derive(Debug, thiserror::Error)]
enum Trouble {
    #[error(transparent)]
    Directory(#[from] DirectoryError),
    #[error("too many sign-ins wait to be checked")]
    Crowded,
}

impl From<Crowded> for Trouble {
    fn from(_: Crowded) -> Self {
        Self::Crowded
    }
}

impl SignIn {
    /// Opens `sign-ins.db`, which must have been made ([`crate::migrate`]).
    pub async fn open(options: SignInOptions) -> Result<Self, DatabaseError> {
        let mut key = [0; 32];
        let cannot = |source| DatabaseError::File {
            doing: "get random bytes for",
            path: options.sign_ins.clone(),
            source,
        };
        getrandom::fill(&mut key)
            .map_err(|error| cannot(std::io::Error::other(error.to_string())))?;
        let decoy = PasswordVerifier::decoy(Cost::default())
            .ok_or_else(|| cannot(std::io::Error::other("no decoy verifier")))?;
        Ok(Self(Arc::new(Inner {
            directory: Directory::open(&options.directory),
            credentials: Credentials::open(&options.credentials),
            records: SignInRecords::open_to_write(&options.sign_ins).await?,
            hashing: Hashing::new(options.checks_at_once),
            proofs: Proofs::new(key, options.remember_for),
            failures: Failures::new(options.max_delay),
            decoy: Arc::new(decoy),
        })))
    }

    /// Judges a claim. A refusal comes only after a pause that grows with the number of wrong
    /// secrets from the address.
    pub async fn verify(&self, claim: Claim, origin: Origin) -> SignInResult {
        match claim {
            Claim::Password { authorization, authentication, password, .. } => {
                let judged = self
                    .0
                    .judge(authorization.as_deref(), &authentication, &password, origin)
                    .await;
                match judged {
                    Ok(Ok(account)) => self.0.welcome(account, origin),
                    Ok(Err((cause, account))) => {
                        self.0.reject(cause, account, &authentication, &password, origin).await
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
            _ => SignInResult::Rejected,
        }
    }
}

type Judgement = Result<Account, (Cause, Option<Account>)>;

impl Inner {
    async fn judge(
        &self,
        authorization: Option<&str>,
        authentication: &str,
        password: &Secret,
        origin: Origin,
    ) -> Result<Judgement, Trouble> {
        let found = self.directory.account_by_sign_in(authentication).await?;
        let Some(account) = found else {
            self.check(Arc::clone(&self.decoy), password, origin).await?;
            return Ok(Err((Cause::UnknownAccount, None)));
        };
        if !self.knows_password(&account, password, origin).await? {
            return Ok(Err((Cause::WrongPassword, Some(account))));
        }
        if account.disabled {
            return Ok(Err((Cause::Disabled, Some(account))));
        }
        // RFC 4616 §2: the credentials must permit to act as the authorization identity.
        if let Some(name) = authorization {
            let other = self.directory.account_by_sign_in(name).await?;
            if other.is_none_or(|other| other.id != account.id) {
                return Ok(Err((Cause::OtherAuthorization, Some(account))));
            }
        }
        Ok(Ok(account))
    }

    async fn knows_password(
        &self,
        account: &Account,
        password: &Secret,
        origin: Origin,
    ) -> Result<bool, Trouble> {
        let Some(verifier) = self.credentials.password(account.id).await? else {
            self.check(Arc::clone(&self.decoy), password, origin).await?;
            return Ok(false);
        };
        if self.proofs.holds(account, &verifier, password, Instant::now()) {
            return Ok(true);
        }
        let turn = self.turn(origin).await?;
        // A mail client opens several connections at once: the first one's proof serves them all.
        if self.proofs.holds(account, &verifier, password, Instant::now()) {
            return Ok(true);
        }
        let verifier = Arc::new(verifier);
        let proven = turn.check(Arc::clone(&verifier), password.clone()).await;
        if proven {
            self.proofs.remember(account, &verifier, password, Instant::now());
        }
        Ok(proven)
    }

    /// Checks a password for the time that it takes.
    async fn check(
        &self,
        verifier: Arc<PasswordVerifier>,
        password: &Secret,
        origin: Origin,
    ) -> Result<(), Crowded> {
        self.turn(origin).await?.check(verifier, password.clone()).await;
        Ok(())
    }

    /// The right to check a password that comes from there: once the pool has room and nobody at
    /// that address is being paused. A proof from memory needs none.
    async fn turn(&self, origin: Origin) -> Result<Turn<'_>, Crowded> {
        let give_up = Instant::now() + WAIT_MAX;
        loop {
            // First the pool: while one check lasts, the others find out what it came to.
            let turn = self.hashing.turn().await?;
            let now = Instant::now();
            let pause = self.failures.pause_left(origin.address, now);
            if pause.is_zero() {
                return Ok(turn);
            }
            drop(turn);
            if now + pause > give_up {
                return Err(Crowded);
            }
            tokio::time::sleep(pause).await;
        }
    }

    fn welcome(&self, account: Account, origin: Origin) -> SignInResult {
        tracing::info!(
            protocol = origin.protocol.as_str(),
            peer = %origin.address,
            tls = origin.tls,
            account = %account.address,
            "signed in"
        );
        self.failures.forget(origin.address);
        let now = agent_kit::now();
        self.records.write(Event::SignedIn { account: account.id, origin, now });
        SignInResult::Welcome(account)
    }

    async fn reject(
        &self,
        cause: Cause,
        account: Option<Account>,
        name: &str,
        password: &Secret,
        origin: Origin,
    ) -> SignInResult {
        let pause = self.failures.count(origin.address, self.proofs.mark(password), Instant::now());
        // What an unknown name looks like is not logged in full: some type their password there.
        let name = match (&account, name.split_once('@')) {
            (Some(account), _) => account.address.to_string(),
            (None, Some((_, domain))) => format!("?@{}", printable(domain)),
            (None, None) => "?".to_owned(),
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
        let event = Event::Failed { name, cause: cause.as_str(), origin, now: agent_kit::now() };
        self.records.write(event);
        tokio::time::sleep(pause).await;
        SignInResult::Rejected
    }
}

fn printable(text: &str) -> String {
    text.chars().filter(|c| c.is_ascii_graphic()).take(100).collect()
}
