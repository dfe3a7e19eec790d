//! EXPUNGE and UID EXPUNGE (RFC 3501 §6.4.3, RFC 4315 §2.1).

use agent_kit::Gone;
use imap_core::{command::Expunge, response::Completion, server::Ask};
use mail_store::{StoreError, UidSet};
use mail_types::Right;

use crate::{
    handler::{Conversation, Talk},
    selected::{Selected, uid_runs, uid_set},
    trouble,
};

/// Messages whose removal is told between two looks at the client's pace.
const PORTION: usize = 500;

impl Conversation {
    pub(crate) async fn expunge(
        &mut self,
        ask: Ask<Expunge>,
        talk: &mut Talk<'_>,
    ) -> Result<(), Gone> {
        let read_only = talk.parts().0.is_read_only();
        let completion = match (&self.signed_in, &self.selected) {
            _ if read_only => trouble::read_only(),
            // RFC 4314 §4.
            (Some(_), Some(selected)) if !selected.rights.has(Right::Expunge) => {
                trouble::no_permission()
            }
            (Some(_), Some(selected)) => {
                let gone = match wanted(&ask, selected, talk).await {
                    Ok(wanted) => selected.mailboxes.expunge(selected.id, &wanted).await,
                    Err(error) => Err(error),
                };
                match gone {
                    Ok(gone) => {
                        if !gone.is_empty() {
                            tracing::info!(mailbox = %selected.id, count = gone.len(), "expunged");
                            self.publish_usage_of(&selected.mailboxes).await;
                        }
                        for portion in gone.rchunks(PORTION) {
                            let (session, wire) = talk.parts();
                            ask.expunged(session, wire, &uid_runs(portion));
                            talk.drain().await?;
                        }
                        Completion::ok("EXPUNGE completed")
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

/// Of which messages those go that are `\Deleted`. Where one command removes only so many, they have
/// to be looked for first: the highest of them go (RFC 9738 §3.1).
async fn wanted(
    ask: &Ask<Expunge>,
    selected: &Selected,
    talk: &mut Talk<'_>,
) -> Result<UidSet, StoreError> {
    if ask.command().uids.is_none() {
        return Ok(UidSet::all());
    }
    let Some(limit) = ask.limit(talk.parts().0) else { return Ok(uid_set(ask.messages())) };
    let among = uid_set(ask.messages());
    // One more tells that there are too many.
    let most = limit.saturating_add(1);
    let deleted = selected.mailboxes.deleted(selected.id, &among, most).await?;
    Ok(uid_set(&ask.keep_to_limit(talk.parts().0, uid_runs(&deleted))))
}
