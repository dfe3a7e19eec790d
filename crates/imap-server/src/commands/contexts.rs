//! Searches whose results are kept up to date (RFC 5267 §4.3): which of the messages that came or
//! changed match. Only these are looked at, whatever the mailbox holds.

use agent_kit::Gone;
use imap_core::{
    UidRuns,
    command::{Arrange, Search},
    server::{Ask, Changes, LookedAt},
};
use mail_store::StoreError;
use mail_types::Uid;

use super::{fetch::tell_new, search::query, sort::sort_by};
use crate::{
    handler::Talk,
    selected::{Selected, uid_runs, uid_set},
};

/// Tells what became of the results: `changed` are messages that the client knew, `new` are those it
/// was just told of.
pub(super) async fn tell_contexts(
    ask: &Ask<Changes>,
    selected: &mut Selected,
    (changed, new): (&UidRuns, &UidRuns),
    talk: &mut Talk<'_>,
) -> Result<(), Gone> {
    let mut place = 0;
    while let Some(search) = talk.parts().0.context(place).cloned() {
        // Nothing of a message changes but its flags.
        let due = if search.key.names_flags() { new.union(changed) } else { new.clone() };
        let due = due.union(&talk.parts().0.largest_changed(place));
        if due.is_empty() {
            place += 1;
            continue;
        }
        match look(ask, selected, (&search, place), due, talk).await {
            Ok(looked) => {
                let (looked_at, order) = looked?;
                let fetch = search.update.as_ref().and_then(|update| update.fetch.as_ref());
                if let Some(fetch) = fetch {
                    // RFC 5465 §7: of new ones only, and before the result.
                    let joining = looked_at.matching.intersection(new);
                    tell_new(fetch, &joining, selected, talk).await?;
                }
                let (session, wire) = talk.parts();
                let is_kept = ask.tell_context(session, wire, place, (&looked_at, &order));
                place += usize::from(is_kept);
            }
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::error!(error, "a result can't be kept up to date");
                let (session, wire) = talk.parts();
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
