//! Who is leased first. Pure.
//!
//! A recipient that was never tried, and need not wait for a time, stands in its lane's *line*.
//! The line goes by priority, the higher first (RFC 6710 §5.1), and within a priority the senders
//! take turns: whoever comes gets a *place* one behind the last of the same sender's that still
//! waits there; a sender who has nothing there gets the place of the line's head. Who has the same
//! place goes in the order of arrival. So a sender with 50,000 messages delays another's one message
//! by no more than one of his, and nobody comes before the head of the line: it is never starved.
//!
//! What was tried before, was to wait for a time, or was let go by the operator comes *again*: by
//! its time, then in the order of arrival.
//!
//! Lanes take turns as well. Those with a line go by the priority of its head, then by the time
//! since when they wait for their turn, then by name; a lane that was leased from begins to wait
//! anew. Those with something to come again go by its time, then by name.
//!
//! A lease ([`choose`]) takes what comes again first, [`Room::again_max`] at most, and of a lane that
//! has a line no more than a quarter of its share (one at least); then the lines fill what room is
//! left. So dead destinations, from which everything comes again and again, cannot take all of the
//! room, and nor can new mail. Recipients of an entry in a lane that are due come along with the first.
//!
//! Both kinds are one column, `place`: below zero it is a place in the line, otherwise the time in
//! ms. Finding the first of a lane, and the last of a sender in it, is a look into an index, however
//! many wait.

use std::collections::{HashMap, HashSet};

use mail_types::{AccountId, Priority, ReversePath, Timestamp};

/// Places of one priority, and milliseconds within one: more than either ever needs.
pub(crate) const CLASS: i64 = 1 << 42;

/// The first place of a priority's line: below zero, and the lower the higher the priority is.
pub(crate) fn class(priority: Priority) -> i64 {
    -(i64::from(priority.number()) + 10) * CLASS
}

/// The place of what waits for a time.
pub(crate) fn at(time: Timestamp) -> i64 {
    time.millis().max(0)
}

/// Who counts as one sender, as a number: the account that submitted it; of mail from elsewhere the
/// domain of its reverse-path, since lists write another local part for each of their subscribers.
pub(crate) fn sender(account: Option<AccountId>, reverse_path: &ReversePath) -> i64 {
    let name = match (account, reverse_path.address()) {
        (Some(account), _) => account.0.to_string(),
        (None, Some(address)) => format!("@{}", address.domain()),
        (None, None) => String::new(),
    };
    // FNV-1a: the same in every process and every version. Two senders with one number share.
    let hash = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    i64::from_ne_bytes(hash.to_ne_bytes())
}

/// How much is taken.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Room {
    /// Altogether.
    pub(crate) leases_max: usize,
    /// Of it, of what comes again.
    pub(crate) again_max: usize,
    /// Of one lane.
    pub(crate) per_lane_max: usize,
}

/// A recipient that could be leased.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Candidate {
    /// Its row.
    pub(crate) number: i64,
    /// Where it waits.
    pub(crate) lane: String,
}

/// Chooses among the first recipients of the first lanes, both in their order.
pub(crate) fn choose(again: &[Candidate], line: &[Candidate], room: Room) -> Vec<i64> {
    let lined: HashSet<&str> = line.iter().map(|one| one.lane.as_str()).collect();
    let mut of_lane: HashMap<&str, usize> = HashMap::new();
    let mut chosen = Vec::new();
    let mut take = |one: &'_ Candidate, altogether: usize, of_lane: &mut usize, most: usize| {
        if chosen.len() < altogether && *of_lane < most {
            *of_lane = of_lane.saturating_add(1);
            chosen.push(one.number);
        }
    };
    for one in again {
        let share = match lined.contains(one.lane.as_str()) {
            true => (room.per_lane_max / 4).max(1),
            false => room.per_lane_max,
        };
        let altogether = room.again_max.min(room.leases_max);
        take(one, altogether, of_lane.entry(&one.lane).or_default(), share);
    }
    for one in line {
        take(one, room.leases_max, of_lane.entry(&one.lane).or_default(), room.per_lane_max);
    }
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidates(text: &str) -> Vec<Candidate> {
        let one = |word: &str| {
            let (lane, number) = word.split_at(1);
            Candidate { number: number.parse().unwrap(), lane: lane.to_owned() }
        };
        text.split_whitespace().map(one).collect()
    }

    #[test]
    fn lines_and_what_comes_again_share_the_room() {
        let check = |again: &str, line: &str, limits: [usize; 3], expected: &[i64]| {
            let [leases_max, again_max, per_lane_max] = limits;
            let room = Room { leases_max, again_max, per_lane_max };
            let chosen = choose(&candidates(again), &candidates(line), room);
            assert_eq!(chosen, expected, "again {again}, line {line}, {limits:?}");
        };
        check("", "", [4, 4, 4], &[]);
        check("a1 a2 b3", "", [4, 4, 4], &[1, 2, 3]);
        check("a1 a2 b3", "", [4, 2, 4], &[1, 2]);
        check("a1 a2 b3", "", [4, 4, 1], &[1, 3]);
        check("a1 a2 b3", "c4 c5", [4, 2, 4], &[1, 2, 4, 5]);
        check("a1 a2 b3", "c4 c5", [2, 2, 4], &[1, 2]);
        check("a1 a2 b3", "c4 c5", [2, 1, 4], &[1, 4]);
        check("a1 a2 b3", "c4 c5", [9, 0, 9], &[4, 5]);
        check("a1 a2 a3", "a4 a5 a6", [9, 9, 4], &[1, 4, 5, 6]);
        check("a1 a2 a3", "a4 a5 a6", [9, 9, 1], &[1]);
    }

    #[test]
    fn senders_are_accounts_or_domains() {
        let path = |text: &str| ReversePath::parse(text).unwrap();
        let of = |account: Option<i64>, text: &str| sender(account.map(AccountId), &path(text));
        assert_eq!(of(Some(7), "a@x.test"), of(Some(7), "b@y.test"));
        assert_ne!(of(Some(7), "a@x.test"), of(Some(8), "a@x.test"));
        assert_eq!(of(None, "list+1@x.test"), of(None, "list+2@x.test"));
        let all = [of(None, ""), of(None, "a@x.test"), of(None, "a@y.test"), of(Some(7), "")];
        assert_eq!(all.iter().collect::<HashSet<_>>().len(), all.len());
    }

    #[test]
    fn a_line_lies_before_every_time_and_priorities_do_not_touch() {
        let classes = (-9..=9).map(|number| class(Priority::new(number).unwrap()));
        let classes: Vec<i64> = classes.collect();
        assert!(classes.windows(2).all(|two| two[1] + CLASS == two[0]), "the higher goes first");
        assert_eq!(classes[0] + CLASS, 0, "the last place is below all times");
        assert_eq!(at(Timestamp::from_millis(-5)), 0);
    }
}
