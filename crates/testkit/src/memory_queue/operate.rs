//! What the operator does to recipients.

use std::collections::BTreeSet;

use mail_types::{Lane, QueueId, Timestamp};

use super::{Event, MemoryQueue, State, records::Row};

/// Which recipients are meant; nothing said means all.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Of this entry.
    pub id: Option<QueueId>,
    /// In this lane.
    pub lane: Option<Lane>,
    /// In this state.
    pub state: Option<State>,
    /// With this address.
    pub address: Option<String>,
    /// With this reverse-path.
    pub sender: Option<String>,
}

/// What is done to them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Operation {
    /// They are due now.
    Retry,
    /// They are held, for this reason.
    Hold(String),
    /// They are held no longer.
    Release,
    /// They are dropped.
    Remove,
}

impl Operation {
    /// The states that it applies to, the new state, and the event.
    fn plan(&self) -> (&'static [State], State, &'static str) {
        match self {
            Self::Retry => (&[State::Waiting], State::Waiting, "retried"),
            Self::Hold(_) => (&[State::Waiting], State::Held, "held"),
            Self::Release => (&[State::Held], State::Waiting, "released"),
            Self::Remove => (&[State::Waiting, State::Held], State::Removed, "removed"),
        }
    }
}

impl MemoryQueue {
    /// Does it to those who are meant. Returns how many.
    pub fn operate(&mut self, operation: &Operation, filter: &Filter, now: Timestamp) -> u64 {
        let (from, to, what) = operation.plan();
        let chosen: Vec<usize> = (self.rows.iter().enumerate())
            .filter(|(_, row)| from.contains(&row.state) && self.is_meant(filter, row))
            // A retry leaves alone what is due already.
            .filter(|(_, row)| *operation != Operation::Retry || row.next_at > now)
            .map(|(place, _)| place)
            .collect();
        let (mut ids, mut lanes) = (BTreeSet::new(), BTreeSet::new());
        for place in &chosen {
            let Some(row) = self.rows.get_mut(*place) else { continue };
            row.state = to;
            if to == State::Waiting {
                row.wait_until(now);
            }
            lanes.insert(row.lane.clone());
            let detail = match operation {
                Operation::Hold(reason) => Some(reason.clone()),
                _ => None,
            };
            row.problem = detail.clone().or(row.problem.take());
            ids.insert(row.entry);
            let (id, recipient) = (row.entry, Some(row.recipient()));
            self.tell(id, Event { at: now, recipient, what, detail });
        }
        self.lines_go_on(lanes);
        ids.into_iter().for_each(|id| self.end_entry(id));
        chosen.len() as u64
    }

    /// Nothing is leased of this lane, or of any other server's, until it is resumed.
    pub fn pause(&mut self, lane: Option<Lane>) {
        self.paused.insert(lane);
    }

    /// Resumes it; whether it was paused.
    pub fn resume(&mut self, lane: Option<&Lane>) -> bool {
        self.paused.remove(&lane.cloned())
    }

    fn is_meant(&self, filter: &Filter, row: &Row) -> bool {
        let sender = self.entries.get(&row.entry).map(|entry| entry.sender.as_str());
        let same = |wanted: &Option<String>, text: &str| {
            wanted.as_ref().is_none_or(|wanted| wanted.eq_ignore_ascii_case(text))
        };
        filter.id.is_none_or(|id| id == row.entry)
            && filter.lane.as_ref().is_none_or(|lane| *lane == row.lane)
            && filter.state.is_none_or(|state| state == row.state)
            && same(&filter.address, &row.address)
            && same(&filter.sender, sender.unwrap_or_default())
    }
}
