//! Searches whose results are kept up to date, as long as their mailbox is open (RFC 5267 §4.3).
//!
//! The session knows the result that the client has, and what to say when a message joins or leaves
//! it. Whether a message that came or changed matches is the agent's to find out; one that is gone
//! leaves by itself, before its EXPUNGE.
//!
//! What an attacker controls is how many searches there are and how large their results are; beyond
//! what is kept a client hears that its result is not.

mod places;

use std::{cell::Cell, sync::Arc};

use conversation::Wire;
use mail_types::{MailboxName, Uid, UidValidity};
use places::{Places, anywhere, put_in, taken_out};

use super::{
    Ask, Changes, Session,
    answers::{in_order, numbers},
    session::Access,
};
use crate::{
    SequenceSet, UidRuns,
    command::{Arrange, Numbering, Search, SearchKey},
    response::{self, Change, Code, Completion, Correlator},
    view::View,
};

/// Searches that are kept up to date at once.
const CONTEXTS_MAX: usize = 16;
/// Messages of a result that is kept in an order of its own, of 4 octets each.
const SORTED_MAX: u32 = 10_000;
/// What is told of one that has more.
const TOO_LARGE: &str = "This result is too large to be kept in order";
/// Ranges of messages in all other results of a session together, of 12 octets each. With what is
/// sorted, results of a session take 2 MB at most, however large the mailbox.
const KEPT_RANGES_MAX: usize = 100_000;
/// What is told of one that would have more, with the others.
const TOO_SCATTERED: &str = "This result is too large to be kept up to date";
/// Ranges of the messages that the numbers in a key mean.
const RANGES_MAX: usize = 10_000;

/// A search whose result is kept up to date.
#[derive(Debug)]
pub(super) struct Context {
    tag: Box<str>,
    /// Of ESEARCH: the mailbox, as it was called (RFC 7377 §2.1).
    mailbox: Option<(MailboxName, UidValidity)>,
    search: Arc<Search>,
    known: Known,
    /// The last message when all was looked at that `*` could mean.
    largest: Option<Uid>,
}

/// What a client has of it.
#[derive(Debug)]
enum Known {
    Ascending(UidRuns),
    Sorted(Vec<Uid>),
}

impl Known {
    /// The ranges that are held of what is in no order of its own.
    fn ranges(&self) -> usize {
        match self {
            Self::Ascending(messages) => messages.range_count(),
            Self::Sorted(_) => 0,
        }
    }

    /// All messages as they will be, of a result in an order of its own that something joins.
    fn grown(&self, looked_at: &LookedAt) -> Option<UidRuns> {
        let Self::Sorted(order) = self else { return None };
        let known: UidRuns = order.iter().copied().collect();
        let joins = !looked_at.matching.difference(&known).is_empty();
        joins.then(|| known.difference(&looked_at.messages).union(&looked_at.matching))
    }
}

/// Messages that were looked at again.
#[derive(Clone, Debug)]
pub struct LookedAt {
    /// All of them.
    pub messages: UidRuns,
    /// Those that match.
    pub matching: UidRuns,
}

impl Session {
    /// The searches whose results are kept up to date, one after the other; none beyond the last.
    pub fn context(&self, place: usize) -> Option<&Arc<Search>> {
        self.contexts().get(place).map(|context| &context.search)
    }

    /// What `*` has meant and what it means now, if UIDs in the key name it and it means another.
    /// Whether a message is within `n:*` says n alone, but for the last one, which always is
    /// (RFC 3501 §9): no other one of those that were there before joins or leaves.
    pub fn largest_changed(&self, place: usize) -> UidRuns {
        let last = self.view().and_then(|view| view.uids().last());
        match self.contexts().get(place) {
            Some(Context { largest, search, .. })
                if *largest != last && search.key.names_largest_uid() =>
            {
                largest.iter().copied().chain(last).collect()
            }
            _ => UidRuns::new(),
        }
    }

    fn contexts(&self) -> &[Context] {
        match &self.access {
            Access::Selected(selected) => &selected.contexts,
            Access::NotAuthenticated | Access::Authenticated => &[],
        }
    }

    /// Takes them out, to be changed while the session is looked at.
    fn take_contexts(&mut self) -> Vec<Context> {
        match &mut self.access {
            Access::Selected(selected) => std::mem::take(&mut selected.contexts),
            Access::NotAuthenticated | Access::Authenticated => Vec::new(),
        }
    }

    fn put_contexts(&mut self, contexts: Vec<Context>) {
        if let Access::Selected(selected) = &mut self.access {
            selected.contexts = contexts;
        }
    }

    pub(super) fn has_context(&self, tag: &str) -> bool {
        self.contexts().iter().any(|context| &*context.tag == tag)
    }

    /// CANCELUPDATE (RFC 5267 §4.3.5).
    pub(super) fn cancel_contexts(&mut self, tags: &[Box<str>]) -> Completion {
        if tags.iter().any(|tag| !self.has_context(tag)) {
            return Completion::bad("There is no such search to be updated");
        }
        if let Access::Selected(selected) = &mut self.access {
            selected.contexts.retain(|context| !tags.contains(&context.tag));
        }
        Completion::ok("CANCELUPDATE completed")
    }

    /// Messages are gone: what of the results they were in is told.
    pub(super) fn leave_contexts(&mut self, wire: &mut Wire, gone: &UidRuns) {
        if self.contexts().is_empty() || gone.is_empty() {
            return;
        }
        let looked_at = LookedAt { messages: gone.clone(), matching: UidRuns::new() };
        let mut place = 0;
        while place < self.contexts().len() {
            place += usize::from(self.update_context(wire, place, &looked_at, &[]));
        }
    }

    /// Tells what joined and what left a result. Answers whether it is still kept: what takes too
    /// much room then is not, and the client has what it was told.
    fn update_context(
        &mut self,
        wire: &mut Wire,
        place: usize,
        looked_at: &LookedAt,
        order: &[Uid],
    ) -> bool {
        let mut contexts = self.take_contexts();
        if let Some(context) = contexts.get_mut(place) {
            context.update(self, wire, looked_at, order);
        }
        self.put_contexts(contexts);
        let has_room = self.kept_ranges() <= KEPT_RANGES_MAX;
        if !has_room {
            self.give_up_context(wire, place, TOO_SCATTERED);
        }
        has_room
    }

    fn kept_ranges(&self) -> usize {
        self.contexts().iter().map(|context| context.known.ranges()).sum()
    }

    /// What failed is not kept up to date.
    pub(super) fn drop_running_context(&mut self) {
        let mut contexts = self.take_contexts();
        contexts.retain(|context| &*context.tag != self.running_tag());
        self.put_contexts(contexts);
    }

    /// There are no sequence numbers any more to tell results in (RFC 9586 §3).
    pub(super) fn give_up_numbered_contexts(&mut self, wire: &mut Wire) {
        let mut contexts = self.take_contexts();
        contexts.retain(|context| {
            let stays = context.search.numbering == Numbering::Uid || context.mailbox.is_some();
            if !stays {
                self.say_no_update(wire, &context.tag, "The result can't be kept up to date");
            }
            stays
        });
        self.put_contexts(contexts);
    }

    fn give_up_context(&mut self, wire: &mut Wire, place: usize, why: &'static str) {
        let mut contexts = self.take_contexts();
        if place < contexts.len() {
            let lost = contexts.remove(place);
            self.say_no_update(wire, &lost.tag, why);
        }
        self.put_contexts(contexts);
    }

    pub(super) fn say_no_update(&self, wire: &mut Wire, tag: &str, why: &'static str) {
        let code = Code::NoUpdate(tag.into());
        response::untagged_no(&mut wire.output, &code, &self.language.say(why));
    }
}

impl Ask<Search> {
    /// Keeps the result up to date from here on, if that was asked for; `found` is all of it, in its
    /// order. What can't be kept is told (RFC 5267 §4.3.1).
    pub fn keep_updating(&self, session: &mut Session, wire: &mut Wire, found: &[Uid]) {
        session.keep_updating(wire, &self.command, None, found);
    }
}

impl Session {
    pub(super) fn keep_updating(
        &mut self,
        wire: &mut Wire,
        search: &Search,
        mailbox: Option<(MailboxName, UidValidity)>,
        found: &[Uid],
    ) {
        if search.update.is_none() {
            return;
        }
        let tag: Box<str> = self.running_tag().into();
        let sorted = search.arrange != Arrange::Ascending;
        let refused = if self.highest_first() {
            Some("The result is not whole")
        } else if search.key.names_age() {
            Some("This result changes by time alone")
        } else if sorted && u32::try_from(found.len()).unwrap_or(u32::MAX) > SORTED_MAX {
            Some(TOO_LARGE)
        } else if self.contexts().len() >= CONTEXTS_MAX {
            Some("Too many searches are kept up to date")
        } else {
            None
        };
        if let Some(why) = refused {
            return self.say_no_update(wire, &tag, why);
        }
        let Some(view) = self.view() else { return };
        let Some(key) = fixed(&search.key, view) else {
            return self.say_no_update(
                wire,
                &tag,
                "This search names too many messages one by one",
            );
        };
        let known = if sorted {
            Known::Sorted(found.to_vec())
        } else {
            Known::Ascending(found.iter().copied().collect())
        };
        if self.kept_ranges().saturating_add(known.ranges()) > KEPT_RANGES_MAX {
            return self.say_no_update(wire, &tag, TOO_SCATTERED);
        }
        let Search { numbering, returns, arrange, update, .. } = search;
        let (arrange, update) = (arrange.clone(), update.clone());
        let search = Search { numbering: *numbering, returns: *returns, key, arrange, update };
        if let Access::Selected(selected) = &mut self.access {
            let largest = selected.view.uids().last();
            let search = Arc::new(search);
            selected.contexts.push(Context { tag, mailbox, search, known, largest });
        }
    }
}

/// The key, with the messages that its numbers mean now (RFC 5267 §4.3); none if they are too many
/// ranges.
fn fixed(key: &SearchKey, view: &View) -> Option<SearchKey> {
    let room = Cell::new(Some(RANGES_MAX));
    let fixed = key.replaced(&|key| {
        let messages = match key {
            SearchKey::Sequence(set) => view.existing(set, Numbering::Sequence),
            SearchKey::Uid(set) if set.is_saved() => view.existing(set, Numbering::Uid),
            _ => return None,
        };
        room.set(room.get().and_then(|room| room.checked_sub(messages.range_count())));
        if room.get().is_none() {
            return Some(SearchKey::All);
        }
        let set = SequenceSet::parse(messages.to_string().as_bytes());
        Some(set.map_or_else(|_| SearchKey::Not(Box::new(SearchKey::All)), SearchKey::Uid))
    });
    room.get().map(|_| fixed)
}

impl Ask<Changes> {
    /// All messages of a result as they will be: what is to be sorted, if it has an order of its own,
    /// something joins it, and it does not become too large for it.
    pub fn to_be_sorted(
        &self,
        session: &Session,
        place: usize,
        looked_at: &LookedAt,
    ) -> Option<UidRuns> {
        let grown = session.contexts().get(place)?.known.grown(looked_at);
        grown.filter(|messages| messages.len() <= SORTED_MAX)
    }

    /// Tells what joined and what left a result. `order` has what [`Ask::to_be_sorted`] gave, sorted.
    /// Answers whether the result is still kept: one that has become too large is not.
    pub fn tell_context(
        &self,
        session: &mut Session,
        wire: &mut Wire,
        place: usize,
        (looked_at, order): (&LookedAt, &[Uid]),
    ) -> bool {
        let last = session.view().and_then(|view| view.uids().last());
        if let Access::Selected(selected) = &mut session.access
            && let Some(context) = selected.contexts.get_mut(place)
        {
            context.largest = last;
            let grown = context.known.grown(looked_at);
            if grown.is_some_and(|messages| messages.len() > SORTED_MAX) {
                session.give_up_context(wire, place, TOO_LARGE);
                return false;
            }
        }
        session.update_context(wire, place, looked_at, order)
    }

    /// It can't be found out any more.
    pub fn give_up_context(&self, session: &mut Session, wire: &mut Wire, place: usize) {
        session.give_up_context(wire, place, "The result can't be kept up to date");
    }
}

impl Context {
    fn update(&mut self, session: &Session, wire: &mut Wire, looked_at: &LookedAt, order: &[Uid]) {
        let LookedAt { messages, matching } = looked_at;
        let (removed, added): (Places, Places) = match &mut self.known {
            Known::Ascending(known) => {
                let removed = known.intersection(messages).difference(matching);
                let added = matching.difference(known);
                *known = known.difference(&removed).union(&added);
                // RFC 5267 §4.3.3: place 0, in the order of the mailbox.
                (anywhere(&removed), anywhere(&added))
            }
            Known::Sorted(known) => {
                let leaves = |uid: &Uid| messages.contains(*uid) && !matching.contains(*uid);
                let removed = taken_out(known, leaves);
                (removed, put_in(known, order))
            }
        };
        self.tell(session, wire, Change::RemoveFrom, removed);
        self.tell(session, wire, Change::AddTo, added);
    }

    fn tell(&self, session: &Session, wire: &mut Wire, change: Change, places: Places) {
        let numbering = self.search.numbering;
        let as_told = |messages: Vec<Uid>| match &self.known {
            Known::Ascending(_) => {
                numbers(session, numbering, &messages.into_iter().collect::<UidRuns>())
            }
            Known::Sorted(_) => in_order(messages.into_iter().filter_map(|uid| {
                let number = || session.view()?.sequence_number(uid).map(|it| it.number());
                if numbering == Numbering::Uid { Some(uid.number()) } else { number() }
            })),
        };
        let places: Vec<_> =
            places.into_iter().map(|(place, messages)| (place, as_told(messages))).collect();
        if !places.is_empty() {
            let (by_uid, spelling) = (numbering == Numbering::Uid, session.spelling());
            let mailbox = self.mailbox.as_ref().map(|(name, epoch)| (name, *epoch, spelling));
            let correlator = Correlator { tag: &self.tag, by_uid, mailbox };
            response::context_change(&mut wire.output, &correlator, change, &places);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uids(numbers: &[u32]) -> Vec<Uid> {
        numbers.iter().filter_map(|number| Uid::new(*number)).collect()
    }

    #[test]
    fn numbers_of_too_many_ranges_are_not_kept() {
        let holes = |ranges: u32| uids(&(1..=ranges).map(|it| 2 * it).collect::<Vec<_>>());
        let view = |ranges| View::new(holes(ranges).into_iter().collect(), UidRuns::new());
        let all = SearchKey::Sequence(SequenceSet::parse(b"1:*").unwrap());
        let ranges = u32::try_from(RANGES_MAX).unwrap();
        let fixed_key = fixed(&all, &view(3)).unwrap();
        assert_eq!(fixed_key, SearchKey::Uid(SequenceSet::parse(b"2,4,6").unwrap()));
        assert!(fixed(&all, &view(ranges)).is_some());
        assert!(fixed(&all, &view(ranges + 1)).is_none());
        let twice = SearchKey::And(vec![all.clone(), all]);
        assert!(fixed(&twice, &view(ranges / 2)).is_some());
        assert!(fixed(&twice, &view(ranges / 2 + 1)).is_none());
    }
}
