//! What a reader sees of an HTML part.

use mail_parser::decoders::html::html_to_text;

/// The text of an HTML text: without tags, comments, styles and scripts, entities decoded. Any
/// text is taken; what is no HTML stays much as it is.
pub fn text_of_html(html: &str) -> String {
    html_to_text(html)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_seen_is_left() {
        let check = |html: &str, expected: &str| {
            assert_eq!(
                text_of_html(html).split_whitespace().collect::<Vec<_>>().join(" "),
                expected
            );
        };
        check("<p>Hello <b>big</b> <i>world</i></p>", "Hello big world");
        check("<style>p { color: red }</style>x<!-- hidden --><script>alert(1)</script>y", "xy");
        check("caf&eacute; &amp; &#51228;&#47785;", "café & 제목");
        check("a < b, no tags", "a");
        check("", "");
    }

    proptest::proptest! {
        #[test]
        fn nothing_panics(html in "[<>&;/!a-z#0-9 \"'=\\-가-힣]{0,80}") {
            let _ = text_of_html(&html);
        }
    }
}
