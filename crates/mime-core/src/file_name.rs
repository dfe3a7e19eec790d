//! File names of attachments, made safe to create a file with.
//!
//! Senders control them: a name may hold paths, controls, marks that turn the direction of writing
//! (`gpj.exe` shown as `exe.jpg`), names of devices, or any length. Whether the file is harmless is
//! not known here.

use unicode_normalization::UnicodeNormalization;

use crate::{body_structure::Part, header::params::param_text, text::Decoded};

/// Octets of a name in UTF-8; file systems allow 255, and a number may have to be added.
const NAME_OCTETS_MAX: usize = 200;

/// The file name of a part, as its sender wrote it, decoded: Content-Disposition's `filename`, or
/// Content-Type's `name`. Not safe: see [`safe_file_name`].
pub fn given_file_name(part: &Part) -> Option<Decoded> {
    let filename = part.disposition.as_ref().and_then(|it| param_text(&it.params, "filename"));
    filename
        .filter(|name| !name.value.text.trim().is_empty())
        .or_else(|| param_text(&part.media_type.params, "name"))
        .map(|name| name.value)
}

/// The name with which a file can be created (RFC 2183 §2.3): the last component of a path, in
/// NFC, with nothing in it that a file system or a terminal may take for something else. `None` if
/// nothing is left.
pub fn safe_file_name(given: &str) -> Option<String> {
    let last = given.rsplit(['/', '\\']).find(|component| !component.trim().is_empty())?;
    let shown = last.nfc().filter(|c| !is_unseen(*c));
    let shown = shown.map(|c| if "<>:\"|?*".contains(c) { '_' } else { c });
    let shown: String = shown.map(|c| if c.is_whitespace() { ' ' } else { c }).collect();
    // Dots at the start hide a file, or leave the folder; at the end Windows drops them.
    let bare = shown.trim_matches(|c: char| c == '.' || c == ' ');
    if bare.is_empty() {
        return None;
    }
    let name = if is_device(bare) { format!("_{bare}") } else { bare.to_owned() };
    Some(shortened(&name))
}

/// Controls, and format characters that change how a name is shown.
fn is_unseen(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}')
        || matches!(c, '\u{61c}' | '\u{ad}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}')
}

/// A name that Windows keeps for a device, whatever its extension.
fn is_device(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or_default().trim_end().to_ascii_lowercase();
    let numbered = |prefix| {
        stem.strip_prefix(prefix).is_some_and(|rest| matches!(rest.as_bytes(), [b'1'..=b'9']))
    };
    matches!(stem.as_str(), "con" | "prn" | "aux" | "nul") || numbered("com") || numbered("lpt")
}

/// At most [`NAME_OCTETS_MAX`]; an extension of usual length is kept.
fn shortened(name: &str) -> String {
    const EXTENSION_OCTETS_MAX: usize = 16;
    if name.len() <= NAME_OCTETS_MAX {
        return name.to_owned();
    }
    let dot = name.rfind('.').filter(|at| name.len().saturating_sub(*at) <= EXTENSION_OCTETS_MAX);
    let (stem, extension) = name.split_at_checked(dot.unwrap_or(name.len())).unwrap_or((name, ""));
    let end = stem.floor_char_boundary(NAME_OCTETS_MAX.saturating_sub(extension.len()));
    [stem.get(..end).unwrap_or_default().trim_end(), extension].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::structure::Structure;

    #[track_caller]
    fn check(given: &str, expected: Option<&str>) {
        assert_eq!(safe_file_name(given).as_deref(), expected, "{given:?}");
    }

    #[test]
    fn paths_are_left_out() {
        check("a.txt", Some("a.txt"));
        check("../../etc/passwd", Some("passwd"));
        check("C:\\x\\y.txt", Some("y.txt"));
        check("a/", Some("a"));
        check("C:y.txt", Some("C_y.txt"));
        for nothing in ["", "..", "/", "\\ /", "...", " . ", "\0\r\n", "\u{202e}"] {
            check(nothing, None);
        }
    }

    #[test]
    fn nothing_unseen_is_left() {
        check("invoice\u{202e}gpj.exe", Some("invoicegpj.exe"));
        check("a\0b\r\nc.txt", Some("abc.txt"));
        check("a\u{a0}b\tc", Some("a bc"));
        check(".bashrc", Some("bashrc"));
        check("a.txt. .", Some("a.txt"));
        check("what?.txt", Some("what_.txt"));
        check("nul.txt", Some("_nul.txt"));
        check("COM1", Some("_COM1"));
        check("company.txt", Some("company.txt"));
    }

    #[test]
    fn names_are_composed() {
        check("\u{1112}\u{116c}\u{110b}\u{1174}.hwp", Some("회의.hwp"));
    }

    #[test]
    fn names_are_bounded() {
        let long = safe_file_name(&format!("{}.hwp", "가".repeat(300))).unwrap();
        assert!(long.len() <= NAME_OCTETS_MAX && long.ends_with("가.hwp"), "{long}");
        assert!(safe_file_name(&format!("a.{}", "b".repeat(300))).unwrap().len() <= 200);
    }

    #[test]
    fn names_of_parts() {
        let check = |header: &str, expected: Option<&str>| {
            let structure = Structure::of(header.as_bytes());
            let name = given_file_name(&structure.body.root).map(|name| name.text);
            assert_eq!(name.as_deref(), expected, "{header:?}");
        };
        check(
            "Content-Type: a/b; name=t\r\nContent-Disposition: inline; filename=d\r\n",
            Some("d"),
        );
        check(
            "Content-Type: a/b; name=t\r\nContent-Disposition: inline; filename=\"\"\r\n",
            Some("t"),
        );
        check("Content-Type: a/b; name*=utf-8''%EA%B0%80\r\n", Some("가"));
        check("Content-Disposition: attachment\r\n", None);
    }

    proptest::proptest! {
        #[test]
        fn a_safe_name_is_safe(given in "(\\PC|[/\\\\. :*\0\r\n\u{202e}]){0,80}") {
            if let Some(name) = safe_file_name(&given) {
                proptest::prop_assert!(!name.is_empty() && name.len() <= NAME_OCTETS_MAX);
                proptest::prop_assert!(!name.contains(['/', '\\', '\0', ':']));
                proptest::prop_assert!(!name.starts_with('.') && !name.ends_with(['.', ' ']));
            }
        }
    }
}
