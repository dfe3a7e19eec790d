//! Making a message what every next hop and every mailbox can hold: of lines, and 7-bit clean where
//! it leaves.

use message_queue::{Draft, Queue, QueueError, SealedDraft};
use mime_core::{
    seven_bit::{Aim, Converter, Refused},
    structure::Structure,
};
use smtp_core::data::Decoder;

/// How much is read at once, in octets.
const STEP: usize = 64 * 1024;

/// What came of a message that may be binary.
pub(crate) enum Lines {
    /// It has lines now, and is 7-bit clean, if so.
    Made(SealedDraft, bool),
    /// It cannot have them.
    Impossible,
}

/// The message 7-bit clean, and true; or as it was, and whether it was clean already. What is
/// signed, or cannot be written otherwise, stays as it is: a next hop with 8BITMIME takes it.
pub(crate) async fn convert(
    queue: &Queue,
    draft: Draft,
    structure: &Structure,
) -> Result<(SealedDraft, bool), QueueError> {
    let sealed = draft.seal().await?;
    if !Converter::needed(structure) {
        return Ok((sealed, true));
    }
    match clean(queue, &sealed, structure, Aim::SevenBit).await? {
        Ok(clean) => Ok((clean.seal().await?, true)),
        Err(why) => {
            tracing::debug!(%why, "a message stays 8-bit");
            Ok((sealed, false))
        }
    }
}

/// A message that came as BINARYMIME, made of lines: neither a mailbox nor IMAP can hold it
/// otherwise, nor most of the next hops (RFC 3030 §3). 7-bit clean as well, if that is asked for.
pub(crate) async fn to_lines(
    queue: &Queue,
    draft: Draft,
    structure: &Structure,
    seven_bit: bool,
) -> Result<Lines, QueueError> {
    let mut made = draft.seal().await?;
    let aim = if seven_bit { Aim::SevenBitLines } else { Aim::Lines };
    if Converter::makes_lines(structure) || seven_bit && Converter::needed(structure) {
        match clean(queue, &made, structure, aim).await? {
            Ok(clean) => made = clean.seal().await?,
            Err(why) => tracing::debug!(%why, "a binary message stays as it is"),
        }
    }
    // The conversion knows bodies; a header, a preamble may hold anything still.
    let (mut decoder, mut offset, mut ascii) = (Decoder::counted(), 0, true);
    let content = made.content()?;
    loop {
        let mut piece = content.read_at(offset, STEP).await?;
        if piece.is_empty() {
            break;
        }
        offset += piece.len() as u64;
        ascii &= piece.is_ascii();
        let _ = decoder.decode(&mut piece);
    }
    Ok(match decoder.fault_at_end() {
        None => Lines::Made(made, ascii),
        Some(_) => Lines::Impossible,
    })
}

async fn clean(
    queue: &Queue,
    sealed: &SealedDraft,
    structure: &Structure,
    aim: Aim,
) -> Result<Result<Draft, Refused>, QueueError> {
    let mut converter = match Converter::towards(aim, structure) {
        Ok(converter) => converter,
        Err(why) => return Ok(Err(why)),
    };
    let (original, mut clean) = (sealed.content()?, queue.draft());
    let (mut offset, mut out) = (0, Vec::new());
    loop {
        let piece = original.read_at(offset, STEP).await?;
        if piece.is_empty() {
            break;
        }
        offset += piece.len() as u64;
        if let Err(why) = converter.push(&piece, &mut out) {
            return Ok(Err(why));
        }
        clean.write(&out).await?;
        out.clear();
    }
    if let Err(why) = converter.finish(&mut out) {
        return Ok(Err(why));
    }
    clean.write(&out).await?;
    Ok(Ok(clean))
}
