//! Of several copies of a message one is filed: in the transaction that files it, it is noted for
//! those that come later. So nothing is left out for a message that was not filed.

use std::collections::{HashMap, HashSet};

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

/// Divides what comes to a mailbox, which may have to be made yet. A clock that went back makes nothing older than now.
pub(super) fn divide(
    here: &Here,
    mailbox: Option<MailboxId>,
    (deliveries, places): (&[Delivery], Vec<usize>),
    now: Timestamp,
) -> Result<Division, StoreError> {
    let once = |at: &usize| deliveries.get(*at).and_then(|one| one.written.once);
    let (mut division, mut coming) = (Division::default(), HashSet::new());
    for at in places {
        let Some(Once { key, within }) = once(&at) else {
            division.fresh.push(at);
            continue;
        };
        let before = mailbox.map(|mailbox| here.filed(mailbox, &key)).transpose()?.flatten();
        match before.filter(|(_, filed_at)| now.since(*filed_at) < within) {
            Some((uid, _)) => {
                division.known.insert(key, uid);
                division.again.push((at, key));
            }
            None if coming.insert(key) => division.fresh.push(at),
            None => division.again.push((at, key)),
        }
    }
    Ok(division)
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
        for (at, uid) in self.fresh.iter().zip(uids) {
            let Some(Once { key, within }) = once(at) else { continue };
            here.note_filed(mailbox, (&key, *uid), (now, now.minus(within)))?;
            self.known.insert(key, *uid);
        }
        let copy = |(at, key): &(usize, Key)| Some((*at, *self.known.get(key)?));
        Ok(self.again.iter().filter_map(copy).collect())
    }
}
