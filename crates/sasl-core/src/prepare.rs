//! Names and passwords in the form in which they are compared.

use std::borrow::Cow;

use mail_types::Secret;

/// SASLprep (RFC 4013) where it applies, otherwise the text as it is.
///
/// RFC 4616 §2 recommends SASLprep and lets a server prepare otherwise. It rests on Unicode 3.2:
/// what it has no answer for (newer scripts, emoji, control characters, mixed directions) must not
/// lock its owner out, and is compared to the letter.
pub fn prepare(text: &str) -> Cow<'_, str> {
    match stringprep::saslprep(text) {
        Ok(prepared) if !prepared.is_empty() => prepared,
        _ => Cow::Borrowed(text),
    }
}

/// The same for a password, which need not be UTF-8: other bytes stay as they are.
pub fn prepare_secret(secret: &Secret) -> Secret {
    match secret.reveal_str().map(prepare) {
        Some(Cow::Owned(prepared)) => Secret::new(prepared),
        _ => secret.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 4013 §3 and what it has no answer for.
    #[test]
    fn preparation() {
        for (text, expected) in [
            ("I\u{AD}X", "IX"),
            ("user", "user"),
            ("USER", "USER"),
            ("\u{AA}", "a"),
            ("\u{2168}", "IX"),
            ("a\u{A0}b", "a b"),
            ("한글", "한글"),
            // Prohibited, or not in Unicode 3.2: to the letter.
            ("\u{7}", "\u{7}"),
            ("\u{627}\u{31}", "\u{627}\u{31}"),
            ("🦀", "🦀"),
            // Would be empty.
            ("\u{AD}", "\u{AD}"),
        ] {
            assert_eq!(prepare(text), expected, "{text:?}");
        }
        assert_eq!(prepare_secret(&Secret::new(b"\xff".to_vec())), Secret::new(b"\xff".to_vec()));
        assert_eq!(prepare_secret(&Secret::new("\u{2168}")), Secret::new("IX"));
    }
}
