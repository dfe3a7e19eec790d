//! What is kept of a secret, so that the mechanisms of this installation can be answered with it.

use std::io;

use directory::Kept;
use mail_types::{Address, Domain, Secret};
use sasl_core::{CramSecret, DigestSecret, ScramHash, ScramVerifier};

use crate::{
    InstallationKey, Way,
    key::random,
    pouch::{self, Equivalents},
};

/// Letters and digits that nobody mistakes for each other.
const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
/// An app password has so many of them, five bits each ..
const LETTERS: usize = 20;
/// .. in groups of so many.
const GROUP: usize = 5;

/// Which mechanisms secrets are kept for, as the configuration says.
#[derive(Debug, Clone)]
pub struct Recipe {
    /// The ways to sign in.
    pub ways: Vec<Way>,
    /// The host's name, which is the realm of DIGEST-MD5.
    pub host: Domain,
}

impl Recipe {
    /// What is to be kept of a password, or of an app password with its label. Takes long.
    pub fn keep(
        &self,
        key: &InstallationKey,
        address: &Address,
        label: Option<&str>,
        secret: &Secret,
    ) -> io::Result<Kept> {
        let mut scram = Vec::new();
        for hash in ScramHash::ALL.into_iter().filter(|hash| self.has(Way::of_scram(*hash))) {
            let mut salt = [0; 16];
            random(&mut salt)?;
            scram.push(ScramVerifier::new(hash, secret, &salt, ScramVerifier::ITERATIONS));
        }
        let equivalents = Equivalents {
            cram: self.has(Way::CramMd5).then(|| CramSecret::new(secret)),
            digest: if self.has(Way::DigestMd5) {
                self.digests(address, label, secret)
            } else {
                Vec::new()
            },
            password: self.has(Way::Apop).then(|| sasl_core::prepare_secret(secret)),
        };
        let sealed = if equivalents.is_empty() {
            None
        } else {
            Some(key.seal(&pouch::pack(&equivalents), &place(address, label))?)
        };
        Ok(Kept { scram, sealed })
    }

    fn has(&self, way: Way) -> bool {
        self.ways.contains(&way)
    }

    /// DIGEST-MD5 has the name as the client spells it under the digest, and the realm: the whole
    /// address or its local part, with the host for realm as we announce it, with the domain, or
    /// with none.
    fn digests(
        &self,
        address: &Address,
        label: Option<&str>,
        secret: &Secret,
    ) -> Vec<DigestSecret> {
        let local = address.local().as_str();
        let mut names =
            vec![address.to_string(), address.folded(), local.to_owned(), local.to_lowercase()];
        names.dedup();
        if let Some(label) = label {
            names.iter_mut().for_each(|name| *name = format!("{name}%{label}"));
        }
        let mut realms = vec![self.host.as_str(), address.domain().as_str(), ""];
        realms.dedup();
        let pairs = names.iter().flat_map(|name| realms.iter().map(move |realm| (name, realm)));
        pairs.map(|(name, realm)| DigestSecret::new(name, realm, secret)).collect()
    }
}

/// What a sealed secret is sealed for.
pub(crate) fn place(address: &Address, label: Option<&str>) -> String {
    format!("{}%{}", address.folded(), label.unwrap_or_default())
}

/// A new app password: a hundred random bits that can be read aloud.
pub fn new_app_password() -> io::Result<Secret> {
    let mut bytes = [0; LETTERS];
    random(&mut bytes)?;
    let mut text = String::new();
    for (position, byte) in bytes.into_iter().enumerate() {
        if position > 0 && position % GROUP == 0 {
            text.push('-');
        }
        text.extend(ALPHABET.get(usize::from(byte % 32)).map(|letter| char::from(*letter)));
    }
    Ok(Secret::new(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn app_passwords_are_long_and_differ() {
        let (one, two) = (new_app_password().unwrap(), new_app_password().unwrap());
        assert_ne!(one, two);
        let text = one.reveal_str().unwrap();
        assert_eq!(text.len(), LETTERS + LETTERS / GROUP - 1);
        assert!(text.bytes().all(|byte| byte == b'-' || ALPHABET.contains(&byte)), "{text}");
    }

    #[test]
    fn only_what_is_wanted_is_kept() {
        let key = InstallationKey::passing().unwrap();
        let address = Address::parse("Alice@example.org").unwrap();
        let host = Domain::parse("mail.example.org").unwrap();
        let keep = |ways: &[Way]| {
            let recipe = Recipe { ways: ways.to_vec(), host: host.clone() };
            recipe.keep(&key, &address, None, &Secret::new("secret")).unwrap()
        };
        let kept = keep(&[Way::Plain, Way::Login]);
        assert!(kept.scram.is_empty() && kept.sealed.is_none());
        let kept = keep(&[Way::ScramSha256, Way::ScramSha1]);
        assert!(kept.scram.len() == 2 && kept.sealed.is_none());
        let kept = keep(&[Way::CramMd5, Way::DigestMd5, Way::Apop]);
        let opened = key.open(&kept.sealed.unwrap(), &place(&address, None)).unwrap();
        let opened = pouch::unpack(&opened).unwrap();
        assert_eq!(opened.password, Some(Secret::new("secret")));
        assert_eq!(opened.cram, Some(CramSecret::new(&Secret::new("secret"))));
        let forms: Vec<String> =
            opened.digest.iter().map(|it| format!("{}:{}", it.name, it.realm)).collect();
        assert!(forms.contains(&"alice@example.org:mail.example.org".to_owned()), "{forms:?}");
        assert!(forms.contains(&"Alice:".to_owned()), "{forms:?}");
    }
}
