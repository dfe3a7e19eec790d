//! Where messages join and leave a result (RFC 5267 §4.3.3, §4.3.4), so that a client which follows
//! has the same order.

use std::collections::HashMap;

use mail_types::Uid;

use crate::UidRuns;

/// Places in a result, and which messages come or go there.
pub(super) type Places = Vec<(u32, Vec<Uid>)>;

/// Where the mailbox has the order: place 0 (RFC 5267 §4.3.3).
pub(super) fn anywhere(messages: &UidRuns) -> Places {
    if messages.is_empty() { Vec::new() } else { vec![(0, messages.iter().collect())] }
}

/// Takes messages out. The places are told from the end on, so that none shifts another.
pub(super) fn taken_out(known: &mut Vec<Uid>, leaves: impl Fn(&Uid) -> bool) -> Places {
    let mut places: Places = Vec::new();
    let (mut place, mut goes_on) = (0_u32, false);
    for uid in known.iter() {
        place = place.saturating_add(1);
        let left = leaves(uid);
        match places.last_mut() {
            Some((_, messages)) if left && goes_on => messages.push(*uid),
            _ if left => places.push((place, vec![*uid])),
            _ => {}
        }
        goes_on = left;
    }
    known.retain(|uid| !leaves(uid));
    places.reverse();
    places
}

/// Puts in what of a sorted result is not known yet. The places are told from the beginning on: each
/// is what it will be at last. What is known and not in the order goes soon, and stays until then.
pub(super) fn put_in(known: &mut Vec<Uid>, order: &[Uid]) -> Places {
    if order.is_empty() {
        return Vec::new();
    }
    let places: HashMap<Uid, usize> =
        known.iter().enumerate().map(|(place, uid)| (*uid, place)).collect();
    // Behind how many of those that are known each new one stands.
    let (mut behind, mut new) = (0, Vec::new());
    for uid in order {
        match places.get(uid) {
            Some(place) => behind = place.saturating_add(1),
            None => new.push((behind, *uid)),
        }
    }
    let mut merged = Vec::with_capacity(known.len().saturating_add(new.len()));
    let (mut told, mut old, mut new): (Places, _, _) =
        (Vec::new(), known.iter().enumerate().peekable(), new.into_iter().peekable());
    let mut goes_on = false;
    loop {
        let old_place = old.peek().map(|(place, _)| *place);
        let next_new = new.next_if(|(behind, _)| old_place.is_none_or(|place| *behind <= place));
        if let Some((_, uid)) = next_new {
            merged.push(uid);
            let place = u32::try_from(merged.len()).unwrap_or(u32::MAX);
            match told.last_mut() {
                Some((_, messages)) if goes_on => messages.push(uid),
                _ => told.push((place, vec![uid])),
            }
            goes_on = true;
        } else if let Some((_, uid)) = old.next() {
            merged.push(*uid);
            goes_on = false;
        } else {
            break;
        }
    }
    *known = merged;
    told
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uids(numbers: &[u32]) -> Vec<Uid> {
        numbers.iter().filter_map(|number| Uid::new(*number)).collect()
    }

    /// Does with a list what a client does that is told of places (RFC 5267 §4.3.3, §4.3.4).
    fn follow(list: &mut Vec<Uid>, removed: &Places, added: &Places) {
        for (place, messages) in removed {
            let first = *place as usize - 1;
            let gone: Vec<Uid> = list.drain(first..first + messages.len()).collect();
            assert_eq!(&gone, messages);
        }
        for (place, messages) in added {
            let first = *place as usize - 1;
            list.splice(first..first, messages.iter().copied());
        }
    }

    #[test]
    fn a_client_that_follows_has_the_same_order() {
        let check = |before: &[u32], leave: &[u32], order: &[u32], after: &[u32]| {
            let (mut known, mut client) = (uids(before), uids(before));
            let leave = uids(leave);
            let removed = taken_out(&mut known, |uid| leave.contains(uid));
            let added = put_in(&mut known, &uids(order));
            assert_eq!(known, uids(after));
            follow(&mut client, &removed, &added);
            assert_eq!(client, known);
        };
        check(&[], &[], &[], &[]);
        check(&[], &[], &[3, 1, 2], &[3, 1, 2]);
        check(&[3, 1, 2], &[3, 1, 2], &[], &[]);
        check(&[5, 3, 9, 1], &[3, 9], &[5, 1], &[5, 1]);
        check(&[5, 3, 9, 1], &[5, 9], &[7, 3, 8, 2, 1, 4], &[7, 3, 8, 2, 1, 4]);
        // 9 is gone already, which the client does not know yet.
        check(&[5, 9, 1], &[], &[5, 7, 1, 8], &[5, 7, 9, 1, 8]);
        check(&[9], &[], &[8], &[8, 9]);
    }
}
