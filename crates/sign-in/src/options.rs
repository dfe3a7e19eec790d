//! How sign-ins are judged, from the configuration: the one place, for all agents.

use std::{net::IpAddr, path::PathBuf, time::Duration};

use config::{Config, Network, SignInMechanism};
use directory::Census;
use mail_types::Domain;
use sasl_core::{Mechanism, Offers, ScramHash};

use crate::{Recipe, records::BlockLimits};

/// A way to sign in. Those of SCRAM stand for their forms with channel binding as well, where
/// that is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// SCRAM-SHA-256.
    ScramSha256,
    /// SCRAM-SHA-1.
    ScramSha1,
    /// EXTERNAL.
    External,
    /// DIGEST-MD5.
    DigestMd5,
    /// CRAM-MD5.
    CramMd5,
    /// POP3's APOP.
    Apop,
    /// PLAIN.
    Plain,
    /// LOGIN.
    Login,
}

impl Way {
    pub(crate) fn of_scram(hash: ScramHash) -> Self {
        match hash {
            ScramHash::Sha256 => Self::ScramSha256,
            ScramHash::Sha1 => Self::ScramSha1,
        }
    }

    /// The mechanisms that it stands for.
    fn mechanisms(self) -> &'static [Mechanism] {
        match self {
            Self::ScramSha256 => &[Mechanism::ScramSha256Plus, Mechanism::ScramSha256],
            Self::ScramSha1 => &[Mechanism::ScramSha1Plus, Mechanism::ScramSha1],
            Self::External => &[Mechanism::External],
            Self::DigestMd5 => &[Mechanism::DigestMd5],
            Self::CramMd5 => &[Mechanism::CramMd5],
            Self::Apop => &[],
            Self::Plain => &[Mechanism::Plain],
            Self::Login => &[Mechanism::Login],
        }
    }

    /// Whether anybody could sign in this way. A client takes the first mechanism that it knows:
    /// SCRAM is offered once all passwords can be proved by it, lest it fail for the others. What
    /// the operator has turned on for a single old device is there from its first secret on.
    fn has_verifiers(self, census: &Census) -> bool {
        match self {
            Self::ScramSha256 => all(census.scram_sha_256, census),
            Self::ScramSha1 => all(census.scram_sha_1, census),
            Self::External => census.certificates > 0,
            Self::DigestMd5 | Self::CramMd5 | Self::Apop => census.sealed > 0,
            Self::Plain | Self::Login => true,
        }
    }
}

fn all(count: usize, census: &Census) -> bool {
    count > 0 && count == census.passwords
}

impl From<SignInMechanism> for Way {
    fn from(word: SignInMechanism) -> Self {
        match word {
            SignInMechanism::ScramSha256 => Self::ScramSha256,
            SignInMechanism::ScramSha1 => Self::ScramSha1,
            SignInMechanism::External => Self::External,
            SignInMechanism::DigestMd5 => Self::DigestMd5,
            SignInMechanism::CramMd5 => Self::CramMd5,
            SignInMechanism::Apop => Self::Apop,
            SignInMechanism::Plain => Self::Plain,
            SignInMechanism::Login => Self::Login,
        }
    }
}

/// How sign-ins are judged.
#[derive(Debug, Clone)]
pub struct SignInOptions {
    /// The directory's folder.
    pub directory: PathBuf,
    /// The credentials' folder.
    pub credentials: PathBuf,
    /// The folder of `sign-ins.db`.
    pub sign_ins: PathBuf,
    /// The file of the installation's key.
    pub key_file: PathBuf,
    /// Which ways there are, and what is kept for them.
    pub recipe: Recipe,
    /// Whether mechanisms that do not send the password are offered without TLS.
    pub challenges_in_clear: bool,
    /// Whether SCRAM is offered with channel binding as well. Not by default: clients choose it
    /// first, and some then find that they cannot do it (mutt with GNU SASL gives up).
    pub channel_binding: bool,
    /// Whether everything is offered without TLS to programs of this machine.
    pub all_on_loopback: bool,
    /// The domain of names without one.
    pub default_domain: Option<Domain>,
    /// How many passwords are checked at once.
    pub checks_at_once: usize,
    /// How long a proven password is remembered.
    pub remember_for: Duration,
    /// The longest pause before a refusal.
    pub max_delay: Duration,
    /// When guessing is blocked.
    pub block: BlockLimits,
    /// What is never blocked.
    pub never_block: Vec<Network>,
}

impl SignInOptions {
    /// As the configuration says.
    pub fn from_config(config: &Config) -> Self {
        let folders = config.folders();
        let section = &config.sign_in;
        let ways = section.mechanisms.iter().map(|word| Way::from(*word)).collect();
        Self {
            key_file: key_file(config),
            directory: folders.directory,
            credentials: folders.credentials,
            sign_ins: folders.sign_ins,
            recipe: Recipe { ways, host: config.hostname.clone() },
            challenges_in_clear: section.challenges_without_tls,
            channel_binding: section.channel_binding,
            all_on_loopback: section.without_tls_on_loopback,
            default_domain: section.default_domain.clone(),
            checks_at_once: usize::try_from(section.checks_at_once).unwrap_or(1),
            remember_for: section.remember_for,
            max_delay: section.max_delay,
            block: BlockLimits {
                address_after: section.block.address_after,
                account_after: section.block.account_after,
                within: section.block.within,
                lasting: section.block.lasting,
            },
            never_block: section.block.never.clone(),
        }
    }

    /// What is offered to clients, given what there are verifiers for.
    pub(crate) fn offers(&self, census: &Census) -> Offers {
        let ways = self.recipe.ways.iter().filter(|way| way.has_verifiers(census));
        Offers {
            mechanisms: ways
                .flat_map(|way| way.mechanisms())
                .filter(|mechanism| self.channel_binding || !mechanism.binds_channel())
                .copied()
                .collect(),
            challenges_in_clear: self.challenges_in_clear,
            all_on_loopback: self.all_on_loopback,
        }
    }

    /// Whether POP3 offers APOP.
    pub(crate) fn offers_apop(&self, census: &Census) -> bool {
        self.recipe.ways.contains(&Way::Apop) && Way::Apop.has_verifiers(census)
    }

    pub(crate) fn never_blocks(&self, address: IpAddr) -> bool {
        self.never_block.iter().any(|network| network.contains(address))
    }
}

/// Where the key of an installation lies.
pub fn key_file(config: &Config) -> PathBuf {
    let usual = || config.folders().credentials.join("secret.key");
    config.sign_in.key_file.clone().unwrap_or_else(usual)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_offered_follows_from_what_is_kept() {
        let mut config = Config::default();
        config.sign_in.mechanisms = vec![
            SignInMechanism::ScramSha256,
            SignInMechanism::External,
            SignInMechanism::CramMd5,
            SignInMechanism::Apop,
            SignInMechanism::Plain,
        ];
        let options = SignInOptions::from_config(&config);
        let offered = |census: Census| {
            let offers = options.offers(&census);
            let names: Vec<_> = offers.mechanisms.iter().map(|it| it.name()).collect();
            names.join(" ")
        };
        let none = Census { passwords: 2, ..Census::default() };
        assert_eq!(offered(none), "PLAIN");
        assert_eq!(offered(Census { scram_sha_256: 1, ..none }), "PLAIN");
        let scram = Census { scram_sha_256: 2, ..none };
        assert_eq!(offered(scram), "SCRAM-SHA-256 PLAIN");
        let binding = SignInOptions { channel_binding: true, ..options.clone() };
        let names: Vec<_> = binding.offers(&scram).mechanisms.iter().map(|it| it.name()).collect();
        assert_eq!(names.join(" "), "SCRAM-SHA-256-PLUS SCRAM-SHA-256 PLAIN");
        assert_eq!(offered(Census { sealed: 1, ..none }), "CRAM-MD5 PLAIN");
        assert_eq!(offered(Census { certificates: 1, ..none }), "EXTERNAL PLAIN");
        assert!(options.offers_apop(&Census { sealed: 1, ..none }) && !options.offers_apop(&none));
    }
}
