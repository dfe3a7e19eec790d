//! The schedule as a whole.

use std::time::Duration;

use mail_types::{Domain, EnhancedStatus, Scope};

use super::*;

fn errand(name: &str) -> Errand {
    Errand::of(Lane::Remote(Domain::parse(name).unwrap()))
}

fn at(secs: i64) -> Timestamp {
    Timestamp::from_secs(1_000_000 + secs)
}

fn dead() -> Left {
    let status = EnhancedStatus::new(4, 4, 1);
    Left::Unreached(Problem::new(status, Scope::Host, "cannot connect"))
}

/// `mx` or `mx1 mx2, backup`: hosts of equal preference, then those of less.
fn way(hosts: &str) -> Way {
    let tiers = hosts.split(", ").zip(0..);
    let hosts = tiers.flat_map(|(tier, preference)| {
        tier.split(' ').map(move |host| (preference, HostId::new(host)))
    });
    Way::new(hosts.collect(), String::new(), 100)
}

/// Where errands lead, by name; a schedule of numbers.
struct World {
    schedule: Schedule<u32, ()>,
    ways: &'static [(&'static str, &'static str)],
    now: Timestamp,
    postponed: Vec<u32>,
}

impl World {
    fn new(total: usize, ways: &'static [(&'static str, &'static str)]) -> Self {
        let schedule = Schedule::new(Limits::new(total, 20), 1);
        Self { schedule, ways, now: at(0), postponed: Vec::new() }
    }

    fn lease(&mut self, name: &str, mail: u32) {
        self.schedule.leased(errand(name), mail, self.now);
    }

    /// The same until nothing more begins, while whoever has begun reaches its host.
    fn reach(&mut self) -> Vec<(Conversation, String)> {
        let mut all = Vec::new();
        loop {
            let begun = self.starts();
            if begun.is_empty() {
                return all;
            }
            begun.iter().for_each(|(conversation, _)| self.schedule.reached(*conversation));
            all.extend(begun);
        }
    }

    /// Finds what is to be found, and returns the conversations that begin.
    fn starts(&mut self) -> Vec<(Conversation, String)> {
        let mut begun = Vec::new();
        while let Some(start) = self.schedule.start(self.now) {
            match start {
                Start::Find(sought) => {
                    let hosts = self.ways.iter().find(|(name, _)| errand(name) == sought);
                    self.schedule.found(&sought, way(hosts.unwrap().1), (), self.now);
                }
                Start::Converse { conversation, host, .. } => {
                    begun.push((conversation, host.to_string()));
                }
                Start::Postpone { mail, problem } => {
                    assert!(problem.is_some_and(|problem| problem.text == "cannot connect"));
                    self.postponed.extend(mail);
                }
            }
        }
        begun
    }

    fn hosts(&mut self) -> Vec<String> {
        self.starts().into_iter().map(|(_, host)| host).collect()
    }

    /// Lets every conversation with the host fail three times.
    fn kill(&mut self, name: &str, host: &str) {
        for _ in 0..3 {
            self.lease(name, 0);
            let (conversation, begun) = self.starts().remove(0);
            assert_eq!(begun, host);
            self.schedule.ended(conversation, dead(), self.now);
            self.schedule.leftovers(&way(host));
        }
    }
}

#[test]
fn two_domains_share_the_window_of_their_host() {
    // Different ways: the second domain has another host besides.
    let mut world = World::new(40, &[("a", "mx"), ("b", "mx, other")]);
    for mail in 0..5 {
        world.lease("a", mail);
        world.lease("b", mail);
    }
    let begun = world.reach();
    assert_eq!(begun.iter().map(|(_, host)| host.as_str()).collect::<Vec<_>>(), ["mx", "mx"]);
    world.schedule.ended(begun[0].0, Left::Well, world.now);
    assert_eq!(world.hosts(), ["mx"], "one ends, one begins");
}

#[test]
fn equal_ways_share_their_conversations() {
    let mut world = World::new(40, &[("a", "smart"), ("b", "smart"), ("c", "smart")]);
    for (mail, name) in (0..).zip(["a", "b", "c", "a"]) {
        world.lease(name, mail);
    }
    let begun = world.starts();
    assert_eq!(begun.len(), 1, "one shows whether there is somebody");
    let conversation = begun[0].0;
    world.schedule.reached(conversation);
    assert_eq!(world.starts().len(), 1);
    let taken: Vec<u32> =
        std::iter::from_fn(|| world.schedule.next_of(conversation, world.now)).collect();
    assert_eq!(taken, [0, 1, 2, 3], "errands take turns");
    assert!(!world.schedule.waits(conversation));
}

#[test]
fn what_belongs_together_goes_together() {
    let mut world = World::new(40, &[("a", "smart"), ("b", "smart"), ("c", "mx")]);
    for (name, mail) in [("a", 7), ("b", 8), ("b", 7), ("a", 9), ("c", 7)] {
        world.lease(name, mail);
    }
    let begun = world.starts();
    let smart = begun.iter().find(|(_, host)| host == "smart").unwrap().0;
    assert_eq!(world.schedule.next_of(smart, world.now), Some(7));
    assert_eq!(world.schedule.mates(smart, |mail| *mail == 7), [7], "not what goes elsewhere");
    assert_eq!(world.schedule.mates(smart, |mail| *mail == 7), [0; 0]);
    assert_eq!(world.schedule.next_of(smart, world.now), Some(8));
    assert_eq!(world.schedule.next_of(smart, world.now), Some(9));
    assert_eq!(world.schedule.request(at(0)).unwrap().leases, 40 * BACKLOG - 1);
}

#[test]
fn never_more_conversations_than_messages() {
    let mut world = World::new(40, &[("a", "mx")]);
    world.lease("a", 1);
    let conversation = world.starts().remove(0).0;
    assert_eq!(world.hosts(), [""; 0]);
    world.schedule.reached(conversation);
    assert_eq!(world.schedule.next_of(conversation, world.now), Some(1));
    world.lease("a", 2);
    assert_eq!(world.hosts(), [""; 0], "the first may be back at once");
    let again = at(0).plus(Duration::from_millis(5));
    assert_eq!(world.schedule.look_again(at(0)), Some(again));
    assert_eq!(world.schedule.look_again(again), None);
    world.now = at(1);
    assert_eq!(world.hosts(), ["mx"], "the first is still busy");
    assert_eq!(world.schedule.look_again(at(1)), None);
}

#[test]
fn ways_take_turns() {
    let mut world = World::new(8, &[("a", "a"), ("b", "b"), ("c", "c")]);
    for mail in 0..9 {
        for name in ["a", "b", "c"] {
            world.lease(name, mail);
        }
    }
    let begun: Vec<String> = world.reach().into_iter().map(|(_, host)| host).collect();
    assert_eq!(begun, ["a", "b", "c", "a", "b", "c"]);
}

#[test]
fn hosts_of_less_preference_are_for_failures() {
    // RFC 5321 §5.1
    let mut world = World::new(40, &[("a", "first, second")]);
    for mail in 0..9 {
        world.lease("a", mail);
    }
    let begun = world.reach();
    assert_eq!(begun.len(), 2, "not the second because the first is busy");
    let schedule = &mut world.schedule;
    assert_eq!(schedule.onward(begun[0].0, dead(), at(1)), Onward::To(HostId::new("second")));
    schedule.reached(begun[0].0);
    assert_eq!(schedule.next_of(begun[0].0, at(1)), Some(0));
    assert_eq!(schedule.onward(begun[1].0, dead(), at(1)), Onward::To(HostId::new("second")));
    assert_eq!(schedule.onward(begun[1].0, dead(), at(1)), Onward::End);
    assert_eq!(schedule.leftovers(&way("first, second")), [0; 0], "another one takes it");
    schedule.ended(begun[0].0, Left::Overloaded, at(2));
    assert_eq!(schedule.leftovers(&way("first, second")).len(), 8);
}

#[test]
fn equal_hosts_share_the_load() {
    let mut world = World::new(40, &[("a", "mx1 mx2 mx3")]);
    for mail in 0..9 {
        world.lease("a", mail);
    }
    let mut begun: Vec<String> = world.reach().into_iter().map(|(_, host)| host).collect();
    begun.sort();
    assert_eq!(begun, ["mx1", "mx1", "mx2", "mx2", "mx3", "mx3"]);
    let first = |seed| {
        let mut world = World::new(40, &[("a", "mx1 mx2 mx3")]);
        world.schedule.seed = seed;
        world.lease("a", 0);
        world.hosts().remove(0)
    };
    let seen: std::collections::BTreeSet<_> = (0..100).map(first).collect();
    assert_eq!(seen.len(), 3, "{seen:?}");
}

#[test]
fn a_resting_host_is_passed_over_and_probed_once() {
    let mut world =
        World::new(40, &[("dead", "ill"), ("two", "ill, well"), ("same", "ill well"), ("b", "b")]);
    world.kill("dead", "ill");
    for (name, mail) in [("two", 1), ("same", 2), ("dead", 3), ("b", 4)] {
        world.lease(name, mail);
    }
    let mut begun = world.hosts();
    begun.sort();
    assert_eq!(begun, ["b", "well", "well"], "nobody waits for it");
    assert_eq!(world.postponed, [3], "but for whom there is no other");
    world.now = at(120);
    for mail in 5..9 {
        world.lease("dead", mail);
    }
    let probe = world.starts();
    assert_eq!(probe.len(), 1, "one probe");
    assert_eq!(world.postponed, [3], "the others wait for what it finds");
    world.schedule.reached(probe[0].0);
    assert_eq!(world.schedule.next_of(probe[0].0, world.now), Some(5));
    world.schedule.well(probe[0].0);
    world.now = at(121);
    assert_eq!(world.hosts(), ["ill"], "its window grows again");
}

#[test]
fn who_says_that_a_host_is_back_ends_its_rest() {
    let mut world = World::new(40, &[("dead", "ill")]);
    world.kill("dead", "ill");
    world.schedule.wake(&errand("dead").lane);
    world.lease("dead", 1);
    assert_eq!(world.hosts(), ["ill"]);
    let mut world = World::new(40, &[("dead", "ill"), ("other", "ill")]);
    world.kill("dead", "ill");
    world.schedule.wake(&errand("other").lane);
    world.lease("other", 1);
    assert_eq!(world.hosts(), ["ill"], "whose way was not known yet");
}

#[test]
fn a_wake_is_forgotten_when_its_lane_leads_nowhere() {
    let mut world = World::new(40, &[("dead", "ill"), ("other", "ill")]);
    world.kill("dead", "ill");
    world.schedule.wake(&errand("other").lane);
    world.lease("other", 1);
    let Some(Start::Find(sought)) = world.schedule.start(world.now) else { panic!("no search") };
    assert_eq!(world.schedule.nowhere(&sought, false), [1]);
    world.lease("other", 2);
    assert_eq!(world.hosts(), [""; 0]);
    assert_eq!(world.postponed, [2], "the host still rests");
}

#[test]
fn who_finds_only_busy_hosts_behind_one_that_refuses_waits() {
    let mut world = World::new(40, &[("both", "never, busy"), ("b", "busy")]);
    for mail in 0..2 {
        world.lease("b", mail);
    }
    let busy = world.reach();
    for (conversation, _) in &busy {
        assert!(world.schedule.next_of(*conversation, world.now).is_some());
    }
    for mail in 2..6 {
        world.lease("both", mail);
    }
    let mut refused = 0;
    let mut ask = |world: &mut World| {
        let begun = world.starts();
        for (conversation, host) in &begun {
            refused += 1;
            assert!(refused < 10, "without end");
            assert_eq!(host, "never");
            let onward = world.schedule.onward(*conversation, Left::Well, world.now);
            assert_eq!(onward, Onward::Later);
        }
        begun.len()
    };
    assert_eq!(ask(&mut world), 1);
    assert_eq!(ask(&mut world), 0, "not at once");
    let again = world.schedule.look_again(world.now).unwrap();
    assert!(again > world.now);
    world.now = again;
    assert_eq!(ask(&mut world), 1, "after a while");
    assert_eq!(ask(&mut world), 0);
    world.schedule.ended(busy[0].0, Left::Well, world.now);
    let begun = world.starts();
    assert_eq!(begun.len(), 1, "as soon as one of its hosts has a place");
    let onward = world.schedule.onward(begun[0].0, Left::Well, world.now);
    assert_eq!(onward, Onward::To(HostId::new("busy")));
}

#[test]
fn trouble_leaves_room_for_the_others() {
    const DEAD: [&str; 8] = ["d0", "d1", "d2", "d3", "d4", "d5", "d6", "d7"];
    let mut world = World::new(
        8,
        &[
            ("d0", "d0"),
            ("d1", "d1"),
            ("d2", "d2"),
            ("d3", "d3"),
            ("d4", "d4"),
            ("d5", "d5"),
            ("d6", "d6"),
            ("d7", "d7"),
            ("good", "good"),
            ("new", "new"),
        ],
    );
    world.lease("good", 0);
    let good = world.starts().remove(0).0;
    world.schedule.reached(good);
    assert_eq!(world.schedule.next_of(good, world.now), Some(0));
    world.schedule.ended(good, Left::Well, at(0));
    for name in DEAD {
        world.lease(name, 0);
        world.lease(name, 1);
    }
    let begun = world.starts();
    assert_eq!(begun.len(), 6, "three quarters for those that nobody knows");
    for (conversation, _) in begun {
        world.schedule.ended(conversation, dead(), at(1));
    }
    world.lease("good", 2);
    let begun = world.hosts();
    assert!(begun.contains(&"good".to_owned()), "{begun:?}");
    assert_eq!(begun.len(), 7, "half of the places for six dead, two unknown, the good one");
    assert!(world.schedule.request(at(1)).unwrap().except.len() >= 2, "no more for the dead");
}

#[test]
fn a_conversation_may_rest_while_nobody_wants_its_place() {
    let mut world = World::new(2, &[("a", "a"), ("b", "b")]);
    world.lease("a", 1);
    let conversation = world.starts().remove(0).0;
    world.schedule.reached(conversation);
    assert_eq!(world.schedule.next_of(conversation, world.now), Some(1));
    assert!(world.schedule.may_rest(conversation));
    world.lease("a", 2);
    assert_eq!(world.hosts(), [""; 0], "it will take that one");
    assert_eq!(world.schedule.next_of(conversation, world.now), Some(2));
    world.schedule.rested(conversation);
    assert!(world.schedule.may_rest(conversation));
    world.lease("b", 3);
    let other = world.starts().remove(0).0;
    world.schedule.reached(other);
    world.lease("b", 4);
    assert_eq!(world.hosts(), [""; 0]);
    assert!(!world.schedule.may_rest(conversation), "its place is wanted");
    world.schedule.ended(conversation, Left::Well, at(1));
    assert_eq!(world.hosts(), ["b"]);
}

#[test]
fn a_full_lane_leases_nothing_more() {
    let mut schedule: Schedule<u32, ()> = Schedule::new(Limits::new(2, 2), 1);
    let room = schedule.request(at(0)).unwrap();
    assert_eq!((room.leases, room.per_lane), (2 * BACKLOG, 5));
    for number in 0..35 {
        schedule.leased(errand("a"), number, at(0));
    }
    let room = schedule.request(at(0)).unwrap();
    assert_eq!((room.leases, room.per_lane), (5, 1), "the less is left, the less for one");
    assert_eq!(room.except, [errand("a").lane]);
    for number in 0..5 {
        schedule.leased(errand("b"), number, at(0));
    }
    assert_eq!(schedule.request(at(0)), None);
}

#[test]
fn what_a_paused_lane_has_waiting_goes_back() {
    let mut world = World::new(8, &[("a", "mx"), ("b", "mx")]);
    for number in 0..3 {
        world.lease("a", number);
        world.lease("b", number + 10);
    }
    let conversation = world.starts().remove(0).0;
    world.schedule.reached(conversation);
    assert_eq!(world.schedule.next_of(conversation, world.now), Some(0));
    assert_eq!(world.schedule.withdraw(&errand("a").lane), [1, 2]);
    assert!(world.schedule.withdraw(&errand("a").lane).is_empty());
    let left: Vec<u32> =
        std::iter::from_fn(|| world.schedule.next_of(conversation, world.now)).collect();
    assert_eq!(left, [10, 11, 12]);
    assert_eq!(world.schedule.request(at(0)).unwrap().leases, 8 * BACKLOG);
    world.lease("c", 1);
    assert_eq!(world.schedule.withdraw(&errand("c").lane), [1], "before its way is known");
}

#[test]
fn ways_are_found_anew_after_a_while() {
    let mut world = World::new(8, &[("a", "old")]);
    world.lease("a", 0);
    let conversation = world.starts().remove(0).0;
    world.schedule.reached(conversation);
    assert_eq!(world.schedule.next_of(conversation, world.now), Some(0));
    world.schedule.ended(conversation, Left::Well, at(0));
    world.now = at(0).plus(Duration::from_secs(11));
    world.ways = &[("a", "new")];
    world.lease("a", 1);
    assert_eq!(world.hosts(), ["new"]);
}

#[test]
fn ways_are_found_anew_while_mail_waits() {
    let mut world = World::new(8, &[("a", "old")]);
    for mail in 0..3 {
        world.lease("a", mail);
    }
    let old = world.reach();
    assert_eq!(world.schedule.next_of(old[0].0, world.now), Some(0));
    world.now = at(11);
    world.lease("a", 3);
    let Some(Start::Find(sought)) = world.schedule.start(world.now) else { panic!("no search") };
    assert_eq!(world.schedule.next_of(old[0].0, world.now), Some(1), "nothing waits for it");
    assert_eq!(world.schedule.nowhere(&sought, true), [0; 0]);
    assert!(world.schedule.waits(old[0].0), "what learned nothing changes nothing");
    world.lease("a", 4);
    assert_eq!(world.starts(), [], "nor is it asked again at once");
    world.now = at(22);
    world.ways = &[("a", "new")];
    world.lease("a", 5);
    let new = world.starts();
    assert_eq!(new.iter().map(|(_, host)| host.as_str()).collect::<Vec<_>>(), ["new"]);
    assert!(!world.schedule.waits(old[0].0), "all of it goes the new way");
    let taken: Vec<u32> =
        std::iter::from_fn(|| world.schedule.next_of(new[0].0, world.now)).collect();
    assert_eq!(taken, [2, 3, 4, 5]);
}

#[test]
fn searches_in_trouble_leave_room() {
    let mut schedule: Schedule<u32, ()> = Schedule::new(Limits::new(4, 2), 1);
    let dark: Vec<Errand> = (0..9).map(|number| errand(&format!("dark{number}"))).collect();
    let mut sought = Vec::new();
    for (number, errand) in (0..).zip(&dark) {
        schedule.leased(errand.clone(), number, at(0));
    }
    while sought.len() < 9 {
        let Some(Start::Find(errand)) = schedule.start(at(0)) else {
            for errand in &sought {
                schedule.nowhere(errand, true);
            }
            continue;
        };
        sought.push(errand);
    }
    for errand in &sought {
        schedule.nowhere(errand, true);
    }
    for (number, errand) in (0..).zip(&dark) {
        schedule.leased(errand.clone(), number, at(60));
    }
    let again = std::iter::from_fn(|| schedule.start(at(60))).count();
    assert_eq!(again, 2, "half of the places");
    schedule.leased(errand("good"), 7, at(60));
    assert_eq!(schedule.start(at(60)), Some(Start::Find(errand("good"))));
    assert_eq!(schedule.request(at(60)).unwrap().except.len(), 7);
}
