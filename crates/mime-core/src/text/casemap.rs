//! Comparing text without regard to case: i;unicode-casemap (RFC 5051).

use unicode_normalization::char::decompose_compatible;

/// The text in the form whose octets are compared: each character in title case, then decomposed
/// (RFC 5051 §2).
pub fn casemap(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    casemap_into(text, &mut out);
    out
}

/// The same, appended. Each character is folded by itself: a text may come in any pieces.
pub fn casemap_into(text: &str, out: &mut String) {
    let mut rest = text;
    while let Some(next) = rest.chars().next() {
        let plain = rest.bytes().position(|octet| !octet.is_ascii()).unwrap_or(rest.len());
        if let (1.., Some((run, behind))) = (plain, rest.split_at_checked(plain)) {
            let begin = out.len();
            out.push_str(run);
            if let Some(run) = out.get_mut(begin..) {
                run.make_ascii_uppercase();
            }
            rest = behind;
        } else {
            decompose_compatible(title_case(next), |part| out.push(part));
            rest = rest.get(next.len_utf8()..).unwrap_or_default();
        }
    }
}

/// The simple title case mapping of the Unicode character database: one character for one.
fn title_case(character: char) -> char {
    match character {
        // The digraphs, which alone have a title case that is not their upper case.
        '\u{1c4}'..='\u{1c6}' => '\u{1c5}',
        '\u{1c7}'..='\u{1c9}' => '\u{1c8}',
        '\u{1ca}'..='\u{1cc}' => '\u{1cb}',
        '\u{1f1}'..='\u{1f3}' => '\u{1f2}',
        // Georgian, whose upper case is for whole words.
        '\u{10d0}'..='\u{10fa}' | '\u{10fd}'..='\u{10ff}' => character,
        // Greek with iota subscript, whose full upper case is two characters.
        '\u{1f80}'..='\u{1f87}' | '\u{1f90}'..='\u{1f97}' | '\u{1fa0}'..='\u{1fa7}' => {
            char::from_u32(u32::from(character) + 8).unwrap_or(character)
        }
        '\u{1fb3}' | '\u{1fc3}' | '\u{1ff3}' => {
            char::from_u32(u32::from(character) + 9).unwrap_or(character)
        }
        _ => {
            let mut upper = character.to_uppercase();
            match (upper.next(), upper.next()) {
                (Some(only), None) => only,
                _ => character,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn examples() {
        let check = |text: &str, expected: &str| assert_eq!(casemap(text), expected, "{text}");
        // RFC 5051 §2, the example: the two letters fall together.
        check("\u{1c4}", "D\u{17d}".replace('\u{17d}', "z\u{30c}").as_str());
        assert_eq!(casemap("\u{1c6}"), casemap("\u{1c4}"));
        assert_eq!(casemap("\u{1c5}"), casemap("\u{1c4}"));
        check("Saying Hello", "SAYING HELLO");
        check("straße", "STRAßE");
        check("É", "E\u{301}");
        assert_eq!(casemap("é"), casemap("E\u{301}"));
        check("ﬁ", "fi");
        check("ａｂ", "AB");
        check("안녕", "\u{110b}\u{1161}\u{11ab}\u{1102}\u{1167}\u{11bc}");
        check("\u{1fb3}", "\u{391}\u{345}");
        check("\u{1f80}", "\u{391}\u{313}\u{345}");
        check("\u{10d0}", "\u{10d0}");
    }

    proptest! {
        #[test]
        fn case_does_not_count(text in "[a-zäöüßéаб가-힣 ]{0,20}") {
            let upper: String = text.chars().map(title_case).collect();
            prop_assert_eq!(casemap(&text), casemap(&upper));
        }

        #[test]
        fn pieces_are_folded_as_the_whole(first in "(\\PC|[a-z]){0,12}", second in "\\PC{0,12}") {
            prop_assert_eq!(casemap(&first) + &casemap(&second), casemap(&(first + &second)));
        }
    }
}
