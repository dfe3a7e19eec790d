//! What a client that comes back has missed (RFC 7162 §3.2.5, §3.2.6): of which messages it is to be
//! told. What changed and what went since is for the agent to find.
//!
//! What an attacker controls is the sets: work goes with the number of their ranges and with the
//! size of the mailbox, not with the numbers that they name.

use conversation::Wire;
use mail_types::{ModSeq, SeqNum, Uid, UidValidity};

use super::{
    Ask, FlagsNow, Session,
    answers::{Told, tell_flags},
};
use crate::{
    SequenceSet, UidRuns,
    command::{Fetch, Resync, Select},
    response,
    view::View,
};

/// What is to be looked for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Missed {
    /// After this change.
    pub since: ModSeq,
    /// Of these messages it is told that they changed. The client knows of all of them by now.
    pub messages: UidRuns,
    /// Of these UIDs it is told if they went: they have no message now.
    pub without_message: UidRuns,
}

impl Ask<Select> {
    /// What the client wants to hear beyond what [`Ask::opened`] has told: nothing, unless it was
    /// here in the same epoch.
    pub fn missed(
        &self,
        session: &Session,
        uid_validity: UidValidity,
        uid_next: Uid,
    ) -> Option<Missed> {
        let resync = self.command.resync.as_ref()?;
        let view = session.view()?;
        (resync.uid_validity == uid_validity).then(|| of_select(resync, view, uid_next))
    }

    /// These went.
    pub fn vanished(&self, wire: &mut Wire, uids: &UidRuns) {
        response::vanished(&mut wire.output, uids, true);
    }

    /// This changed.
    pub fn flags(&self, session: &Session, wire: &mut Wire, message: FlagsNow<'_>) {
        tell_flags(session, wire, message, Told { uid: true, flags: true });
    }
}

impl Ask<Fetch> {
    /// For `VANISHED`: what went is told before anything else.
    pub fn missed(&self, session: &Session, uid_next: Uid) -> Option<Missed> {
        let since = self.command.changed_since.filter(|_| self.command.vanished)?;
        let view = session.view()?;
        let named = uids_of(&self.command.messages, uid_next);
        let without_message = named.difference(view.uids());
        Some(Missed { since, messages: self.messages.clone(), without_message })
    }

    /// These went.
    pub fn vanished(&self, wire: &mut Wire, uids: &UidRuns) {
        response::vanished(&mut wire.output, uids, true);
    }
}

fn of_select(resync: &Resync, view: &View, uid_next: Uid) -> Missed {
    let known = match &resync.known {
        Some(set) => uids_of(set, uid_next),
        None => below(uid_next),
    };
    let mut without_message = known.difference(view.uids());
    // RFC 7162 §3.2.5.2: up to a message that has its number still, the client knows what went.
    if let Some(last) = resync.matches.as_ref().and_then(|both| last_match(both, view)) {
        without_message = without_message.difference(&UidRuns::from_ranges([(Uid::MIN, last)]));
    }
    Missed { since: resync.since, messages: known.intersection(view.uids()), without_message }
}

/// The UIDs of a set that were ever given.
fn uids_of(set: &SequenceSet, uid_next: Uid) -> UidRuns {
    let given = below(uid_next);
    let Some(largest) = given.last() else { return given };
    let uids = |(first, last)| Some((Uid::new(first)?, Uid::new(last)?));
    let ranges = set.ranges(largest.number()).into_iter().filter_map(uids);
    UidRuns::from_ranges(ranges).intersection(&given)
}

fn below(uid_next: Uid) -> UidRuns {
    UidRuns::from_ranges(Uid::new(uid_next.number() - 1).map(|last| (Uid::MIN, last)))
}

/// The UID of the last message whose sequence number is what the client thinks.
fn last_match((numbers, uids): &(SequenceSet, SequenceSet), view: &View) -> Option<Uid> {
    let each = |set: &SequenceSet| set.ranges(0).into_iter().flat_map(|(a, b)| a..=b);
    each(numbers)
        .zip(each(uids))
        .take_while(|(number, _)| *number <= view.exists())
        .filter_map(|(number, uid)| {
            let there = view.uid(SeqNum::new(number)?)?;
            (there.number() == uid).then_some(there)
        })
        .last()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(text: &str) -> SequenceSet {
        SequenceSet::parse(text.as_bytes()).unwrap()
    }

    fn uid(number: u32) -> Uid {
        Uid::new(number).unwrap()
    }

    /// RFC 7162 §3.2.5.2, the examples: only UIDs divisible by three are left.
    #[test]
    fn what_match_data_spares() {
        let thirds = (1..=10_004).map(|n| uid(n * 3)).collect();
        let view = View::new(thirds, UidRuns::new());
        let check = |known: Option<&str>, matches: Option<(&str, &str)>, expected: &str| {
            let resync = Resync {
                uid_validity: UidValidity::new(67_890_007).unwrap(),
                since: ModSeq(1),
                known: known.map(set),
                matches: matches.map(|(numbers, uids)| (set(numbers), set(uids))),
            };
            let missed = of_select(&resync, &view, uid(30_013));
            let told = missed.without_message.to_string();
            assert!(told.starts_with(expected) && told.is_empty() == expected.is_empty(), "{told}");
            assert!(missed.messages.difference(view.uids()).is_empty());
        };
        check(Some("1:29997"), None, "1:2,4:5,7:8,10:11,");
        check(None, None, "1:2,4:5,");
        let numbers = "5000,7500,9000,9990:9999";
        let uids = "15000,22500,27000,29970,29973,29976,29979,29982,29985,29988,29991,29994,29997";
        check(Some("1:29997"), Some((numbers, uids)), "");
        check(Some("1:30000"), Some((numbers, uids)), "29998:29999");
        // The second is another message now, so what went lies between the two.
        check(Some("1:29997"), Some(("4,12", "12,37")), "13:14,16:17,");
        check(Some("1:29997"), Some(("1:4294967295", "1:4294967295")), "1:2,4:5");
        check(Some("40000:50000"), None, "");
    }

    #[test]
    fn a_mailbox_that_never_had_a_message() {
        assert!(below(Uid::MIN).is_empty());
        assert!(uids_of(&set("1:*"), Uid::MIN).is_empty());
        assert_eq!(uids_of(&set("2:*"), uid(6)).to_string(), "2:5");
    }
}
