//! Making a message 7-bit clean before it is queued.

use message_queue::{Draft, Queue, QueueError, SealedDraft};
use mime_core::{
    seven_bit::{Converter, Refused},
    structure::Structure,
};

/// How much is read at once, in octets.
const STEP: usize = 64 * 1024;

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
    match clean(queue, &sealed, structure).await? {
        Ok(clean) => Ok((clean.seal().await?, true)),
        Err(why) => {
            tracing::debug!(%why, "a message stays 8-bit");
            Ok((sealed, false))
        }
    }
}

async fn clean(
    queue: &Queue,
    sealed: &SealedDraft,
    structure: &Structure,
) -> Result<Result<Draft, Refused>, QueueError> {
    let mut converter = match Converter::new(structure) {
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
