//! One local copy: the trace fields of final delivery, then the content as it lies in the queue.

use mail_store::{AccountMailboxes, StoreError, Written};
use mail_types::{Address, EnhancedStatus, Problem, Scope, Timestamp};
use message_queue::{Lease, LeaseRecipient};
use mime_core::header;

/// Octets that are copied at a time.
const PIECE: usize = 256 * 1024;
/// Octets of the header that are searched for signs of a loop.
const HEADER_MAX: usize = 128 * 1024;

/// Why there is no copy.
pub(crate) enum NotWritten {
    /// The message has been here before.
    Loop,
    /// The queue's copy can't be read.
    Unreadable(std::io::Error),
    /// The store can't take it.
    Store(StoreError),
}

/// Writes the copy for a recipient into the account's `tmp`, synced when this returns.
pub(crate) async fn write(
    mailboxes: &AccountMailboxes,
    lease: &Lease,
    recipient: &LeaseRecipient,
    now: Timestamp,
) -> Result<Written, NotWritten> {
    let content = &lease.entry.content;
    let first = content.read_at(0, PIECE).await.map_err(NotWritten::Unreadable)?;
    if has_been_here(&first, &recipient.address) {
        return Err(NotWritten::Loop);
    }
    let mut incoming = mailboxes.incoming_delivery(lease.entry.id, recipient.number, now);
    incoming.write(&trace_fields(recipient)).await.map_err(NotWritten::Store)?;
    incoming.write(&recipient.head).await.map_err(NotWritten::Store)?;
    let mut at = first.len() as u64;
    incoming.write(&first).await.map_err(NotWritten::Store)?;
    drop(first);
    while at < content.len() {
        let piece = content.read_at(at, PIECE).await.map_err(NotWritten::Unreadable)?;
        if piece.is_empty() {
            break;
        }
        at += piece.len() as u64;
        incoming.write(&piece).await.map_err(NotWritten::Store)?;
    }
    incoming.finish().await.map_err(NotWritten::Store)
}

/// Return-Path (RFC 5321 §4.4) and Delivered-To, which is how a loop is noticed.
fn trace_fields(recipient: &LeaseRecipient) -> Vec<u8> {
    let (from, to) = (&recipient.reverse_path, &recipient.address);
    format!("Return-Path: <{from}>\r\nDelivered-To: {to}\r\n").into_bytes()
}

/// Whether a Delivered-To of this address stands in the header: it was delivered to it before, and
/// sent on by somebody who ought to have known.
fn has_been_here(start: &[u8], address: &Address) -> bool {
    let start = start.get(..start.len().min(HEADER_MAX)).unwrap_or_default();
    let length = header::header_length(start);
    let own = address.folded();
    header::fields(start.get(..length).unwrap_or(start))
        .filter(|field| field.is("Delivered-To"))
        .filter_map(|field| {
            let value = field.unfolded();
            let text = std::str::from_utf8(&value).ok()?.trim();
            Address::parse(text).ok()
        })
        .any(|seen| seen.folded() == own)
}

impl NotWritten {
    /// What the sender and the operator are told; the class of the status says whether it is for
    /// ever.
    pub(crate) fn problem(&self) -> Problem {
        let problem = |status, text: String| Problem::new(status, Scope::Recipient, text);
        match self {
            // RFC 3463 §3.5, X.4.6: routing loop detected.
            Self::Loop => problem(
                EnhancedStatus::new(5, 4, 6),
                "the message loops: it was delivered to this address before".to_owned(),
            ),
            Self::Unreadable(error) => problem(
                EnhancedStatus::new(4, 3, 0),
                format!("the message could not be read from the queue: {error}"),
            ),
            Self::Store(error) => store_problem(error),
        }
    }
}

/// What a failure of the store means: whatever it is, the message waits.
pub(crate) fn store_problem(error: &StoreError) -> Problem {
    let source = std::error::Error::source(error);
    let cause = source.map(|source| format!(": {source}")).unwrap_or_default();
    // RFC 3463 §3.4, X.3.1: mail system full; §3.3, X.2.0: mailbox status.
    let status =
        if error.is_full() { EnhancedStatus::new(4, 3, 1) } else { EnhancedStatus::new(4, 2, 0) };
    Problem::new(status, Scope::Recipient, format!("the mailbox cannot be written: {error}{cause}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loop_is_known_by_its_own_delivered_to() {
        let address = Address::parse("bob@example.org").unwrap();
        let check = |header: &str, expected| {
            assert_eq!(has_been_here(header.as_bytes(), &address), expected, "{header:?}");
        };
        check("Subject: x\r\n\r\nDelivered-To: bob@example.org\r\n", false);
        check("Delivered-To: alice@example.org\r\n\r\n", false);
        check("Delivered-To: Bob@EXAMPLE.org\r\nSubject: x\r\n\r\n", true);
        check("X: y\r\ndelivered-to:\r\n bob@example.org\r\n\r\n", true);
        check("Delivered-To: <>\r\n\r\n", false);
    }
}
