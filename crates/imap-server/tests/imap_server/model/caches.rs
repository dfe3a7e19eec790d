//! What a client keeps of a mailbox that it leaves, and how it comes back (RFC 7162 §3.2.5).

use std::collections::BTreeMap;

use super::{
    numbers,
    order::{Mode, Resync},
    truth::{BoxId, Flags, Truth},
    view::View,
    world::Session,
};

/// What is kept.
#[derive(Clone, Debug)]
pub(crate) struct Cache {
    validity: u32,
    highest: u64,
    uids: Vec<u32>,
    pub(crate) flags: BTreeMap<u32, Flags>,
}

impl Cache {
    /// The parameter of SELECT.
    pub(crate) fn parameter(&self, resync: Resync) -> Option<String> {
        let place = format!("{} {}", self.validity, self.highest);
        let all = || numbers::render(self.uids.iter().copied());
        let empty = self.uids.is_empty();
        Some(match resync {
            Resync::Nothing => return None,
            Resync::Place => format!(" (QRESYNC ({place}))"),
            Resync::Known | Resync::Matches if empty => format!(" (QRESYNC ({place}))"),
            Resync::Known => format!(" (QRESYNC ({place} {}))", all()),
            Resync::Matches => {
                // A few, as the standard advises.
                let some = |(place, _): &(usize, &u32)| place % 3 == 2 || self.uids.len() < 3;
                let both: Vec<_> = self.uids.iter().enumerate().filter(some).collect();
                let places = both.iter().map(|(place, _)| u32::try_from(*place + 1).unwrap());
                let places = numbers::render(places);
                let uids = numbers::render(both.iter().map(|(_, uid)| **uid));
                if places.is_empty() {
                    return self.parameter(Resync::Known);
                }
                format!(" (QRESYNC ({place} {} ({places} {uids})))", all())
            }
        })
    }
}

impl Session {
    /// The mailbox is left; what is known of it is kept by who can come back to it.
    pub(crate) fn leave(&mut self, truth: &Truth) {
        let Some(View { mailbox, uids, told, highest, .. }) = self.view.take() else { return };
        if self.mode == Mode::Qresync
            && truth.is_there(mailbox)
            && let Some(validity) = truth.of(mailbox).validity
        {
            self.caches.insert(mailbox, Cache { validity, highest, uids, flags: told });
        }
    }

    /// What it will tell of its cache of a mailbox.
    pub(crate) fn cache(&self, mailbox: BoxId, resync: Resync) -> Option<(Cache, String)> {
        let cache = self.caches.get(&mailbox).filter(|_| self.mode == Mode::Qresync)?;
        Some((cache.clone(), cache.parameter(resync)?))
    }
}
