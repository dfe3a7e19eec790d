//! What a password is verified against: never the password itself.
//!
//! Ours are argon2id. Hashes of another server are verified as they are until the password is
//! changed: nobody can make one of ours from them.

use argon2::{
    Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier as _, Version,
    password_hash::phc::{Output, ParamsString, PasswordHash, Salt},
};
use mail_types::{Malformed, Secret};

use crate::foreign::ForeignHash;

/// How much one verification costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cost {
    /// Memory in KiB while it lasts.
    pub memory_kib: u32,
    /// Passes over that memory.
    pub passes: u32,
}

impl Cost {
    /// The most memory that a stored verifier may ask for.
    pub const MAX_MEMORY_KIB: u32 = 256 * 1024;
    /// The most passes that a stored verifier may ask for.
    pub const MAX_PASSES: u32 = 16;

    /// Next to nothing, for tests of other things.
    pub const LOWEST: Self = Self { memory_kib: Params::MIN_M_COST, passes: Params::MIN_T_COST };

    fn params(self) -> Params {
        Params::new(
            self.memory_kib.clamp(Params::MIN_M_COST, Self::MAX_MEMORY_KIB),
            self.passes.clamp(Params::MIN_T_COST, Self::MAX_PASSES),
            Params::DEFAULT_P_COST,
            None,
        )
        .unwrap_or_default()
    }
}

/// 19 MiB, two passes: some 20 ms of a small machine, and dear for who tries billions.
impl Default for Cost {
    fn default() -> Self {
        Self { memory_kib: Params::DEFAULT_M_COST, passes: Params::DEFAULT_T_COST }
    }
}

/// An argon2id digest with its salt and its cost, in the PHC text form
/// (`$argon2id$v=19$m=19456,t=2,p=1$salt$digest`); or the hash of another server.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordVerifier(Kind);

#[derive(Clone, PartialEq, Eq)]
enum Kind {
    Argon2(Box<PasswordHash>),
    Foreign(ForeignHash),
}

impl PasswordVerifier {
    /// Makes the verifier of a password, which is prepared first (RFC 4616 §2). The salt must be
    /// new random bytes each time. Takes long.
    pub fn new(password: &Secret, salt: [u8; 16], cost: Cost) -> Result<Self, Malformed> {
        let password = crate::prepare_secret(password);
        if password.reveal().is_empty() {
            return Err(Malformed("the password is empty"));
        }
        Argon2::new(Algorithm::Argon2id, Version::V0x13, cost.params())
            .hash_password_with_salt(password.reveal(), &salt)
            .map(|hash| Self(Kind::Argon2(Box::new(hash))))
            .map_err(|_| Malformed("the password cannot be hashed"))
    }

    /// Takes the hash of another server over: argon2, bcrypt, SHA512-CRYPT or SHA256-CRYPT, with or
    /// without the name of the scheme in braces in front.
    pub fn import(text: &str) -> Result<Self, Malformed> {
        let text = text.trim();
        let named = text.strip_prefix('{').and_then(|rest| rest.split_once('}'));
        Self::parse(named.map_or(text, |(_, hash)| hash))
    }

    /// Whether it was made by another server.
    pub fn is_foreign(&self) -> bool {
        match &self.0 {
            Kind::Argon2(hash) => hash.algorithm != Algorithm::Argon2id.ident(),
            Kind::Foreign(_) => true,
        }
    }

    /// Parses the text form; refuses what costs more than [`Cost::MAX_MEMORY_KIB`] and
    /// [`Cost::MAX_PASSES`].
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        if let Some(foreign) = ForeignHash::parse(text) {
            return foreign.map(|hash| Self(Kind::Foreign(hash)));
        }
        let hash =
            PasswordHash::new(text).map_err(|_| Malformed("this is no password verifier"))?;
        let known = [Algorithm::Argon2id, Algorithm::Argon2i, Algorithm::Argon2d];
        if !known.iter().any(|algorithm| hash.algorithm == algorithm.ident()) {
            return Err(Malformed("the password verifier is of an unknown kind"));
        }
        let params = Params::try_from(&hash)
            .map_err(|_| Malformed("the password verifier's parameters are not valid"))?;
        if params.m_cost() > Cost::MAX_MEMORY_KIB || params.t_cost() > Cost::MAX_PASSES {
            return Err(Malformed("the password verifier costs more than any should"));
        }
        if hash.salt.is_none() || hash.hash.is_none() {
            return Err(Malformed("the password verifier lacks its salt or its digest"));
        }
        Ok(Self(Kind::Argon2(Box::new(hash))))
    }

    /// A verifier that no password fits, as expensive as others: for names that nobody has, so
    /// that the time of the answer doesn't tell who exists.
    pub fn decoy(cost: Cost) -> Option<Self> {
        let params = cost.params();
        Some(Self(Kind::Argon2(Box::new(PasswordHash {
            algorithm: Algorithm::Argon2id.ident(),
            version: Some(Version::V0x13.into()),
            params: ParamsString::try_from(&params).ok()?,
            salt: Some(Salt::new(&[0; 16]).ok()?),
            hash: Some(Output::new(&[0; Params::DEFAULT_OUTPUT_LEN]).ok()?),
        }))))
    }

    /// Whether this is the password. It is taken as it is: a [`crate::Claim`]'s is prepared.
    /// Takes long; the digests are compared in constant time.
    pub fn verify(&self, password: &Secret) -> bool {
        match &self.0 {
            Kind::Argon2(hash) => {
                Argon2::default().verify_password(password.reveal(), &**hash).is_ok()
            }
            Kind::Foreign(hash) => hash.verify(password),
        }
    }
}

/// The text form.
impl std::fmt::Display for PasswordVerifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.0 {
            Kind::Argon2(hash) => hash.fmt(f),
            Kind::Foreign(hash) => f.write_str(hash.as_str()),
        }
    }
}

/// Not the digest: a log needs none.
impl std::fmt::Debug for PasswordVerifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PasswordVerifier(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn make(password: &str) -> PasswordVerifier {
        PasswordVerifier::new(&Secret::new(password), *b"0123456789abcdef", Cost::LOWEST).unwrap()
    }

    #[test]
    fn fits_its_password_only_also_after_being_stored() {
        let stored = make("hunter2").to_string();
        assert!(stored.starts_with("$argon2id$v=19$m=8,t=1,p=1$"), "{stored}");
        let verifier = PasswordVerifier::parse(&stored).unwrap();
        assert!(verifier.verify(&Secret::new("hunter2")));
        assert!(!verifier.verify(&Secret::new("hunter3")));
        assert!(!verifier.verify(&Secret::new("")));
    }

    /// The test vector of the reference implementation for argon2id, version 19.
    #[test]
    fn agrees_with_the_reference_implementation() {
        let text =
            "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4";
        assert!(PasswordVerifier::parse(text).unwrap().verify(&Secret::new("password")));
    }

    #[test]
    fn passwords_are_prepared_before_they_are_hashed() {
        assert!(make("\u{2168}").verify(&Secret::new("IX")));
    }

    #[test]
    fn a_decoy_fits_nothing_and_costs_the_same() {
        let decoy = PasswordVerifier::decoy(Cost::default()).unwrap();
        assert!(!decoy.verify(&Secret::new("anything")));
        assert!(decoy.to_string().contains("$m=19456,t=2,p=1$"));
    }

    #[test]
    fn nonsense_is_refused() {
        let good = make("x").to_string();
        for bad in [
            "",
            "hunter2",
            "$argon2x$v=19$m=8,t=1,p=1$MDEyMzQ1Njc4OWFiY2RlZg$AAAAAAAAAAAAAAAAAAAAAA",
            "$argon2id$v=19$m=8,t=1,p=1$MDEyMzQ1Njc4OWFiY2RlZg",
            "$argon2id$v=19$m=8,t=1,p=1",
            &good.replace("m=8,", "m=4000000,"),
            &good.replace("t=1,", "t=4000,"),
            &good.replace("argon2id", "scrypt"),
        ] {
            assert!(PasswordVerifier::parse(bad).is_err(), "{bad}");
        }
        assert!(PasswordVerifier::new(&Secret::new(""), [0; 16], Cost::LOWEST).is_err());
    }

    /// What other servers made of `password`, with the names that they put in front.
    #[test]
    fn hashes_of_other_servers() {
        for (text, foreign) in [
            (
                "{ARGON2I}$argon2i$v=19$m=256,t=2,p=1$c29tZXNhbHQ$\
                 iekCn0Y3spW+sCcFanM2xBT63UP2sghkUoHLIUpWRS8",
                true,
            ),
            (
                "{ARGON2ID}$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$\
                 nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
                false,
            ),
        ] {
            let verifier = PasswordVerifier::import(text).unwrap();
            assert_eq!(verifier.is_foreign(), foreign, "{text}");
            let stored = PasswordVerifier::parse(&verifier.to_string()).unwrap();
            assert!(stored.verify(&Secret::new("password")), "{text}");
            assert!(!stored.verify(&Secret::new("Password")), "{text}");
        }
    }

    #[test]
    fn is_never_printed() {
        assert!(!format!("{:?}", make("x")).contains('$'));
    }
}
