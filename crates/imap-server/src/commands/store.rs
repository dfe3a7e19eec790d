//! STORE and UID STORE (RFC 3501 §6.4.6).

use agent_kit::Gone;
use imap_core::{
    command::{Numbering, Store, StoreAction},
    response::Completion,
    server::Ask,
};
use mail_store::FlagChange;

use crate::{
    handler::{Conversation, Talk},
    selected::uid_set,
    trouble,
};

impl Conversation {
    pub(crate) async fn store(&mut self, ask: Ask<Store>, talk: &mut Talk<'_>) -> Result<(), Gone> {
        if talk.parts().0.is_read_only() {
            let (session, wire) = talk.parts();
            ask.finish(session, wire, trouble::read_only());
            return Ok(());
        }
        let completion = match (&self.signed_in, &mut self.selected) {
            (Some(signed_in), Some(selected)) => {
                let change = change(ask.command());
                let uids = uid_set(ask.messages());
                match signed_in.mailboxes.store_flags(selected.id, &uids, change, None).await {
                    Ok(stored) => {
                        let told = stored.done.len();
                        for message in stored.done {
                            selected.own_changes.insert(message.uid, message.modseq);
                            let (session, wire) = talk.parts();
                            ask.flags(session, wire, message.uid, &message.flags);
                            talk.drain().await?;
                        }
                        ended(&ask, told)
                    }
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

/// Messages that another session removed can't be changed; of sequence numbers the client must
/// hear of it, UIDs are passed over (RFC 3501 §6.4.8).
fn ended(ask: &Ask<Store>, done: usize) -> Completion {
    let wanted = usize::try_from(ask.messages().len()).unwrap_or(usize::MAX);
    if done < wanted && ask.command().numbering == Numbering::Sequence {
        trouble::expunge_issued()
    } else {
        Completion::ok("STORE completed")
    }
}

fn change(store: &Store) -> FlagChange {
    let flags = store.flags.clone();
    match store.action {
        StoreAction::Add => FlagChange::Add(flags),
        StoreAction::Remove => FlagChange::Remove(flags),
        StoreAction::Replace => FlagChange::Replace(flags),
    }
}
