//! Parts without their transfer encoding, for FETCH BINARY (RFC 3516 §4.2).
//!
//! A part is decoded twice, piece by piece: to know how long it is and whether it has a NUL, then
//! to be sent. So memory is bounded, whatever its size.

use std::ops::Range;

use agent_kit::Gone;
use imap_core::{
    command::{FetchItem, Partial},
    response::FetchResponse,
};
use mail_store::{MessageReader, StoreError};
use mime_core::transfer::{Decoder, Encoding};

use super::fetch_content::{PIECE, size};
use crate::handler::Talk;

/// Some of a part, decoded.
pub(super) struct Decoded {
    encoded: Range<u64>,
    encoding: Encoding,
    /// Which of the decoded octets are wanted.
    wanted: Range<u64>,
    has_nul: bool,
}

impl Decoded {
    /// Decodes a part once, to know what will be sent of it.
    pub(super) async fn of(
        reader: &MessageReader,
        encoded: Range<u64>,
        encoding: Encoding,
        partial: Option<Partial>,
    ) -> Result<Self, StoreError> {
        let mut pieces = Pieces::new(encoded.clone(), encoding);
        let (mut total, mut first_nul, mut last_nul) = (0_u64, None, None);
        while let Some(piece) = pieces.next(reader).await? {
            if let Some(at) = piece.iter().position(|octet| *octet == 0) {
                first_nul.get_or_insert(total + at as u64);
            }
            if let Some(at) = piece.iter().rposition(|octet| *octet == 0) {
                last_nul = Some(total + at as u64);
            }
            total += piece.len() as u64;
        }
        let wanted = partial.map_or(0..total, |partial| {
            let (start, length) = partial.within(total);
            start..start + length
        });
        // Between the first and the last there may be others: a `literal8` is always right.
        let has_nul = matches!((first_nul, last_nul), (Some(first), Some(last))
            if first < wanted.end && last >= wanted.start);
        Ok(Self { encoded, encoding, wanted, has_nul })
    }

    /// Sends it, at the client's pace.
    pub(super) async fn tell(
        &self,
        reader: &MessageReader,
        item: &FetchItem,
        response: &mut FetchResponse,
        talk: &mut Talk<'_>,
    ) -> Result<(), Gone> {
        let length = self.wanted.end - self.wanted.start;
        let out = &mut talk.parts().1.output;
        if let FetchItem::BinarySize(part) = item {
            response.binary_size(out, part, length);
            return Ok(());
        }
        response.binary(out, item, length, self.has_nul);
        let mut pieces = Pieces::new(self.encoded.clone(), self.encoding);
        let (mut at, mut left) = (0_u64, length);
        while left > 0 {
            let piece = match pieces.next(reader).await {
                Ok(Some(piece)) => piece,
                broken => {
                    // The length was announced: whatever came now would be taken for the part.
                    let error = broken.err().map(|error| error.to_string());
                    tracing::error!(?error, "a message's file breaks off");
                    return Err(Gone);
                }
            };
            let skip = size(self.wanted.start.saturating_sub(at)).min(piece.len());
            let some = piece.get(skip..).unwrap_or_default();
            let some = some.get(..size(left).min(some.len())).unwrap_or_default();
            at += piece.len() as u64;
            left -= some.len() as u64;
            talk.parts().1.output.extend_from_slice(some);
            talk.drain().await?;
        }
        Ok(())
    }
}

/// The decoded pieces of a part.
struct Pieces {
    rest: Range<u64>,
    decoder: Option<Decoder>,
}

impl Pieces {
    fn new(encoded: Range<u64>, encoding: Encoding) -> Self {
        Self { rest: encoded, decoder: Some(Decoder::new(encoding)) }
    }

    /// The next piece, which may be empty; none at the end.
    async fn next(&mut self, reader: &MessageReader) -> Result<Option<Vec<u8>>, StoreError> {
        let mut out = Vec::new();
        let length = size(self.rest.end - self.rest.start).min(PIECE);
        let encoded =
            if length > 0 { reader.read_at(self.rest.start, length).await? } else { Vec::new() };
        if encoded.is_empty() {
            let Some(decoder) = self.decoder.take() else { return Ok(None) };
            decoder.finish(&mut out);
            return Ok(Some(out));
        }
        self.rest.start += encoded.len() as u64;
        if let Some(decoder) = &mut self.decoder {
            decoder.push(&encoded, &mut out);
        }
        Ok(Some(out))
    }
}
