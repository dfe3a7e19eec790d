//! SELECT, EXAMINE, CLOSE and UNSELECT (RFC 3501 §6.3.1, §6.3.2, §6.4.2; RFC 3691).

use imap_core::{
    UidRuns,
    command::{Close, Select},
    response::Completion,
    server::{Ask, Opened},
};
use mail_store::{StoreError, UidSet};
use mail_types::Uid;

use crate::{
    handler::{Conversation, Talk},
    selected::{Selected, uid_runs},
    trouble,
};

impl Conversation {
    pub(crate) async fn select(&mut self, ask: Ask<Select>, talk: &mut Talk<'_>) {
        // Whether it succeeds or not, what was open is closed (RFC 3501 §6.3.1).
        self.selected = None;
        let opened = self.open(ask.command()).await;
        let (session, wire) = talk.parts();
        match opened {
            Ok(opened) => ask.opened(session, wire, opened),
            Err(completion) => ask.finish(session, wire, completion),
        }
    }

    async fn open(&mut self, select: &Select) -> Result<Opened, Completion> {
        let Some(signed_in) = &self.signed_in else { return Err(trouble::out_of_order()) };
        let mailboxes = &signed_in.mailboxes;
        let opening = async {
            let found = mailboxes.mailbox(&select.mailbox).await?;
            // The watch first: what happens from here on is news.
            let watch = mailboxes.watch(found.id);
            // RFC 3501 §2.3.2: EXAMINE leaves `\Recent` to the next session.
            let unclaimed = found.recent_from < found.uid_next;
            let (recent_from, state) = if unclaimed && !select.read_only {
                mailboxes.claim_recent(found.id).await?
            } else {
                (found.recent_from, found)
            };
            let uids = uid_runs(&mailboxes.uids(&state).await?);
            let keywords = mailboxes.keywords(state.id).await?;
            Ok((watch, recent_from, state, uids, keywords))
        };
        let (watch, recent_from, state, uids, keywords) =
            opening.await.map_err(|error: StoreError| trouble::completion(&error))?;
        // What other tools did to the files is looked for beside this, and comes as news.
        let (beside, id) = (mailboxes.clone(), state.id);
        tokio::spawn(async move {
            let refreshed = beside.refresh(id).await;
            if let Err(error) = refreshed
                && !matches!(error, StoreError::Closing | StoreError::MailboxGone(_))
            {
                tracing::warn!(error = &error as &dyn std::error::Error, "folder not compared");
            }
        });
        self.selected = Some(Box::new(Selected::new(&state, watch, keywords.clone())));
        Ok(Opened {
            recent: UidRuns::from_ranges([(recent_from, Uid::MAX)]).intersection(&uids),
            uids,
            first_unseen: state.first_unseen,
            keywords,
            uid_validity: state.uid_validity,
            uid_next: state.uid_next,
            highest_mod_seq: state.highest_modseq,
            read_only: select.read_only,
        })
    }

    pub(crate) async fn close(&mut self, ask: Ask<Close>, talk: &mut Talk<'_>) {
        let read_only = talk.parts().0.is_read_only();
        let selected = self.selected.take();
        let mut completion = Completion::ok("Closed");
        if let (Some(signed_in), Some(selected)) = (&self.signed_in, selected)
            && ask.command().expunge
            && !read_only
        {
            match signed_in.mailboxes.expunge(selected.id, &UidSet::all()).await {
                Ok(gone) if gone.is_empty() => {}
                Ok(gone) => {
                    tracing::info!(mailbox = %selected.id, count = gone.len(), "expunged");
                    self.publish_usage().await;
                }
                Err(error) => completion = trouble::completion(&error),
            }
        }
        let (session, wire) = talk.parts();
        ask.finish(session, wire, completion);
    }
}
