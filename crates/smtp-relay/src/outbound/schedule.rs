//! Which destination is worked on, by how many conversations, and what is leased for them. Pure.
//!
//! Events come in ([`Schedule::leased`], [`Schedule::ended`]), attempts go out
//! ([`Schedule::start`]), and [`Schedule::request`] says what there is room for. A conversation
//! takes the messages of its lane one after the other ([`Schedule::next_of`]).
//!
//! Invariants: no lane has more conversations than its window, all together not more than the
//! limit; lanes in trouble share half of the limit at most, and have one conversation each, so that
//! dead hosts, each of which costs a long wait, cannot keep the others from being served. A lane
//! without trouble and with something to do starts whenever there is a free place.
//!
//! It does not know what a lease is, what time it is, or when anything is tried again: that is
//! `message_queue::retry`'s.

use std::collections::{BTreeMap, VecDeque};

use mail_types::Lane;

/// How much may go on at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limits {
    /// Conversations altogether.
    pub(crate) total: usize,
    /// Conversations with one destination.
    pub(crate) per_lane: usize,
}

/// What there is room for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Room {
    /// Leases altogether.
    pub(crate) leases: usize,
    /// Leases of one lane.
    pub(crate) per_lane: usize,
    /// Lanes without room.
    pub(crate) except: Vec<Lane>,
}

/// How a conversation ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
    /// The destination talked to us.
    Reached,
    /// It did not.
    Trouble,
}

/// Conversations that a lane begins with.
const FIRST_WINDOW: usize = 2;
/// Leases that wait in a lane for its conversations, so that a connection is used for several.
const BACKLOG: usize = 20;
/// Lanes in trouble that are remembered without having anything to do.
const TROUBLED_MAX: usize = 10_000;

/// The state of all lanes; `L` is a lease.
#[derive(Debug)]
pub(crate) struct Schedule<L> {
    limits: Limits,
    lanes: BTreeMap<Lane, LaneState<L>>,
    running: usize,
    running_in_trouble: usize,
    held: usize,
    /// The lane that started last: the next turn begins behind it.
    turn: Option<Lane>,
}

#[derive(Debug)]
struct LaneState<L> {
    waiting: VecDeque<L>,
    running: usize,
    /// Conversations that have begun and taken no message yet.
    fresh: usize,
    window: usize,
    trouble: bool,
}

impl<L> Schedule<L> {
    pub(crate) fn new(limits: Limits) -> Self {
        let limits = Limits { total: limits.total.max(1), per_lane: limits.per_lane.max(1) };
        Self {
            limits,
            lanes: BTreeMap::new(),
            running: 0,
            running_in_trouble: 0,
            held: 0,
            turn: None,
        }
    }

    /// What can be leased now; nothing if all places are taken.
    pub(crate) fn request(&self) -> Option<Room> {
        let leases_max = self.limits.total.saturating_mul(BACKLOG);
        let leases = leases_max.saturating_sub(self.held);
        let full = |state: &LaneState<L>| {
            state.waiting.len() >= BACKLOG || (state.trouble && !self.has_place(state))
        };
        let except = self.lanes.iter().filter(|(_, state)| full(state));
        let except = except.map(|(lane, _)| lane.clone()).collect();
        (leases > 0).then_some(Room { leases, per_lane: BACKLOG, except })
    }

    /// Something was leased.
    pub(crate) fn leased(&mut self, lane: Lane, lease: L) {
        self.held += 1;
        let window = FIRST_WINDOW.min(self.limits.per_lane);
        let state = self.lanes.entry(lane).or_insert_with(|| LaneState {
            waiting: VecDeque::new(),
            running: 0,
            fresh: 0,
            window,
            trouble: false,
        });
        state.waiting.push_back(lease);
    }

    /// The next conversation to begin. Lanes take turns.
    pub(crate) fn start(&mut self) -> Option<Lane> {
        let ready = |(lane, state): (&Lane, &LaneState<L>)| {
            let wanted = state.running < state.window && state.fresh < state.waiting.len();
            (wanted && self.has_place(state)).then(|| lane.clone())
        };
        let behind = |lane: &Lane| self.turn.as_ref().is_none_or(|turn| lane > turn);
        let mut later = self.lanes.iter().filter(|(lane, _)| behind(lane));
        let mut sooner = self.lanes.iter().filter(|(lane, _)| !behind(lane));
        let lane = later.find_map(ready).or_else(|| sooner.find_map(ready))?;
        let state = self.lanes.get_mut(&lane)?;
        state.running += 1;
        state.fresh += 1;
        self.running += 1;
        self.running_in_trouble += usize::from(state.trouble);
        self.turn = Some(lane.clone());
        Some(lane)
    }

    /// The next message for a conversation of this lane.
    pub(crate) fn next_of(&mut self, lane: &Lane) -> Option<L> {
        let state = self.lanes.get_mut(lane)?;
        state.fresh = state.fresh.saturating_sub(1);
        let lease = state.waiting.pop_front()?;
        self.held = self.held.saturating_sub(1);
        Some(lease)
    }

    /// Whether a message waits in this lane.
    pub(crate) fn waits(&self, lane: &Lane) -> bool {
        self.lanes.get(lane).is_some_and(|state| !state.waiting.is_empty())
    }

    /// A conversation has ended.
    pub(crate) fn ended(&mut self, lane: &Lane, how: Ended) {
        let Some(state) = self.lanes.get_mut(lane) else { return };
        state.running = state.running.saturating_sub(1);
        state.fresh = state.fresh.min(state.running);
        self.running = self.running.saturating_sub(1);
        match how {
            Ended::Reached => {
                // One more at a time: a destination shows what it bears by bearing it.
                state.window = (state.window + 1).min(self.limits.per_lane);
                state.trouble = false;
            }
            Ended::Trouble => {
                state.window = 1;
                state.trouble = true;
            }
        }
        let in_trouble = self.lanes.values().filter(|state| state.trouble);
        self.running_in_trouble = in_trouble.map(|state| state.running).sum();
        let remembered = self.lanes.len();
        // What is idle is forgotten, but for trouble, and that as well when there is much of it.
        if let Some(state) = self.lanes.get(lane)
            && state.running == 0
            && state.waiting.is_empty()
            && (!state.trouble || remembered > TROUBLED_MAX)
        {
            self.lanes.remove(lane);
        }
    }

    fn has_place(&self, state: &LaneState<L>) -> bool {
        let half = self.limits.total.div_ceil(2);
        self.running < self.limits.total && (!state.trouble || self.running_in_trouble < half)
    }
}

#[cfg(test)]
mod tests {
    use mail_types::Domain;

    use super::*;

    fn lane(name: &str) -> Lane {
        Lane::Remote(Domain::parse(name).unwrap())
    }

    fn schedule(total: usize, per_lane: usize) -> Schedule<u32> {
        Schedule::new(Limits { total, per_lane })
    }

    fn starts(schedule: &mut Schedule<u32>) -> Vec<String> {
        std::iter::from_fn(|| schedule.start()).map(|lane| lane.to_string()).collect()
    }

    #[test]
    fn a_lane_begins_with_two_and_grows() {
        let mut schedule = schedule(10, 3);
        for number in 0..9 {
            schedule.leased(lane("a"), number);
        }
        assert_eq!(starts(&mut schedule), ["@a", "@a"]);
        schedule.ended(&lane("a"), Ended::Reached);
        assert_eq!(starts(&mut schedule), ["@a", "@a"], "window of three");
        schedule.ended(&lane("a"), Ended::Reached);
        assert_eq!(starts(&mut schedule), ["@a"], "never more than the limit");
    }

    #[test]
    fn never_more_conversations_than_messages() {
        let mut schedule = schedule(10, 5);
        schedule.leased(lane("a"), 1);
        assert_eq!(starts(&mut schedule), ["@a"]);
        assert_eq!(schedule.next_of(&lane("a")), Some(1));
        assert_eq!(schedule.next_of(&lane("a")), None);
    }

    #[test]
    fn lanes_take_turns() {
        let mut schedule = schedule(4, 9);
        for number in 0..9 {
            for name in ["a", "b", "c"] {
                schedule.leased(lane(name), number);
            }
        }
        assert_eq!(starts(&mut schedule), ["@a", "@b", "@c", "@a"]);
        schedule.ended(&lane("b"), Ended::Reached);
        assert_eq!(starts(&mut schedule), ["@b"]);
    }

    #[test]
    fn trouble_keeps_half_of_the_places_free() {
        let mut schedule = schedule(4, 9);
        let dead: Vec<Lane> = (0..8).map(|n| lane(&format!("dead{n}"))).collect();
        for dead in &dead {
            schedule.leased(dead.clone(), 0);
            schedule.leased(dead.clone(), 1);
        }
        // Each is tried, and found dead.
        for _ in 0..8 {
            for name in starts(&mut schedule) {
                schedule.ended(&Lane::parse(&name).unwrap(), Ended::Trouble);
            }
        }
        assert_eq!(starts(&mut schedule).len(), 2, "half of four");
        schedule.leased(lane("good"), 7);
        assert_eq!(starts(&mut schedule), ["@good"]);
        let except = schedule.request().unwrap().except;
        assert_eq!(except.len(), 8, "nothing more is leased for the dead now");
    }

    #[test]
    fn a_full_lane_leases_nothing_more() {
        let mut schedule = schedule(2, 2);
        assert_eq!(schedule.request().unwrap().leases, 2 * BACKLOG);
        for number in 0..BACKLOG {
            schedule.leased(lane("a"), u32::try_from(number).unwrap());
        }
        let room = schedule.request().unwrap();
        assert_eq!((room.leases, room.except), (BACKLOG, vec![lane("a")]));
        for number in 0..BACKLOG {
            schedule.leased(lane("b"), u32::try_from(number).unwrap());
        }
        assert_eq!(schedule.request(), None);
    }

    #[test]
    fn what_is_over_is_forgotten_but_trouble_is_not() {
        let mut schedule = schedule(2, 2);
        for (name, how, remembered) in [("a", Ended::Reached, 0), ("b", Ended::Trouble, 1)] {
            schedule.leased(lane(name), 0);
            assert_eq!(starts(&mut schedule).len(), 1);
            schedule.next_of(&lane(name));
            schedule.ended(&lane(name), how);
            assert_eq!(schedule.lanes.len(), remembered);
        }
    }
}
