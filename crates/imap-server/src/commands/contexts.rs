//! Searches whose results are kept up to date (RFC 5267 §4.3): which of the messages that came or
//! changed match. Only these are looked at, whatever the mailbox holds.

use std::sync::Arc;

use agent_kit::Gone;
use imap_core::{
    UidRuns,
    command::{Arrange, Fetch, Search},
    server::{Ask, Changes, LookedAt},
};
use mail_store::StoreError;
use mail_types::Uid;

use super::{fetch::tell_new, search::query, sort::sort_by};
use crate::{
    handler::Talk,
    selected::{Selected, uid_runs, uid_set},
};

/// Messages that are looked at between two responses. What was found out of them is held for each
/// search until a client has read the messages that come before the results: 2 sets of at most 12
/// octets a message, and an order of at most 10,000 of 4, so 3 MB of 16 searches.
const PORTION: u32 = 5000;

/// A search, and what became of its result: none if nothing did.
type Looked = (Arc<Search>, Option<Result<(LookedAt, Vec<Uid>), StoreError>>);

/// Tells what became of the results: `changed` are messages that the client knew, `new` are those it
/// was just told of. NOTIFY wants to hear `fetch` of `notified`; answers of which this was told.
pub(super) async fn tell_contexts(
    ask: &Ask<Changes>,
    selected: &mut Selected,
    (changed, new): (&UidRuns, &UidRuns),
    notify: (Option<&Fetch>, &UidRuns),
    talk: &mut Talk<'_>,
) -> Result<UidRuns, Gone> {
    let (mut rest, mut told) = (new.union(changed), UidRuns::new());
    while talk.parts().0.context(0).is_some() {
        // From the last on: of that one all searches may have to be asked at once, since it is what
        // `*` means.
        let portion;
        (rest, portion) = rest.split_at(rest.len().saturating_sub(PORTION));
        let news = (&changed.intersection(&portion), &new.intersection(&portion));
        told = told.union(&tell_portion(ask, selected, news, notify, talk).await?);
        if rest.is_empty() {
            break;
        }
    }
    Ok(told)
}

async fn tell_portion(
    ask: &Ask<Changes>,
    selected: &mut Selected,
    (changed, new): (&UidRuns, &UidRuns),
    (fetch, notified): (Option<&Fetch>, &UidRuns),
    talk: &mut Talk<'_>,
) -> Result<UidRuns, Gone> {
    let mut all: Vec<Looked> = Vec::new();
    while let Some(search) = talk.parts().0.context(all.len()).cloned() {
        // Nothing of a message changes but its flags.
        let due = if search.key.names_flags() { new.union(changed) } else { new.clone() };
        let due = due.union(&talk.parts().0.largest_changed(all.len()));
        let looked = if due.is_empty() {
            None
        } else {
            let looked = look(ask, selected, (&search, all.len()), due, talk).await;
            Some(looked.map_or_else(|error| Ok(Err(error)), |looked| looked.map(Ok))?)
        };
        all.push((search, looked));
    }
    let mut wanted = Wanted::default();
    for (search, looked) in &all {
        let fetch = search.update.as_ref().and_then(|update| update.fetch.as_ref());
        if let (Some(fetch), Some(Ok((looked_at, _)))) = (fetch, looked) {
            // RFC 5465 §7: of new ones only, and before the result.
            wanted.add(fetch, looked_at.matching.intersection(new));
        }
    }
    let told = wanted.messages();
    if let Some(fetch) = fetch {
        wanted.add(fetch, told.intersection(notified));
    }
    for (fetch, messages) in &wanted.0 {
        tell_new(ask, (fetch, messages), selected, talk).await?;
    }
    tell_results(ask, all, talk).await?;
    Ok(told)
}

/// What is wanted of which messages, each of them once (RFC 5465 §5.2).
#[derive(Default)]
struct Wanted(Vec<(Fetch, UidRuns)>);

impl Wanted {
    /// This is wanted of these, beside what is wanted of them already.
    fn add(&mut self, fetch: &Fetch, mut messages: UidRuns) {
        let mut more = Vec::new();
        for (known, there) in &mut self.0 {
            let both = there.intersection(&messages);
            (*there, messages) = (there.difference(&both), messages.difference(&both));
            let mut union = known.clone();
            union.items.extend(fetch.items.iter().filter(|it| !known.items.contains(it)).cloned());
            more.push((union, both));
        }
        self.0.extend(more);
        self.0.push((fetch.clone(), messages));
        self.0.retain(|(_, messages)| !messages.is_empty());
    }

    fn messages(&self) -> UidRuns {
        self.0.iter().fold(UidRuns::new(), |all, (_, messages)| all.union(messages))
    }
}

/// Tells of each result what joined and what left it.
async fn tell_results(
    ask: &Ask<Changes>,
    all: Vec<Looked>,
    talk: &mut Talk<'_>,
) -> Result<(), Gone> {
    let mut place = 0;
    for (_, looked) in all {
        let (session, wire) = talk.parts();
        match looked {
            None => place += 1,
            Some(Ok((looked_at, order))) => {
                let is_kept = ask.tell_context(session, wire, place, (&looked_at, &order));
                place += usize::from(is_kept);
            }
            Some(Err(error)) => {
                let error = &error as &dyn std::error::Error;
                tracing::error!(error, "a result can't be kept up to date");
                ask.give_up_context(session, wire, place);
            }
        }
        talk.drain().await?;
    }
    Ok(())
}

/// Looks at messages again; with all of the result in its order, if that is one of its own and
/// something joins it.
async fn look(
    ask: &Ask<Changes>,
    selected: &Selected,
    (search, place): (&Search, usize),
    due: UidRuns,
    talk: &mut Talk<'_>,
) -> Result<Result<(LookedAt, Vec<Uid>), Gone>, StoreError> {
    let (mailboxes, mailbox) = (&selected.mailboxes, selected.id);
    let session = &*talk.parts().0;
    let messages = session.view().map_or_else(UidRuns::new, |view| due.intersection(view.uids()));
    let query = query(&search.key, messages.clone(), session);
    let found = match query.run(mailboxes, mailbox, talk).await? {
        Ok(found) => found,
        Err(gone) => return Ok(Err(gone)),
    };
    let looked_at = LookedAt { messages, matching: uid_runs(&found.uids) };
    let unsorted = ask.to_be_sorted(talk.parts().0, place, &looked_at);
    let order = match (unsorted, &search.arrange) {
        (Some(unsorted), Arrange::Sorted(by)) => {
            let by: Vec<_> = by.iter().map(sort_by).collect();
            mailboxes.sorted(mailbox, &uid_set(&unsorted), &by).await?
        }
        _ => Vec::new(),
    };
    Ok(Ok((looked_at, order)))
}

#[cfg(test)]
mod tests {
    use imap_core::{
        SequenceSet,
        command::{FetchItem, Numbering},
    };

    use super::*;

    fn uids(first: u32, last: u32) -> UidRuns {
        UidRuns::from_ranges(Uid::new(first).zip(Uid::new(last)))
    }

    fn fetch(items: &[FetchItem]) -> Fetch {
        Fetch {
            messages: SequenceSet::parse(b"1:*").unwrap(),
            numbering: Numbering::Uid,
            items: items.to_vec(),
            changed_since: None,
            vanished: false,
            partial: None,
        }
    }

    /// RFC 5465 §5.2.
    #[test]
    fn what_is_wanted_of_a_message_is_told_once() {
        use FetchItem::{Envelope, Flags, Size};
        let mut wanted = Wanted::default();
        wanted.add(&fetch(&[Flags, Size]), uids(1, 4));
        wanted.add(&fetch(&[Size, Envelope]), uids(3, 6));
        wanted.add(&fetch(&[Flags]), uids(4, 5));
        wanted.add(&fetch(&[Flags]), UidRuns::new());
        let mut told: Vec<_> =
            wanted.0.iter().map(|(fetch, uids)| (uids.to_string(), fetch.items.clone())).collect();
        told.sort_by(|a, b| a.0.cmp(&b.0));
        let expected = [
            ("1:2", vec![Flags, Size]),
            ("3", vec![Flags, Size, Envelope]),
            ("4", vec![Flags, Size, Envelope]),
            ("5", vec![Size, Envelope, Flags]),
            ("6", vec![Size, Envelope]),
        ];
        assert_eq!(told, expected.map(|(uids, items)| (uids.to_owned(), items)));
        assert_eq!(wanted.messages(), uids(1, 6));
    }
}
