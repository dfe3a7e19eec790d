//! The selected mailbox as this session's client knows it: which message has which sequence
//! number.
//!
//! The mailbox goes on changing while the client looks at it. What changed is put in here as it
//! becomes known, and counts only once it is told: messages leave the numbering with their EXPUNGE
//! and join it with the next EXISTS (RFC 3501 §7.4.1, §7.3.1). When either may be told is
//! [`crate::server`]'s business (the table of commands).
//!
//! Memory goes with the number of gaps between UIDs, not with the number of messages, and sessions
//! of one mailbox whose clients know the same share it ([`View::share`]).

use mail_types::{SeqNum, Uid};

use crate::{SequenceSet, UidRuns, command::Numbering};

/// The numbering, and what waits to be told.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct View {
    told: UidRuns,
    arrived: UidRuns,
    vanished: UidRuns,
    recent: UidRuns,
    /// What the last search has saved (RFC 5182 §2.1).
    saved: UidRuns,
    /// The largest UID ever told: nothing new can be below, even after that message is gone.
    highest_told: u32,
}

/// A sequence number beyond the last message (RFC 3501 §9 `seq-number`): the command is BAD.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BeyondMailbox;

/// What the client is to be told of the mailbox's size.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Size {
    /// For EXISTS.
    pub exists: u32,
    /// For RECENT.
    pub recent: u32,
}

impl View {
    /// A mailbox as it is opened: its UIDs, and those of them that this session is the first to
    /// be told of (RFC 3501 §2.3.2 `\Recent`).
    pub fn new(uids: UidRuns, recent: UidRuns) -> Self {
        let highest_told = uids.last().map_or(0, Uid::number);
        Self { recent: recent.intersection(&uids), told: uids, highest_told, ..Self::default() }
    }

    /// How many messages the client knows of.
    pub fn exists(&self) -> u32 {
        self.told.len()
    }

    /// The size as the client knows it.
    pub fn size(&self) -> Size {
        Size { exists: self.told.len(), recent: self.recent.len() }
    }

    /// The UIDs that have a sequence number, ascending.
    pub fn uids(&self) -> &UidRuns {
        &self.told
    }

    /// Whether the client knows of all that came and went: nothing waits to be told.
    pub fn is_up_to_date(&self) -> bool {
        self.arrived.is_empty() && self.vanished.is_empty()
    }

    /// Takes what another session has told, if it is the same: it is kept once then.
    pub fn share(&mut self, uids: &UidRuns) {
        if self.told == *uids {
            self.told = uids.clone();
        }
    }

    /// The sequence number of a message the client knows of.
    pub fn sequence_number(&self, uid: Uid) -> Option<SeqNum> {
        SeqNum::new(self.told.rank(uid)?.checked_add(1)?)
    }

    /// The sequence numbers of messages, as ascending ranges with both ends.
    pub(crate) fn sequence_ranges(&self, uids: &UidRuns) -> Vec<(u32, u32)> {
        let mut ranges: Vec<(u32, u32)> = Vec::new();
        for number in uids.iter().filter_map(|uid| self.sequence_number(uid)) {
            match ranges.last_mut() {
                Some((_, last)) if last.checked_add(1) == Some(number.number()) => {
                    *last = number.number();
                }
                _ => ranges.push((number.number(), number.number())),
            }
        }
        ranges
    }

    /// The message with this sequence number.
    pub fn uid(&self, number: SeqNum) -> Option<Uid> {
        self.told.nth(number.number() - 1)
    }

    /// Whether a message is `\Recent` in this session.
    pub fn is_recent(&self, uid: Uid) -> bool {
        self.recent.contains(uid)
    }

    /// The messages that are `\Recent` in this session and that the client knows of.
    pub fn recent(&self) -> UidRuns {
        self.recent.intersection(&self.told)
    }

    /// Whether a message that the client still knows of is gone.
    pub fn is_vanished(&self, uid: Uid) -> bool {
        self.vanished.contains(uid)
    }

    /// Which messages a command means. UIDs that nobody has are passed over without a word
    /// (RFC 3501 §6.4.8); sequence numbers that nobody has are the client's mistake.
    pub fn resolve(
        &self,
        set: &SequenceSet,
        numbering: Numbering,
    ) -> Result<UidRuns, BeyondMailbox> {
        match numbering {
            _ if set.is_saved() => Ok(self.saved.clone()),
            Numbering::Uid => Ok(self.by_uid(set)),
            Numbering::Sequence => self.by_sequence_number(set),
        }
    }

    /// A search has saved its result: `$` means these from now on, as long as they are there.
    pub fn save(&mut self, found: &UidRuns) {
        self.saved = self.told.intersection(found);
    }

    /// Likewise, for a search, which passes over sequence numbers that nobody has: a client that
    /// searches `1:*` in an empty mailbox wants to hear that nothing was found.
    pub fn existing(&self, set: &SequenceSet, numbering: Numbering) -> UidRuns {
        match numbering {
            _ if set.is_saved() => self.saved.clone(),
            Numbering::Uid => self.by_uid(set),
            Numbering::Sequence => {
                let within = |(first, last): (u32, u32)| {
                    let first = SeqNum::new(first).and_then(|number| self.uid(number))?;
                    let last = SeqNum::new(last.min(self.exists()))?;
                    Some((first, self.uid(last)?))
                };
                let wanted = set.ranges(self.exists()).into_iter().filter_map(within);
                UidRuns::from_ranges(wanted).intersection(&self.told)
            }
        }
    }

    fn by_uid(&self, set: &SequenceSet) -> UidRuns {
        let Some(last) = self.told.last() else { return UidRuns::new() };
        let uids = |(first, last)| Some((Uid::new(first)?, Uid::new(last)?));
        let wanted = set.ranges(last.number()).into_iter().filter_map(uids);
        UidRuns::from_ranges(wanted).intersection(&self.told)
    }

    fn by_sequence_number(&self, set: &SequenceSet) -> Result<UidRuns, BeyondMailbox> {
        let mut wanted = Vec::new();
        for (first, last) in set.ranges(self.exists()) {
            let uid = |number| SeqNum::new(number).and_then(|number| self.uid(number));
            wanted.push((uid(first).ok_or(BeyondMailbox)?, uid(last).ok_or(BeyondMailbox)?));
        }
        // Between two messages of the view there are only messages of the view, and gaps.
        Ok(UidRuns::from_ranges(wanted).intersection(&self.told))
    }

    /// Messages have come; told with the next EXISTS. What is known already is passed over, so the
    /// same news may come twice.
    pub fn arrived(&mut self, uids: &UidRuns, recent: bool) {
        // RFC 3501 §2.3.1.1: UIDs ascend in the order in which messages are added.
        let Some(first_new) = self.highest_told.checked_add(1).and_then(Uid::new) else { return };
        let new = uids.intersection(&UidRuns::from_ranges([(first_new, Uid::MAX)]));
        if recent {
            self.recent = self.recent.union(&new.difference(&self.arrived));
        }
        self.arrived = self.arrived.union(&new);
    }

    /// What has come and was not told yet.
    pub fn unheard(&self) -> &UidRuns {
        &self.arrived
    }

    /// Messages are gone; told with EXPUNGE, if the client knew of them.
    pub fn vanished(&mut self, uids: &UidRuns) {
        self.vanished = self.vanished.union(&self.told.intersection(uids));
        let unseen = self.arrived.intersection(uids);
        if !unseen.is_empty() {
            self.arrived = self.arrived.difference(&unseen);
            self.recent = self.recent.difference(&unseen);
        }
    }

    /// Lets what is gone leave the numbering. Returns the numbers for EXPUNGE responses, in the
    /// order in which they are to be sent: descending, so that none shifts another.
    pub fn tell_vanished(&mut self) -> Vec<SeqNum> {
        let mut numbers: Vec<SeqNum> =
            self.vanished.iter().filter_map(|uid| self.sequence_number(uid)).collect();
        numbers.reverse();
        self.tell_vanished_uids();
        numbers
    }

    /// Likewise, for VANISHED responses: which messages.
    pub fn tell_vanished_uids(&mut self) -> UidRuns {
        let gone = std::mem::take(&mut self.vanished);
        if !gone.is_empty() {
            self.told = self.told.difference(&gone);
            self.recent = self.recent.difference(&gone);
            self.saved = self.saved.difference(&gone);
        }
        gone
    }

    /// Lets what has come join the numbering. Returns the new size if there was anything.
    pub fn tell_arrived(&mut self) -> Option<Size> {
        let new = std::mem::take(&mut self.arrived);
        if new.is_empty() {
            return None;
        }
        self.told = self.told.union(&new);
        self.highest_told = self.highest_told.max(new.last().map_or(0, Uid::number));
        Some(self.size())
    }
}

#[cfg(test)]
mod tests;
