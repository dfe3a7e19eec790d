//! The languages of the texts (RFC 6856 §3).
//!
//! Response codes and everything else that a client acts on is the same in all of them.

/// The language of the texts that follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Language {
    /// The default, and what `*` asks for unless the operator prefers another.
    #[default]
    English,
    /// Korean.
    Korean,
}

/// A text in all languages.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Text {
    pub(crate) english: &'static str,
    pub(crate) korean: &'static str,
}

impl Text {
    pub(crate) const fn new(english: &'static str, korean: &'static str) -> Self {
        Self { english, korean }
    }

    pub(crate) fn say(self, language: Language) -> &'static str {
        match language {
            Language::English => self.english,
            Language::Korean => self.korean,
        }
    }
}

impl Language {
    /// All that LANG lists.
    pub(crate) const ALL: [Self; 2] = [Self::English, Self::Korean];

    /// Its tag (RFC 5646 §2.1).
    pub fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Korean => "ko",
        }
    }

    /// Its name in itself.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::English => "English",
            Self::Korean => "한국어",
        }
    }

    /// The language that a range asks for, by lookup (RFC 4647 §3.4): subtags are taken off the
    /// end until one fits, so that `ko-KR` is Korean. `*` is what is `preferred`.
    pub(crate) fn matching(range: &str, preferred: Self) -> Option<Self> {
        if range == "*" {
            return Some(preferred);
        }
        let primary = range.split('-').next().unwrap_or_default();
        Self::ALL.into_iter().find(|language| language.tag().eq_ignore_ascii_case(primary))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges() {
        for (range, expected) in [
            ("en", Some(Language::English)),
            ("EN", Some(Language::English)),
            ("en-GB", Some(Language::English)),
            ("ko-Kore-KR", Some(Language::Korean)),
            ("*", Some(Language::Korean)),
            ("MUL", None),
            ("k", None),
            ("", None),
        ] {
            assert_eq!(Language::matching(range, Language::Korean), expected, "{range:?}");
        }
    }
}
