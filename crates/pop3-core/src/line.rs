//! Lines, cut from the wire.
//!
//! A line ends at LF, and is one only if CRLF stands there (RFC 1939 §3). What is longer than any
//! line may be is dropped as it comes, so that the buffer stays bounded.

use conversation::Input;

use crate::response::PeerError;

/// Where lines are cut.
#[derive(Debug, Default)]
pub(crate) struct LineCutter {
    /// The start of the coming line was dropped: it was too long already.
    overlong: bool,
}

impl LineCutter {
    /// How many octets the next line takes in the input, with its end; nothing if it is not there
    /// yet.
    pub(crate) fn next(&mut self, input: &mut Input, octets_max: usize) -> Option<usize> {
        if let Some(place) = memchr::memchr(b'\n', input.bytes()) {
            return Some(place + 1);
        }
        if input.len() > octets_max {
            self.overlong = true;
            input.clear();
        }
        None
    }

    /// The content of a line that was cut, without its end.
    pub(crate) fn check<'a>(
        &mut self,
        line: &'a [u8],
        octets_max: usize,
    ) -> Result<&'a [u8], PeerError> {
        if std::mem::take(&mut self.overlong) || line.len() > octets_max {
            return Err(PeerError::LineTooLong);
        }
        let content = line.strip_suffix(b"\r\n").ok_or(PeerError::ControlCharacter)?;
        if content.iter().any(u8::is_ascii_control) {
            return Err(PeerError::ControlCharacter);
        }
        Ok(content)
    }
}
