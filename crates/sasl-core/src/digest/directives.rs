//! A list of directives: `name=token` or `name="quoted string"`, between commas (RFC 2831 §7.1).

use crate::server::ExchangeError;

/// The most directives of a message; RFC 2831 knows fourteen.
const DIRECTIVES_MAX: usize = 64;

/// The directives of a message, each with its value unquoted.
#[derive(Debug)]
pub(crate) struct Directives(Vec<(String, Vec<u8>)>);

impl Directives {
    /// Takes a message apart. Twice the same directive is an error, but for `realm`, of which a
    /// server may name several (RFC 2831 §2.1.1).
    pub(crate) fn parse(message: &[u8]) -> Result<Self, ExchangeError> {
        let mut directives: Vec<(String, Vec<u8>)> = Vec::new();
        let mut rest = message;
        loop {
            // RFC 2831 §7.1: `#rule` allows for null elements.
            rest = skip(rest, |byte| byte == b',' || is_space(byte));
            if rest.is_empty() {
                return Ok(Self(directives));
            }
            let (name, value, after) = directive(rest).ok_or(ExchangeError::Malformed)?;
            let twice = name != "realm" && directives.iter().any(|(other, _)| *other == name);
            if twice || directives.len() >= DIRECTIVES_MAX {
                return Err(ExchangeError::Malformed);
            }
            directives.push((name, value));
            rest = skip(after, is_space);
            if !rest.is_empty() && !rest.starts_with(b",") {
                return Err(ExchangeError::Malformed);
            }
        }
    }

    /// The first of this name.
    pub(crate) fn get(&self, name: &str) -> Option<&[u8]> {
        self.0.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_slice())
    }
}

/// One directive, and what follows it.
fn directive(text: &[u8]) -> Option<(String, Vec<u8>, &[u8])> {
    let end = text.iter().position(|byte| !is_token(*byte))?;
    let (name, rest) = text.split_at_checked(end).filter(|(name, _)| !name.is_empty())?;
    let name = String::from_utf8(name.to_ascii_lowercase()).ok()?;
    let rest = skip(skip(rest, is_space).strip_prefix(b"=")?, is_space);
    if let Some(inside) = rest.strip_prefix(b"\"") {
        let (value, after) = quoted_value(inside)?;
        return Some((name, value, after));
    }
    let end = rest.iter().position(|byte| !is_token(*byte)).unwrap_or(rest.len());
    let (value, after) = rest.split_at_checked(end).filter(|(value, _)| !value.is_empty())?;
    Some((name, value.to_vec(), after))
}

/// What stands before the closing quote, and what follows that.
fn quoted_value(mut text: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let mut value = Vec::new();
    loop {
        match text {
            [b'"', rest @ ..] => return Some((value, rest)),
            [b'\\', byte, rest @ ..] | [byte, rest @ ..] => {
                value.push(*byte);
                text = rest;
            }
            [] => return None,
        }
    }
}

/// A value between quotes.
pub(crate) fn quoted(value: &[u8]) -> String {
    let text = String::from_utf8_lossy(value);
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

fn skip(text: &[u8], of: impl Fn(u8) -> bool) -> &[u8] {
    let end = text.iter().position(|byte| !of(*byte)).unwrap_or(text.len());
    text.get(end..).unwrap_or_default()
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

/// `token = 1*<any CHAR except CTLs or separators>` (RFC 2831 §7.1). Some clients have a slash or
/// an at sign in an unquoted value: harmless, and read.
fn is_token(byte: u8) -> bool {
    byte.is_ascii_graphic() && !matches!(byte, b',' | b'"' | b'=' | b';' | b'\\')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists() {
        let all =
            Directives::parse(b"a=b, C=\"d,\\\"e\\\\\" ,,\r\n f = g,realm=x,realm=y").unwrap();
        assert_eq!(all.get("a"), Some(&b"b"[..]));
        assert_eq!(all.get("c"), Some(&b"d,\"e\\"[..]));
        assert_eq!((all.get("f"), all.get("realm")), (Some(&b"g"[..]), Some(&b"x"[..])));
        assert!(Directives::parse(b"").unwrap().0.is_empty());
        for bad in
            [&b"a"[..], b"a=", b"=b", b"a=b c=d", b"a=\"b", b"a=\"b\\", b"a=b,a=c", b"\xff=1"]
        {
            assert!(Directives::parse(bad).is_err(), "{bad:?}");
        }
    }
}
