//! Which messages are known by their Message-ID, where of several copies one is enough.
//!
//! The header comes from whoever sent the message. What the account sent itself is no copy of what
//! comes to it: where submission says which mailbox it is to be in, it is always filed.

use std::{io, time::Duration};

use mail_store::Once;
use stable_storage::on_blocking_thread;

use crate::{copy::HEADER_MAX, handover::Part};

/// Says of each part what it is known by, if one copy within this time is enough.
pub(crate) async fn mark(within: Duration, mut parts: Vec<Part>) -> io::Result<Vec<Part>> {
    if within.is_zero() {
        return Ok(parts);
    }
    on_blocking_thread(move || {
        let mut buffer = Vec::new();
        for part in &mut parts {
            let into = part.recipient.file_into.as_ref();
            if into.is_some_and(|into| !into.or_inbox) {
                continue;
            }
            // What can't be read now ends so where its copy is written.
            let header = part.entry.content.piece_at(0, HEADER_MAX, &mut buffer);
            part.once = header.ok().and_then(|header| Once::of_header(header, within));
        }
        Ok(parts)
    })
    .await
}
