//! The judgement of a claim by what is kept of the account's secrets.
//!
//! Invariant: a name that nobody has costs what a wrong secret costs, in each way to sign in.

use std::{sync::Arc, time::Duration};

use directory::{Account, AppPassword, Kept};
use mail_types::{Address, LocalPart, Secret};
use sasl_core::{
    ApopClaim, Claim, CramClaim, CramSecret, DigestClaim, DigestSecret, LastWord, PasswordVerifier,
    ScramClaim, ScramHash, ScramVerifier,
    server::{Preparation, Prepared},
};
use tokio::time::Instant;

use crate::{
    hashing::{Crowded, Turn},
    key::random,
    pouch::{Equivalents, unpack},
    secrets::place,
    verify::{Cause, Inner, Judgement, Proved, Trouble, Visit},
};

/// The longest that a claim waits for the pauses which others at its address have caused. The
/// right password waits as well: which it is shows only when it is judged.
const WAIT_MAX: Duration = Duration::from_secs(30);

/// Whom a name means: an account, and which of its app passwords if it says so.
pub(crate) type Who = Option<(Account, Option<String>)>;

impl Inner {
    /// The account that a name means; with `%label` behind it, one of its app passwords.
    pub(crate) async fn who(&self, name: &str) -> Result<Who, Trouble> {
        if let Some(account) = self.account(name).await? {
            return Ok(Some((account, None)));
        }
        let Some((name, label)) = name.rsplit_once('%') else { return Ok(None) };
        let account = self.account(name).await?;
        Ok(account.map(|account| (account, Some(label.to_owned()))))
    }

    async fn account(&self, name: &str) -> Result<Option<Account>, Trouble> {
        let name = name.trim();
        let whole = match &self.options.default_domain {
            Some(domain) if !name.contains('@') => {
                let local = LocalPart::from_content(name).ok();
                let Some(local) = local else { return Ok(None) };
                return Ok(self.directory.account_at(&Address::new(local, domain.clone())).await?);
            }
            _ => name,
        };
        Ok(self.directory.account_by_sign_in(whole).await?)
    }

    /// One spelling for all that mean the same name, whether somebody has it or not: otherwise what
    /// is made up for unknown names would differ where that of accounts does not. A local part of
    /// nobody, or of several, belongs to one domain as that of an account does.
    pub(crate) async fn spelled(&self, name: &str) -> Result<String, Trouble> {
        let (name, label) = match name.rsplit_once('%') {
            Some((name, label)) => (name, Some(label)),
            None => (name, None),
        };
        let mut name = name.trim().to_lowercase();
        if let Some(domain) = self.options.default_domain.as_ref().filter(|_| !name.contains('@')) {
            name = format!("{name}@{domain}");
        }
        let choice = self.key.mark(name.as_bytes());
        if let Some(address) = self.directory.address_by_sign_in(&name, choice).await? {
            name = address.to_string().to_lowercase();
        }
        Ok(label.map(|label| format!("{name}%{label}")).unwrap_or(name))
    }

    pub(crate) async fn judge(
        &self,
        claim: &Claim,
        who: Who,
        visit: &Visit,
    ) -> Result<Judgement, Trouble> {
        let proved = match claim {
            Claim::Password { password, .. } => self.password(who, password, visit).await?,
            Claim::Scram(claim) => self.scram(who, claim, visit).await?,
            Claim::Cram(claim) => self.sealed(who, visit, |all| cram(claim, all)).await?,
            Claim::Digest(claim) => self.sealed(who, visit, |all| digest(claim, all)).await?,
            Claim::Apop(claim) => self.sealed(who, visit, |all| apop(claim, all)).await?,
            Claim::External { certificate, .. } => self.certificate(certificate).await?,
            _ => Err((Cause::WrongAnswer, None)),
        };
        let Ok(proved) = proved else { return Ok(proved) };
        if proved.account.is_shut(agent_kit::now()) {
            return Ok(Err((Cause::Disabled, Some(proved.account))));
        }
        // RFC 4616 §2: the credentials must permit to act as the authorization identity.
        if let Some(name) = claim.authorization() {
            let other = self.who(name).await?;
            if other.is_none_or(|(other, _)| other.id != proved.account.id) {
                return Ok(Err((Cause::OtherAuthorization, Some(proved.account))));
            }
        }
        Ok(Ok(proved))
    }

    /// Any secret of the account will do; with a label only that one.
    async fn password(
        &self,
        who: Who,
        secret: &Secret,
        visit: &Visit,
    ) -> Result<Judgement, Trouble> {
        let digest = self.key.digest(secret);
        let app = self.credentials.app_password_by_digest(&digest).await?;
        let Some((account, label)) = who else {
            self.check(self.decoy.clone(), secret, visit).await?;
            return Ok(Err((Cause::UnknownAccount, None)));
        };
        let fits = |app: &Arc<AppPassword>| {
            app.account == account.id && label.as_ref().is_none_or(|label| *label == app.label)
        };
        if let Some(app) = app.filter(fits) {
            if !is_for(&app, visit) {
                return Ok(Err((Cause::OtherProtocol, Some(account))));
            }
            let device = app.label.clone();
            return Ok(Ok(Proved { account, device, last_word: None }));
        }
        if label.is_none() && self.knows_password(&account, secret, visit).await? {
            return Ok(Ok(Proved { account, device: String::new(), last_word: None }));
        }
        if label.is_some() {
            self.check(self.decoy.clone(), secret, visit).await?;
        }
        Ok(Err((Cause::WrongPassword, Some(account))))
    }

    async fn knows_password(
        &self,
        account: &Account,
        secret: &Secret,
        visit: &Visit,
    ) -> Result<bool, Trouble> {
        let Some(password) = self.credentials.password(account.id).await? else {
            self.check(self.decoy.clone(), secret, visit).await?;
            return Ok(false);
        };
        let verifier = &password.verifier;
        if self.proofs.holds(account, verifier, secret, Instant::now()) {
            return Ok(true);
        }
        let turn = self.turn(visit).await?;
        // A mail client opens several connections at once: the first one's proof serves them all.
        if self.proofs.holds(account, verifier, secret, Instant::now()) {
            return Ok(true);
        }
        let proven = turn.check(verifier.clone(), secret.clone()).await;
        if proven {
            self.proofs.remember(account, verifier, secret, Instant::now());
        }
        Ok(proven)
    }

    async fn scram(
        &self,
        who: Who,
        claim: &ScramClaim,
        visit: &Visit,
    ) -> Result<Judgement, Trouble> {
        let verifier = match &who {
            Some(who) => self.scram_verifier(who, claim.hash(), Some(visit)).await?,
            None => None,
        };
        let known = verifier.is_some();
        let salt = self.key.salt(claim.hash(), &visit.spelled);
        let verifier = verifier.unwrap_or_else(|| ScramVerifier::decoy(claim.hash(), &salt));
        self.wait_for_pause(visit).await?;
        // A decoy's keys are no digest of anything, and count for nobody.
        Ok(outcome(who, claim.check(&verifier).filter(|_| known).map(Some)))
    }

    async fn scram_verifier(
        &self,
        (account, label): &(Account, Option<String>),
        hash: ScramHash,
        visit: Option<&Visit>,
    ) -> Result<Option<ScramVerifier>, Trouble> {
        let kept = self.kept(account, label.as_deref(), visit).await?;
        Ok(kept.and_then(|kept| kept.scram.into_iter().find(|it| it.hash() == hash)))
    }

    /// What is kept of the secret that is meant; nothing where it is not for this protocol.
    async fn kept(
        &self,
        account: &Account,
        label: Option<&str>,
        visit: Option<&Visit>,
    ) -> Result<Option<Kept>, Trouble> {
        let Some(label) = label else {
            let password = self.credentials.password(account.id).await?;
            return Ok(password.map(|password| password.kept.clone()));
        };
        let all = self.credentials.app_passwords(account.id).await?;
        let app = all.iter().find(|app| app.label == label);
        let app = app.filter(|app| visit.is_none_or(|visit| is_for(app, visit)));
        Ok(app.map(|app| app.kept.clone()))
    }

    /// By what is sealed. The check itself costs next to nothing, whoever is meant.
    async fn sealed(
        &self,
        who: Who,
        visit: &Visit,
        check: impl FnOnce(&Equivalents) -> Option<Option<LastWord>>,
    ) -> Result<Judgement, Trouble> {
        let mut known = Equivalents::default();
        if let Some((account, label)) = &who {
            let label = label.as_deref();
            let kept = self.kept(account, label, Some(visit)).await?;
            let place = place(&account.address, label);
            let sealed = kept.and_then(|kept| kept.sealed);
            let opened = sealed.and_then(|sealed| self.key.open(&sealed, &place));
            known = opened.as_ref().and_then(unpack).unwrap_or_default();
        }
        self.wait_for_pause(visit).await?;
        Ok(outcome(who, check(&known)))
    }

    async fn certificate(&self, digest: &[u8; 32]) -> Result<Judgement, Trouble> {
        let unknown = (Cause::UnknownCertificate, None);
        let Some(known) = self.credentials.certificate(digest).await? else {
            return Ok(Err(unknown));
        };
        let account = self.directory.account(known.account).await?;
        let proved = |account| Proved { account, device: known.label, last_word: None };
        Ok(account.map(proved).ok_or(unknown))
    }

    /// What a challenge is made of.
    pub(crate) async fn prepare(&self, wanted: &Preparation) -> Result<Prepared, Trouble> {
        let mut nonce = [0; 18];
        random(&mut nonce)?;
        let Preparation::Salted { hash, name } = wanted else {
            return Ok(Prepared { nonce, salt: None });
        };
        let spelled = self.spelled(name).await?;
        let who = match self.who(name).await? {
            None => self.who(&spelled).await?,
            found => found,
        };
        let verifier = match who {
            Some(who) => self.scram_verifier(&who, *hash, None).await?,
            None => None,
        };
        let salt = self.key.salt(*hash, &spelled);
        let verifier = verifier.unwrap_or_else(|| ScramVerifier::decoy(*hash, &salt));
        Ok(Prepared { nonce, salt: Some((verifier.salt().to_vec(), verifier.iterations())) })
    }

    /// Checks a password for the time that it takes.
    async fn check(
        &self,
        verifier: PasswordVerifier,
        password: &Secret,
        visit: &Visit,
    ) -> Result<(), Crowded> {
        self.turn(visit).await?.check(verifier, password.clone()).await;
        Ok(())
    }

    /// The right to check a password that comes from there: once the pool has room and nobody at
    /// that address is being paused. A proof from memory needs none.
    async fn turn(&self, visit: &Visit) -> Result<Turn<'_>, Crowded> {
        let give_up = Instant::now() + WAIT_MAX;
        loop {
            // First the pool: while one check lasts, the others find out what it came to.
            let turn = self.hashing.turn().await?;
            let Some(pause) = self.pause_before(visit, give_up)? else { return Ok(turn) };
            drop(turn);
            tokio::time::sleep(pause).await;
        }
    }

    /// The same for what needs no hashing.
    async fn wait_for_pause(&self, visit: &Visit) -> Result<(), Crowded> {
        let give_up = Instant::now() + WAIT_MAX;
        while let Some(pause) = self.pause_before(visit, give_up)? {
            tokio::time::sleep(pause).await;
        }
        Ok(())
    }

    /// How much of the pause of this visit's address is left, if any: meant to be slept through,
    /// and looked at again, since others of that address may have lengthened it.
    fn pause_before(&self, visit: &Visit, give_up: Instant) -> Result<Option<Duration>, Crowded> {
        let now = Instant::now();
        let pause = self.failures.pause_left(&visit.culprit(), now);
        match pause {
            Duration::ZERO => Ok(None),
            pause if now + pause > give_up => Err(Crowded),
            pause => Ok(Some(pause)),
        }
    }
}

/// Whether an app password is for the protocol that asks.
fn is_for(app: &AppPassword, visit: &Visit) -> bool {
    let protocol = visit.origin.protocol.as_str();
    app.protocols.is_empty() || app.protocols.iter().any(|one| one == protocol)
}

fn outcome(who: Who, proof: Option<Option<LastWord>>) -> Judgement {
    match (who, proof) {
        (Some((account, label)), Some(last_word)) => {
            Ok(Proved { account, device: label.unwrap_or_default(), last_word })
        }
        (Some((account, _)), None) => Err((Cause::WrongAnswer, Some(account))),
        (None, _) => Err((Cause::UnknownAccount, None)),
    }
}

fn cram(claim: &CramClaim, known: &Equivalents) -> Option<Option<LastWord>> {
    match &known.cram {
        Some(secret) => claim.check(secret).then_some(None),
        None => {
            claim.check(&CramSecret::from_bytes(&[0; 32]));
            None
        }
    }
}

fn digest(claim: &DigestClaim, known: &Equivalents) -> Option<Option<LastWord>> {
    if known.digest.is_empty() {
        let (name, realm) = (claim.authentication.clone(), claim.realm.clone());
        let nobody = DigestSecret { name, realm, digest: [0; 16] };
        claim.check(&[nobody]);
        return None;
    }
    claim.check(&known.digest).map(Some)
}

fn apop(claim: &ApopClaim, known: &Equivalents) -> Option<Option<LastWord>> {
    let nobody = Secret::new("");
    let right = claim.check(known.password.as_ref().unwrap_or(&nobody));
    (right && known.password.is_some()).then_some(None)
}
