//! The sender rewriting scheme: a reverse-path in a domain of ours for mail that is passed on for
//! somebody, such that the next server finds us entitled to use it, and such that what is returned
//! to it finds back to whoever wrote the message.
//!
//! `SRS0=hash=day=domain=local` is ours; what another forwarder has rewritten before becomes
//! `SRS1=hash=forwarder=rest`, so that the way back leads through that one and does not grow with
//! each station. The hash is keyed: nobody can have mail sent on whose address did not pass here.
//! Servers on the way may fold the case, so nothing depends on it.

use hmac::{Hmac, KeyInit as _, Mac as _};
use mail_types::{Address, Domain, LocalPart, Timestamp};
use sha2::Sha256;

/// For how many days a returned message finds back: longer than any queue keeps one.
const DAYS: u64 = 30;
/// Days are counted in a circle of so many.
const CIRCLE: u64 = 32 * 32;
const DAY_SECS: u64 = 86_400;
/// Of the hash: 30 bits, each guess of which costs a transaction.
const HASH_LETTERS: usize = 6;
const LETTERS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// What the hashes are made with.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct SrsKey(pub(crate) Vec<u8>);

impl std::fmt::Debug for SrsKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SrsKey")
    }
}

impl SrsKey {
    /// The address in `ours` that stands for `from`; nothing if it would be too long.
    pub(crate) fn rewrite(&self, from: &Address, ours: &Domain, now: Timestamp) -> Option<Address> {
        let (local, domain) = (from.local().as_str(), from.domain().as_str());
        let content = match kind(local) {
            Some((Kind::First, rest)) => {
                // What follows stays as that forwarder wrote it, with its own divider.
                self.signed("SRS1", &format!("{domain}={rest}"))
            }
            Some((Kind::Further, rest)) => {
                let (_, behind) = rest.get(1..)?.split_once('=')?;
                self.signed("SRS1", behind)
            }
            None => self.signed("SRS0", &format!("{}={domain}={local}", day_letters(day(now)))),
        };
        Some(Address::new(LocalPart::from_content(&content).ok()?, ours.clone()))
    }

    /// Whose address was rewritten; nothing if this is no such address, or was not made here, or
    /// too long ago.
    pub(crate) fn restore(&self, local: &LocalPart, now: Timestamp) -> Option<Address> {
        let (kind, rest) = kind(local.as_str())?;
        let (hash, signed) = rest.get(1..)?.split_once('=')?;
        let name = match kind {
            Kind::First => "SRS0",
            Kind::Further => "SRS1",
        };
        if !same(&self.hash(name, signed), hash) {
            return None;
        }
        let (first, behind) = signed.split_once('=')?;
        let (domain, local) = match kind {
            Kind::First => {
                let age = (day(now) + CIRCLE).checked_sub(day_of(first)?)? % CIRCLE;
                if age > DAYS {
                    return None;
                }
                let (domain, local) = behind.split_once('=')?;
                (domain, local.to_owned())
            }
            Kind::Further => (first, format!("SRS0{behind}")),
        };
        Some(Address::new(LocalPart::from_content(&local).ok()?, Domain::parse(domain).ok()?))
    }

    fn signed(&self, name: &str, text: &str) -> String {
        format!("{name}={}={text}", self.hash(name, text))
    }

    fn hash(&self, name: &str, text: &str) -> String {
        // A key of any length will do for HMAC (RFC 2104 §3).
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.0) else { return String::new() };
        mac.update(name.as_bytes());
        mac.update(text.to_lowercase().as_bytes());
        let bits = mac.finalize().into_bytes();
        let head = bits.iter().take(8).fold(0_u64, |sum, octet| sum << 8 | u64::from(*octet));
        (0..HASH_LETTERS).map(|at| letter(head >> (5 * at))).collect()
    }
}

/// Which of the two forms.
enum Kind {
    First,
    Further,
}

/// `SRS0` or `SRS1`, and what follows with the divider before it, which may be `=`, `+` or `-`.
fn kind(local: &str) -> Option<(Kind, &str)> {
    let (name, rest) = (local.get(..4)?, local.get(4..)?);
    if !rest.starts_with(['=', '+', '-']) {
        return None;
    }
    match name {
        name if name.eq_ignore_ascii_case("SRS0") => Some((Kind::First, rest)),
        name if name.eq_ignore_ascii_case("SRS1") => Some((Kind::Further, rest)),
        _ => None,
    }
}

/// Whether an address has the form of one that stands for a sender elsewhere, made here or not.
pub fn is_rewritten(local: &LocalPart) -> bool {
    kind(local.as_str()).is_some()
}

fn day(now: Timestamp) -> u64 {
    now.secs().unsigned_abs() / DAY_SECS % CIRCLE
}

fn day_letters(day: u64) -> String {
    [letter(day >> 5), letter(day)].into_iter().collect()
}

fn day_of(letters: &str) -> Option<u64> {
    let value = |octet: u8| {
        let upper = octet.to_ascii_uppercase();
        LETTERS.iter().position(|letter| *letter == upper).and_then(|at| u64::try_from(at).ok())
    };
    match letters.as_bytes() {
        [high, low] => Some(value(*high)? << 5 | value(*low)?),
        _ => None,
    }
}

/// The lowest five bits.
fn letter(bits: u64) -> char {
    usize::try_from(bits & 31).ok().and_then(|at| LETTERS.get(at)).map_or('A', |l| char::from(*l))
}

/// Compared in the same time wherever they differ.
fn same(ours: &str, theirs: &str) -> bool {
    let pairs = ours.bytes().zip(theirs.bytes());
    let differs = pairs.fold(0, |sum, (a, b)| sum | (a ^ b.to_ascii_uppercase()));
    ours.len() == theirs.len() && !ours.is_empty() && differs == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_secs(1_700_000_000);

    fn key() -> SrsKey {
        SrsKey(vec![7; 32])
    }

    fn address(text: &str) -> Address {
        Address::parse(text).unwrap()
    }

    fn rewritten(from: &str) -> Address {
        let ours = Domain::parse("ours.example").unwrap();
        key().rewrite(&address(from), &ours, NOW).unwrap()
    }

    fn later(days: u64) -> Timestamp {
        NOW.plus(std::time::Duration::from_secs(days * DAY_SECS))
    }

    #[test]
    fn there_and_back() {
        for from in [
            "bob@example.net",
            "bounces+12-ab=carol=x.example@em.example.net",
            "\"odd local\"@example.net",
            "jörg@example.net",
        ] {
            let there = rewritten(from);
            assert!(there.local().as_str().starts_with("SRS0="), "{there}");
            assert_eq!(key().restore(there.local(), later(29)), Some(address(from)));
            assert_eq!(key().restore(there.local(), later(31)), None, "too late");
            let folded = LocalPart::from_content(&there.local().as_str().to_lowercase()).unwrap();
            let back = key().restore(&folded, NOW).unwrap();
            assert_eq!(back.folded(), address(from).folded(), "case apart");
        }
    }

    #[test]
    fn a_second_forwarder_leads_back_to_the_first() {
        let first = "SRS0=abcd=TT=example.net=bob@first.example";
        let second = rewritten(first);
        assert!(second.local().as_str().contains("=first.example==abcd"), "{second}");
        assert_eq!(key().restore(second.local(), later(400)), Some(address(first)));
        // And so does a third, without growing.
        let third = rewritten(&second.to_string());
        assert_eq!(third.local().as_str().len(), second.local().as_str().len());
        assert_eq!(key().restore(third.local(), NOW), Some(address(first)));
        let plus = "SRS0+ab=TT=example.net=bob@first.example";
        assert_eq!(key().restore(rewritten(plus).local(), NOW), Some(address(plus)));
    }

    #[test]
    fn what_was_not_made_here_leads_nowhere() {
        let good = rewritten("bob@example.net").local().as_str().to_owned();
        let forged = [
            good.replace("bob", "eve"),
            good.replace("example.net", "example.com"),
            "SRS0=AAAAAA=AA=example.net=bob".to_owned(),
            "SRS0=".to_owned(),
            "SRS1=x".to_owned(),
            "SRS0==AA=example.net=bob".to_owned(),
            "srs0".to_owned(),
            "bob".to_owned(),
        ];
        for local in forged {
            let local = LocalPart::from_content(&local).unwrap();
            assert_eq!(key().restore(&local, NOW), None, "{}", local.as_str());
        }
        let other = SrsKey(vec![8; 32]);
        assert_eq!(other.restore(&LocalPart::from_content(&good).unwrap(), NOW), None);
    }

    #[test]
    fn what_does_not_fit_is_left_alone() {
        let long = format!("{}@{}.example", "a".repeat(200), "b".repeat(60));
        let ours = Domain::parse("ours.example").unwrap();
        assert_eq!(key().rewrite(&address(&long), &ours, NOW), None);
    }
}
