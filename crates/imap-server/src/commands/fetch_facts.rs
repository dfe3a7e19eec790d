//! FETCH of what the index knows: most of it from memory, and what was parsed from the index.
//!
//! A mailbox of which few messages are asked for, or one that is too large, has no facts in memory:
//! its rows are asked for.

use std::ops::Deref;

use agent_kit::Gone;
use imap_core::{UidRuns, command::FetchItem, response::FetchResponse};
use mail_store::{Details, Fact, Facts, StoreError, StoredDetails, Want};
use mail_types::MailboxId;

use super::{
    fetch::{Fetching, Tally},
    fetch_derived::Derived,
};
use crate::{
    handler::Talk,
    selected::{Selected, uid_set},
};

/// Messages that are told between two looks at the client's pace.
const PORTION: u32 = 100;
/// Messages whose parsed header and structure are asked for at once.
const DETAILED: u32 = 500;

/// What is told of some messages beside their facts; each part only if it was asked for.
#[derive(Default)]
struct Kept {
    details: Option<StoredDetails>,
    derived: Derived,
}

impl Fetching<'_> {
    /// The responses of some messages, none of whose octets are wanted.
    pub(super) async fn tell_facts(
        &self,
        facts: &Facts,
        wanted: &UidRuns,
        selected: &mut Selected,
        talk: &mut Talk<'_>,
    ) -> Result<Result<Tally, StoreError>, Gone> {
        let asks = self.want() == Want::Details || Derived::is_wanted(self.fetch);
        let size = if asks { DETAILED } else { u32::MAX };
        let (mut portion, mut rest) = wanted.split_at(size);
        let (mut kept, mut told) = (self.kept(selected.id, &portion).await, 0);
        while !portion.is_empty() {
            let now = match kept {
                Ok(now) => now,
                Err(error) => return Ok(Err(error)),
            };
            let next;
            (next, rest) = rest.split_at(size);
            // The index looks for what is told next meanwhile.
            let asking = self.kept(selected.id, &next);
            let telling = self.tell_portion((facts, &now), &portion, selected, talk);
            let (asked, done) = tokio::join!(asking, telling);
            match done? {
                Ok(count) => told += count,
                Err(error) => return Ok(Err(error)),
            }
            (portion, kept) = (next, asked);
        }
        Ok(Ok(Tally { told, undecodable: false }))
    }

    /// What is told of messages beside the facts.
    async fn kept(&self, mailbox: MailboxId, portion: &UidRuns) -> Result<Kept, StoreError> {
        if portion.is_empty() {
            return Ok(Kept::default());
        }
        let details = match self.want() {
            Want::Facts => None,
            Want::Details => Some(self.mailboxes.details(mailbox, &uid_set(portion)).await?),
        };
        Ok(Kept { details, derived: self.derived(mailbox, portion).await? })
    }

    /// The responses of a portion; how many they are.
    async fn tell_portion(
        &self,
        (facts, kept): (&Facts, &Kept),
        portion: &UidRuns,
        selected: &mut Selected,
        talk: &mut Talk<'_>,
    ) -> Result<Result<u32, StoreError>, Gone> {
        let (uids, mut told) = (uid_set(portion), 0);
        for (place, fact) in (0_u32..).zip(facts.within(&uids)) {
            if place.is_multiple_of(PORTION) {
                talk.drain().await?;
            }
            let details = match kept.details.as_ref().map(|all| all.of(fact.uid)) {
                None => None,
                Some(Ok(Some(details))) => Some(details),
                // Gone since the facts were looked at: there is no telling what it was.
                Some(Ok(None)) => continue,
                Some(Err(error)) => return Ok(Err(error)),
            };
            self.tell_keywords(fact.flags, selected, talk);
            told += u32::from(self.tell_fact((&fact, details.as_ref()), &kept.derived, talk));
        }
        talk.drain().await?;
        Ok(Ok(told))
    }

    /// The response for one message; false if the client doesn't know of it any more.
    fn tell_fact(
        &self,
        (fact, details): (&Fact<'_>, Option<&Details<&[u8]>>),
        derived: &Derived,
        talk: &mut Talk<'_>,
    ) -> bool {
        let (session, wire) = talk.parts();
        let recent = session.is_recent(fact.uid);
        let out = &mut wire.output;
        let Some(mut response) = session.begin_fetch(out, fact.uid) else { return false };
        for item in &self.fetch.items {
            index_item(&mut response, out, item, (fact, details), recent);
            derived.tell(&mut response, out, item, fact.uid);
        }
        response.end(out);
        true
    }
}

/// An item that the index answers.
pub(super) fn index_item<O: Deref<Target = [u8]>>(
    response: &mut FetchResponse,
    out: &mut Vec<u8>,
    item: &FetchItem,
    (fact, details): (&Fact<'_>, Option<&Details<O>>),
    recent: bool,
) {
    match (item, details) {
        (FetchItem::Uid, _) => response.uid(out, fact.uid),
        (FetchItem::Flags, _) => response.flags(out, fact.flags, recent),
        (FetchItem::ModSeq, _) => response.mod_seq(out, fact.modseq),
        (FetchItem::InternalDate, _) => response.internal_date(out, fact.internal_date),
        (FetchItem::SaveDate, _) => response.save_date(out, fact.saved),
        (FetchItem::Size, _) => response.size(out, fact.size),
        (FetchItem::Envelope, Some(details)) => response.envelope(out, &details.envelope),
        (FetchItem::Body, Some(details)) => response.body(out, &details.structure),
        (FetchItem::BodyStructure, Some(details)) => {
            response.body_structure(out, &details.structure);
        }
        // Items with a section come from the file, others are kept apart.
        _ => {}
    }
}
