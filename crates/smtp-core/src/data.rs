//! Content on the wire: the decoder and the encoder of the dots (RFC 5321 §4.5.2).
//!
//! The decoder works in place and for any split of the input. It keeps lines of any length byte
//! for byte, and knows exactly one end of the content: CRLF, dot, CRLF. A bare CR, a bare LF or a
//! NUL is a [`ContentFault`]; what follows is still read to the one true end, because a second
//! opinion about where content ends is what message smuggling lives on (RFC 5321 §2.3.8, §4.1.1.4).
//!
//! The peer controls every byte here. Neither side buffers anything.

mod decoder;
mod encoder;
mod line_ends;

pub use decoder::{ContentFault, Decoded, Decoder, Tolerance};
pub use encoder::Encoder;
pub use line_ends::LineEnds;

#[cfg(test)]
mod tests;
