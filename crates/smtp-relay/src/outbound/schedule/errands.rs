//! What waits, for which errand, and which way it goes. Pure.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::Duration,
};

use mail_types::{Lane, Timestamp};

use super::way::{Errand, HostId, Way};

/// How long a way that was found holds for further mail of the errand.
const WAY_HOLDS_MILLIS: i64 = 10_000;
/// How long after a message was taken a way counts as moving: a conversation that takes messages
/// this fast needs no help.
const MOVES_FOR: Duration = Duration::from_millis(5);
/// How long nothing begins on a way whose hosts either refuse or are busy, unless a place comes
/// free before.
const BARRED_FOR: Duration = Duration::from_secs(2);
/// Errands that are remembered without having anything to do.
const IDLE_MAX: usize = 10_000;
/// Lanes whose hosts are to be asked although they rest, remembered until their way is found.
const WOKEN_MAX: usize = 1000;

#[derive(Debug)]
pub(super) struct Errands<L, P> {
    errands: BTreeMap<Errand, State<L, P>>,
    ways: BTreeMap<Way, WayState<P>>,
    /// Ways on which nothing begins before this.
    barred: BTreeMap<Way, Timestamp>,
    /// What waits in each lane.
    lanes: BTreeMap<Lane, usize>,
    waiting: usize,
    /// Whose way is to be found; those behind where it was not found the last time.
    unknown: VecDeque<Errand>,
    unfound: VecDeque<Errand>,
    searches: usize,
    searches_in_trouble: usize,
    searches_max: usize,
    woken: BTreeSet<Lane>,
}

#[derive(Debug)]
struct State<L, P> {
    mail: VecDeque<L>,
    course: Course<P>,
    /// Whether its way is looked for again, while mail goes the one that was found.
    renewal: Renewal,
    /// The last search took long and came to nothing.
    trouble: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Renewal {
    No,
    /// In the list of what is to be found.
    Due,
    /// Since then.
    Sought(Timestamp),
}

#[derive(Debug)]
enum Course<P> {
    /// Nobody knows; in one of the two lists, if mail waits.
    Unknown,
    Sought,
    Found {
        way: Way,
        plan: P,
        at: Timestamp,
    },
}

/// A way with something to do.
#[derive(Debug)]
struct WayState<P> {
    plan: P,
    /// Those with mail, in turn.
    errands: VecDeque<Errand>,
    waiting: usize,
    running: usize,
    /// Conversations that have begun and reached nobody yet: each will take a message.
    fresh: usize,
    /// Conversations that wait for a message.
    resting: usize,
    /// When a message was taken last.
    taken_at: Option<Timestamp>,
}

impl<P> WayState<P> {
    /// Whether there is something for another conversation to do.
    fn wants(&self, way: &Way) -> bool {
        // One that has not reached anybody shows nothing: no more of them than of others.
        let reached = self.running.saturating_sub(self.fresh);
        self.waiting > self.fresh + self.resting
            && self.fresh < reached.max(1)
            && self.running < way.most()
    }

    /// Until when its conversations move so fast that another one would come too late.
    fn moves_until(&self) -> Option<Timestamp> {
        let busy = self.running > self.fresh + self.resting;
        self.taken_at.filter(|_| busy).map(|at| at.plus(MOVES_FOR))
    }
}

impl<L, P: Clone> Errands<L, P> {
    pub(super) fn new(searches_max: usize) -> Self {
        Self {
            errands: BTreeMap::new(),
            ways: BTreeMap::new(),
            barred: BTreeMap::new(),
            lanes: BTreeMap::new(),
            waiting: 0,
            unknown: VecDeque::new(),
            unfound: VecDeque::new(),
            searches: 0,
            searches_in_trouble: 0,
            searches_max,
            woken: BTreeSet::new(),
        }
    }

    pub(super) fn waiting(&self) -> usize {
        self.waiting
    }

    /// Lanes in which so much waits, or more.
    pub(super) fn lanes_with(&self, count: usize) -> Vec<Lane> {
        let full = self.lanes.iter().filter(|(_, waiting)| **waiting >= count);
        full.map(|(lane, _)| lane.clone()).collect()
    }

    /// Lanes that wait for a search to be tried again.
    pub(super) fn lanes_unfound(&self) -> impl Iterator<Item = Lane> {
        self.unfound.iter().map(|errand| errand.lane.clone())
    }

    /// Lanes with mail that goes this way.
    pub(super) fn lanes_of(&self, way: &Way) -> Vec<Lane> {
        let state = self.ways.get(way);
        let errands = state.into_iter().flat_map(|state| &state.errands);
        errands.map(|errand| errand.lane.clone()).collect()
    }

    pub(super) fn ways(&self) -> impl Iterator<Item = &Way> {
        self.ways.keys()
    }

    /// Ways that want another conversation, those behind `turn` first.
    pub(super) fn ways_in_turn(
        &self,
        turn: Option<&Way>,
        now: Timestamp,
    ) -> impl Iterator<Item = &Way> {
        let behind = move |way: &Way| turn.is_none_or(|turn| way > turn);
        let later = self.ways.iter().filter(move |(way, _)| behind(way));
        let sooner = self.ways.iter().filter(move |(way, _)| !behind(way));
        let wanted = move |(way, state): &(&Way, &WayState<P>)| {
            state.wants(way) && self.waits_until(way, state).is_none_or(|until| until <= now)
        };
        later.chain(sooner).filter(wanted).map(|(way, _)| way)
    }

    /// When a way that moves now is to be looked at again. One that has stopped moving, and for
    /// which there is no place, waits for what happens.
    pub(super) fn look_again(&self, now: Timestamp) -> Option<Timestamp> {
        let wanting = self.ways.iter().filter(|(way, state)| state.wants(way));
        let until = wanting.filter_map(|(way, state)| self.waits_until(way, state));
        until.filter(|until| *until > now).min()
    }

    /// Until when nothing begins on a way although it wants it.
    fn waits_until(&self, way: &Way, state: &WayState<P>) -> Option<Timestamp> {
        state.moves_until().max(self.barred.get(way).copied())
    }

    /// Nothing begins on this way for a while.
    pub(super) fn bar(&mut self, way: &Way, now: Timestamp) {
        self.barred.retain(|_, until| *until > now);
        self.barred.insert(way.clone(), now.plus(BARRED_FOR));
    }

    /// A place at this host is free: who waited for it begins.
    pub(super) fn unbar(&mut self, host: &HostId) {
        self.barred.retain(|way, _| way.hosts().all(|other| other != host));
    }

    pub(super) fn add(&mut self, errand: Errand, mail: L, now: Timestamp) {
        self.put(errand, mail, now, VecDeque::push_back);
    }

    pub(super) fn give_back(&mut self, errand: Errand, mail: L, now: Timestamp) {
        self.put(errand, mail, now, VecDeque::push_front);
    }

    fn put(&mut self, errand: Errand, mail: L, now: Timestamp, put: fn(&mut VecDeque<L>, L)) {
        *self.lanes.entry(errand.lane.clone()).or_default() += 1;
        self.waiting += 1;
        let state = self.errands.entry(errand.clone()).or_insert_with(|| State {
            mail: VecDeque::new(),
            course: Course::Unknown,
            renewal: Renewal::No,
            trouble: false,
        });
        let first = state.mail.is_empty();
        put(&mut state.mail, mail);
        match &state.course {
            Course::Sought => {}
            Course::Found { way, plan, at } if !first || holds(*at, now) => {
                let (way, plan, at) = (way.clone(), plan.clone(), *at);
                if !holds(at, now) && state.renewal == Renewal::No {
                    state.renewal = Renewal::Due;
                    self.unknown.push_back(errand.clone());
                }
                self.enlist(way, plan, errand, 1, first);
            }
            Course::Found { .. } if matches!(state.renewal, Renewal::Sought(_)) => {
                // The search that goes on is the one.
                state.renewal = Renewal::No;
                state.course = Course::Sought;
            }
            Course::Found { .. } | Course::Unknown if first => {
                state.renewal = Renewal::No;
                state.course = Course::Unknown;
                match state.trouble {
                    true => self.unfound.push_back(errand),
                    false => self.unknown.push_back(errand),
                }
            }
            _ => {}
        }
    }

    /// The next errand whose way is to be found.
    pub(super) fn next_unknown(&mut self, now: Timestamp) -> Option<Errand> {
        if self.searches >= self.searches_max {
            return None;
        }
        let may_wait = self.searches_in_trouble < self.searches_max.div_ceil(2);
        while let Some((errand, trouble)) = match self.unknown.pop_front() {
            Some(errand) => Some((errand, false)),
            None if may_wait => self.unfound.pop_front().map(|errand| (errand, true)),
            None => None,
        } {
            // It may have been withdrawn since.
            let Some(state) = self.errands.get_mut(&errand) else { continue };
            match (&state.course, state.renewal) {
                (Course::Unknown, _) if !state.mail.is_empty() => state.course = Course::Sought,
                (Course::Found { .. }, Renewal::Due) => match state.mail.is_empty() {
                    true => {
                        state.renewal = Renewal::No;
                        continue;
                    }
                    false => state.renewal = Renewal::Sought(now),
                },
                _ => continue,
            }
            self.searches += 1;
            self.searches_in_trouble += usize::from(trouble);
            self.forget_idle(now);
            return Some(errand);
        }
        None
    }

    /// A search has found a way. Returns hosts that are to be woken.
    pub(super) fn found(
        &mut self,
        errand: &Errand,
        way: Way,
        plan: P,
        now: Timestamp,
    ) -> Vec<HostId> {
        self.leave_way(errand);
        let Some(state) = self.sought(errand) else { return Vec::new() };
        state.trouble = false;
        state.course = Course::Found { way: way.clone(), plan: plan.clone(), at: now };
        let count = state.mail.len();
        if count > 0 {
            self.enlist(way.clone(), plan, errand.clone(), count, true);
        }
        match self.woken.remove(&errand.lane) {
            true => way.hosts().cloned().collect(),
            false => Vec::new(),
        }
    }

    /// A search has found none.
    pub(super) fn nowhere(&mut self, errand: &Errand, trouble: bool) -> Vec<L> {
        let idle = self.errands.len() > IDLE_MAX;
        self.woken.remove(&errand.lane);
        if trouble && self.keeps_way(errand) {
            return Vec::new();
        }
        self.leave_way(errand);
        let Some(state) = self.sought(errand) else { return Vec::new() };
        state.trouble = trouble;
        state.course = Course::Unknown;
        let mail: Vec<L> = state.mail.drain(..).collect();
        if !trouble || idle {
            self.errands.remove(errand);
        }
        self.gone(&errand.lane, mail.len());
        mail
    }

    /// A search for another way has begun beside the one that mail goes, and is over: what waits
    /// leaves the old one.
    fn leave_way(&mut self, errand: &Errand) {
        let Some(state) = self.errands.get_mut(errand) else { return };
        let (Course::Found { way, .. }, Renewal::Sought(_)) = (&state.course, state.renewal) else {
            return;
        };
        let (way, count) = (way.clone(), state.mail.len());
        state.renewal = Renewal::No;
        state.course = Course::Sought;
        if let Some(state) = self.ways.get_mut(&way) {
            state.errands.retain(|other| other != errand);
            state.waiting = state.waiting.saturating_sub(count);
        }
        self.drop_idle(&way);
    }

    /// Whether a search that learned nothing was for another way than one that is known: that one
    /// holds for another while.
    fn keeps_way(&mut self, errand: &Errand) -> bool {
        let Some(state) = self.errands.get_mut(errand) else { return false };
        let (Course::Found { at, .. }, Renewal::Sought(since)) = (&mut state.course, state.renewal)
        else {
            return false;
        };
        *at = since;
        state.renewal = Renewal::No;
        self.searches = self.searches.saturating_sub(1);
        true
    }

    /// The hosts of this lane, as far as they are known, are to be woken; otherwise when they are.
    pub(super) fn wake(&mut self, lane: &Lane) -> Vec<HostId> {
        let mut hosts = Vec::new();
        for state in self.of_lane(lane).filter_map(|errand| self.errands.get(&errand)) {
            if let Course::Found { way, .. } = &state.course {
                hosts.extend(way.hosts().cloned());
            }
        }
        if hosts.is_empty() && self.woken.len() < WOKEN_MAX {
            self.woken.insert(lane.clone());
        }
        hosts
    }

    /// Everything that waits in a lane.
    pub(super) fn withdraw(&mut self, lane: &Lane) -> Vec<L> {
        let mut withdrawn = Vec::new();
        for errand in self.of_lane(lane).collect::<Vec<_>>() {
            let Some(state) = self.errands.get_mut(&errand) else { continue };
            let mail: Vec<L> = state.mail.drain(..).collect();
            if let Course::Found { way, .. } = &state.course
                && let Some(state) = self.ways.get_mut(way)
            {
                state.errands.retain(|other| *other != errand);
                state.waiting = state.waiting.saturating_sub(mail.len());
                let way = way.clone();
                self.drop_idle(&way);
            }
            self.gone(lane, mail.len());
            withdrawn.extend(mail);
        }
        withdrawn
    }

    /// The next message, for one of the way's conversations.
    pub(super) fn take_next(&mut self, way: &Way, now: Timestamp) -> Option<L> {
        let next = self.take(way)?;
        if let Some(state) = self.ways.get_mut(way) {
            state.taken_at = Some(now);
        }
        Some(next)
    }

    fn take(&mut self, way: &Way) -> Option<L> {
        let state = self.ways.get_mut(way)?;
        let errand = state.errands.pop_front()?;
        let mail = &mut self.errands.get_mut(&errand)?.mail;
        let next = mail.pop_front();
        state.waiting = state.waiting.saturating_sub(usize::from(next.is_some()));
        let lane = errand.lane.clone();
        if !mail.is_empty() {
            state.errands.push_back(errand);
        }
        self.gone(&lane, usize::from(next.is_some()));
        next
    }

    pub(super) fn take_mates(&mut self, way: &Way, belongs: impl Fn(&L) -> bool) -> Vec<L> {
        let Some(state) = self.ways.get_mut(way) else { return Vec::new() };
        let (mut mates, mut taken) = (Vec::new(), Vec::new());
        for errand in &state.errands {
            let Some(own) = self.errands.get_mut(errand) else { continue };
            if !own.mail.iter().any(&belongs) {
                continue;
            }
            let all = std::mem::take(&mut own.mail).into_iter();
            let (mine, others): (VecDeque<L>, VecDeque<L>) = all.partition(&belongs);
            own.mail = others;
            taken.push((errand.clone(), mine.len(), own.mail.is_empty()));
            mates.extend(mine);
        }
        state.waiting = state.waiting.saturating_sub(mates.len());
        for (errand, count, empty) in taken {
            if empty && let Some(state) = self.ways.get_mut(way) {
                state.errands.retain(|other| *other != errand);
            }
            self.gone(&errand.lane, count);
        }
        mates
    }

    pub(super) fn take_all(&mut self, way: &Way) -> Vec<L> {
        let all = std::iter::from_fn(|| self.take(way)).collect();
        self.drop_idle(way);
        all
    }

    pub(super) fn waits(&self, way: &Way) -> bool {
        self.ways.get(way).is_some_and(|state| state.waiting > 0)
    }

    pub(super) fn running(&self, way: &Way) -> usize {
        self.ways.get(way).map_or(0, |state| state.running)
    }

    /// A conversation begins.
    pub(super) fn begin(&mut self, way: &Way) -> Option<P> {
        let state = self.ways.get_mut(way)?;
        state.running += 1;
        state.fresh += 1;
        Some(state.plan.clone())
    }

    /// One that was fresh has reached somebody.
    pub(super) fn taken(&mut self, way: &Way) {
        if let Some(state) = self.ways.get_mut(way) {
            state.fresh = state.fresh.saturating_sub(1);
        }
    }

    pub(super) fn resting(&mut self, way: &Way, rests: bool) {
        if let Some(state) = self.ways.get_mut(way) {
            state.resting = state.resting.saturating_sub(usize::from(!rests)) + usize::from(rests);
        }
    }

    pub(super) fn end(&mut self, way: &Way, fresh: bool, resting: bool) {
        if let Some(state) = self.ways.get_mut(way) {
            state.running = state.running.saturating_sub(1);
            state.fresh = state.fresh.saturating_sub(usize::from(fresh));
            state.resting = state.resting.saturating_sub(usize::from(resting));
        }
        self.drop_idle(way);
    }

    fn of_lane(&self, lane: &Lane) -> impl Iterator<Item = Errand> {
        let from = self.errands.range(Errand::of(lane.clone())..);
        let of_lane = from.take_while(move |(errand, _)| errand.lane == *lane);
        of_lane.map(|(errand, _)| errand.clone())
    }

    fn sought(&mut self, errand: &Errand) -> Option<&mut State<L, P>> {
        let state = self.errands.get_mut(errand)?;
        if !matches!(state.course, Course::Sought) {
            return None;
        }
        self.searches = self.searches.saturating_sub(1);
        let trouble = usize::from(state.trouble);
        self.searches_in_trouble = self.searches_in_trouble.saturating_sub(trouble);
        Some(state)
    }

    /// So many more of an errand wait for a way; `joins` if it has had none there.
    fn enlist(&mut self, way: Way, plan: P, errand: Errand, count: usize, joins: bool) {
        let state = self.ways.entry(way).or_insert_with(|| WayState {
            plan: plan.clone(),
            errands: VecDeque::new(),
            waiting: 0,
            running: 0,
            fresh: 0,
            resting: 0,
            taken_at: None,
        });
        state.plan = plan;
        state.waiting += count;
        if joins {
            state.errands.push_back(errand);
        }
    }

    fn gone(&mut self, lane: &Lane, count: usize) {
        self.waiting = self.waiting.saturating_sub(count);
        if let Some(waiting) = self.lanes.get_mut(lane) {
            *waiting = waiting.saturating_sub(count);
            if *waiting == 0 {
                self.lanes.remove(lane);
            }
        }
    }

    fn drop_idle(&mut self, way: &Way) {
        if self.ways.get(way).is_some_and(|state| state.running == 0 && state.waiting == 0) {
            self.ways.remove(way);
        }
    }

    /// Ways that hold no longer go, now and then.
    fn forget_idle(&mut self, now: Timestamp) {
        if self.errands.len() <= self.lanes.len().saturating_mul(2).saturating_add(64) {
            return;
        }
        let full = self.errands.len() > IDLE_MAX;
        self.errands.retain(|_, state| {
            let holds = match &state.course {
                Course::Found { .. } if matches!(state.renewal, Renewal::Sought(_)) => true,
                Course::Found { at, .. } => holds(*at, now),
                Course::Sought => true,
                Course::Unknown => state.trouble && !full,
            };
            holds || !state.mail.is_empty()
        });
    }
}

/// Whether a way that was found then is still good for new mail.
fn holds(found_at: Timestamp, now: Timestamp) -> bool {
    now.millis().abs_diff(found_at.millis()) < WAY_HOLDS_MILLIS.unsigned_abs()
}
