//! What is known of each host: how many conversations it bears, and whether it answers. Pure.
//!
//! A host begins with a window of two conversations. When as many messages went well as the window
//! is wide, while it was in use to its full width, it becomes wider by one; 421 and time-outs halve
//! it. A host that could not be reached the last time gets one conversation at a time; after three
//! times in a row it rests, each time longer, and gets one conversation, the probe, after each rest.

use std::{collections::BTreeMap, time::Duration};

use mail_types::{Problem, Timestamp};

use super::way::HostId;

/// Conversations that a host begins with.
const FIRST_WINDOW: usize = 2;
/// Failed connects in a row after which a host rests.
const TRIES: u32 = 3;
/// Hosts that are remembered.
const REMEMBERED_MAX: usize = 10_000;

/// How a host was left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Left {
    /// In peace, or for a reason that says nothing of the host.
    Well,
    /// It said 421, was silent for too long, or hung up on us.
    Overloaded,
    /// It could not be reached at all, for this reason.
    Unreached(Problem),
}

/// What may be asked of a host now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Standing {
    /// A conversation; the lower it ranks, the better.
    Free(Trust, Rank),
    /// Nothing until a conversation with it ends.
    Full,
    /// It rests, and somebody is looking whether it is back.
    Probed,
    /// Nothing before this time.
    Resting(Timestamp),
}

/// In which order hosts of equal preference are asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Rank {
    trouble: bool,
    /// Conversations with it.
    load: usize,
}

/// What its past says of a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Trust {
    /// It answered the last time.
    Proven,
    /// Nobody has asked it yet.
    Unknown,
    /// It could not be reached the last time.
    Trouble,
}

#[derive(Debug)]
pub(super) struct Hosts {
    states: BTreeMap<HostId, HostState>,
    window_max: usize,
    /// The first rest, which doubles, and the longest.
    rest: (Duration, Duration),
    /// Conversations with hosts in trouble.
    in_trouble: usize,
}

#[derive(Debug)]
struct HostState {
    running: usize,
    window: usize,
    /// Messages that went well since the window changed.
    well: usize,
    proven: bool,
    /// Failed connects in a row.
    failures: u32,
    rests_until: Timestamp,
    problem: Option<Problem>,
    /// Somebody found it full, and waits.
    wanted: bool,
}

impl HostState {
    fn trust(&self) -> Trust {
        match (self.failures, self.proven) {
            (0, true) => Trust::Proven,
            (0, false) => Trust::Unknown,
            _ => Trust::Trouble,
        }
    }

    fn running_in_trouble(&self) -> usize {
        if self.failures > 0 { self.running } else { 0 }
    }
}

impl Hosts {
    pub(super) fn new(window_max: usize, rest: (Duration, Duration)) -> Self {
        Self { states: BTreeMap::new(), window_max: window_max.max(1), rest, in_trouble: 0 }
    }

    pub(super) fn standing(&self, host: &HostId, now: Timestamp) -> Standing {
        let Some(state) = self.states.get(host) else {
            return Standing::Free(Trust::Unknown, Rank { trouble: false, load: 0 });
        };
        let window = if state.failures > 0 { 1 } else { state.window };
        match () {
            () if state.failures >= TRIES && state.running > 0 => Standing::Probed,
            () if state.failures >= TRIES && now < state.rests_until => {
                Standing::Resting(state.rests_until)
            }
            () if state.running >= window => Standing::Full,
            () => {
                let rank = Rank { trouble: state.failures > 0, load: state.running };
                Standing::Free(state.trust(), rank)
            }
        }
    }

    /// Conversations with hosts that could not be reached the last time.
    pub(super) fn in_trouble(&self) -> usize {
        self.in_trouble
    }

    pub(super) fn is_in_trouble(&self, host: &HostId) -> bool {
        self.states.get(host).is_some_and(|state| state.failures > 0)
    }

    /// Why it was not reached the last time.
    pub(super) fn problem(&self, host: &HostId) -> Option<&Problem> {
        self.states.get(host)?.problem.as_ref()
    }

    /// Somebody would talk to it, and can't.
    pub(super) fn want(&mut self, host: &HostId) {
        if let Some(state) = self.states.get_mut(host) {
            state.wanted = true;
        }
    }

    pub(super) fn is_wanted(&self, host: &HostId) -> bool {
        self.states.get(host).is_some_and(|state| state.wanted)
    }

    /// A conversation with it begins.
    pub(super) fn enter(&mut self, host: &HostId) {
        let window = FIRST_WINDOW.min(self.window_max);
        self.states.entry(host.clone()).or_insert_with(|| HostState {
            running: 0,
            window,
            well: 0,
            proven: false,
            failures: 0,
            rests_until: Timestamp::from_millis(0),
            problem: None,
            wanted: false,
        });
        self.change(host, |state| state.running += 1);
    }

    /// It has greeted us.
    pub(super) fn reached(&mut self, host: &HostId) {
        self.change(host, |state| {
            state.proven = true;
            state.failures = 0;
            state.problem = None;
        });
    }

    /// It has answered for a message.
    pub(super) fn well(&mut self, host: &HostId) {
        let window_max = self.window_max;
        self.change(host, |state| {
            if state.running < state.window {
                return;
            }
            state.well += 1;
            if state.well >= state.window {
                state.well = 0;
                state.window = (state.window + 1).min(window_max);
            }
        });
    }

    /// A conversation with it has ended.
    pub(super) fn left(&mut self, host: &HostId, how: Left, now: Timestamp) {
        let (first, longest) = self.rest;
        self.change(host, |state| {
            state.running = state.running.saturating_sub(1);
            state.wanted = false;
            match how {
                Left::Well => return,
                Left::Overloaded => {}
                Left::Unreached(problem) => {
                    state.failures = state.failures.saturating_add(1);
                    state.problem = Some(problem);
                    if state.failures >= TRIES {
                        let doublings = state.failures.saturating_sub(TRIES).min(16);
                        let rest = first.saturating_mul(1 << doublings).min(longest);
                        state.rests_until = now.plus(spread(rest, host));
                    }
                }
            }
            state.window = (state.window / 2).max(1);
            state.well = 0;
        });
        self.forget();
    }

    /// Its rest is over: somebody knows that it is back.
    pub(super) fn wake(&mut self, host: &HostId) {
        self.change(host, |state| state.rests_until = Timestamp::from_millis(0));
    }

    fn change(&mut self, host: &HostId, change: impl FnOnce(&mut HostState)) {
        let Some(state) = self.states.get_mut(host) else { return };
        let before = state.running_in_trouble();
        change(state);
        self.in_trouble = self.in_trouble.saturating_sub(before) + state.running_in_trouble();
    }

    /// Of too many, those that nobody talks to: first the good ones, who lose least.
    fn forget(&mut self) {
        if self.states.len() > REMEMBERED_MAX {
            self.states.retain(|_, state| state.running > 0 || state.failures > 0);
        }
        if self.states.len() > REMEMBERED_MAX {
            self.states.retain(|_, state| state.running > 0);
        }
    }
}

/// Up to a tenth more or less by the host's name, so that what went down together is not probed
/// together.
fn spread(rest: Duration, host: &HostId) -> Duration {
    let part = u32::try_from(host.seed() % 201).unwrap_or(0);
    rest.saturating_sub(rest / 10) + rest / 1000 * part
}

#[cfg(test)]
mod tests {
    use mail_types::{EnhancedStatus, Scope};

    use super::*;

    fn hosts() -> Hosts {
        Hosts::new(20, (Duration::from_secs(60), Duration::from_secs(1800)))
    }

    fn dead() -> Left {
        let status = EnhancedStatus::new(4, 4, 1);
        Left::Unreached(Problem::new(status, Scope::Host, "cannot connect"))
    }

    fn at(secs: i64) -> Timestamp {
        Timestamp::from_secs(1_000_000 + secs)
    }

    /// Enters as often as it may, and says how often.
    fn fill(hosts: &mut Hosts, host: &HostId, now: Timestamp) -> usize {
        let mut entered = 0;
        while matches!(hosts.standing(host, now), Standing::Free(..)) {
            hosts.enter(host);
            entered += 1;
        }
        entered
    }

    #[test]
    fn the_window_grows_by_one_a_full_round_and_halves() {
        let (mut hosts, mx) = (hosts(), HostId::new("mx"));
        assert_eq!(fill(&mut hosts, &mx, at(0)), 2);
        hosts.well(&mx);
        assert_eq!(fill(&mut hosts, &mx, at(0)), 0, "half a round");
        hosts.well(&mx);
        assert_eq!(fill(&mut hosts, &mx, at(0)), 1, "two of two went well");
        for _ in 0..2 {
            hosts.well(&mx);
        }
        assert_eq!(fill(&mut hosts, &mx, at(0)), 0);
        for _ in 0..1000 {
            hosts.well(&mx);
            fill(&mut hosts, &mx, at(0));
        }
        assert_eq!(hosts.states[&mx].window, 20, "never more than the limit");
        for left in [10, 5, 2, 1, 1] {
            hosts.left(&mx, Left::Overloaded, at(0));
            assert_eq!(hosts.states[&mx].window, left);
        }
    }

    #[test]
    fn what_is_not_used_does_not_grow() {
        let (mut hosts, mx) = (hosts(), HostId::new("mx"));
        hosts.enter(&mx);
        for _ in 0..100 {
            hosts.well(&mx);
        }
        assert_eq!(fill(&mut hosts, &mx, at(0)), 1, "two, as it began");
    }

    #[test]
    fn after_three_failures_one_probe_a_rest() {
        let (mut hosts, mx) = (hosts(), HostId::new("mx"));
        assert_eq!(fill(&mut hosts, &mx, at(0)), 2);
        for failures in 1..=2 {
            hosts.left(&mx, dead(), at(0));
            assert_eq!(hosts.in_trouble(), 2 - failures, "one conversation is left, then none");
        }
        assert_eq!(fill(&mut hosts, &mx, at(0)), 1, "one at a time");
        assert_eq!(hosts.standing(&mx, at(0)), Standing::Full);
        hosts.left(&mx, dead(), at(0));
        let mut now = at(0);
        for seconds in [60, 120, 240, 480, 960, 1800, 1800] {
            let Standing::Resting(until) = hosts.standing(&mx, now) else { panic!("no rest") };
            let rest = until.since(now).as_secs();
            assert!((seconds * 9 / 10..=seconds * 11 / 10).contains(&rest), "{rest} {seconds}");
            now = until;
            assert_eq!(fill(&mut hosts, &mx, now), 1);
            assert_eq!(hosts.standing(&mx, now), Standing::Probed);
            hosts.left(&mx, dead(), now);
        }
        hosts.wake(&mx);
        assert_eq!(fill(&mut hosts, &mx, now), 1, "somebody says that it is back");
        hosts.reached(&mx);
        hosts.left(&mx, Left::Well, now);
        assert_eq!(hosts.in_trouble(), 0);
        assert_eq!(fill(&mut hosts, &mx, now), 1, "it begins again with little");
        hosts.well(&mx);
        assert_eq!(fill(&mut hosts, &mx, now), 1);
    }

    #[test]
    fn memory_is_limited() {
        let mut hosts = hosts();
        for number in 0..REMEMBERED_MAX + 10 {
            let host = HostId::new(&number.to_string());
            hosts.enter(&host);
            hosts.left(&host, if number % 2 == 0 { dead() } else { Left::Well }, at(0));
        }
        assert!(hosts.states.len() <= REMEMBERED_MAX / 2 + 20, "{}", hosts.states.len());
        assert!(hosts.is_in_trouble(&HostId::new("0")), "what costs most is remembered longest");
    }
}
