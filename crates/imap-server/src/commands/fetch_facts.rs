//! FETCH of what the index knows: most of it from memory, and what was parsed from the index.
//!
//! A mailbox of which few messages are asked for, or one that is too large, has no facts in memory:
//! its rows are asked for.

use agent_kit::Gone;
use imap_core::{UidRuns, command::FetchItem, response::FetchResponse};
use mail_store::{Details, Fact, Facts, StoreError, Want};

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

impl Fetching<'_> {
    /// The responses of some messages, none of whose octets are wanted.
    pub(super) async fn tell_facts(
        &self,
        facts: &Facts,
        wanted: &UidRuns,
        selected: &mut Selected,
        talk: &mut Talk<'_>,
    ) -> Result<Result<Tally, StoreError>, Gone> {
        let (mut rest, mut told) = (wanted.clone(), 0);
        let detailed = self.want() == Want::Details;
        let asks = detailed || Derived::is_wanted(self.fetch);
        while !rest.is_empty() {
            let portion;
            (portion, rest) = rest.split_at(if asks { DETAILED } else { u32::MAX });
            let uids = uid_set(&portion);
            let details = if detailed {
                match selected.mailboxes.details(selected.id, &uids).await {
                    Ok(details) => details,
                    Err(error) => return Ok(Err(error)),
                }
            } else {
                Default::default()
            };
            let derived = match self.derived(selected, &portion).await {
                Ok(derived) => derived,
                Err(error) => return Ok(Err(error)),
            };
            for (place, fact) in (0_u32..).zip(facts.within(&uids)) {
                if place.is_multiple_of(PORTION) {
                    talk.drain().await?;
                }
                let parsed = details.get(&fact.uid);
                // Gone since the facts were looked at: there is no telling what it was.
                if detailed && parsed.is_none() {
                    continue;
                }
                self.tell_keywords(fact.flags, selected, talk);
                told += u32::from(self.tell_fact((&fact, parsed), &derived, talk));
            }
            talk.drain().await?;
        }
        Ok(Ok(Tally { told, undecodable: false }))
    }

    /// The response for one message; false if the client doesn't know of it any more.
    fn tell_fact(
        &self,
        (fact, details): (&Fact<'_>, Option<&Details>),
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
pub(super) fn index_item(
    response: &mut FetchResponse,
    out: &mut Vec<u8>,
    item: &FetchItem,
    (fact, details): (&Fact<'_>, Option<&Details>),
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
