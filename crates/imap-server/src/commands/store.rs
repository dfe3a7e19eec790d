//! STORE and UID STORE (RFC 3501 §6.4.6, RFC 7162 §3.1.3).

use agent_kit::Gone;
use imap_core::{
    command::{Numbering, Store, StoreAction},
    response::Completion,
    server::{Ask, FlagsNow},
};
use mail_store::{FlagChange, FlagsStored, StoreError, Want};
use mail_types::{FlagSet, Right, Rights, Uid};

use crate::{
    handler::{Conversation, Talk},
    selected::{Selected, flags_now, uid_runs, uid_set},
    trouble,
};

/// Messages that were left as they were, whose flags are asked for at once.
const ROWS: usize = 500;

impl Conversation {
    pub(crate) async fn store(&mut self, ask: Ask<Store>, talk: &mut Talk<'_>) -> Result<(), Gone> {
        if talk.parts().0.is_read_only() {
            let (session, wire) = talk.parts();
            ask.finish(session, wire, trouble::read_only());
            return Ok(());
        }
        let completion = match (&self.signed_in, &mut self.selected) {
            (Some(_), Some(selected)) => {
                let Some(change) = change(ask.command(), selected.rights) else {
                    let (session, wire) = talk.parts();
                    ask.finish(session, wire, trouble::no_permission());
                    return Ok(());
                };
                match store(selected, change, &ask, talk).await? {
                    Ok(completion) => completion,
                    Err(error) => trouble::completion(&error),
                }
            }
            _ => trouble::out_of_order(),
        };
        let (session, wire) = talk.parts();
        ask.finish(session, wire, completion);
        Ok(())
    }
}

async fn store(
    selected: &mut Selected,
    change: FlagChange,
    ask: &Ask<Store>,
    talk: &mut Talk<'_>,
) -> Result<Result<Completion, StoreError>, Gone> {
    let (uids, command) = (uid_set(ask.messages()), ask.command());
    let mailboxes = selected.mailboxes.clone();
    let stored = mailboxes.store_flags(selected.id, &uids, change, command.unchanged_since).await;
    let stored = match stored {
        Ok(stored) => stored,
        Err(error) => return Ok(Err(error)),
    };
    // If nobody else did anything since this session last looked, there will be no news; but the
    // results that are kept up to date hear of what this one did as news too.
    let keeps = talk.parts().0.context(0).is_some();
    let alone = stored.span.filter(|(before, _)| !keeps && *before == selected.seen);
    tell_keywords(ask, stored.done.iter().map(|message| &message.flags), selected, talk);
    let highest_first = talk.parts().0.highest_first();
    for place in 0..stored.done.len() {
        let at = if highest_first { stored.done.len() - 1 - place } else { place };
        let done = stored.done.get(at).zip(stored.before.get(at));
        let Some((message, before)) = done else { continue };
        let (session, wire) = talk.parts();
        ask.flags(session, wire, flags_now(message));
        talk.drain().await?;
        if alone.is_some() {
            continue;
        }
        // RFC 3501 §6.4.6: what another session changed is told, even if this one wants silence
        // about what it changes itself; with the news, which passes over what is its own.
        let all_known = *before <= selected.seen
            || selected.own_changes.get(&message.uid) == Some(before)
            || !command.silent;
        if all_known {
            selected.own_changes.insert(message.uid, message.modseq);
        } else {
            selected.own_changes.remove(&message.uid);
        }
    }
    if let Some((_, after)) = alone {
        selected.seen = after;
    }
    let mut left: Vec<_> = stored.modified.chunks(ROWS).collect();
    if highest_first {
        left.reverse();
    }
    for portion in left {
        if let Err(error) = tell_left(selected, ask, portion, talk).await? {
            return Ok(Err(error));
        }
    }
    Ok(Ok(ended(ask, &stored, talk)))
}

/// Tells of keywords that the client does not know yet, before the messages that have them.
pub(super) fn tell_keywords<'f, T>(
    ask: &Ask<T>,
    flags: impl Iterator<Item = &'f FlagSet>,
    selected: &mut Selected,
    talk: &mut Talk<'_>,
) {
    if flags.fold(false, |some, flags| selected.learns_keywords(flags) | some) {
        let (session, wire) = talk.parts();
        ask.keywords(session, wire, &selected.keywords);
    }
}

/// Tells why messages were left as they were (RFC 7162 §3.1.3): they are other than the client
/// thinks.
async fn tell_left(
    selected: &mut Selected,
    ask: &Ask<Store>,
    uids: &[Uid],
    talk: &mut Talk<'_>,
) -> Result<Result<(), StoreError>, Gone> {
    let set = uid_set(&uid_runs(uids));
    let mut rows = match selected.mailboxes.fetch(selected.id, &set, Want::Facts).await {
        Ok(rows) => rows,
        Err(error) => return Ok(Err(error)),
    };
    tell_keywords(ask, rows.iter().map(|row| &row.flags), selected, talk);
    if talk.parts().0.highest_first() {
        rows.reverse();
    }
    for row in rows {
        selected.own_changes.insert(row.uid, row.modseq);
        let now = FlagsNow { uid: row.uid, flags: &row.flags, mod_seq: row.modseq };
        let (session, wire) = talk.parts();
        ask.left(session, wire, now);
        talk.drain().await?;
    }
    Ok(Ok(()))
}

/// Messages that another session removed can't be changed; of sequence numbers the client must
/// hear of it, UIDs are passed over (RFC 3501 §6.4.8).
fn ended(ask: &Ask<Store>, stored: &FlagsStored, talk: &mut Talk<'_>) -> Completion {
    let wanted = usize::try_from(ask.messages().len()).unwrap_or(usize::MAX);
    let there = stored.done.len() + stored.modified.len();
    let completion = if there < wanted && ask.command().numbering == Numbering::Sequence {
        trouble::expunge_issued()
    } else {
        Completion::ok("STORE completed")
    };
    if stored.modified.is_empty() {
        return completion;
    }
    // RFC 7162 §3.1.3, example 11: it stands behind NO as well.
    completion.with(ask.modified(talk.parts().0, &uid_runs(&stored.modified)))
}

/// What is done with the flags, as far as the rights go (RFC 4314 §4); none if they go nowhere.
fn change(store: &Store, rights: Rights) -> Option<FlagChange> {
    let flags = rights.permitted(&store.flags);
    let any = flags != FlagSet::default() || store.flags == FlagSet::default();
    Some(match store.action {
        StoreAction::Add if any => FlagChange::Add(flags),
        StoreAction::Remove if any => FlagChange::Remove(flags),
        StoreAction::Replace if rights == Rights::ALL => FlagChange::Replace(flags),
        StoreAction::Replace
            if rights.has_any(&[Right::Seen, Right::Write, Right::DeleteMessages]) =>
        {
            FlagChange::ReplaceWithin(flags, rights)
        }
        _ => return None,
    })
}
