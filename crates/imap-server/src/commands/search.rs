//! SEARCH, SORT, THREAD and their UID forms (RFC 3501 §6.4.4, RFC 4731, RFC 5256, RFC 7162 §3.1.5).

use super::sort::Sorting;
use crate::{
    handler::{Conversation, Talk},
    search::{Found, Query},
    selected::uid_runs,
    trouble,
};
use agent_kit::Gone;
use imap_core::{
    UidRuns,
    command::{Arrange, Numbering, Search, SearchKey},
    response::{Completion, SearchResponse},
    server::{Ask, Session},
    view::View,
};

/// Numbers that are told between two looks at the client's pace.
const NUMBERS: usize = 1000;

impl Conversation {
    pub(crate) async fn search(
        &mut self,
        ask: Ask<Search>,
        talk: &mut Talk<'_>,
    ) -> Result<(), Gone> {
        let completion = match (&self.signed_in, &self.selected) {
            (Some(_), Some(selected)) => {
                let mailboxes = &selected.mailboxes;
                let session = &*talk.parts().0;
                let query = query(&ask.command().key, ask.messages().clone(), session);
                match query.run(mailboxes, selected.id, talk).await {
                    Ok(found) => {
                        let found = found?;
                        let told = match &ask.command().arrange {
                            Arrange::Ascending => Ok(tell(&ask, &found, talk).await?),
                            Arrange::Sorted(by) => {
                                let sorting =
                                    Sorting { mailboxes, mailbox: selected.id, ask: &ask };
                                sorting.tell_sorted(&found, by, talk).await?
                            }
                            Arrange::Threaded(algorithm) => {
                                let sorting =
                                    Sorting { mailboxes, mailbox: selected.id, ask: &ask };
                                sorting.tell_threads(&found, *algorithm, talk).await?
                            }
                        };
                        told.unwrap_or_else(|error| trouble::completion(&error))
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

/// What is looked for among messages of the session's view.
pub(super) fn query<'k>(key: &'k SearchKey, among: UidRuns, session: &Session) -> Query<'k> {
    let empty = View::default();
    query_in(key, among, session.view().unwrap_or(&empty))
}

/// The same, of another mailbox's view.
pub(super) fn query_in<'k>(key: &'k SearchKey, among: UidRuns, view: &View) -> Query<'k> {
    // Numbers of no message name nothing here: `1:*` in an empty mailbox is a fair question.
    Query::new(key, among, view.recent(), |key| match key {
        SearchKey::Sequence(set) => view.existing(set, Numbering::Sequence),
        SearchKey::Uid(set) => view.existing(set, Numbering::Uid),
        _ => UidRuns::new(),
    })
}

async fn tell(ask: &Ask<Search>, found: &Found, talk: &mut Talk<'_>) -> Result<Completion, Gone> {
    if let Some(wanted) = ask.command().returns {
        let (session, wire) = talk.parts();
        let mod_seqs = found.mod_seqs(&found.uids);
        ask.extended(session, wire, wanted, (&uid_runs(&found.uids), mod_seqs));
        // A `$` in the key means what was saved before.
        ask.keep_updating(session, wire, &found.uids);
        ask.save(session, &found.uids);
        return Ok(Completion::ok("SEARCH completed"));
    }
    let highest_first = talk.parts().0.highest_first();
    let response = SearchResponse::begin(&mut talk.parts().1.output);
    for place in 0..found.uids.len() {
        let at = if highest_first { found.uids.len() - 1 - place } else { place };
        let (session, wire) = talk.parts();
        let uid = found.uids.get(at);
        if let Some(number) = uid.and_then(|uid| ask.number(session, *uid)) {
            response.number(&mut wire.output, number);
        }
        if place.is_multiple_of(NUMBERS) {
            talk.drain().await?;
        }
    }
    response.end(&mut talk.parts().1.output, found.mod_seqs(&found.uids));
    Ok(Completion::ok("SEARCH completed"))
}
