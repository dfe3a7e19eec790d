//! The xtext of DSN and AUTH parameters.

/// Decodes `xtext` to text.
///
/// ```text
/// xtext   = *( xchar / hexchar )         RFC 3461 §4
/// hexchar = "+" 2(%x30-39 / %x41-46)
/// ```
///
/// Tolerant in two points: lower-case digits, and UTF-8 as it stands, which an address has under
/// SMTPUTF8 (RFC 6533 §3). Nothing if it is not xtext, or not UTF-8 when decoded.
pub fn decode_xtext(text: &str) -> Option<String> {
    if text.contains('=') {
        return None;
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(place) = rest.find('+') {
        let (plain, hexchar) = rest.split_at(place);
        bytes.extend_from_slice(plain.as_bytes());
        let digits = hexchar.get(1..3).filter(|d| d.bytes().all(|b| b.is_ascii_hexdigit()))?;
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        rest = hexchar.get(3..)?;
    }
    bytes.extend_from_slice(rest.as_bytes());
    let text = String::from_utf8(bytes).ok()?;
    (!text.contains(char::is_control)).then_some(text)
}

/// Encodes text as `xtext` (RFC 3461 §4); the result is ASCII.
pub fn encode_xtext(text: &str) -> String {
    let mut xtext = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_graphic() && byte != b'+' && byte != b'=' {
            xtext.push(char::from(byte));
        } else {
            xtext.push_str(&format!("+{byte:02X}"));
        }
    }
    xtext
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decodes_and_encodes() {
        let pairs = [("QQ314159", "QQ314159"), ("a+2Bb", "a+b"), ("a+20b", "a b"), ("+C3+A4", "ä")];
        for (xtext, text) in pairs {
            assert_eq!(decode_xtext(xtext).as_deref(), Some(text), "{xtext}");
            assert_eq!(encode_xtext(text), xtext);
        }
        for bad in ["a+", "a+2", "a+G0", "a=b", "a+0Ab", "+FF"] {
            assert_eq!(decode_xtext(bad), None, "{bad}");
        }
    }
}
