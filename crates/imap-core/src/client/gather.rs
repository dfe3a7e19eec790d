//! What comes while an order is out, collected for its outcome.
//!
//! * How much is held is bounded: by number for each kind, and by octets for what has strings in it.
//! * What was not asked for is left out: servers tell news at any time.

use super::{
    order::{Order, Outcome},
    reader::Breach,
    response::Response,
};

/// More mailboxes than one person can have.
const MAX_FOLDERS: usize = 100_000;
/// More messages than one mailbox can have here.
const MAX_UIDS: usize = 20_000_000;
/// How long all responses are together whose strings are held for one order, in octets.
const MAX_HELD: usize = 32 << 20;

/// How much is held for one order.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    folders: usize,
    uids: usize,
    facts: usize,
    octets: usize,
}

impl Bounds {
    pub(super) fn of(order: &Order) -> Self {
        let asked = match order {
            Order::Facts(uids) => uids.len(),
            _ => 0,
        };
        // News of a message may come beside what was asked for, with the same items.
        let facts = asked.saturating_mul(2);
        Self { folders: MAX_FOLDERS, uids: MAX_UIDS, facts, octets: MAX_HELD }
    }

    /// Adds a response of a length to an outcome; `held` is the length of all that were added.
    pub(super) fn gather(
        &self,
        outcome: &mut Outcome,
        response: Response,
        octets: usize,
        held: &mut usize,
    ) -> Result<(), Breach> {
        match (outcome, response) {
            (Outcome::Listed(folders), Response::List(folder)) => {
                within(folders.len() + 1, self.folders, "more mailboxes than can be held")?;
                self.hold(octets, held)?;
                folders.push(folder);
            }
            (Outcome::Examined(selected), Response::Exists(count)) => selected.messages = count,
            (Outcome::Uids(uids), Response::Search(found)) => {
                within(uids.len() + found.len(), self.uids, "more UIDs than can be held")?;
                uids.extend(found);
            }
            // News of flags may come for any message at any time. What was asked for has a size, and
            // a date, though maybe one that nobody can read.
            (Outcome::Facts(all), Response::Fetch(facts))
                if facts.uid != 0 && (facts.internal_date.is_some() || facts.size.is_some()) =>
            {
                within(all.len() + 1, self.facts, "more messages than were asked for")?;
                self.hold(octets, held)?;
                all.push(facts);
            }
            _ => {}
        }
        Ok(())
    }

    fn hold(&self, octets: usize, held: &mut usize) -> Result<(), Breach> {
        *held += octets;
        within(*held, self.octets, "more than can be held")
    }
}

fn within(count: usize, bound: usize, why: &'static str) -> Result<(), Breach> {
    if count > bound { Err(Breach(why)) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::{order::Facts, reader::Line};

    fn response(text: &str) -> Response {
        Response::of(&Line { text: text.as_bytes().to_vec(), literals: Vec::new() }).unwrap()
    }

    /// Gathers the same response again and again; how many were taken, and what ended it.
    fn taken(bounds: Bounds, mut outcome: Outcome, text: &str) -> (usize, &'static str) {
        let mut held = 0;
        for count in 0..1000 {
            if let Err(Breach(why)) =
                bounds.gather(&mut outcome, response(text), text.len(), &mut held)
            {
                return (count, why);
            }
        }
        (1000, "")
    }

    #[test]
    fn every_kind_has_a_bound() {
        let of = Bounds::of(&Order::Facts(vec![1, 2]));
        let small = Bounds { folders: 3, uids: 5, octets: 100, ..of };
        let (listed, uids) = (Outcome::Listed(Vec::new()), Outcome::Uids(Vec::new()));
        let facts = Outcome::Facts(Vec::new());
        let fetch = "* 1 FETCH (UID 1 RFC822.SIZE 5)";
        for (bounds, outcome, text, expected) in [
            (small, &listed, "* LIST () / A", (3, "more mailboxes than can be held")),
            (small, &uids, "* SEARCH 1 2", (2, "more UIDs than can be held")),
            (small, &facts, fetch, (3, "more than can be held")),
            (of, &facts, fetch, (4, "more messages than were asked for")),
            (of, &facts, "* 1 FETCH (UID 1 FLAGS ())", (1000, "")),
            (of, &listed, "* 5 EXISTS", (1000, "")),
        ] {
            assert_eq!(taken(bounds, outcome.clone(), text), expected, "{text}");
        }
    }

    #[test]
    fn facts_need_a_uid_and_a_date_or_a_size() {
        for (text, expected) in [
            ("* 1 FETCH (UID 1 RFC822.SIZE 5 INTERNALDATE \"yesterday\")", 1),
            ("* 1 FETCH (UID 1 INTERNALDATE \"01-Jan-2024 00:00:00 +0000\")", 1),
            ("* 1 FETCH (RFC822.SIZE 5)", 0),
            ("* 1 FETCH (UID 1 FLAGS (\\Seen))", 0),
        ] {
            let mut outcome = Outcome::Facts(Vec::new());
            let bounds = Bounds::of(&Order::Facts(vec![1]));
            bounds.gather(&mut outcome, response(text), text.len(), &mut 0).unwrap();
            let Outcome::Facts(facts) = outcome else { panic!("no facts") };
            assert_eq!(facts.len(), expected, "{text}");
            assert!(facts.iter().all(|Facts { uid, .. }| *uid == 1));
        }
    }
}
