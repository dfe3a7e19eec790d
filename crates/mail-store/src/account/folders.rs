//! Mailboxes come, are renamed and go; subscriptions.

use mail_types::MailboxName;
use stable_storage::on_blocking_thread;

use super::{AccountMailboxes, NAMES, Pending};
use crate::{
    MailboxState, SpecialUse, UidSet,
    background::Stop,
    changes::{
        create, follow, rename,
        restored::{self, PlainUniqueId},
        special_use,
    },
    index::Here,
};

impl AccountMailboxes {
    /// Makes a mailbox, and those above it that are missing (RFC 9051 §6.3.4).
    pub fn create(
        &self,
        name: &MailboxName,
        special_use: Option<SpecialUse>,
    ) -> Pending<'_, MailboxState> {
        let name = name.clone();
        Box::pin(self.to_the_end(move |_, borrowed| async move {
            let account = borrowed.account()?;
            let mailbox = create::create(account, &name, special_use).await?;
            let shown = move |here: &Here| here.state_of(mailbox);
            let state = account.index.ask_in_passing(shown).await?;
            Ok((state, vec![mailbox, NAMES]))
        }))
    }

    /// Deletes a mailbox with its messages; those below it stay (RFC 9051 §6.3.5).
    pub fn delete(&self, name: &MailboxName) -> Pending<'_, ()> {
        let name = name.clone();
        Box::pin(async move {
            let list = match self.mailbox(&name).await {
                Ok(found) => Some((found.id, self.access(found.id).await?)),
                Err(_) => None,
            };
            let deleted = self
                .to_the_end(move |handle, borrowed| async move {
                    let account = borrowed.account()?;
                    if account.keeps_removed {
                        // Of what is kept, only names and small files tell the flags.
                        follow::bring_names_up(account, &Stop::default()).await?;
                    }
                    let mailbox = rename::delete(account, &name).await?;
                    handle.follow();
                    Ok((mailbox, vec![mailbox, NAMES]))
                })
                .await?;
            // A stop before this leaves hints that lead nowhere.
            match list.filter(|(found, _)| *found == deleted) {
                Some((found, list)) => self.forget_shares(found, &list).await,
                None => Ok(()),
            }
        })
    }

    /// Renames a mailbox and those below it. Of INBOX, the messages are moved into the new one
    /// (RFC 9051 §6.3.6).
    pub fn rename<'a>(&'a self, from: &'a MailboxName, to: &'a MailboxName) -> Pending<'a, ()> {
        Box::pin(async move {
            if from.is_inbox() {
                let new = self.create(to, None).await?.id;
                let inbox = self.mailbox(from).await?.id;
                // RFC 5464 §4.1: INBOX keeps them as well.
                self.copy_annotations(inbox, new).await?;
                return self.move_messages(inbox, &UidSet::all(), new).await.map(|_| ());
            }
            let (from, to) = (from.clone(), to.clone());
            self.to_the_end(move |handle, borrowed| async move {
                let account = borrowed.account()?;
                let mut changed = rename::rename(account, &from, &to).await?;
                // What is to go from there may have been missed under its former name.
                handle.follow();
                changed.push(NAMES);
                Ok(((), changed))
            })
            .await
        })
    }

    /// Gives a mailbox a use, or takes its own away; whatever had this use before has it no more
    /// (RFC 6154 §4). Not for INBOX.
    pub fn assign(&self, name: &MailboxName, special_use: Option<SpecialUse>) -> Pending<'_, ()> {
        let name = name.clone();
        Box::pin(self.to_the_end(move |_, borrowed| async move {
            let mut changed = special_use::assign(borrowed.account()?, &name, special_use).await?;
            changed.push(NAMES);
            Ok(((), changed))
        }))
    }

    /// Subscribes a name or ends its subscription, whether there is such a mailbox or not
    /// (RFC 9051 §6.3.7).
    pub fn subscribe(&self, name: &MailboxName, subscribed: bool) -> Pending<'_, ()> {
        let name = name.clone();
        Box::pin(self.to_the_end(move |_, borrowed| async move {
            let account = borrowed.account()?;
            create::subscribe(account, &name, subscribed).await?;
            Ok(((), vec![NAMES]))
        }))
    }

    /// To be called when the account's folder has come out of a backup, before anybody sees it. With
    /// the mailbox that POP3 shows and the unique-ids that it gives, every mailbox begins a new epoch;
    /// without, they are what they were: for who knows that no client was told anything since.
    pub fn begin_restored<'a>(
        &'a self,
        epochs: Option<(&'a MailboxName, PlainUniqueId)>,
    ) -> Pending<'a, ()> {
        let epochs = epochs.map(|(maildrop, plain)| (maildrop.clone(), plain));
        Box::pin(self.to_the_end(move |handle, borrowed| async move {
            let account = borrowed.account()?;
            let shares = handle.store.shared.shares();
            on_blocking_thread(move || shares.begin_anew()).await?;
            let Some((maildrop, plain)) = epochs else {
                return restored::remember_deliveries(account).await.map(|()| ((), Vec::new()));
            };
            Ok(((), restored::begin_epochs(account, &maildrop, plain).await?))
        }))
    }
}
