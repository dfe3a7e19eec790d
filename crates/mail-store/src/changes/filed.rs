//! Of several copies of a message one is filed: in the transaction that files it, it is noted for
//! those that come later. So nothing is left out for a message that was not filed.

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use mail_types::{MailboxId, Timestamp, Uid};

use crate::{
    Delivery, StoreError,
    index::Here,
    once::{Key, Once},
};

/// The deliveries for one mailbox, by their places.
#[derive(Debug, Default)]
pub(super) struct Division {
    /// They are to be filed.
    pub(super) fresh: Vec<usize>,
    /// They are copies of what was filed before, or of one of the others.
    again: Vec<(usize, Key)>,
    /// What was filed before.
    known: HashMap<Key, Uid>,
}

/// Divides what comes to a mailbox, which may have to be made yet.
pub(super) fn divide(
    here: &Here,
    mailbox: Option<MailboxId>,
    (deliveries, places): (&[Delivery], Vec<usize>),
    now: Timestamp,
) -> Result<Division, StoreError> {
    let once = |at: &usize| deliveries.get(*at).and_then(|one| one.written.once);
    let (mut division, mut coming) = (Division::default(), HashSet::new());
    for at in places {
        let Some(once) = once(&at) else {
            division.fresh.push(at);
            continue;
        };
        let key = once.key;
        match before(here, mailbox, &once, now)? {
            Some(uid) => {
                division.known.insert(key, uid);
                division.again.push((at, key));
            }
            None if coming.insert(key) => division.fresh.push(at),
            None => division.again.push((at, key)),
        }
    }
    Ok(division)
}

/// As which message this was filed in the mailbox, if it is not too long ago. A clock that went back
/// makes nothing older than now.
pub(super) fn before(
    here: &Here,
    mailbox: Option<MailboxId>,
    once: &Once,
    now: Timestamp,
) -> Result<Option<Uid>, StoreError> {
    let Some(mailbox) = mailbox else { return Ok(None) };
    let before = here.filed(mailbox, &once.key)?;
    Ok(before.filter(|(_, filed_at)| now.since(*filed_at) < once.within).map(|(uid, _)| uid))
}

impl Division {
    /// The fresh ones were filed, with these UIDs in their order: notes it. Answers what became of
    /// the copies: as which message each is there.
    pub(super) fn note(
        mut self,
        here: &Here,
        mailbox: MailboxId,
        (deliveries, uids): (&[Delivery], &[Uid]),
        now: Timestamp,
    ) -> Result<Vec<(usize, Uid)>, StoreError> {
        let once = |at: &usize| deliveries.get(*at).and_then(|one| one.written.once);
        let (mut filed, mut longest) = (Vec::new(), Duration::ZERO);
        for (at, uid) in self.fresh.iter().zip(uids) {
            let Some(Once { key, within }) = once(at) else { continue };
            filed.push((key, *uid));
            longest = longest.max(within);
        }
        if !filed.is_empty() {
            here.note_filed(mailbox, &filed, (now, now.minus(longest)))?;
            self.known.extend(filed);
        }
        let copy = |(at, key): &(usize, Key)| Some((*at, *self.known.get(key)?));
        Ok(self.again.iter().filter_map(copy).collect())
    }
}
