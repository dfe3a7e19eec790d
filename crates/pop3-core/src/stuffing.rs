//! The body of a response of many lines (RFC 1939 §3).

/// Byte-stuffs what is sent piece by piece, wherever the pieces are cut.
#[derive(Debug)]
pub(crate) struct DotStuffer {
    /// The last two octets.
    tail: [u8; 2],
}

impl Default for DotStuffer {
    fn default() -> Self {
        // The first line of the response has just ended.
        Self { tail: *b"\r\n" }
    }
}

impl DotStuffer {
    /// Appends a piece. A dot is doubled behind every LF, with a CR before it or not: what takes
    /// a bare LF for a line's end would take `LF . LF` for the end of the response.
    pub(crate) fn encode(&mut self, piece: &[u8], output: &mut Vec<u8>) {
        if self.tail[1] == b'\n' && piece.first() == Some(&b'.') {
            output.push(b'.');
        }
        let mut copied = 0;
        for line_end in memchr::memmem::find_iter(piece, b"\n.") {
            let dot = line_end.saturating_add(1);
            output.extend_from_slice(piece.get(copied..dot).unwrap_or_default());
            output.push(b'.');
            copied = dot;
        }
        output.extend_from_slice(piece.get(copied..).unwrap_or_default());
        match piece {
            [.., before, last] => self.tail = [*before, *last],
            [last] => self.tail = [self.tail[1], *last],
            [] => {}
        }
    }

    /// Appends the end. A last line without its end gets one: the five octets CRLF . CRLF end a
    /// response.
    pub(crate) fn finish(self, output: &mut Vec<u8>) {
        if self.tail != *b"\r\n" {
            output.extend_from_slice(b"\r\n");
        }
        output.extend_from_slice(b".\r\n");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stuffed(message: &[u8], piece: usize) -> Vec<u8> {
        let (mut stuffer, mut output) = (DotStuffer::default(), Vec::new());
        for piece in message.chunks(piece.max(1)) {
            stuffer.encode(piece, &mut output);
        }
        stuffer.finish(&mut output);
        output
    }

    #[test]
    fn messages() {
        for (message, expected) in [
            ("", ".\r\n"),
            ("a\r\n", "a\r\n.\r\n"),
            (".\r\n", "..\r\n.\r\n"),
            (".a\r\n..b\r\nc.\r\n", "..a\r\n...b\r\nc.\r\n.\r\n"),
            ("no end", "no end\r\n.\r\n"),
            ("cr end\r", "cr end\r\r\n.\r\n"),
            ("lf end\n", "lf end\n\r\n.\r\n"),
            ("bare\n.\n", "bare\n..\n\r\n.\r\n"),
        ] {
            for piece in 1..8 {
                let output = stuffed(message.as_bytes(), piece);
                assert_eq!(String::from_utf8_lossy(&output), expected, "{message:?} by {piece}");
            }
        }
    }

    /// What a client takes off again (RFC 1939 §3).
    fn unstuffed(output: &[u8]) -> Option<Vec<u8>> {
        let body = output.strip_suffix(b".\r\n")?;
        let mut message = Vec::new();
        for line in body.split_inclusive(|byte| *byte == b'\n') {
            assert_ne!(line, b".\r\n", "an early end");
            message.extend_from_slice(line.strip_prefix(b".").unwrap_or(line));
        }
        Some(message)
    }

    proptest::proptest! {
        #[test]
        fn clients_get_what_was_sent(message in "[a.\r\n]{0,40}", piece in 1usize..9) {
            let message = format!("{message}\r\n").into_bytes();
            proptest::prop_assert_eq!(unstuffed(&stuffed(&message, piece)), Some(message));
        }
    }
}
