//! News of the open mailbox, from whichever process.

use std::sync::Arc;

use agent_kit::Gone;
use imap_core::{
    UidRuns,
    server::{Ask, Changes},
};
use mail_store::StoreError;

use super::{contexts::tell_contexts, fetch::tell_new, store::tell_keywords};
use crate::{
    handler::{Conversation, Talk},
    selected::{Selected, flags_now, uid_runs},
};

/// Messages that are told of between two looks at the client's pace.
const PORTION: usize = 500;

impl Conversation {
    pub(crate) async fn changes(
        &mut self,
        ask: Ask<Changes>,
        talk: &mut Talk<'_>,
    ) -> Result<(), Gone> {
        // What the results of searches that are kept up to date have to be looked through for.
        let mut changed = UidRuns::new();
        if let Some(selected) = &mut self.selected {
            // Where no new message may be told, the watch is enough: what another process did a
            // moment ago can wait for the next command.
            if selected.told_rights != selected.rights {
                let (session, wire) = talk.parts();
                ask.rights(session, wire, &selected.keywords, selected.rights);
                selected.told_rights = selected.rights;
            }
            if let Some(signed_in) = &self.signed_in {
                let key = (signed_in.account.id, selected.mailboxes.id(), selected.id);
                let reset = self.service.key_resets.of(key);
                if std::mem::replace(&mut selected.key_reset, reset) != reset {
                    let (session, wire) = talk.parts();
                    ask.key_was_reset(session, wire);
                }
            }
            // RFC 5267 §4.3.2: a result is told of with what has changed it.
            let keeps = talk.parts().0.context(0).is_some();
            let look = selected.take_news() || ask.command().may_exists || keeps;
            match changes(selected, look).await {
                Ok(Some(changes)) => {
                    if keeps {
                        changed = uid_runs(changes.changed.iter().map(|message| &message.uid));
                    }
                    tell(&ask, selected, changes, talk).await?;
                }
                Ok(None) => ask.up_to(talk.parts().0, selected.seen),
                Err(StoreError::MailboxGone(_) | StoreError::NoSuchMailbox(_)) => {
                    let (session, wire) = talk.parts();
                    ask.mailbox_gone(session, wire);
                    return Ok(());
                }
                // They come with the next news; the command itself was done.
                Err(error) => {
                    tracing::error!(error = &error as &dyn std::error::Error, "news can't be read");
                }
            }
        }
        self.look_at_account(talk).await;
        let (session, wire) = talk.parts();
        let new = ask.tell(session, wire);
        if let Some(selected) = &mut self.selected {
            let fetch = ask.command().fetch.as_ref();
            // RFC 5465 §5.2: but of what this session itself put there.
            let mut notified = match fetch {
                Some(_) => new.difference(&std::mem::take(&mut selected.own_arrivals)),
                None => UidRuns::new(),
            };
            let (news, wanted) = ((&changed, &new), (fetch, &notified));
            let told = tell_contexts(&ask, selected, news, wanted, talk).await?;
            if let Some(fetch) = fetch {
                notified = notified.difference(&told);
                tell_new(&ask, (fetch, &notified), selected, talk).await?;
            }
        }
        let (session, wire) = talk.parts();
        ask.finish(session, wire);
        self.share_numbering(talk);
        Ok(())
    }
}

/// What is new; none if nothing is, or nobody looks.
async fn changes(
    selected: &mut Selected,
    look: bool,
) -> Result<Option<Arc<mail_store::Changes>>, StoreError> {
    if !look {
        return Ok(None);
    }
    let changes = selected.mailboxes.changes(selected.id, selected.seen).await?;
    if changes.state.highest_modseq > selected.seen {
        return Ok(Some(changes));
    }
    selected.own_changes.clear();
    Ok(None)
}

async fn tell(
    ask: &Ask<Changes>,
    selected: &mut Selected,
    changes: Arc<mail_store::Changes>,
    talk: &mut Talk<'_>,
) -> Result<(), Gone> {
    let (known, new): (Vec<_>, Vec<_>) =
        changes.changed.iter().partition(|message| message.uid < selected.uid_next);
    if ask.command().flags {
        let flags = changes.changed.iter().map(|message| &message.flags);
        tell_keywords(ask, flags, selected, talk);
    }
    for message in known {
        if ask.command().flags && selected.own_changes.get(&message.uid) != Some(&message.modseq) {
            let (session, wire) = talk.parts();
            ask.flags(session, wire, flags_now(message));
            talk.drain().await?;
        }
    }
    selected.own_changes.clear();
    for portion in changes.expunged.chunks(PORTION) {
        let (session, wire) = talk.parts();
        ask.vanished(session, wire, &uid_runs(portion));
        talk.drain().await?;
    }
    let read_only = talk.parts().0.is_read_only();
    // RFC 3501 §2.3.2: one session only is told that a message is recent, and one of the owner's.
    let unclaimed = changes.state.recent_from < changes.state.uid_next;
    let recent_from = if read_only || !selected.own || new.is_empty() || !unclaimed {
        changes.state.recent_from
    } else {
        let claimed = selected.mailboxes.claim_recent(selected.id).await;
        claimed.map_or(changes.state.uid_next, |(from, _)| from)
    };
    let (fresh, old): (Vec<_>, Vec<_>) =
        new.into_iter().map(|message| message.uid).partition(|uid| *uid >= recent_from);
    let session = talk.parts().0;
    ask.arrived(session, &uid_runs(&old), false);
    ask.arrived(session, &uid_runs(&fresh), true);
    ask.up_to(session, changes.state.highest_modseq);
    selected.seen = changes.state.highest_modseq;
    selected.uid_next = changes.state.uid_next;
    Ok(())
}
