//! A session's own view of a mailbox, kept up to date by what it is told.

use std::collections::BTreeMap;

use mail_store::{AccountMailboxes, MailboxState, StoreError};
use mail_types::{MailboxId, Uid};

use super::{
    compare::{Difference, demand, same},
    orders::words,
    rules::{Flags, Rules},
};

pub(super) struct Session {
    state: MailboxState,
    view: BTreeMap<u32, Flags>,
    /// Whether the log of what went may have been lost since.
    pub(super) doubts: bool,
}

impl Session {
    pub(super) async fn select(account: &AccountMailboxes, id: i64) -> Self {
        let state = account.state(MailboxId(id)).await.unwrap();
        let mut session = Self { state, view: BTreeMap::new(), doubts: false };
        session.read_all(account).await;
        session
    }

    async fn read_all(&mut self, account: &AccountMailboxes) {
        let all = mail_store::UidSet::all();
        let rows = account.fetch(self.state.id, &all, mail_store::Want::Facts).await.unwrap();
        self.view = rows.iter().map(|row| (row.uid.number(), words(&row.flags))).collect();
    }

    /// Asks what happened; then its view is what the rules say.
    pub(super) async fn look(&mut self, account: &AccountMailboxes, rules: &Rules) -> Difference {
        let (id, since) = (self.state.id, self.state.highest_modseq);
        let changes = match account.changes(id, since).await {
            Err(StoreError::MailboxGone(_)) => {
                return demand(!rules.mailboxes.contains_key(&id.0), || format!("{id} is gone"));
            }
            other => other.map_err(|error| format!("changes: {error}"))?,
        };
        let reaches = account.expunged_since(id, since).await.unwrap();
        demand(reaches.is_some() || self.doubts, || "the log is not whole".to_owned())?;
        // What the sequence numbers of the former moment are made of.
        let former = account.uids(&self.state).await.unwrap();
        let viewed: Vec<Uid> = self.view.keys().map(|uid| Uid::new(*uid).unwrap()).collect();
        if reaches.is_some() {
            same("the UIDs of the moment before", &former, &viewed)?;
        }
        for message in &changes.changed {
            self.view.insert(message.uid.number(), words(&message.flags));
        }
        match reaches {
            Some(gone) => {
                same("what went", &gone, &changes.expunged)?;
                gone.iter().for_each(|uid| drop(self.view.remove(&uid.number())));
            }
            None => {
                let there = account.uids(&changes.state).await.unwrap();
                self.view.retain(|uid, _| there.iter().any(|one| one.number() == *uid));
            }
        }
        (self.state, self.doubts) = (changes.state.clone(), false);
        let rule = &rules.mailboxes[&id.0];
        let now: BTreeMap<u32, Flags> =
            rule.messages.iter().map(|(uid, message)| (*uid, message.flags.clone())).collect();
        same(&format!("the view of {}", rule.name), &self.view, &now)
    }
}
