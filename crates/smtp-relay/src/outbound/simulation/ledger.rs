//! What somebody who sees everything knows: what was accepted, what the hosts took, what was told
//! to whom, how many conversations go on. It finds out what must not be.

use std::collections::{BTreeMap, BTreeSet};

use super::LIMITS;

/// One recipient of one message, by its address, which no other has.
#[derive(Debug, Default, Clone)]
pub(super) struct Fate {
    pub(super) queued_at: u64,
    /// For how long there had been no place by then, in ms.
    no_place_before: u64,
    /// How often a host took it.
    pub(super) taken: u32,
    /// How often that was lost on the way to the queue.
    pub(super) excused: u32,
    /// Somebody said never.
    pub(super) never: bool,
    pub(super) ended: Option<End>,
    /// Notifications about it that its sender is to get: of its failure, of a delay.
    pub(super) told_failed: u32,
    pub(super) told_late: u32,
    /// Whether its failure is to be told.
    pub(super) tell: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Delivered(u64),
    Failed,
}

/// A host, as one sees it who counts.
#[derive(Debug, Default)]
struct Seen {
    visits: usize,
    /// Failed connects in a row.
    failures: u32,
    /// Messages that it has answered for.
    answered: usize,
}

#[derive(Debug, Default)]
pub(super) struct Ledger {
    pub(super) fates: BTreeMap<String, Fate>,
    first_seen: BTreeMap<String, u64>,
    hosts: BTreeMap<String, Seen>,
    /// Domains that were said not to exist.
    pub(super) gone: BTreeSet<String>,
    pub(super) wrong: Vec<String>,
    pub(super) conversations: usize,
    /// Since when there is no place for a host that nobody knows yet, and for how long before.
    no_place_since: Option<u64>,
    no_place: u64,
    pub(super) visits: u64,
    pub(super) messages: u64,
}

impl Ledger {
    pub(super) fn accepted(&mut self, address: &str, tell: bool, at: u64) {
        let no_place_before = self.without_place(at);
        let fate = Fate { queued_at: at, no_place_before, tell, ..Fate::default() };
        if self.fates.insert(address.to_owned(), fate).is_some() {
            self.wrong.push(format!("{address} is there twice"));
        }
    }

    /// How long somebody has waited while there was a place: what many slow hosts take of each
    /// other's time is not counted.
    pub(super) fn waited(&self, fate: &Fate, at: u64) -> u64 {
        at - fate.queued_at - (self.without_place(at) - fate.no_place_before)
    }

    fn without_place(&self, at: u64) -> u64 {
        self.no_place + self.no_place_since.map_or(0, |since| at - since)
    }

    fn count(&mut self, conversations: usize, at: u64) {
        self.no_place = self.without_place(at);
        self.conversations = conversations;
        let places = LIMITS.total - LIMITS.total / 4;
        self.no_place_since = (conversations >= places).then_some(at);
    }

    /// A conversation with a host begins.
    pub(super) fn enter(&mut self, host: &str, at: u64) {
        self.visits += 1;
        self.count(self.conversations + 1, at);
        let seen = self.hosts.entry(host.to_owned()).or_default();
        seen.visits += 1;
        // Two to begin with, and one more for each round of messages at most.
        let window = if seen.failures > 0 { 1 } else { LIMITS.per_host.min(2 + seen.answered) };
        if seen.visits > window {
            self.wrong.push(format!("{} conversations with {host}, not {window}", seen.visits));
        }
        let trouble: usize =
            self.hosts.values().filter(|seen| seen.failures > 0).map(|seen| seen.visits).sum();
        let is_ill = self.hosts.get(host).is_some_and(|seen| seen.failures > 0);
        let many_ill = is_ill && trouble > LIMITS.total.div_ceil(2);
        if self.conversations > LIMITS.total || many_ill {
            let all = self.conversations;
            self.wrong.push(format!("{all} conversations, {trouble} with hosts in trouble"));
        }
    }

    pub(super) fn leave(&mut self, host: &str, at: u64) {
        self.count(self.conversations - 1, at);
        if let Some(seen) = self.hosts.get_mut(host) {
            seen.visits -= 1;
        }
    }

    /// The host could not be reached.
    pub(super) fn unreached(&mut self, host: &str) {
        if let Some(seen) = self.hosts.get_mut(host) {
            seen.failures += 1;
        }
    }

    /// The host was asked what it offers.
    pub(super) fn reached(&mut self, host: &str) {
        if let Some(seen) = self.hosts.get_mut(host) {
            seen.failures = 0;
        }
    }

    pub(super) fn answered(&mut self, host: &str) {
        self.messages += 1;
        if let Some(seen) = self.hosts.get_mut(host) {
            seen.answered += 1;
        }
    }

    pub(super) fn excuse(&mut self, addresses: &[String]) {
        for address in addresses {
            if let Some(fate) = self.fates.get_mut(address) {
                fate.excused += 1;
            }
        }
    }

    /// The process has died: of what was taken and is not settled nobody knows. Windows are
    /// forgotten as well.
    pub(super) fn crashed(&mut self, at: u64) {
        self.hosts.clear();
        self.count(0, at);
        for fate in self.fates.values_mut().filter(|fate| fate.ended.is_none()) {
            fate.excused = fate.excused.max(fate.taken);
        }
    }

    pub(super) fn ended(&mut self, address: &str, end: End) {
        let Some(fate) = self.fates.get_mut(address) else {
            return self.wrong.push(format!("{address} is unknown"));
        };
        let domain = address.rsplit('@').next().unwrap_or_default();
        let may_fail = fate.never || self.gone.contains(domain);
        match end {
            _ if fate.ended.is_some() => self.wrong.push(format!("{address} ends twice")),
            End::Delivered(_) if fate.taken == 0 => {
                self.wrong.push(format!("{address} was delivered to nobody"));
            }
            End::Failed if !may_fail => {
                self.wrong.push(format!("{address} has failed, and nobody said never"));
            }
            _ => {}
        }
        fate.ended = Some(end);
    }

    /// What is left of the story must be well.
    pub(super) fn close(&mut self) {
        for (address, fate) in &self.fates {
            let Some(end) = fate.ended else {
                self.wrong.push(format!("{address} has no end: {fate:?}"));
                continue;
            };
            let told = u32::from(end == End::Failed && fate.tell);
            let most = fate.excused + u32::from(end != End::Failed);
            if fate.taken > most {
                let Fate { taken, excused, .. } = fate;
                let lost = format!("{excused} replies lost");
                self.wrong.push(format!("{address} was taken {taken} times, {lost}, {end:?}"));
            }
            if fate.told_failed != told || fate.told_late > 1 {
                self.wrong.push(format!("{address} was told wrongly: {fate:?}"));
            }
        }
    }
}

/// A host's access to the ledger.
pub(super) struct Remote<'l> {
    pub(super) ledger: &'l mut Ledger,
    pub(super) at: u64,
    /// Everybody of the transaction, for those who refuse all of it.
    pub(super) everybody: &'l [String],
    /// Whether a refusal of everybody is for good.
    pub(super) for_good: bool,
}

impl Remote<'_> {
    pub(super) fn took(&mut self, address: &str) {
        if let Some(fate) = self.ledger.fates.get_mut(address) {
            fate.taken += 1;
        } else {
            self.ledger.wrong.push(format!("a message for {address}, whom nobody knows"));
        }
    }

    pub(super) fn never(&mut self, address: &str) {
        if let Some(fate) = self.ledger.fates.get_mut(address) {
            fate.never = true;
        }
    }

    /// MAIL was refused.
    pub(super) fn refused_all(&mut self) {
        if self.for_good {
            for address in self.everybody {
                self.never(address);
            }
        }
    }

    /// Whether it was first seen less than so many seconds ago.
    pub(super) fn is_new(&mut self, address: &str, age: u64) -> bool {
        let first = *self.ledger.first_seen.entry(address.to_owned()).or_insert(self.at);
        self.at < first + age * 1000
    }
}
