//! The languages of the texts that people read (RFC 5255 §3).
//!
//! Texts are written in English where they come up, and said in the language of the session when
//! they are rendered; [`korean`] has all of them in one table. Response codes, and all else that a
//! program acts on, is the same in every language.

mod korean;

use std::borrow::Cow;

/// A language that texts can be in.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Language {
    /// `i-default` too (RFC 5255 §3.1): the texts are in ASCII.
    #[default]
    English,
    /// Korean.
    Korean,
}

/// What LANGUAGE lists.
pub(crate) const TAGS: &[&str] = &["en", "ko", "i-default"];

impl Language {
    /// An English text in this language; a text that was not ours as it is.
    pub fn say(self, text: &str) -> Cow<'_, str> {
        let said = match self {
            Self::English => None,
            Self::Korean => korean::said(text),
        };
        said.unwrap_or(Cow::Borrowed(text))
    }

    /// The first of these ranges that means a language of ours, by lookup (RFC 4647 §3.4), and that
    /// language's tag. `default` and `*` mean the preferred one (RFC 5255 §3.2).
    pub(crate) fn chosen(ranges: &[String], preferred: Self) -> Option<(Self, &'static str)> {
        ranges.iter().find_map(|range| {
            let range = range.to_ascii_lowercase();
            if matches!(range.as_str(), "default" | "*") {
                return Some((preferred, preferred.tag()));
            }
            if range == "i-default" {
                return Some((Self::English, "i-default"));
            }
            let primary = range.split('-').next();
            let all = [Self::English, Self::Korean];
            all.into_iter().find(|it| primary == Some(it.tag())).map(|it| (it, it.tag()))
        })
    }

    fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Korean => "ko",
        }
    }
}

/// `language-range = (1*8ALPHA *("-" 1*8alphanum)) / "*"` (RFC 4647 §2.1)
pub(crate) fn is_range(text: &str) -> bool {
    let fits = |subtag: &str, allowed: fn(&u8) -> bool| {
        (1..=8).contains(&subtag.len()) && subtag.as_bytes().iter().all(allowed)
    };
    let mut subtags = text.split('-');
    let first = subtags.next().is_some_and(|subtag| fits(subtag, u8::is_ascii_alphabetic));
    text == "*" || (first && subtags.all(|subtag| fits(subtag, u8::is_ascii_alphanumeric)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges() {
        let check = |ranges: &[&str], expected: Option<&str>| {
            let ranges: Vec<String> = ranges.iter().map(|range| (*range).to_owned()).collect();
            assert!(ranges.iter().all(|range| is_range(range)), "{ranges:?}");
            let chosen = Language::chosen(&ranges, Language::Korean).map(|(_, tag)| tag);
            assert_eq!(chosen, expected, "{ranges:?}");
        };
        check(&["EN"], Some("en"));
        check(&["ko-Kore-KR"], Some("ko"));
        // RFC 5255 §3.2, the last example.
        check(&["FR-CA", "EN-CA"], Some("en"));
        check(&["MUL"], None);
        check(&["kok"], None);
        check(&["default"], Some("ko"));
        check(&["*"], Some("ko"));
        check(&["I-Default"], Some("i-default"));
        for wrong in ["", "-", "en-", "ninechars", "1a", "en US", "en-*", "한국어"] {
            assert!(!is_range(wrong), "{wrong}");
        }
    }

    #[test]
    fn texts() {
        let check = |text: &str, korean: &str| assert_eq!(Language::Korean.say(text), korean);
        check("Signed in", "로그인했습니다");
        check("UID FETCH completed", "UID FETCH 완료");
        check("Expected a space", "다음이 와야 합니다: 빈칸");
        check("Expected DONE", "다음이 와야 합니다: DONE");
        check(
            "Too many wrong passwords: sign-in is blocked for 15 minutes",
            "틀린 비밀번호가 너무 많아 15분 동안 로그인할 수 없습니다",
        );
        check("What nobody has written here", "What nobody has written here");
        assert_eq!(Language::English.say("Signed in"), "Signed in");
    }
}
