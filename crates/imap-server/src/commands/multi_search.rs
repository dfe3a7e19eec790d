//! ESEARCH (RFC 7377): a search of many mailboxes, one after the other.

use std::collections::BTreeMap;

use agent_kit::Gone;
use imap_core::{
    UidRuns,
    command::{MultiSearch, SearchSource},
    response::{Code, Completion, OTHERS},
    server::{Ask, FoundIn},
    view::View,
};
use mail_store::{AccountMailboxes, MailboxState, StoreError};
use mail_types::{MailboxName, Right, Uid};

use super::search::query_in;
use crate::{
    handler::{Conversation, Talk},
    notifying::Key,
    search::Found,
    trouble,
};

/// Mailboxes that are searched by one command (RFC 7377 §2.4).
const MAILBOXES_MAX: usize = 5000;
/// Messages that are looked at by one command.
const MESSAGES_MAX: u64 = 2_000_000;

/// A mailbox to be searched.
struct Searched {
    /// What it is called here.
    name: MailboxName,
    mailboxes: AccountMailboxes,
    state: MailboxState,
}

/// By account and mailbox: each is searched once, however often it is meant.
type AllSearched = BTreeMap<Key, Searched>;

impl Conversation {
    pub(crate) async fn multi_search(
        &mut self,
        ask: Ask<MultiSearch>,
        talk: &mut Talk<'_>,
    ) -> Result<(), Gone> {
        let completion = match self.meant(&ask.command().sources).await {
            Ok(meant) if is_too_much(&meant) => {
                Completion::no(Code::Limit, "These are too many messages at once")
            }
            Ok(meant) => match self.search_all(&ask, meant, talk).await? {
                Ok(()) => Completion::ok("ESEARCH completed"),
                Err(error) => trouble::completion(&error),
            },
            Err(refused) => refused,
        };
        let (session, wire) = talk.parts();
        ask.finish(session, wire, completion);
        Ok(())
    }

    async fn search_all(
        &self,
        ask: &Ask<MultiSearch>,
        meant: AllSearched,
        talk: &mut Talk<'_>,
    ) -> Result<Result<(), StoreError>, Gone> {
        let selected = self.selected.as_ref().map(|it| (it.mailboxes.id(), it.id));
        let mut by_name: Vec<(Key, Searched)> = meant.into_iter().collect();
        by_name.sort_unstable_by(|(_, a), (_, b)| a.name.cmp(&b.name));
        let mut saw_selected = false;
        for (key, searched) in by_name {
            let is_selected = Some(key) == selected;
            saw_selected |= is_selected;
            let found = match self.search_one(ask, &searched, is_selected, talk).await {
                Ok(found) => found?,
                // It went meanwhile.
                Err(StoreError::MailboxGone(_)) => continue,
                Err(error) => return Ok(Err(error)),
            };
            let (session, wire) = talk.parts();
            let found_in = FoundIn {
                mailbox: &searched.name,
                uid_validity: searched.state.uid_validity,
                found: &found.uids,
                mod_seqs: found.mod_seqs(&found.uids),
                is_selected,
            };
            ask.found(session, wire, found_in);
            talk.drain().await?;
        }
        if !saw_selected {
            let (session, wire) = talk.parts();
            ask.without_selected(session, wire);
        }
        Ok(Ok(()))
    }

    /// Searches one mailbox: as the client knows it, if it is the one that is open.
    async fn search_one(
        &self,
        ask: &Ask<MultiSearch>,
        searched: &Searched,
        is_selected: bool,
        talk: &mut Talk<'_>,
    ) -> Result<Result<Found, Gone>, StoreError> {
        let Searched { mailboxes, state, .. } = searched;
        let known = if is_selected { talk.parts().0.view().cloned() } else { None };
        let view = match known {
            Some(view) => view,
            None => {
                let all = self.service.numberings.of(mailboxes, state).await?;
                let recent = UidRuns::from_ranges([(state.recent_from, Uid::MAX)]);
                View::new(all, recent)
            }
        };
        let query = query_in(&ask.command().search.key, view.uids().clone(), &view);
        query.run(mailboxes, state.id, talk).await
    }

    /// Which mailboxes are meant; what may not be searched is passed over (RFC 7377 §2.2).
    async fn meant(&self, sources: &[SearchSource]) -> Result<AllSearched, Completion> {
        let Some(signed_in) = &self.signed_in else { return Err(trouble::out_of_order()) };
        let failed = |error: StoreError| trouble::completion(&error);
        let me = signed_in.account.id;
        let mut all = AllSearched::new();
        for state in signed_in.mailboxes.states().await.map_err(failed)? {
            let (name, mailboxes) = (state.name.clone(), signed_in.mailboxes.clone());
            all.insert((me, state.id), Searched { name, mailboxes, state });
        }
        let subscribed = signed_in.mailboxes.list().await.map_err(failed)?;
        let subscribed: Vec<MailboxName> =
            subscribed.into_iter().filter(|it| it.subscribed).map(|it| it.name).collect();
        let mut names = sources.iter().flat_map(|source| named(source, &subscribed));
        if names.any(is_of_others) {
            let lent = signed_in.lent(&self.service).await;
            for lent in lent.map_err(|failure| failure.completion())? {
                if lent.rights.has(Right::Read) {
                    let (name, mailboxes, state) = (lent.shown, lent.mailboxes, lent.state);
                    all.insert((mailboxes.id(), state.id), Searched { name, mailboxes, state });
                }
            }
        }
        let selected = self.selected.as_ref().map(|it| (it.mailboxes.id(), it.id));
        let is_meant = |key: &Key, name: &MailboxName| {
            sources.iter().any(|source| match source {
                SearchSource::Selected => selected == Some(*key),
                SearchSource::Personal => key.0 == me,
                SearchSource::Subscribed => subscribed.contains(name),
                SearchSource::Mailboxes(names) => names.contains(name),
                SearchSource::Subtree(tops) => {
                    tops.iter().any(|top| name == top || name.is_below(top))
                }
                SearchSource::SubtreeOne(tops) => {
                    tops.iter().any(|top| name == top || name.parent().as_ref() == Some(top))
                }
            })
        };
        all.retain(|key, searched| is_meant(key, &searched.name));
        // RFC 7377 §2.2: those that the client itself names need no right to be listed.
        let explicit = sources.iter().flat_map(|source| named(source, &[]));
        for name in explicit.filter(|name| is_of_others(name)) {
            let place = match self.place(name).await {
                Ok(place) => place,
                // RFC 7377 §5: as if it were not there.
                Err(refused) if refused.code == Some(Code::NonExistent) => continue,
                Err(refused) => return Err(refused),
            };
            if let (Some(state), true) = (place.found, place.rights.has(Right::Read)) {
                let (name, mailboxes) = (name.clone(), place.mailboxes);
                let key = (mailboxes.id(), state.id);
                all.entry(key).or_insert(Searched { name, mailboxes, state });
            }
        }
        self.add_selected(sources, &mut all).await?;
        Ok(all)
    }

    /// The open mailbox may be one that is found by none of these ways any more.
    async fn add_selected(
        &self,
        sources: &[SearchSource],
        all: &mut AllSearched,
    ) -> Result<(), Completion> {
        let Some(selected) = &self.selected else { return Ok(()) };
        let key = (selected.mailboxes.id(), selected.id);
        if !sources.contains(&SearchSource::Selected) || all.contains_key(&key) {
            return Ok(());
        }
        let state = selected.mailboxes.state(selected.id).await;
        let state = state.map_err(|error| trouble::completion(&error))?;
        let (name, mailboxes) = (selected.name.clone(), selected.mailboxes.clone());
        all.insert(key, Searched { name, mailboxes, state });
        Ok(())
    }
}

fn is_of_others(name: &MailboxName) -> bool {
    name.as_str().starts_with(OTHERS)
}

/// The names that a source has in it.
fn named<'n>(source: &'n SearchSource, subscribed: &'n [MailboxName]) -> &'n [MailboxName] {
    match source {
        SearchSource::Selected | SearchSource::Personal => &[],
        SearchSource::Subscribed => subscribed,
        SearchSource::Mailboxes(names)
        | SearchSource::Subtree(names)
        | SearchSource::SubtreeOne(names) => names,
    }
}

fn is_too_much(meant: &AllSearched) -> bool {
    let messages: u64 = meant.values().map(|it| u64::from(it.state.messages)).sum();
    meant.len() > MAILBOXES_MAX || messages > MESSAGES_MAX
}
