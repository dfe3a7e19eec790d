//! The key of an installation: what app passwords are found by, and password equivalents are sealed
//! under. It lies in a file of its own, so that a copy of the databases alone opens nothing.

use std::{
    fs::Permissions,
    io,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use mail_types::Secret;
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use sasl_core::ScramHash;
use stable_storage::Files;
use zeroize::Zeroizing;

/// The key, as those who need it hold it.
pub struct InstallationKey {
    digests: [u8; 32],
    salts: [u8; 32],
    marks: [u8; 32],
    seals: LessSafeKey,
}

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The file cannot be read or made.
    #[error("the sign-in key {path} cannot be used: {cause}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// The file holds something else.
    #[error("{path} is no sign-in key: it has 64 hexadecimal digits in one line")]
    Malformed {
        /// Which.
        path: PathBuf,
    },
}

impl InstallationKey {
    /// Reads the key; nothing if the file is missing.
    pub fn load(path: &Path) -> Result<Option<Self>, KeyError> {
        let file = |cause| KeyError::File { path: path.to_owned(), cause };
        let Some(content) = Files::real().read(path).map_err(file)? else { return Ok(None) };
        let content = Zeroizing::new(content);
        let malformed = || KeyError::Malformed { path: path.to_owned() };
        let text = std::str::from_utf8(&content).map_err(|_| malformed())?.trim();
        blake3::Hash::from_hex(text)
            .ok()
            .and_then(|master| Self::of(master.as_bytes()))
            .map(Some)
            .ok_or_else(malformed)
    }

    /// Makes the file, with new random content, if it is missing; in either case the key. Its group
    /// may read it: the agents that ask for passwords.
    pub fn load_or_make(path: &Path) -> Result<Self, KeyError> {
        let file = |cause| KeyError::File { path: path.to_owned(), cause };
        if let Some(key) = Self::load(path)? {
            return Ok(key);
        }
        let mut master = Zeroizing::new([0; 32]);
        random(&mut *master).map_err(file)?;
        let text = Zeroizing::new(format!("{}\n", blake3::Hash::from_bytes(*master).to_hex()));
        Files::real().replace(path, text.as_bytes()).map_err(file)?;
        std::fs::set_permissions(path, Permissions::from_mode(0o640)).map_err(file)?;
        Self::of(&master).ok_or_else(|| KeyError::Malformed { path: path.to_owned() })
    }

    /// A key that nobody else has: what it seals or finds is worth nothing afterwards.
    pub(crate) fn passing() -> io::Result<Self> {
        let mut master = [0; 32];
        random(&mut master)?;
        Self::of(&master).ok_or_else(|| io::Error::other("the key cannot be used"))
    }

    fn of(master: &[u8; 32]) -> Option<Self> {
        let derive = |purpose| blake3::derive_key(purpose, master);
        let seals =
            UnboundKey::new(&CHACHA20_POLY1305, &derive("postrider sealed secrets")).ok()?;
        Some(Self {
            digests: derive("postrider app password digests"),
            salts: derive("postrider salts of unknown names"),
            marks: derive("postrider marks of wrong secrets"),
            seals: LessSafeKey::new(seals),
        })
    }

    /// What an app password is found by. Dashes, spaces and capitals are how it was typed.
    pub fn digest(&self, secret: &Secret) -> [u8; 32] {
        let typed = secret.reveal().iter().filter(|byte| !matches!(byte, b'-' | b' '));
        let plain = Secret::new(typed.map(u8::to_ascii_lowercase).collect::<Vec<u8>>());
        *blake3::keyed_hash(&self.digests, plain.reveal()).as_bytes()
    }

    /// The salt of a name that nobody has: the same each time (RFC 5802 §9).
    pub(crate) fn salt(&self, hash: ScramHash, name: &str) -> [u8; 16] {
        let mut hasher = blake3::Hasher::new_keyed(&self.salts);
        hasher.update(hash.mechanism_name().as_bytes()).update(b"\0");
        hasher.update(name.to_lowercase().as_bytes());
        let mut salt = [0; 16];
        hasher.finalize_xof().fill(&mut salt);
        salt
    }

    /// What tells one wrong secret from the next: too short to try guesses against it.
    pub(crate) fn mark(&self, wrong: &[u8]) -> u16 {
        let mut mark = [0; 2];
        let mut hasher = blake3::Hasher::new_keyed(&self.marks);
        hasher.update(wrong).finalize_xof().fill(&mut mark);
        u16::from_le_bytes(mark)
    }

    /// A name that may be a secret typed into the wrong field, as it may be written down.
    pub(crate) fn veiled(&self, name: &str) -> String {
        format!("?{:04x}", self.mark(name.to_lowercase().as_bytes()))
    }

    /// Seals a secret for its place: opened elsewhere it is worth nothing.
    pub(crate) fn seal(&self, secret: &Secret, place: &str) -> io::Result<Vec<u8>> {
        let mut nonce = [0; NONCE_LEN];
        random(&mut nonce)?;
        let mut sealed = secret.reveal().to_vec();
        let number = Nonce::assume_unique_for_key(nonce);
        self.seals
            .seal_in_place_append_tag(number, Aad::from(place.as_bytes()), &mut sealed)
            .map_err(|_| io::Error::other("a secret cannot be sealed"))?;
        Ok([&nonce[..], &sealed].concat())
    }

    /// Opens what was sealed for this place.
    pub(crate) fn open(&self, sealed: &[u8], place: &str) -> Option<Secret> {
        let (nonce, sealed) = sealed.split_first_chunk::<NONCE_LEN>()?;
        let mut sealed = Zeroizing::new(sealed.to_vec());
        let number = Nonce::assume_unique_for_key(*nonce);
        let place = Aad::from(place.as_bytes());
        let opened = self.seals.open_in_place(number, place, &mut sealed).ok()?;
        Some(Secret::new(&*opened))
    }
}

impl std::fmt::Debug for InstallationKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("InstallationKey(..)")
    }
}

/// Random bytes of the system.
pub(crate) fn random(bytes: &mut [u8]) -> io::Result<()> {
    getrandom::fill(bytes).map_err(|error| io::Error::other(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_made_once_and_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret.key");
        assert!(InstallationKey::load(&path).unwrap().is_none());
        let (made, read) =
            (InstallationKey::load_or_make(&path).unwrap(), InstallationKey::load(&path).unwrap());
        let read = read.unwrap();
        let secret = Secret::new("abcde-fghij");
        assert_eq!(made.digest(&secret), read.digest(&Secret::new("ABCDE FGHIJ")));
        assert_eq!(made.salt(ScramHash::Sha1, "Nobody"), read.salt(ScramHash::Sha1, "nobody"));
        assert_ne!(made.salt(ScramHash::Sha1, "nobody"), read.salt(ScramHash::Sha256, "nobody"));
        let sealed = made.seal(&secret, "alice@example.org").unwrap();
        assert_eq!(read.open(&sealed, "alice@example.org"), Some(secret.clone()));
        assert_eq!(read.open(&sealed, "bob@example.org"), None);
        assert_eq!(InstallationKey::passing().unwrap().open(&sealed, "alice@example.org"), None);
        assert_ne!(made.seal(&secret, "a").unwrap(), made.seal(&secret, "a").unwrap());
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o640);
        std::fs::write(&path, "something else").unwrap();
        assert!(matches!(InstallationKey::load(&path), Err(KeyError::Malformed { .. })));
    }
}
