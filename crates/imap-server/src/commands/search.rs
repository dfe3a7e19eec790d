//! SEARCH and UID SEARCH (RFC 3501 §6.4.4, RFC 4731, RFC 7162 §3.1.5).

use crate::{
    handler::{Conversation, Talk},
    search::{Found, Query},
    selected::uid_runs,
    trouble,
};
use agent_kit::Gone;
use imap_core::{
    UidRuns,
    command::{Numbering, Search, SearchKey},
    response::{Completion, SearchResponse},
    server::{Ask, Session},
    view::View,
};

impl Conversation {
    pub(crate) async fn search(
        &mut self,
        ask: Ask<Search>,
        talk: &mut Talk<'_>,
    ) -> Result<(), Gone> {
        let completion = match (&self.signed_in, &self.selected) {
            (Some(signed_in), Some(selected)) => {
                let query = query(&ask, talk.parts().0);
                match query.run(&signed_in.mailboxes, selected.id, talk).await {
                    Ok(found) => tell(&ask, &found?, talk).await?,
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

fn query(ask: &Ask<Search>, session: &Session) -> Query {
    let empty = View::default();
    let view = session.view().unwrap_or(&empty);
    let recent: UidRuns = view.uids().iter().filter(|uid| view.is_recent(*uid)).collect();
    // Numbers of no message name nothing here: `1:*` in an empty mailbox is a fair question.
    Query::new(ask.command().key.clone(), view.uids().clone(), recent, |key| match key {
        SearchKey::Sequence(set) => view.existing(set, Numbering::Sequence),
        SearchKey::Uid(set) => view.existing(set, Numbering::Uid),
        _ => UidRuns::new(),
    })
}

async fn tell(ask: &Ask<Search>, found: &Found, talk: &mut Talk<'_>) -> Result<Completion, Gone> {
    if let Some(wanted) = ask.command().returns {
        let (session, wire) = talk.parts();
        ask.extended(session, wire, wanted, (&uid_runs(&found.uids), found.mod_seqs));
        return Ok(Completion::ok("SEARCH completed"));
    }
    let response = SearchResponse::begin(&mut talk.parts().1.output);
    for uid in &found.uids {
        let (session, wire) = talk.parts();
        let number = match ask.command().numbering {
            Numbering::Uid => Some(uid.number()),
            Numbering::Sequence => {
                session.view().and_then(|view| view.sequence_number(*uid)).map(|n| n.number())
            }
        };
        if let Some(number) = number {
            response.number(&mut wire.output, number);
        }
        talk.drain().await?;
    }
    response.end(&mut talk.parts().1.output, found.mod_seqs);
    Ok(Completion::ok("SEARCH completed"))
}
