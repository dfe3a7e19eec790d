//! EXPUNGE and UID EXPUNGE (RFC 3501 §6.4.3, RFC 4315 §2.1).

use agent_kit::Gone;
use imap_core::{command::Expunge, response::Completion, server::Ask};
use mail_store::UidSet;
use mail_types::Right;

use crate::{
    handler::{Conversation, Talk},
    selected::{uid_runs, uid_set},
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
                let wanted = match ask.command().uids {
                    Some(_) => uid_set(ask.messages()),
                    None => UidSet::all(),
                };
                match selected.mailboxes.expunge(selected.id, &wanted).await {
                    Ok(gone) => {
                        if !gone.is_empty() {
                            tracing::info!(mailbox = %selected.id, count = gone.len(), "expunged");
                            self.publish_usage_of(&selected.mailboxes).await;
                        }
                        for portion in gone.chunks(PORTION) {
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
