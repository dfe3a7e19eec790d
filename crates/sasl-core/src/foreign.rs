//! Hashes that other servers made: SHA512-CRYPT, SHA256-CRYPT and bcrypt. Verified, never made.

use base64::{
    Engine as _,
    alphabet::BCRYPT,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use mail_types::{Malformed, Secret};
use sha_crypt::{PasswordVerifier as _, ShaCrypt};
use subtle::ConstantTimeEq;

/// The most rounds of SHA-CRYPT that a stored hash may ask for: some seconds.
const ROUNDS_MAX: u32 = 5_000_000;
/// The highest cost of bcrypt that a stored hash may ask for: some seconds.
const COST_MAX: u32 = 16;
/// bcrypt reads no more of a password, in octets, the NUL behind it included.
const BCRYPT_MAX: usize = 72;

/// Salt and digest of bcrypt in its own spelling of base64; the last characters have bits that
/// mean nothing.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &BCRYPT,
    GeneralPurposeConfig::new()
        .with_encode_padding(false)
        .with_decode_padding_mode(DecodePaddingMode::RequireNone)
        .with_decode_allow_trailing_bits(true),
);

/// A hash of another server, in its text form.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct ForeignHash {
    text: Box<str>,
    kind: Kind,
}

#[derive(Clone, PartialEq, Eq)]
enum Kind {
    ShaCrypt,
    Bcrypt { cost: u32, salt: [u8; 16], digest: [u8; 23] },
}

impl ForeignHash {
    /// Nothing if it is none of these kinds.
    pub(crate) fn parse(text: &str) -> Option<Result<Self, Malformed>> {
        let kind = if text.starts_with("$6$") || text.starts_with("$5$") {
            sha_crypt(text)
                .ok_or(Malformed("this SHA-CRYPT hash is not complete, or costs too much"))
        } else if ["$2a$", "$2b$", "$2y$"].iter().any(|prefix| text.starts_with(prefix)) {
            bcrypt(text).ok_or(Malformed("this bcrypt hash is not complete, or costs too much"))
        } else {
            return None;
        };
        Some(kind.map(|kind| Self { text: text.into(), kind }))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether this is the password. Takes long; the digests are compared in constant time.
    pub(crate) fn verify(&self, password: &Secret) -> bool {
        match &self.kind {
            Kind::ShaCrypt => {
                ShaCrypt::default().verify_password(password.reveal(), &*self.text).is_ok()
            }
            Kind::Bcrypt { cost, salt, digest } => {
                let mut key = password.reveal().to_vec();
                key.push(0);
                key.truncate(BCRYPT_MAX);
                let key = Secret::new(key);
                let made = bcrypt::bcrypt(*cost, *salt, key.reveal());
                made.get(..23).is_some_and(|made| made.ct_eq(digest).into())
            }
        }
    }
}

/// `$6$[rounds=N$]salt$digest`
fn sha_crypt(text: &str) -> Option<Kind> {
    let mut fields = text.get(3..)?.split('$');
    let first = fields.next()?;
    let salt = match first.strip_prefix("rounds=") {
        Some(rounds) => {
            rounds.parse().ok().filter(|rounds: &u32| *rounds <= ROUNDS_MAX)?;
            fields.next()?
        }
        None => first,
    };
    let digest = fields.next()?;
    let expected = if text.starts_with("$6$") { 86 } else { 43 };
    let whole = !salt.is_empty() && digest.len() == expected && fields.next().is_none();
    whole.then_some(Kind::ShaCrypt)
}

/// `$2b$cost$` and 22 characters of salt, 31 of digest
fn bcrypt(text: &str) -> Option<Kind> {
    let (cost, rest) = text.get(4..)?.split_once('$')?;
    let cost = cost.parse().ok().filter(|cost| (4..=COST_MAX).contains(cost))?;
    let (salt, digest) = rest.split_at_checked(22)?;
    let salt = BASE64.decode(salt).ok()?.try_into().ok()?;
    let digest = BASE64.decode(digest).ok()?.try_into().ok()?;
    Some(Kind::Bcrypt { cost, salt, digest })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made by the C library's crypt, and the examples of SHA-CRYPT's description.
    #[test]
    fn hashes_as_others_make_them() {
        let sha = "Hello world!";
        for (password, text) in [
            (
                sha,
                "$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLi\
                 BFdcbYEdFCoEOfaS35inz1",
            ),
            (sha, "$5$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5"),
            (
                sha,
                "$6$rounds=10000$saltstringsaltst$OW1/O6BYHV6BcXZu8QVeXbDWra3Oeqh0sbHbbMCVNSnCM\
                 /UrjmM0Dp8vOuZeHBy/YTBmSK6H9qs/y3RnOaw5v.",
            ),
            (sha, "$2b$04$QJirlUpaJ0rsxT1cAfnpnenV1.JSYSqtvmpAxeXerRs0aCMhScSJe"),
            ("", "$2a$06$DCq7YPn5Rq63x1Lad4cll.TV4S6ytwfsfvkgY8jIucDrjc8deX1s."),
        ] {
            let hash = ForeignHash::parse(text).unwrap().unwrap();
            assert!(hash.verify(&Secret::new(password)), "{text}");
            assert!(!hash.verify(&Secret::new("Hello World!")), "{text}");
            assert_eq!(hash.as_str(), text);
        }
    }

    #[test]
    fn nonsense_is_refused() {
        assert!(ForeignHash::parse("$argon2id$v=19").is_none());
        assert!(ForeignHash::parse("$1$salt$digest").is_none());
        for bad in [
            "$6$",
            "$6$salt",
            "$6$salt$digest",
            "$6$rounds=99999999$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI\
             68u4OTLiBFdcbYEdFCoEOfaS35inz1",
            "$2b$04$QJirlUpaJ0rsxT1cAfnpne",
            "$2b$31$QJirlUpaJ0rsxT1cAfnpnenV1.JSYSqtvmpAxeXerRs0aCMhScSJe",
            "$2b$xx$QJirlUpaJ0rsxT1cAfnpnenV1.JSYSqtvmpAxeXerRs0aCMhScSJe",
        ] {
            assert!(ForeignHash::parse(bad).unwrap().is_err(), "{bad}");
        }
    }
}
