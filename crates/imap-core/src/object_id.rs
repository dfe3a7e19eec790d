//! Names that the server gives to mailboxes and messages (RFC 8474).

use std::fmt;

use mail_types::Malformed;

/// `objectid = 1*255(ALPHA / DIGIT / "_" / "-")`; case counts (RFC 8474 §7).
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct ObjectId(Box<str>);

impl ObjectId {
    /// The most characters.
    const LENGTH_MAX: usize = 255;

    /// Checks the grammar.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        let fits = (1..=Self::LENGTH_MAX).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'));
        if fits {
            Ok(Self(text.into()))
        } else {
            Err(Malformed("an object id is not 1 to 255 letters, digits, _ and -"))
        }
    }

    /// One made of numbers that are never used again together; `F` for a mailbox, as it begins
    /// with a letter.
    pub fn of_mailbox(numbers: [u64; 3]) -> Self {
        let [first, second, third] = numbers;
        Self(format!("F{first}-{second}-{third}").into())
    }

    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_object_id_is_made_of() {
        let longest = "x".repeat(255);
        for good in ["M6d99ac3275bb4e", "F2212ea87-6097-4256-9d51-71338625", "_", &longest] {
            assert_eq!(ObjectId::parse(good).unwrap().as_str(), good);
        }
        let made = ObjectId::of_mailbox([7, 0, u64::MAX]);
        assert_eq!(ObjectId::parse(made.as_str()), Ok(made));
        for bad in ["", "a b", "a.b", "(a)", "é", &format!("{longest}x")] {
            assert!(ObjectId::parse(bad).is_err(), "{bad}");
        }
    }
}
