//! Random names and numbers, from the system.

use mail_types::{QueueId, Timestamp};

/// 64 random bits.
pub(crate) fn random() -> u64 {
    let mut octets = [0; 8];
    // Without randomness (an ancient kernel, no /dev) names would only be less random: each use
    // copes with one that is taken.
    if getrandom::fill(&mut octets).is_err() {
        octets = std::process::id().to_be_bytes().repeat(2).try_into().unwrap_or_default();
    }
    u64::from_be_bytes(octets)
}

/// A lease token.
pub(crate) fn token() -> i64 {
    // Positive, so that it reads well.
    i64::try_from(random() >> 1).unwrap_or(0)
}

/// A queue id of this moment.
pub(crate) fn queue_id(now: Timestamp) -> QueueId {
    let [a, b, c, d, ..] = random().to_be_bytes();
    QueueId::new(now, [a, b, c, d])
}

/// The name of a content file: 20 letters, about 94 random bits.
pub(crate) fn spool_name() -> String {
    let (mut high, mut low) = (random(), random());
    let letter = |bits: &mut u64| {
        let place = u8::try_from(*bits % 26).unwrap_or(0);
        *bits /= 26;
        char::from(b'a'.saturating_add(place))
    };
    (0..20).map(|at| if at < 10 { letter(&mut high) } else { letter(&mut low) }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_letters_and_not_the_same() {
        let name = spool_name();
        assert!(name.len() == 20 && name.bytes().all(|b| b.is_ascii_lowercase()), "{name}");
        assert_ne!(name, spool_name());
        assert!(token() >= 0);
    }
}
