//! The orders that mailboxes were sorted in, once a process: those used last, and not for long.
//!
//! What a message is sorted by never changes, so an order holds as long as no message comes or goes.
//! UIDs only grow: the same UIDNEXT and the same number of messages are the same messages.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use mail_types::{AccountId, MailboxId, Uid};

use crate::{
    SortBy, StoreError, UidSet,
    index::{Here, sorting::Sortable},
};

/// The most messages whose orders are kept, 2 MB; no mailbox that is larger has its order kept.
const MESSAGES_MAX: usize = 500_000;
/// An order counts as so many messages more: many small ones have their cost too.
const ENTRY: usize = 1000;
/// All messages are sorted if at least one of so many is to be.
const SHARE: usize = 4;
/// Orders that nobody used between so many looks are dropped.
const LOOKS_UNUSED: u8 = 2;

type Key = (AccountId, MailboxId, Vec<SortBy>);

/// The orders that a process keeps.
#[derive(Debug, Default)]
pub(crate) struct Orders(Mutex<HashMap<Key, Entry>>);

#[derive(Debug)]
struct Entry {
    of: Sortable,
    order: Arc<[Uid]>,
    unused: u8,
}

impl Orders {
    /// The messages of the set in their order; equal ones by UID.
    pub(crate) fn sorted(
        &self,
        here: &Here,
        (account, mailbox): (AccountId, MailboxId),
        uids: &UidSet,
        by: &[SortBy],
    ) -> Result<Vec<Uid>, StoreError> {
        here.at_one_moment(|| {
            let key = (account, mailbox, by.to_vec());
            let now = here.sortable(mailbox)?;
            if let Some(order) = self.known(&key, &now) {
                return Ok(chosen(&order, uids));
            }
            let few = uids.numbers().saturating_mul(SHARE) < now.messages;
            if few || now.messages > MESSAGES_MAX {
                return here.sorted((mailbox, &now), uids, by);
            }
            let all = here.sorted((mailbox, &now), &UidSet::all(), by)?;
            let sorted = chosen(&all, uids);
            self.keep(key, now, all.into());
            Ok(sorted)
        })
    }

    fn known(&self, key: &Key, now: &Sortable) -> Option<Arc<[Uid]>> {
        let mut kept = self.kept();
        let entry = kept.get_mut(key).filter(|entry| entry.of == *now)?;
        entry.unused = 0;
        Some(entry.order.clone())
    }

    fn keep(&self, key: Key, of: Sortable, order: Arc<[Uid]>) {
        let mut kept = self.kept();
        kept.remove(&key);
        let sum: usize = kept.values().map(|entry| entry.order.len()).sum();
        let entries = kept.len().saturating_mul(ENTRY);
        if sum.saturating_add(order.len()).saturating_add(entries) > MESSAGES_MAX {
            kept.clear();
        }
        kept.insert(key, Entry { of, order, unused: 0 });
    }

    /// Drops what nobody used for a while; called now and then.
    pub(crate) fn drop_unused(&self) {
        self.kept().retain(|_, entry| {
            entry.unused = entry.unused.saturating_add(1);
            entry.unused <= LOOKS_UNUSED
        });
    }

    fn kept(&self) -> MutexGuard<'_, HashMap<Key, Entry>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn chosen(order: &[Uid], uids: &UidSet) -> Vec<Uid> {
    order.iter().copied().filter(|uid| uids.contains(*uid)).collect()
}
