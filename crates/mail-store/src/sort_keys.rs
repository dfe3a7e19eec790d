//! What messages are sorted and threaded by, as the index holds it: parsed once, when the message
//! comes.

use mail_types::Uid;
use mime_core::{header::header_length, sorting::SortKeys};

/// Octets of a message that are looked at for its keys: a header is rarely longer.
pub(crate) const HEADER_MAX: usize = 64 * 1024;
/// Ancestors that are kept of a message: the oldest, and the youngest of the others.
const ANCESTORS_MAX: usize = 100;

/// What messages can be sorted by (RFC 5256 §3, RFC 5957 §3).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum SortKey {
    /// The internal date.
    Arrival,
    /// The mailbox of the first Cc address.
    Cc,
    /// The sent date; the internal date without one.
    Date,
    /// The mailbox of the first From address.
    From,
    /// Octets in wire form.
    Size,
    /// The base subject.
    Subject,
    /// The mailbox of the first To address.
    To,
    /// The first From address as it is shown.
    DisplayFrom,
    /// The first To address as it is shown.
    DisplayTo,
}

/// A criterion of a sort.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct SortBy {
    /// What is compared.
    pub key: SortKey,
    /// The greater comes first.
    pub reverse: bool,
}

/// What threads are made of.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Threadable {
    /// The message.
    pub uid: Uid,
    /// Its sent date in seconds; the internal date without one.
    pub sent: i64,
    /// Its base subject, in the form in which it is compared.
    pub subject: String,
    /// The subject is marked as that of a reply or a forwarded message.
    pub is_reply_or_forward: bool,
    /// A digest of its Message-ID.
    pub id: Option<u64>,
    /// Digests of the ids of its ancestors, the oldest first.
    pub references: Vec<u64>,
}

/// The row of a message.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct StoredKeys {
    /// In seconds.
    pub(crate) sent: Option<i64>,
    pub(crate) subject: String,
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) cc: String,
    pub(crate) shown_from: String,
    pub(crate) shown_to: String,
    pub(crate) ids: Vec<u8>,
}

impl StoredKeys {
    /// Those of a message that begins so.
    pub(crate) fn of(beginning: &[u8]) -> Self {
        let beginning = beginning.get(..HEADER_MAX).unwrap_or(beginning);
        let header = beginning.get(..header_length(beginning)).unwrap_or(beginning);
        let keys = SortKeys::of(header);
        Self {
            ids: encode(&keys),
            sent: keys.sent.map(|sent| sent.secs()),
            subject: keys.subject,
            from: keys.from,
            to: keys.to,
            cc: keys.cc,
            shown_from: keys.shown_from,
            shown_to: keys.shown_to,
        }
    }
}

const HAS_ID: u8 = 1;
const IS_REPLY: u8 = 2;

/// One octet of flags; then eight for each id, its own first.
fn encode(keys: &SortKeys) -> Vec<u8> {
    let thread = &keys.thread;
    let flag = |is: bool, flag: u8| if is { flag } else { 0 };
    let mut out = vec![
        flag(thread.message_id.is_some(), HAS_ID)
            | flag(thread.subject.is_reply_or_forward, IS_REPLY),
    ];
    let all = thread.references.len();
    let left_out = all.saturating_sub(ANCESTORS_MAX);
    let kept = thread.references.iter().enumerate();
    let kept = kept.filter(|(place, _)| *place == 0 || *place > left_out).map(|(_, id)| id);
    for id in thread.message_id.iter().chain(kept) {
        out.extend_from_slice(blake3::hash(id).as_bytes().get(..8).unwrap_or_default());
    }
    out
}

/// The flag of a reply, the own id, and the ancestors'.
pub(crate) fn decode(ids: &[u8]) -> (bool, Option<u64>, Vec<u64>) {
    let (flags, rest) = ids.split_first().unwrap_or((&0, &[]));
    let mut all =
        rest.chunks_exact(8).filter_map(|id| Some(u64::from_le_bytes(id.try_into().ok()?)));
    let own = if flags & HAS_ID != 0 { all.next() } else { None };
    (flags & IS_REPLY != 0, own, all.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_and_back() {
        let none = StoredKeys::of(b"Subject: x\r\n\r\nReferences: <1@a>\r\n");
        assert_eq!(decode(&none.ids), (false, None, vec![]));
        assert_eq!(decode(&[]), (false, None, vec![]));
        let of = |header: &str| decode(&StoredKeys::of(header.as_bytes()).ids);
        let (_, first, _) = of("Message-ID: <1@a>\r\n\r\n");
        let (is_reply, own, ancestors) =
            of("Message-ID: <2@a>\r\nReferences: <1@a>\r\nSubject: Re: y\r\n\r\n");
        assert!(is_reply && own.is_some() && own != first);
        assert_eq!(ancestors, [first.unwrap()]);
        let many: String = (0..500).map(|n| format!(" <{n}@b>")).collect();
        let (_, _, ancestors) = of(&format!("References:{many}\r\n\r\n"));
        let (_, _, oldest) = of("References: <0@b> <401@b>\r\n\r\n");
        assert_eq!((ancestors.len(), &ancestors[..2]), (ANCESTORS_MAX, &oldest[..]));
    }
}
