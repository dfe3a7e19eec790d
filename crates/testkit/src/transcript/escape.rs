//! Bytes as they stand in a transcript's line.

/// The bytes of a `C:` or `S:` line, CRLF included unless the line ends in `\-`.
pub(super) fn decode(text: &str) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::with_capacity(text.len() + 2);
    let mut rest = text;
    while let Some(place) = rest.find('\\') {
        let (plain, escape) = rest.split_at(place);
        bytes.extend_from_slice(plain.as_bytes());
        if escape == "\\-" {
            return Ok(bytes);
        }
        rest = decode_escape(escape, &mut bytes)?;
    }
    bytes.extend_from_slice(rest.as_bytes());
    bytes.extend_from_slice(b"\r\n");
    Ok(bytes)
}

/// Decodes the escape at the start and returns what stands behind it.
fn decode_escape<'a>(text: &'a str, bytes: &mut Vec<u8>) -> Result<&'a str, String> {
    let bad = || format!("no such escape: {}", text.chars().take(6).collect::<String>());
    let simple = match text.get(..2).ok_or_else(bad)? {
        "\\r" => Some(b'\r'),
        "\\n" => Some(b'\n'),
        "\\t" => Some(b'\t'),
        "\\\\" => Some(b'\\'),
        _ => None,
    };
    if let Some(byte) = simple {
        bytes.push(byte);
        return text.get(2..).ok_or_else(bad);
    }
    if let Some(rest) = text.strip_prefix("\\x") {
        let (digits, rest) = rest.split_at_checked(2).ok_or_else(bad)?;
        bytes.push(u8::from_str_radix(digits, 16).map_err(|_| bad())?);
        return Ok(rest);
    }
    let (repeat, rest) =
        text.strip_prefix("\\{").and_then(|r| r.split_once('}')).ok_or_else(bad)?;
    let (what, count) = repeat.rsplit_once('*').ok_or_else(bad)?;
    let count: usize = count.parse().map_err(|_| bad())?;
    bytes.extend(std::iter::repeat_n(what.as_bytes(), count).flatten());
    Ok(rest)
}

/// The lines, without their prefix, that decode to `output`.
pub(super) fn encode(output: &[u8]) -> Vec<String> {
    let mut lines = Vec::new();
    let mut rest = output;
    while !rest.is_empty() {
        match rest.windows(2).position(|pair| pair == b"\r\n") {
            Some(end) => {
                let (line, tail) = rest.split_at(end);
                lines.push(encode_line(line));
                rest = tail.get(2..).unwrap_or_default();
            }
            None => {
                lines.push(encode_line(rest) + "\\-");
                rest = &[];
            }
        }
    }
    lines
}

fn encode_line(bytes: &[u8]) -> String {
    let mut line = String::new();
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '\\' => line.push_str("\\\\"),
                '\r' => line.push_str("\\r"),
                '\n' => line.push_str("\\n"),
                '\t' => line.push_str("\\t"),
                c if c.is_ascii_control() => line.push_str(&format!("\\x{:02x}", u32::from(c))),
                c => line.push(c),
            }
        }
        for byte in chunk.invalid() {
            line.push_str(&format!("\\x{byte:02x}"));
        }
    }
    // A space at the end would not survive an editor.
    if line.ends_with(' ') {
        line.pop();
        line.push_str("\\x20");
    }
    line
}
