//! Random bytes, and passwords made of them.

use anyhow::Context;

/// Letters and digits that nobody mistakes for each other.
const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";

/// So many random bytes.
pub(crate) fn bytes<const N: usize>() -> anyhow::Result<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).context("the system has no random bytes")?;
    Ok(bytes)
}

/// A password of 80 random bits that can be read aloud, and needs no quoting in a shell.
pub(crate) fn password() -> anyhow::Result<String> {
    let mut password = String::new();
    for (place, byte) in bytes::<16>()?.into_iter().enumerate() {
        if place > 0 && place % 4 == 0 {
            password.push('-');
        }
        password.extend(ALPHABET.get(usize::from(byte % 32)).map(|letter| char::from(*letter)));
    }
    Ok(password)
}

#[cfg(test)]
mod tests {
    #[test]
    fn passwords_differ_and_need_no_quoting() {
        let (one, two) = (super::password().unwrap(), super::password().unwrap());
        assert_ne!(one, two);
        assert_eq!(one.len(), 19);
        assert!(one.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'));
    }
}
