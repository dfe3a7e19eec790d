//! Paths between angle brackets.

use mail_types::Malformed;

/// Splits `<...> rest` into the address text and what follows the bracket.
///
/// ```text
/// Path     = "<" [ A-d-l ":" ] Mailbox ">"     RFC 5321 §4.1.2
/// A-d-l    = At-domain *( "," At-domain )
/// ```
///
/// The source route is accepted and ignored, as RFC 5321 §4.1.1.3 and its appendix C ask.
pub(super) fn split(text: &str) -> Result<(&str, &str), Malformed> {
    const BAD: Malformed = Malformed("the address must stand in angle brackets");
    let inner = text.strip_prefix('<').ok_or(BAD)?;
    let end = closing_bracket(inner).ok_or(BAD)?;
    let (path, rest) = inner.split_at(end);
    let rest = rest.strip_prefix('>').unwrap_or(rest);
    if !rest.is_empty() && !rest.starts_with(' ') {
        return Err(Malformed("a space must stand behind the closing bracket"));
    }
    let mailbox = match path.strip_prefix('@') {
        Some(route) => route.split_once(':').ok_or(Malformed("the source route lacks a colon"))?.1,
        None => path,
    };
    Ok((mailbox, rest.trim_start()))
}

/// The place of the first `>` outside a quoted string.
fn closing_bracket(text: &str) -> Option<usize> {
    let (mut quoted, mut escaped) = (false, false);
    for (place, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'>' if !quoted => return Some(place),
            _ => {}
        }
    }
    None
}
