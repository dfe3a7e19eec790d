//! Looking after an account: checking, mending, building the index anew, removing what is old.

use mail_types::{MailboxId, Timestamp};

use super::{AccountMailboxes, NAMES, Pending};
use crate::{
    Finding, Mended,
    changes::{expunge, reindex},
    check,
    index::{mailboxes, messages},
};

impl AccountMailboxes {
    /// Compares the index with the files, counters with rows, small files with both; `deep` reads
    /// every message as well. Changes nothing but what any opening of the account does.
    pub fn check(&self, deep: bool) -> Pending<'_, Vec<Finding>> {
        Box::pin(async move { check::check(self.borrow().await?.account()?, deep).await })
    }

    /// Mends what checking finds, and checks again. No mail is removed.
    pub fn mend(&self, deep: bool) -> Pending<'_, Mended> {
        Box::pin(self.to_the_end(move |handle, borrowed| async move {
            let account = borrowed.account()?;
            let mended = check::mend(account, deep).await?;
            handle.follow();
            let rows = mailboxes::all(&mut account.look().await?).await?;
            let changed = rows.iter().map(|row| row.id).chain([NAMES]);
            Ok((mended, changed.collect()))
        }))
    }

    /// Builds the index anew from the files, as if it had been lost; what only the index knew of
    /// messages that are gone is taken over. Sessions wait for as long as that takes.
    pub fn reindex(&self) -> Pending<'_, ()> {
        Box::pin(self.to_the_end(move |handle, borrowed| async move {
            let boot = handle.store.shared.options.boot.clone();
            let changed = reindex::reindex(borrowed.account()?, &boot).await?;
            Ok(((), changed))
        }))
    }

    /// Removes messages of a mailbox that were saved in it before this, at most so many, as an
    /// expunge does; answers how many.
    pub fn remove_saved_before(
        &self,
        mailbox: MailboxId,
        before: Timestamp,
        at_most: u32,
    ) -> Pending<'_, usize> {
        Box::pin(async move {
            let old = self.ask(move |mut look| async move {
                messages::saved_before(&mut look, mailbox, before, at_most).await
            });
            let old = old.await?;
            if old.is_empty() {
                return Ok(0);
            }
            self.to_the_end(move |handle, borrowed| async move {
                let account = borrowed.account()?;
                let gone = expunge::expunge(account, mailbox, old, false).await?;
                handle.follow();
                Ok((gone.len(), vec![mailbox]))
            })
            .await
        })
    }
}
