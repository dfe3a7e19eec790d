//! Secrets that were proven lately, as keyed digests: a mail client that connects every minute
//! costs no hashing.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use blake3::Hash;
use directory::Account;
use mail_types::{AccountId, Secret};
use sasl_core::PasswordVerifier;
use tokio::time::Instant;

/// The last proof of each account.
pub(crate) struct Proofs {
    key: [u8; 32],
    remember_for: Duration,
    proven: Mutex<HashMap<AccountId, Proof>>,
}

/// Counts for this generation, this verifier and this secret, and only for a while.
struct Proof {
    generation: i64,
    digest: Hash,
    until: Instant,
}

impl Proofs {
    /// With a key that must be random and stay in this process.
    pub(crate) fn new(key: [u8; 32], remember_for: Duration) -> Self {
        Self { key, remember_for, proven: Mutex::default() }
    }

    /// Whether this secret was proven lately.
    pub(crate) fn holds(
        &self,
        account: &Account,
        verifier: &PasswordVerifier,
        secret: &Secret,
        now: Instant,
    ) -> bool {
        let digest = self.digest(verifier, secret);
        let proven = self.proven.lock().unwrap_or_else(PoisonError::into_inner);
        // Digests are compared in constant time.
        proven.get(&account.id).is_some_and(|proof| {
            proof.until > now && proof.generation == account.generation && proof.digest == digest
        })
    }

    /// Remembers a proof; it takes the place of the account's last one.
    pub(crate) fn remember(
        &self,
        account: &Account,
        verifier: &PasswordVerifier,
        secret: &Secret,
        now: Instant,
    ) {
        if self.remember_for.is_zero() {
            return;
        }
        let proof = Proof {
            generation: account.generation,
            digest: self.digest(verifier, secret),
            until: now + self.remember_for,
        };
        let mut proven = self.proven.lock().unwrap_or_else(PoisonError::into_inner);
        // One an account, so there are never more than accounts; the old ones go in passing.
        proven.retain(|_, proof| proof.until > now);
        proven.insert(account.id, proof);
    }

    /// A mark of a secret that is worth nothing outside this process.
    pub(crate) fn mark(&self, secret: &Secret) -> Hash {
        blake3::keyed_hash(&self.key, secret.reveal())
    }

    /// The verifier is part of it: a changed password ends the proof even before the generation
    /// number has followed.
    fn digest(&self, verifier: &PasswordVerifier, secret: &Secret) -> Hash {
        let verifier = verifier.to_string();
        let mut hasher = blake3::Hasher::new_keyed(&self.key);
        hasher.update(verifier.as_bytes()).update(b"\0").update(secret.reveal());
        hasher.finalize()
    }
}

#[cfg(test)]
mod tests {
    use mail_types::{Address, Timestamp};
    use sasl_core::Cost;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_proof_counts_for_one_secret_generation_verifier_and_while() {
        let proofs = Proofs::new([1; 32], Duration::from_secs(60));
        let account = Account {
            id: AccountId(1),
            address: Address::parse("a@example.org").unwrap(),
            generation: 1,
            disabled: false,
            quota_bytes: None,
            quota_messages: None,
            created: Timestamp::from_secs(0),
            expires: None,
        };
        let secret = Secret::new("secret");
        let verifier = |salt| PasswordVerifier::new(&secret, [salt; 16], Cost::LOWEST).unwrap();
        let now = Instant::now();
        proofs.remember(&account, &verifier(1), &secret, now);

        let holds = |account: &Account, salt, secret: &str, now| {
            proofs.holds(account, &verifier(salt), &Secret::new(secret), now)
        };
        assert!(holds(&account, 1, "secret", now));
        assert!(!holds(&account, 1, "other", now));
        assert!(!holds(&account, 2, "secret", now));
        assert!(!holds(&Account { generation: 2, ..account.clone() }, 1, "secret", now));
        assert!(!holds(&Account { id: AccountId(2), ..account.clone() }, 1, "secret", now));
        assert!(!holds(&account, 1, "secret", now + Duration::from_secs(61)));
    }
}
