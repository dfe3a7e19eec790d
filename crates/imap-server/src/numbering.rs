//! Which messages the mailboxes have that sessions open: once a process, however many sessions have
//! the same one open.
//!
//! A session's view is a clone that shares its memory as long as both are the same. Opening a mailbox
//! that is known here costs what came and went since; and a session that was told of it says so, for
//! the next one.
//!
//! Invariant: what is kept of a mailbox is its numbering at one modseq, and never goes back.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use imap_core::UidRuns;
use mail_store::{AccountMailboxes, MailboxState, StoreError};
use mail_types::{AccountId, Keyword, MailboxId, ModSeq, Uid, UidValidity};

use crate::{
    handler::{Conversation, Talk},
    selected::{runs_of, uid_runs},
};

/// Mailboxes whose numbering is kept; those used last.
const KEPT: usize = 256;

/// The numberings of a process.
#[derive(Default)]
pub(crate) struct Numberings(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    by_mailbox: HashMap<(AccountId, MailboxId), Numbering>,
    /// Counts the uses, to know the last one of each.
    uses: u64,
}

/// A mailbox's messages at a modseq.
#[derive(Clone)]
struct Numbering {
    uid_validity: UidValidity,
    modseq: ModSeq,
    uid_next: Uid,
    uids: UidRuns,
    /// The keywords that they have, once somebody has asked.
    keywords: Option<Arc<[Keyword]>>,
    last_use: u64,
}

impl Numberings {
    /// The messages of a mailbox at this moment.
    pub(crate) async fn of(
        &self,
        mailboxes: &AccountMailboxes,
        state: &MailboxState,
    ) -> Result<UidRuns, StoreError> {
        let key = (mailboxes.id(), state.id);
        let known = self.known(key).filter(|known| known.uid_validity == state.uid_validity);
        if let Some(known) = known
            && let Some(uids) = since(mailboxes, state, known).await?
        {
            self.keep(key, state.uid_validity, (state.highest_modseq, state.uid_next), &uids);
            return Ok(uids);
        }
        let uids = runs_of(&mailboxes.numbering(state).await?);
        self.keep(key, state.uid_validity, (state.highest_modseq, state.uid_next), &uids);
        Ok(uids)
    }

    /// The keywords that messages of a mailbox have. Whatever changes them changes the modseq.
    pub(crate) async fn keywords(
        &self,
        mailboxes: &AccountMailboxes,
        state: &MailboxState,
    ) -> Result<Vec<Keyword>, StoreError> {
        let key = (mailboxes.id(), state.id);
        let now = (state.uid_validity, state.highest_modseq);
        let is_now = |known: &Numbering| (known.uid_validity, known.modseq) == now;
        if let Some(keywords) = self.known(key).filter(is_now).and_then(|known| known.keywords) {
            return Ok(keywords.to_vec());
        }
        let keywords = mailboxes.keywords(state.id).await?;
        if let Some(known) = self.kept().by_mailbox.get_mut(&key).filter(|known| is_now(known)) {
            known.keywords = Some(keywords.as_slice().into());
        }
        Ok(keywords)
    }

    fn known(&self, key: (AccountId, MailboxId)) -> Option<Numbering> {
        let mut kept = self.kept();
        kept.uses = kept.uses.saturating_add(1);
        let now = kept.uses;
        let known = kept.by_mailbox.get_mut(&key)?;
        known.last_use = now;
        Some(known.clone())
    }

    /// Keeps it unless a later one is known.
    fn keep(
        &self,
        key: (AccountId, MailboxId),
        uid_validity: UidValidity,
        (modseq, uid_next): (ModSeq, Uid),
        uids: &UidRuns,
    ) {
        let mut kept = self.kept();
        let known = kept.by_mailbox.get(&key);
        if known.is_some_and(|known| known.uid_validity == uid_validity && known.modseq >= modseq) {
            return;
        }
        if known.is_none() && kept.by_mailbox.len() >= KEPT {
            let oldest = kept.by_mailbox.iter().min_by_key(|(_, known)| known.last_use);
            if let Some(oldest) = oldest.map(|(key, _)| *key) {
                kept.by_mailbox.remove(&oldest);
            }
        }
        let last_use = kept.uses;
        let (uids, keywords) = (uids.clone(), None);
        let numbering = Numbering { uid_validity, modseq, uid_next, uids, keywords, last_use };
        kept.by_mailbox.insert(key, numbering);
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is known, brought to this moment; none if it can't be.
async fn since(
    mailboxes: &AccountMailboxes,
    state: &MailboxState,
    known: Numbering,
) -> Result<Option<UidRuns>, StoreError> {
    if (known.modseq, known.uid_next) == (state.highest_modseq, state.uid_next) {
        return Ok(Some(known.uids));
    }
    if known.modseq > state.highest_modseq {
        return Ok(None);
    }
    let Some(gone) = mailboxes.expunged_since(state.id, known.modseq).await? else {
        return Ok(None);
    };
    let came = mailboxes.changed_since(state.id, known.modseq).await?;
    let came = came.iter().filter(|uid| (known.uid_next..state.uid_next).contains(*uid));
    let uids = known.uids.union(&uid_runs(came)).difference(&uid_runs(&gone));
    // Whatever else happened meanwhile, also such as nobody thought of, shows in their number.
    Ok((uids.len() == state.messages).then_some(uids))
}

impl Conversation {
    /// After news was told: what the client knows now is what the next session will begin with, or
    /// what another one knows already.
    pub(crate) fn share_numbering(&self, talk: &mut Talk<'_>) {
        let Some(selected) = &self.selected else { return };
        let key = (selected.mailboxes.id(), selected.id);
        let session = talk.parts().0;
        let Some(view) = session.view().filter(|view| view.is_up_to_date()) else { return };
        let numberings = &self.service.numberings;
        let now = (selected.seen, selected.uid_next);
        numberings.keep(key, selected.uid_validity, now, view.uids());
        if let Some(known) = numberings.known(key) {
            session.share(&known.uids);
        }
    }
}

#[cfg(test)]
mod tests {
    use imap_core::view::View;
    use mail_store::{MailStore, NewMessage, StoreOptions, UidSet};
    use mail_types::{Flag, FlagSet, MailboxName, Timestamp};
    use stable_storage::Files;

    use super::*;

    const SESSIONS: usize = 1000;

    struct World {
        inbox: AccountMailboxes,
        numberings: Numberings,
        _folder: tempfile::TempDir,
    }

    impl World {
        async fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let options = StoreOptions::new(folder.path(), agent_kit::now);
            let store = MailStore::open(options, Files::real()).await.unwrap();
            let inbox = store.account(AccountId(1));
            Self { inbox, numberings: Numberings::default(), _folder: folder }
        }

        async fn state(&self) -> MailboxState {
            self.inbox.mailbox(&MailboxName::parse("INBOX").unwrap()).await.unwrap()
        }

        async fn append(&self, count: usize) {
            let mut messages = Vec::new();
            for _ in 0..count {
                let mut incoming = self.inbox.incoming(Timestamp::from_secs(1)).unwrap();
                incoming.write(b"Subject: one\r\n\r\n").await.unwrap();
                let written = incoming.finish().await.unwrap();
                let flags: FlagSet = [Flag::Deleted].into_iter().collect();
                messages.push(NewMessage { written, flags });
            }
            self.inbox.append(self.state().await.id, messages).await.unwrap();
        }

        async fn expunge(&self, uids: &[u32]) {
            let uids: UidSet = uids.iter().filter_map(|uid| Uid::new(*uid)).collect();
            self.inbox.expunge(self.state().await.id, &uids).await.unwrap();
        }

        async fn numbering(&self) -> UidRuns {
            self.numberings.of(&self.inbox, &self.state().await).await.unwrap()
        }
    }

    #[tokio::test]
    async fn a_thousand_sessions_have_one_numbering() {
        let world = World::new().await;
        world.append(9).await;
        world.expunge(&[2, 4, 8]).await;
        let mut views = Vec::new();
        for _ in 0..SESSIONS {
            views.push(View::new(world.numbering().await, UidRuns::new()));
        }
        let first = world.numbering().await;
        assert_eq!(first.to_string(), "1,3,5:7,9");
        assert!(views.iter().all(|view| view.uids().is_shared_with(&first)));

        // Each session is told of a new message, and of one that went.
        world.append(1).await;
        world.expunge(&[6]).await;
        let state = world.state().await;
        let key = (world.inbox.id(), state.id);
        for view in &mut views {
            view.arrived(&Uid::new(10).into_iter().collect(), false);
            view.vanished(&Uid::new(6).into_iter().collect());
            assert!(!view.is_up_to_date());
            let _ = (view.tell_vanished(), view.tell_arrived());
            assert!(view.is_up_to_date());
            let now = (state.highest_modseq, state.uid_next);
            world.numberings.keep(key, state.uid_validity, now, view.uids());
            view.share(&world.numberings.known(key).unwrap().uids);
        }
        let second = world.numbering().await;
        assert_eq!(second.to_string(), "1,3,5,7,9:10");
        assert!(views.iter().all(|view| view.uids().is_shared_with(&second)));

        // What is not the same is not shared.
        let mut late = View::new(first.clone(), UidRuns::new());
        late.share(&second);
        assert!(late.uids().is_shared_with(&first));
    }

    #[tokio::test]
    async fn what_is_known_is_brought_up_to_date() {
        let world = World::new().await;
        assert_eq!(world.numbering().await, UidRuns::new());
        for (appended, expunged) in
            [(5, &[][..]), (0, &[1, 3]), (4, &[5, 7]), (1, &[2, 4, 6, 8, 9, 10])]
        {
            world.append(appended).await;
            world.expunge(expunged).await;
            let asked = world.inbox.uids(&world.state().await).await.unwrap();
            assert_eq!(world.numbering().await, uid_runs(&asked));
        }
    }

    #[tokio::test]
    async fn keywords_are_those_of_the_moment() {
        let world = World::new().await;
        world.append(2).await;
        let change = |names: &[&str]| {
            let names = names.iter().map(|name| Flag::Keyword(Keyword::parse(name).unwrap()));
            mail_store::FlagChange::Replace(names.collect())
        };
        for names in [&["one"][..], &["one", "other"], &[]] {
            let mailbox = world.state().await.id;
            let (uids, change) = (Uid::MIN.into(), change(names));
            world.inbox.store_flags(mailbox, &uids, change, None).await.unwrap();
            for _ in 0..2 {
                let state = world.state().await;
                world.numberings.of(&world.inbox, &state).await.unwrap();
                let found = world.numberings.keywords(&world.inbox, &state).await.unwrap();
                let found: Vec<_> = found.iter().map(Keyword::as_str).collect();
                assert_eq!(found, names);
                let kept = world.numberings.known((world.inbox.id(), mailbox)).unwrap();
                assert!(kept.keywords.is_some());
            }
        }
    }

    #[tokio::test]
    async fn those_used_last_are_kept() {
        let world = World::new().await;
        let mailbox = |number| (AccountId(1), MailboxId(number));
        let now = (ModSeq(1), Uid::MIN);
        for number in 0..=i64::try_from(KEPT).unwrap() {
            world.numberings.known(mailbox(0));
            world.numberings.keep(mailbox(number), UidValidity::MAX, now, &UidRuns::new());
        }
        assert_eq!(world.numberings.kept().by_mailbox.len(), KEPT);
        assert!(world.numberings.known(mailbox(0)).is_some());
        assert!(world.numberings.known(mailbox(1)).is_none());
    }
}
