//! SELECT, EXAMINE, CLOSE and UNSELECT (RFC 3501 §6.3.1, §6.3.2, §6.4.2; RFC 3691; RFC 7162 §3.2.5).

use agent_kit::Gone;
use imap_core::{
    UidRuns,
    command::{Close, Select},
    response::Completion,
    server::{Ask, FlagsNow, Missed, Opened},
};
use mail_store::{StoreError, UidSet, Want};
use mail_types::{Right, Uid};

use super::{list::attributes, mailbox_id::mailbox_id, missed::vanished, store::tell_keywords};
use crate::{
    handler::{Conversation, Talk},
    selected::{Selected, uid_runs, uid_set},
    trouble::{self, Failure},
};

/// Messages whose flags are asked for at once.
const ROWS: u32 = 1000;
/// With any of these a mailbox is open for more than reading (RFC 4314 §5.2): flags are shared by all.
const CHANGING: [Right; 5] =
    [Right::Insert, Right::Expunge, Right::Seen, Right::Write, Right::DeleteMessages];

impl Conversation {
    pub(crate) async fn select(
        &mut self,
        ask: Ask<Select>,
        talk: &mut Talk<'_>,
    ) -> Result<(), Gone> {
        // Whether it succeeds or not, what was open is closed (RFC 3501 §6.3.1).
        self.selected = None;
        let rev2 = talk.parts().0.is_rev2();
        let opened = self.open(ask.command(), rev2).await;
        let (session, wire) = talk.parts();
        let (validity, next) = match opened {
            Ok(opened) => {
                let epoch = (opened.uid_validity, opened.uid_next);
                ask.opened(session, wire, opened);
                epoch
            }
            Err(completion) => {
                ask.finish(session, wire, completion);
                return Ok(());
            }
        };
        if let (Some(missed), Some(selected)) =
            (ask.missed(session, validity, next), &mut self.selected)
            && let Err(error) = tell_missed(selected, &ask, &missed, talk).await?
        {
            self.selected = None;
            let (session, wire) = talk.parts();
            ask.finish(session, wire, trouble::completion(&error));
            return Ok(());
        }
        let (session, wire) = talk.parts();
        ask.done(session, wire);
        Ok(())
    }

    async fn open(&mut self, select: &Select, rev2: bool) -> Result<Opened, Completion> {
        let Some(signed_in) = &self.signed_in else { return Err(trouble::out_of_order()) };
        let place = self.place(&select.mailbox).await?;
        // RFC 4314 §4.
        let found = place.allows(Right::Read)?.clone();
        let mailboxes = &place.mailboxes;
        let opening = async {
            // The watch first: what happens from here on is news.
            let watch = mailboxes.watch(found.id);
            // RFC 3501 §2.3.2: EXAMINE leaves `\Recent` to the next session, and who is not the owner
            // leaves it to the owner's.
            let unclaimed = found.recent_from < found.uid_next;
            let (recent_from, state) = if unclaimed && !select.read_only && place.own {
                mailboxes.claim_recent(found.id).await?
            } else {
                (found.recent_from, found)
            };
            let uids = self.service.numberings.of(mailboxes, &state).await?;
            let keywords = self.service.numberings.keywords(mailboxes, &state).await?;
            let attributes = if rev2 {
                attributes(&self.service, signed_in, &select.mailbox).await?
            } else {
                Vec::new()
            };
            Ok((watch, recent_from, state, uids, keywords, attributes))
        };
        let (watch, recent_from, state, uids, keywords, attributes) =
            opening.await.map_err(|failure: Failure| failure.completion())?;
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
        let place = (&select.mailbox, &place);
        let mut selected = Selected::new(place, &state, watch, keywords.clone());
        let (_, place) = place;
        let key = (signed_in.account.id, mailboxes.id(), state.id);
        selected.key_reset = self.service.key_resets.of(key);
        self.selected = Some(Box::new(selected));
        Ok(Opened {
            recent: UidRuns::from_ranges([(recent_from, Uid::MAX)]).intersection(&uids),
            uids,
            first_unseen: state.first_unseen,
            keywords,
            uid_validity: state.uid_validity,
            uid_next: state.uid_next,
            highest_mod_seq: state.highest_modseq,
            mailbox_id: mailbox_id(mailboxes, &state),
            attributes,
            // RFC 4314 §5.2.
            read_only: select.read_only || !place.rights.has_any(&CHANGING),
            rights: place.rights,
        })
    }

    pub(crate) async fn close(&mut self, ask: Ask<Close>, talk: &mut Talk<'_>) {
        let read_only = talk.parts().0.is_read_only();
        let selected = self.selected.take();
        let mut completion = Completion::ok("Closed");
        // RFC 4314 §4: without the right nothing is removed, and the mailbox closed all the same.
        if let Some(selected) = selected
            && ask.command().expunge
            && selected.rights.has(Right::Expunge)
            && !read_only
        {
            match selected.mailboxes.expunge(selected.id, &UidSet::all()).await {
                Ok(gone) if gone.is_empty() => {}
                Ok(gone) => {
                    tracing::info!(mailbox = %selected.id, count = gone.len(), "expunged");
                    self.publish_usage_of(&selected.mailboxes).await;
                }
                Err(error) => completion = trouble::completion(&error),
            }
        }
        let (session, wire) = talk.parts();
        ask.finish(session, wire, completion);
    }
}

/// Tells a client that comes back what went and what changed since (RFC 7162 §3.2.5.1).
async fn tell_missed(
    selected: &mut Selected,
    ask: &Ask<Select>,
    missed: &Missed,
    talk: &mut Talk<'_>,
) -> Result<Result<(), StoreError>, Gone> {
    let mailboxes = selected.mailboxes.clone();
    let gone = match vanished(&mailboxes, selected.id, missed).await {
        Ok(gone) => gone,
        Err(error) => return Ok(Err(error)),
    };
    ask.vanished(talk.parts().1, &gone);
    let changed = match mailboxes.changed_since(selected.id, missed.since).await {
        Ok(changed) => changed,
        Err(error) => return Ok(Err(error)),
    };
    let mut rest = uid_runs(&changed).intersection(&missed.messages);
    while !rest.is_empty() {
        let portion;
        (portion, rest) = rest.split_at(ROWS);
        let rows = match mailboxes.fetch(selected.id, &uid_set(&portion), Want::Facts).await {
            Ok(rows) => rows,
            Err(error) => return Ok(Err(error)),
        };
        // Another session may have given one since this mailbox was opened (RFC 3501 §7.2.6).
        tell_keywords(ask, rows.iter().map(|row| &row.flags), selected, talk);
        for row in rows {
            let now = FlagsNow { uid: row.uid, flags: &row.flags, mod_seq: row.modseq };
            let (session, wire) = talk.parts();
            ask.flags(session, wire, now);
            talk.drain().await?;
        }
    }
    Ok(Ok(()))
}
