//! Header fields for new messages, in ASCII unless an address cannot be: folded, encoded, and with
//! nothing in a value that could end its line.

use mail_types::Address;

use crate::text::encode_words;

/// Lines get no longer where they can be folded (RFC 5322 §2.1.1, RFC 2047 §2).
const COLUMNS: usize = 76;
/// A longer word is cut into encoded words, for a line may not have more than 998 octets.
const WORD_OCTETS_MAX: usize = 200;

/// Appends a field with free text (RFC 5322 §3.6.5).
pub(crate) fn put_text(out: &mut String, name: &str, text: &str) {
    put_line(out, name, &unstructured(text));
}

/// Appends a field with addresses; none if there are none.
pub(crate) fn put_addresses<'a>(
    out: &mut String,
    name: &str,
    list: impl IntoIterator<Item = (&'a str, &'a Address)>,
) {
    let mut pieces: Vec<String> = Vec::new();
    for (shown, address) in list {
        if let Some(last) = pieces.last_mut() {
            last.push(',');
        }
        pieces.push(match shown.trim() {
            "" => format!("<{address}>"),
            shown => format!("{} <{address}>", phrase(shown)),
        });
    }
    if !pieces.is_empty() {
        put_line(out, name, &fold(&pieces.iter().map(String::as_str).collect::<Vec<_>>()));
    }
}

/// Appends a field with message ids, which come without angle brackets; what is none is left out.
pub(crate) fn put_ids<'a>(out: &mut String, name: &str, ids: impl IntoIterator<Item = &'a str>) {
    let may_stand = |id: &&str| {
        let breaks = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '<' | '>');
        !id.is_empty() && id.len() <= 900 && !id.contains(breaks)
    };
    let ids: Vec<String> = ids.into_iter().filter(may_stand).map(|id| format!("<{id}>")).collect();
    if !ids.is_empty() {
        put_line(out, name, &fold(&ids.iter().map(String::as_str).collect::<Vec<_>>()));
    }
}

/// Appends `name: value`; the value is folded and safe already.
pub(crate) fn put_line(out: &mut String, name: &str, value: &str) {
    out.push_str(&format!("{name}: {value}\r\n"));
}

/// Words that can stay do; from the first that cannot to the last, encoded words (RFC 2047 §5).
pub(crate) fn unstructured(text: &str) -> String {
    let text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let needs =
        |word: &&str| !word.is_ascii() || word.contains("=?") || word.len() > WORD_OCTETS_MAX;
    let mut words: Vec<&str> = text.split(' ').collect();
    let Some(first) = words.iter().position(&needs) else { return fold(&words) };
    let last = words.iter().rposition(needs).unwrap_or(first);
    let behind = words.split_off(last.saturating_add(1).min(words.len()));
    let middle = words.split_off(first.min(words.len()));
    let encoded = encode_words(&middle.join(" "));
    words.push(&encoded);
    words.extend(behind);
    fold(&words)
}

/// A display name: a quoted string, or encoded words (RFC 5322 §3.2.5, RFC 2047 §5).
pub(crate) fn phrase(name: &str) -> String {
    let name: String = name.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    if name.is_ascii() && !name.contains("=?") && name.len() <= WORD_OCTETS_MAX {
        format!("\"{}\"", name.replace('\\', "\\\\").replace('"', "\\\""))
    } else {
        encode_words(&name)
    }
}

/// One piece a line where lines get long.
pub(crate) fn fold(pieces: &[&str]) -> String {
    let mut out = String::new();
    // The name stands before the first.
    let mut column = 20_usize;
    for piece in pieces {
        let first_line = piece.split("\r\n").next().unwrap_or_default().len();
        if !out.is_empty() {
            let breaks = column.saturating_add(first_line) > COLUMNS && !piece.is_empty();
            out.push_str(if breaks { "\r\n " } else { " " });
            column = if breaks { 1 } else { column.saturating_add(1) };
        }
        out.push_str(piece);
        column = match piece.rsplit_once("\r\n") {
            Some((_, last_line)) => last_line.len(),
            None => column.saturating_add(piece.len()),
        };
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{header, text::decode_header};

    #[test]
    fn no_value_ends_its_line() {
        let mut out = String::new();
        put_text(&mut out, "Subject", "a\r\nBcc: b\0");
        let address = Address::parse("a@b.example").unwrap();
        put_addresses(&mut out, "To", [("x\r\nCc: \"y\"", &address)]);
        put_ids(&mut out, "References", ["a@b", "c\r\nX: d", "e>f", ""]);
        let names: Vec<_> = header::fields(out.as_bytes()).map(|field| field.name).collect();
        assert_eq!(names, [b"Subject".as_slice(), b"To", b"References"], "{out}");
        assert!(out.ends_with("References: <a@b>\r\n"));
    }

    proptest::proptest! {
        #[test]
        fn text_is_read_back(words in proptest::collection::vec("[!-~가-힣]{1,30}|=\\?UTF-8\\?Q\\?a\\?=|[a-z]{300}", 0..30)) {
            let text = words.join(" ");
            let mut out = String::new();
            put_text(&mut out, "Subject", &text);
            proptest::prop_assert!(out.is_ascii());
            proptest::prop_assert!(out.split("\r\n").all(|line| line.len() <= 250), "{}", out);
            let field = header::find(out.as_bytes(), "Subject").unwrap();
            proptest::prop_assert_eq!(decode_header(field.value), text);
        }
    }
}
