//! From content to the wire.

/// Doubles dots at the start of lines and marks the end. The content is expected to be what the
/// decoder lets through: every line ends in CRLF, but for the last, perhaps.
#[derive(Debug, Clone)]
pub struct Encoder {
    line_start: bool,
    after_cr: bool,
}

impl Encoder {
    /// At the start of content.
    pub fn new() -> Self {
        Self { line_start: true, after_cr: false }
    }

    /// Appends a piece of content, cut anywhere, as it goes over the wire.
    pub fn encode(&mut self, content: &[u8], output: &mut Vec<u8>) {
        let mut rest = content;
        while let Some(first) = rest.first() {
            if self.line_start && *first == b'.' {
                output.push(b'.');
            }
            let end = memchr::memchr(b'\n', rest).map_or(rest.len(), |place| place + 1);
            let (line, behind) = rest.split_at(end);
            output.extend_from_slice(line);
            self.line_start = match line {
                [.., b'\r', b'\n'] => true,
                [b'\n'] => self.after_cr,
                _ => false,
            };
            self.after_cr = line.last() == Some(&b'\r');
            rest = behind;
        }
    }

    /// Appends the end: the last line's CRLF if it lacks one, the dot and its CRLF
    /// (RFC 5321 §4.1.1.4).
    pub fn finish(self, output: &mut Vec<u8>) {
        if !self.line_start {
            output.extend_from_slice(b"\r\n");
        }
        output.extend_from_slice(b".\r\n");
    }
}

impl Default for Encoder {
    fn default() -> Self {
        Self::new()
    }
}
