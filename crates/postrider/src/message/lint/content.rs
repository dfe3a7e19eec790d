//! What is wrong with the bodies of parts: their transfer encoding, their charset, their names.
//!
//! Each body is read once, in pieces.

use mime_core::{
    body_structure::Param,
    file_name::{given_file_name, safe_file_name},
    text::{Charset, TextDecoder},
    transfer::{Encoding, Fault, FaultFinder, FaultKind},
};

use super::{Collected, Rule, rules, section_of};
use crate::{
    message::{Opened, opened::is_text, placed::Placed},
    printer, terminal,
};

pub(super) fn look(
    opened: &Opened,
    placed: &[Placed<'_>],
    found: &mut Collected,
) -> anyhow::Result<()> {
    for it in placed {
        let section = section_of(it);
        let header_at = it.part.header.start;
        look_at_names(it, &mut |rule, detail| found.push(rule, header_at, section, detail));
        if !it.is_leaf() {
            continue;
        }
        if it.encoding() == Encoding::Unknown {
            let encoding = it.encoding_name().map(|name| terminal::one_line(&name));
            found.push(&rules::UNKNOWN_ENCODING, header_at, section, encoding);
        }
        look_at_body(opened, it, section, found)?;
    }
    Ok(())
}

fn look_at_body(
    opened: &Opened,
    placed: &Placed<'_>,
    section: Option<&str>,
    found: &mut Collected,
) -> anyhow::Result<()> {
    let part = placed.part;
    let encoding = placed.encoding();
    let mut faults = FaultFinder::new(encoding);
    let label = part.media_type.param("charset");
    let mut decoder = is_text(part).then(|| TextDecoder::new(encoding, label));
    let (mut text, mut is_ascii, mut garbled) = (String::new(), true, false);
    let mut take = |text: &mut String| {
        is_ascii &= text.is_ascii();
        garbled |= text.contains('\u{fffd}');
        text.clear();
    };
    let mut at = part.body.start;
    let mut eight_bit = None;
    opened.source.pieces(part.body.clone(), |piece| {
        faults.push(piece);
        if eight_bit.is_none() {
            let first = piece.iter().position(|octet| !octet.is_ascii());
            let offset = |first| at.saturating_add(u64::try_from(first).unwrap_or(u64::MAX));
            eight_bit = first.map(offset);
        }
        if let Some(decoder) = &mut decoder {
            decoder.push(piece, &mut text);
            take(&mut text);
        }
        at = at.saturating_add(u64::try_from(piece.len()).unwrap_or(u64::MAX));
        Ok(())
    })?;
    let guessed = decoder.is_some_and(|decoder| decoder.finish(&mut text));
    take(&mut text);

    for fault in faults.finish() {
        let at = part.body.start.saturating_add(fault.at);
        found.push(rule_of(fault.kind), at, section, Some(times(&fault)));
    }
    if let (Some(at), Encoding::SevenBit) = (eight_bit, encoding) {
        found.push(&rules::EIGHT_BIT, at, section, placed.encoding_name());
    }
    let charset = placed.charset().map(|charset| terminal::one_line(&charset));
    let rule: &'static Rule = match label {
        _ if !is_text(part) || (is_ascii && !garbled) => return Ok(()),
        None if guessed => &rules::CHARSET_MISSING,
        Some(label) if is_unknown(label) => &rules::UNKNOWN_CHARSET,
        Some(_) if guessed => &rules::CHARSET_LIES,
        _ if garbled => &rules::UNDECODABLE,
        _ => return Ok(()),
    };
    found.push(rule, part.body.start, section, charset);
    Ok(())
}

/// US-ASCII is known, though for text beyond it that says nothing.
fn is_unknown(label: &[u8]) -> bool {
    let is_ascii = |name: &str| label.trim_ascii().eq_ignore_ascii_case(name.as_bytes());
    Charset::of_label(label) == Charset::Unknown && !is_ascii("us-ascii") && !is_ascii("ascii")
}

fn look_at_names(placed: &Placed<'_>, push: &mut impl FnMut(&'static Rule, Option<String>)) {
    let part = placed.part;
    if let Some(given) = given_file_name(part) {
        let is_unsafe = given.text.contains(['/', '\\'])
            || given.text.starts_with('.')
            || given.text.contains(terminal::is_hidden);
        if is_unsafe {
            let shown = terminal::one_line(&given.text);
            let safe = safe_file_name(&given.text).unwrap_or_else(|| "a number".to_owned());
            let shown = terminal::shortened(&shown, 60).into_owned();
            push(&rules::UNSAFE_NAME, Some(format!("`{shown}` becomes `{safe}`")));
        }
    }
    let disposition = part.disposition.iter().flat_map(|it| &it.params);
    let is_word = |param: &&Param| {
        let value = &*param.value;
        value.windows(2).any(|two| two == b"=?") && value.windows(2).any(|two| two == b"?=")
    };
    if let Some(param) = part.media_type.params.iter().chain(disposition).find(is_word) {
        push(&rules::WORD_IN_PARAMETER, Some(String::from_utf8_lossy(&param.name).into_owned()));
    }
}

fn rule_of(fault: FaultKind) -> &'static Rule {
    match fault {
        FaultKind::Foreign => &rules::BASE64_FOREIGN,
        FaultKind::Padding => &rules::BASE64_PADDING,
        FaultKind::Truncated => &rules::BASE64_TRUNCATED,
        FaultKind::BadEscape => &rules::QP_ESCAPE,
        FaultKind::Unencoded => &rules::QP_UNENCODED,
        FaultKind::LongLine => &rules::LONG_ENCODED_LINE,
    }
}

/// How often, the first of them being where the finding is.
fn times(fault: &Fault) -> String {
    let noun = match fault.kind {
        FaultKind::Foreign | FaultKind::Unencoded => "octet",
        FaultKind::LongLine => "line",
        FaultKind::Padding | FaultKind::Truncated | FaultKind::BadEscape => "place",
    };
    printer::count(fault.count, noun)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Source;

    #[track_caller]
    fn check(header: &str, body: &[u8], expected: &[&str]) {
        let message = [header.as_bytes(), b"\r\n", body].concat();
        let opened = Opened::read(Source::of(message)).unwrap();
        let mut found = Collected::default();
        look(&opened, &opened.placed(), &mut found).unwrap();
        let found: Vec<_> = found.list.iter().map(|it| it.rule.code).collect();
        assert_eq!(found, expected, "{header:?}");
    }

    #[test]
    fn charsets() {
        let of = |charset: &str| {
            format!(
                "Content-Type: text/plain; charset={charset}\r\nContent-Transfer-Encoding: 8bit\r\n"
            )
        };
        check("", b"plain", &[]);
        check(&of("euc-kr"), b"\xb0\xa1\xb3\xaa", &[]);
        check(&of("utf-8"), "\u{fffd}".as_bytes(), &["charset-undecodable"]);
        check(&of("us-ascii"), "가나다".as_bytes(), &["charset-wrong"]);
        check(&of("no-such"), "가나다".as_bytes(), &["charset-unknown"]);
        check(&of("no-such"), b"plain", &[]);
        check("Content-Transfer-Encoding: 8bit\r\n", "가".as_bytes(), &["charset-missing"]);
        check("Content-Type: image/png\r\nContent-Transfer-Encoding: 8bit\r\n", b"\xff", &[]);
    }

    #[test]
    fn encodings() {
        let of = |encoding: &str| {
            format!("Content-Type: a/b\r\nContent-Transfer-Encoding: {encoding}\r\n")
        };
        check(&of("7bit"), b"\xff", &["eight-bit-undeclared"]);
        check(&of("x-no"), b"\xff", &["encoding-unknown"]);
        check(&of("base64"), b"AA*A", &["base64-foreign", "base64-padding"]);
        check(&of("base64"), b"A", &["base64-cut-off"]);
        check(
            &of("quoted-printable"),
            b"=zz\0",
            &["quoted-printable-escape", "quoted-printable-unencoded"],
        );
        check(&of("quoted-printable"), &[b'x'; 77], &["encoded-line-long"]);
    }

    #[test]
    fn names() {
        let of = |name: &str| format!("Content-Disposition: attachment; filename=\"{name}\"\r\n");
        check(&of("a.txt"), b"", &[]);
        check(&of("=?utf-8?Q?a?="), b"", &["encoded-word-in-parameter"]);
        for name in ["/a", "..", ".profile", "a\\\\b", "a\u{202e}b"] {
            check(&of(name), b"", &["file-name-unsafe"]);
        }
    }
}
