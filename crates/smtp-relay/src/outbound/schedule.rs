//! Which hosts are talked to, by how many conversations, about whose mail. Pure.
//!
//! Events come in with the time, attempts go out; nothing here waits. Mail is leased for *errands*
//! ([`Errand`]: a lane, as far as its senders make no difference). The machine asks where an errand
//! leads ([`Start::Find`]) and is told its *way* ([`Schedule::found`]: hosts by preference), or that
//! there is none now ([`Schedule::nowhere`]). Errands with equal ways share their conversations, so
//! that a thousand domains behind one smarthost are one matter. A conversation
//! ([`Start::Converse`]) begins with a place at one host, takes messages ([`Schedule::next_of`]),
//! and says what it meets: [`Schedule::reached`], [`Schedule::well`], [`Schedule::onward`] to the
//! next host, [`Schedule::ended`]. Mail whose hosts all rest comes back ([`Start::Postpone`]).
//!
//! Invariants:
//! - a host has never more conversations than its window, whichever ways lead there (see
//!   [`hosts`]), and all together not more than the limit;
//! - hosts in trouble have half of the places at most, and hosts that nobody knows three quarters,
//!   so that the dead, each of which costs a long wait, leave room for those that answer;
//! - a host is passed over while it rests; one of less preference is talked to only when all better
//!   ones rest or have failed this conversation (RFC 5321 §5.1);
//! - whatever was leased comes out exactly once: by [`Schedule::next_of`], [`Schedule::mates`],
//!   [`Schedule::leftovers`], [`Schedule::nowhere`], [`Schedule::withdraw`] or a postponement.
//!
//! It does not know what a lease is, how a way is found, or when a message is tried again: that is
//! `message_queue::retry`'s.

mod errands;
mod hosts;
#[cfg(test)]
mod tests;
mod way;

use std::{collections::BTreeMap, time::Duration};

use mail_types::{Lane, Problem, Timestamp};

use errands::Errands;
use hosts::{Hosts, Rank, Standing, Trust};

pub(crate) use hosts::Left;
pub(crate) use way::{Errand, HostId, Way};

/// How much may go on at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limits {
    /// Conversations altogether.
    pub(crate) total: usize,
    /// Conversations with one host.
    pub(crate) per_host: usize,
    /// How long a host rests that could not be reached three times in a row: the first time, and
    /// at most.
    pub(crate) rest: (Duration, Duration),
}

impl Limits {
    /// Limits with rests from a minute to half an hour.
    pub(crate) fn new(total: usize, per_host: usize) -> Self {
        let rest = (Duration::from_secs(60), Duration::from_secs(30 * 60));
        Self { total, per_host, rest }
    }
}

/// What there is room for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Room {
    /// Leases altogether.
    pub(crate) leases: usize,
    /// Of them, leases of what was tried before: whatever is dead comes again, and leaves room.
    pub(crate) again: usize,
    /// Leases of one lane.
    pub(crate) per_lane: usize,
    /// Lanes without room.
    pub(crate) except: Vec<Lane>,
}

/// What is to be begun. `L` is a lease, `P` what a way looks like to whoever goes it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Start<L, P> {
    /// Find out where this leads.
    Find(Errand),
    /// Talk to this host of the way. It has its place.
    Converse { conversation: Conversation, host: HostId, plan: P },
    /// This can't be tried now: its hosts rest, one of them for this reason.
    Postpone { mail: Vec<L>, problem: Option<Problem> },
}

/// One conversation, by its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Conversation(u64);

/// Where a conversation goes when a host has failed it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Onward {
    /// To this host; it has its place.
    To(HostId),
    /// Nowhere now: the hosts that are left are busy. What it has goes back.
    Later,
    /// There is no host left that could be asked.
    End,
}

/// Leases that wait for one lane's conversations, so that a connection is used for several.
const BACKLOG: usize = 20;

/// The state of everything that is on its way out.
#[derive(Debug)]
pub(crate) struct Schedule<L, P> {
    limits: Limits,
    errands: Errands<L, P>,
    hosts: Hosts,
    conversations: BTreeMap<Conversation, Going>,
    /// How many conversations there were ever.
    begun: u64,
    /// The way that was begun last: the next turn begins behind it.
    turn: Option<Way>,
    /// Something could begin, were there a place.
    crowded: bool,
    seed: u64,
}

#[derive(Debug)]
struct Going {
    way: Way,
    host: HostId,
    /// All that it was with.
    visited: Vec<HostId>,
    /// It has not reached anybody.
    fresh: bool,
    /// It has nothing to do, and stays for a while.
    resting: bool,
}

/// What a way has to offer.
enum Pick {
    Host(HostId),
    /// Its hosts are busy.
    Full,
    /// There is no place for another conversation.
    Crowded,
    /// All hosts rest.
    Resting,
    /// None is left.
    None,
}

impl<L, P: Clone> Schedule<L, P> {
    /// `seed` decides the order among hosts that are equal.
    pub(crate) fn new(limits: Limits, seed: u64) -> Self {
        Self {
            limits,
            errands: Errands::new(limits.total),
            hosts: Hosts::new(limits.per_host, limits.rest),
            conversations: BTreeMap::new(),
            begun: 0,
            turn: None,
            crowded: false,
            seed,
        }
    }

    /// What can be leased now; nothing if there is no room.
    pub(crate) fn request(&self, now: Timestamp) -> Option<Room> {
        let leases =
            self.limits.total.saturating_mul(BACKLOG).saturating_sub(self.errands.waiting());
        // Who is first takes no more than an eighth of what is left.
        let per_lane = BACKLOG.min(leases.div_ceil(8));
        let mut except = self.errands.lanes_with(per_lane.max(1));
        for way in self.errands.ways() {
            let dead = || way.hosts().all(|host| self.hosts.is_in_trouble(host));
            if dead() && !matches!(self.pick(way, &[], now), Pick::Host(_)) {
                except.extend(self.errands.lanes_of(way));
            }
        }
        except.extend(self.errands.lanes_unfound());
        except.sort();
        except.dedup();
        (leases > 0).then_some(Room { leases, again: leases / 2, per_lane, except })
    }

    /// Something was leased.
    pub(crate) fn leased(&mut self, errand: Errand, mail: L, now: Timestamp) {
        self.errands.add(errand, mail, now);
    }

    /// Takes back what waits in this lane, for one that rests. What is on its way may end.
    pub(crate) fn withdraw(&mut self, lane: &Lane) -> Vec<L> {
        self.errands.withdraw(lane)
    }

    /// Somebody says that the hosts of this lane are back: their rest is over.
    pub(crate) fn wake(&mut self, lane: &Lane) {
        for host in self.errands.wake(lane) {
            self.hosts.wake(&host);
        }
    }

    /// This is where an errand leads.
    pub(crate) fn found(&mut self, errand: &Errand, way: Way, plan: P, now: Timestamp) {
        for host in self.errands.found(errand, way, plan, now) {
            self.hosts.wake(&host);
        }
    }

    /// An errand leads nowhere, or to nobody who is talked to; `trouble` says that it took long to
    /// learn nothing. Its mail comes back.
    pub(crate) fn nowhere(&mut self, errand: &Errand, trouble: bool) -> Vec<L> {
        self.errands.nowhere(errand, trouble)
    }

    /// What is to be begun next; nothing until something happens. Ways take turns.
    pub(crate) fn start(&mut self, now: Timestamp) -> Option<Start<L, P>> {
        if let Some(errand) = self.errands.next_unknown(now) {
            return Some(Start::Find(errand));
        }
        self.crowded = false;
        let ready: Vec<Way> = self.errands.ways_in_turn(self.turn.as_ref(), now).cloned().collect();
        for way in ready {
            match self.pick(&way, &[], now) {
                Pick::Host(host) => return self.begin(way, host),
                Pick::Full => way.hosts().for_each(|host| self.hosts.want(host)),
                Pick::Crowded => self.crowded = true,
                Pick::Resting | Pick::None => {
                    let problem = way.hosts().find_map(|host| self.hosts.problem(host)).cloned();
                    return Some(Start::Postpone { mail: self.errands.take_all(&way), problem });
                }
            }
        }
        None
    }

    /// When [`Schedule::start`] may have something although nothing has happened: mail waits for
    /// conversations that were fast enough when it looked last.
    pub(crate) fn look_again(&self, now: Timestamp) -> Option<Timestamp> {
        self.errands.look_again(now)
    }

    /// The host has greeted: messages can be taken for it.
    pub(crate) fn reached(&mut self, conversation: Conversation) {
        let Some(going) = self.conversations.get_mut(&conversation) else { return };
        if std::mem::take(&mut going.fresh) {
            self.errands.taken(&going.way);
        }
        self.hosts.reached(&going.host);
    }

    /// The next message of a conversation's way. Its errands take turns.
    pub(crate) fn next_of(&mut self, conversation: Conversation, now: Timestamp) -> Option<L> {
        let going = self.conversations.get(&conversation)?;
        self.errands.take_next(&going.way, now)
    }

    /// What else waits for a conversation's way and `belongs` to what it has.
    pub(crate) fn mates(
        &mut self,
        conversation: Conversation,
        belongs: impl Fn(&L) -> bool,
    ) -> Vec<L> {
        let Some(going) = self.conversations.get(&conversation) else { return Vec::new() };
        self.errands.take_mates(&going.way, belongs)
    }

    /// Whether something waits for a conversation's way.
    pub(crate) fn waits(&self, conversation: Conversation) -> bool {
        let going = self.conversations.get(&conversation);
        going.is_some_and(|going| self.errands.waits(&going.way))
    }

    /// A message was answered for, well or not.
    pub(crate) fn well(&mut self, conversation: Conversation) {
        if let Some(going) = self.conversations.get(&conversation) {
            self.hosts.well(&going.host);
        }
    }

    /// Whether a conversation that has nothing to do may keep its connection for later mail: while
    /// nobody else wants its place. Ask again whenever something has happened.
    pub(crate) fn may_rest(&mut self, conversation: Conversation) -> bool {
        let crowded = self.crowded;
        let Some(going) = self.conversations.get_mut(&conversation) else { return false };
        let may = !crowded && !self.hosts.is_wanted(&going.host);
        if may != going.resting {
            going.resting = may;
            self.errands.resting(&going.way, may);
        }
        may
    }

    /// It rests no more.
    pub(crate) fn rested(&mut self, conversation: Conversation) {
        let Some(going) = self.conversations.get_mut(&conversation) else { return };
        if std::mem::take(&mut going.resting) {
            self.errands.resting(&going.way, false);
        }
    }

    /// A host has failed a conversation that has something left to send: on to the next one.
    pub(crate) fn onward(
        &mut self,
        conversation: Conversation,
        how: Left,
        now: Timestamp,
    ) -> Onward {
        let Some(going) = self.conversations.get(&conversation) else { return Onward::End };
        let (way, visited) = (going.way.clone(), going.visited.clone());
        self.hosts.left(&going.host, how, now);
        // Its own place is free for this.
        let picked =
            self.pick_within(&way, &visited, now, self.conversations.len().saturating_sub(1));
        let (next, onward) = match picked {
            Pick::Host(host) => (Some(host.clone()), Onward::To(host)),
            Pick::Full | Pick::Crowded => (None, Onward::Later),
            Pick::Resting | Pick::None => (None, Onward::End),
        };
        if onward == Onward::Later {
            // Another conversation would ask the same hosts again, and come as far.
            way.hosts().for_each(|host| self.hosts.want(host));
            self.errands.bar(&way, now);
        }
        if let Some(going) = self.conversations.get_mut(&conversation) {
            match next {
                Some(host) => {
                    self.hosts.enter(&host);
                    going.visited.push(host.clone());
                    going.host = host;
                }
                None => self.leave(conversation),
            }
        }
        onward
    }

    /// What waits for a conversation's way, if nobody else is there to take it: asked by one whom
    /// all hosts have failed.
    pub(crate) fn leftovers(&mut self, way: &Way) -> Vec<L> {
        match self.errands.running(way) {
            0 => self.errands.take_all(way),
            _ => Vec::new(),
        }
    }

    /// The way of a conversation.
    pub(crate) fn way_of(&self, conversation: Conversation) -> Option<Way> {
        self.conversations.get(&conversation).map(|going| going.way.clone())
    }

    /// A message comes back as it was, for another conversation.
    pub(crate) fn returned(&mut self, errand: Errand, mail: L, now: Timestamp) {
        self.errands.give_back(errand, mail, now);
    }

    /// A conversation has ended at the host where it was; without effect if it has ended before.
    pub(crate) fn ended(&mut self, conversation: Conversation, how: Left, now: Timestamp) {
        if let Some(going) = self.conversations.get(&conversation) {
            self.hosts.left(&going.host, how, now);
            if !going.fresh {
                self.errands.unbar(&going.host);
            }
            self.leave(conversation);
        }
    }

    fn begin(&mut self, way: Way, host: HostId) -> Option<Start<L, P>> {
        let plan = self.errands.begin(&way)?;
        let conversation = Conversation(self.begun);
        self.begun = self.begun.wrapping_add(1);
        self.turn = Some(way.clone());
        self.hosts.enter(&host);
        let visited = vec![host.clone()];
        let going = Going { way, host: host.clone(), visited, fresh: true, resting: false };
        self.conversations.insert(conversation, going);
        Some(Start::Converse { conversation, host, plan })
    }

    fn leave(&mut self, conversation: Conversation) {
        let Some(going) = self.conversations.remove(&conversation) else { return };
        self.errands.end(&going.way, going.fresh, going.resting);
    }

    fn pick(&self, way: &Way, visited: &[HostId], now: Timestamp) -> Pick {
        self.pick_within(way, visited, now, self.conversations.len())
    }

    /// The best host of a way that may be talked to while so many conversations go on.
    fn pick_within(&self, way: &Way, visited: &[HostId], now: Timestamp, going: usize) -> Pick {
        let (mut resting, mut probed) = (false, false);
        for tier in way.tiers() {
            let (mut full, mut crowded) = (false, false);
            let mut best: Option<(Rank, u64, &HostId)> = None;
            for host in tier.iter().filter(|host| !visited.contains(host)) {
                match self.hosts.standing(host, now) {
                    Standing::Free(trust, rank) if self.has_place(trust, going) => {
                        let candidate = (rank, self.lot(host), host);
                        best = Some(best.map_or(candidate, |best| best.min(candidate)));
                    }
                    Standing::Free(..) => crowded = true,
                    Standing::Full => full = true,
                    Standing::Probed => probed = true,
                    Standing::Resting(_) => resting = true,
                }
            }
            match best {
                Some((_, _, host)) => return Pick::Host(host.clone()),
                None if crowded => return Pick::Crowded,
                None if full => return Pick::Full,
                None => {}
            }
        }
        match (probed, resting) {
            (true, _) => Pick::Full,
            (_, true) => Pick::Resting,
            _ => Pick::None,
        }
    }

    /// RFC 5321 §5.1: hosts of equal preference are taken at random, to spread the load.
    fn lot(&self, host: &HostId) -> u64 {
        let mixed = (self.seed ^ host.seed() ^ self.begun).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        (mixed ^ (mixed >> 31)).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 16
    }

    fn has_place(&self, trust: Trust, going: usize) -> bool {
        let total = self.limits.total;
        match trust {
            Trust::Proven => going < total,
            Trust::Unknown => going < total.saturating_sub(total / 4),
            Trust::Trouble => going < total && self.hosts.in_trouble() < total.div_ceil(2),
        }
    }
}
