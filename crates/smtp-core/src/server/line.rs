//! Command lines, cut from the wire.
//!
//! A line ends at LF, but is one only if CRLF stands there: a bare LF is no line end
//! (RFC 5321 §2.3.8), and what it tries to end is an error, after which the session trusts nothing
//! that follows; unless the options say that it is one. What is longer than any line may be is
//! dropped as it comes, so that the buffer stays bounded; it is refused whole, never cut.

use conversation::Input;

use super::options::{BareLineEnds, Limits, Options};
use crate::reply::PeerError;

/// Where lines are cut.
#[derive(Debug, Default)]
pub(super) struct LineCutter {
    /// The line that is coming was too long already; its end is awaited.
    overlong: Option<PeerError>,
}

/// What the next line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Expected {
    Command,
    SaslResponse,
}

impl LineCutter {
    /// How many octets the next line takes in the input, with its end; nothing if it is not there
    /// yet.
    pub(super) fn next(
        &mut self,
        input: &mut Input,
        expected: Expected,
        options: &Options,
    ) -> Option<usize> {
        let limits = &options.limits;
        if let Some(place) = memchr::memchr(b'\n', input.bytes()) {
            return Some(place + 1);
        }
        if input.len() > limits.command_octets.max(limits.auth_octets) {
            self.overlong.get_or_insert(limit(input.bytes(), expected, limits).1);
            input.clear();
        }
        None
    }

    /// The text of a line that was cut, without its end.
    pub(super) fn check<'a>(
        &mut self,
        line: &'a [u8],
        expected: Expected,
        options: &Options,
    ) -> Result<&'a str, PeerError> {
        if let Some(error) = self.overlong.take() {
            return Err(error);
        }
        let (octets_max, too_long) = limit(line, expected, &options.limits);
        if line.len() > octets_max {
            return Err(too_long);
        }
        let text = match (line.strip_suffix(b"\r\n"), options.bare_line_ends) {
            (Some(text), _) => text,
            (None, BareLineEnds::Repaired) => line.strip_suffix(b"\n").unwrap_or(line),
            (None, BareLineEnds::Refused) => return Err(PeerError::BareLineFeed),
        };
        let text = std::str::from_utf8(text).map_err(|_| PeerError::NotUtf8)?;
        if text.contains(char::is_control) {
            return Err(PeerError::ControlCharacter);
        }
        Ok(text)
    }
}

/// How long a line may be, told by its start, and what it is when it is longer.
fn limit(line: &[u8], expected: Expected, limits: &Limits) -> (usize, PeerError) {
    // RFC 4954 §4: the initial response stands in the command's line.
    let auth = line.get(..5).is_some_and(|word| word.eq_ignore_ascii_case(b"AUTH "));
    if auth || expected == Expected::SaslResponse {
        (limits.auth_octets, PeerError::AuthLineTooLong)
    } else {
        (limits.command_octets, PeerError::LineTooLong)
    }
}
