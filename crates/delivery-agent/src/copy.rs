//! One recipient's copy of a message: what stands before the content, and the way into the store.
//!
//! The content comes from whoever sent the message. It can be of any size, so it is read in pieces;
//! of its header only the first 128 KiB are looked at.

use mail_store::{AccountMailboxes, Ended, StoreError, Written};
use mail_types::{Address, ReversePath, Timestamp};
use message_queue::{Content, LeaseRecipient};
use mime_core::header::fields;
use smtp_server::ORIGINAL_TO;

use crate::handover::Part;

/// The most of a header that is looked at, in octets.
pub(crate) const HEADER_MAX: usize = 128 * 1024;
/// How much of the content is read at a time.
const PIECE: usize = 256 * 1024;

/// Why a copy was not written.
pub(crate) enum CopyError {
    /// The message has been in this mailbox already (RFC 5321 §6.3).
    Loop,
    /// The content can't be read.
    Content(std::io::Error),
    /// The store can't take it.
    Store(StoreError),
}

impl From<StoreError> for CopyError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// Writes recipients' copies, on a thread that may wait; they are in no mailbox yet. All are on their way
/// to the disk before the first is waited for.
pub(crate) fn write_here(
    account: &AccountMailboxes,
    parts: Vec<Part>,
    now: Timestamp,
) -> Vec<(Part, Result<Written, CopyError>)> {
    let mut buffer = Vec::new();
    let ended: Vec<_> = parts
        .into_iter()
        .map(|part| {
            let ended = write(account, &part, now, &mut buffer);
            (part, ended)
        })
        .collect();
    let written = |ended: Ended| ended.written().map_err(CopyError::Store);
    ended.into_iter().map(|(part, ended)| (part, ended.and_then(written))).collect()
}

fn write(
    account: &AccountMailboxes,
    part: &Part,
    now: Timestamp,
    buffer: &mut Vec<u8>,
) -> Result<Ended, CopyError> {
    let content = &part.entry.content;
    let mut piece =
        content.piece_at(0, PIECE.max(HEADER_MAX), buffer).map_err(CopyError::Content)?;
    if was_here(piece, &part.recipient.address) {
        return Err(CopyError::Loop);
    }
    let mut incoming = account.incoming_delivery(part.entry.id, part.recipient.number, now);
    incoming.file_once(part.once);
    incoming.write_here(&head(&part.recipient))?;
    let mut at = 0_u64;
    while !piece.is_empty() {
        incoming.write_here(piece)?;
        at = at.saturating_add(piece.len() as u64);
        piece = content.piece_at(at, PIECE, buffer).map_err(CopyError::Content)?;
    }
    Ok(incoming.end_here()?)
}

/// Leaves out the address as it was given, which stands first if it is there.
pub(crate) fn leave_out_original_to(recipient: &mut LeaseRecipient) {
    let head = &mut recipient.head;
    if head.strip_prefix(ORIGINAL_TO.as_bytes()).is_some_and(|rest| rest.starts_with(b":")) {
        let line = head.iter().position(|octet| *octet == b'\n').map_or(head.len(), |at| at + 1);
        head.drain(..line);
    }
}

/// The size that the copy will have.
pub(crate) fn size(recipient: &LeaseRecipient, content: &Content) -> u64 {
    content.len().saturating_add(head(recipient).len() as u64)
}

/// What stands before the content. Return-Path comes first, as final delivery puts it
/// (RFC 5321 §4.4); Delivered-To is how a loop is found when the message comes back. A Return-Path
/// that the content has already stays where it is, below ours, which readers find first: what was
/// sent arrives octet for octet, signed or not.
fn head(recipient: &LeaseRecipient) -> Vec<u8> {
    let path = match &recipient.reverse_path {
        ReversePath::Null => String::new(),
        ReversePath::Address(address) => address.to_string(),
    };
    let mut head =
        format!("Return-Path: <{path}>\r\nDelivered-To: {}\r\n", recipient.address).into_bytes();
    head.extend_from_slice(&recipient.head);
    head
}

/// Whether the header has a Delivered-To field with this address.
fn was_here(header: &[u8], address: &Address) -> bool {
    let folded = address.folded();
    fields(header.get(..HEADER_MAX).unwrap_or(header))
        .filter(|field| field.is("Delivered-To"))
        .filter_map(|field| String::from_utf8(field.unfolded().into_owned()).ok())
        .filter_map(|text| Address::parse(&text).ok())
        .any(|before| before.folded() == folded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loops_are_found_by_the_address_alone() {
        let check = |header: &str, expected| {
            let address = Address::parse("alice@example.org").unwrap();
            assert_eq!(was_here(header.as_bytes(), &address), expected, "{header:?}");
        };
        check("Delivered-To: alice@example.org\r\n\r\n", true);
        check("Subject: x\r\nDELIVERED-TO:\r\n Alice@Example.org \r\n\r\n", true);
        check("Delivered-To: bob@example.org\r\n\r\nDelivered-To: alice@example.org\r\n", false);
        check("X-Delivered-To: alice@example.org\r\n\r\n", false);
        check("Delivered-To: alice@example.org@\r\n\r\n", false);
        check("", false);
    }
}
