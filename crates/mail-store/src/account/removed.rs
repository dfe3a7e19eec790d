//! What was removed and can still be brought back.

use std::time::Duration;

use mail_types::{MailboxName, Uid};
use stable_storage::on_blocking_thread;

use super::{AccountMailboxes, Pending};
use crate::{RemovedMessage, changes::removed};

impl AccountMailboxes {
    /// Messages that were removed, by whomever, and can be brought back; the oldest removal first.
    /// Reads the header of each.
    pub fn removed(&self) -> Pending<'_, Vec<RemovedMessage>> {
        Box::pin(async move { removed::list(self.borrow().await?.account()?).await })
    }

    /// Brings messages back into their mailboxes, with their flags and dates and with new UIDs,
    /// whatever the quota; answers where they are now.
    pub fn bring_back(
        &self,
        messages: Vec<RemovedMessage>,
    ) -> Pending<'_, Vec<(MailboxName, Uid)>> {
        Box::pin(self.to_the_end(move |handle, borrowed| async move {
            let back = removed::bring_back(borrowed.account()?, &messages).await?;
            handle.follow();
            let changed = back.iter().map(|(mailbox, ..)| *mailbox).collect();
            Ok((back.into_iter().map(|(_, name, uid)| (name, uid)).collect(), changed))
        }))
    }

    /// Removes for good what was removed longer ago than this; answers how many messages. Opens no
    /// index unless there is something to remove.
    pub fn purge_removed(&self, kept: Duration) -> Pending<'_, u64> {
        let shared = &self.store.shared;
        let now = (shared.options.clock)();
        let before = now.minus(kept);
        let maildir = shared.maildir(self.id);
        Box::pin(async move {
            if !on_blocking_thread(move || removed::any_older(&maildir, before)).await? {
                return Ok(0);
            }
            self.to_the_end(move |_, borrowed| async move {
                Ok((removed::purge(borrowed.account()?, before, now).await?, Vec::new()))
            })
            .await
        })
    }
}
