//! Folders are compared with what is known of their mailboxes, each by one at a time in this process.
//!
//! Small ones are compared within a change. A large one is taken over a look at a time; between two looks
//! nothing is held, so that other accounts get their turn. Who wants what somebody else is at waits for
//! that, and has nothing open meanwhile: however many wait, operations go on.
//!
//! Invariant: what is waited for comes in this order: the mailbox's line, a turn, the account. Who has
//! an account borrowed waits for neither of the others.

use mail_types::{AccountId, MailboxId};
use tokio::sync::Semaphore;

use crate::{
    AccountMailboxes, StoreError,
    account::joined,
    asked::Asked,
    changes::{glance, merge, portions, portions::Comparison},
    index::Here,
    open_account::Compared,
    store::Shared,
};

/// The most large folders that are looked at and taken over at once, whoever asks for them.
const AT_ONCE_MAX: usize = 4;

/// When a folder is to be compared.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum When {
    /// If others were there, or may have been.
    Due,
    /// Whatever it looks like.
    Always,
}

/// Who compares which folder.
#[derive(Debug)]
pub(crate) struct Comparing {
    asked: Asked<When, bool>,
    turns: Semaphore,
}

impl Comparing {
    pub(crate) fn new(open_accounts_max: usize) -> Self {
        let turns = (open_accounts_max / 4).clamp(1, AT_ONCE_MAX);
        Self { asked: Asked::default(), turns: Semaphore::new(turns) }
    }
}

impl AccountMailboxes {
    /// Compares a mailbox with its folder, and then those that others changed; true if something was
    /// different in it or in small ones. It is done to its end, whatever becomes of the caller.
    pub(crate) async fn compare(&self, mailbox: MailboxId, when: When) -> Result<bool, StoreError> {
        let handle = self.clone();
        let compare = async move {
            let shared = &handle.store.shared;
            let query = async {
                let (mut different, large) = handle.compare_small(mailbox, when).await?;
                if large.contains(&mailbox) {
                    different |= shared.take_over(handle.id, mailbox, when).await?;
                }
                for other in large.into_iter().filter(|one| *one != mailbox) {
                    shared.compare_large(handle.id, other).await;
                }
                Ok(different)
            };
            let asked = Box::pin(shared.comparing.asked.ask(handle.id, mailbox, when, query));
            asked.await.map(|found| *found)
        };
        joined(tokio::spawn(compare)).await
    }

    /// Looks at a folder that somebody waits for. A large one is left to who takes over such.
    pub(crate) async fn look_at(&self, mailbox: MailboxId) -> Result<(), StoreError> {
        let (_, large) = self.compare_small(mailbox, When::Due).await?;
        let follow_ups = &self.store.shared.follow_ups;
        large.into_iter().for_each(|one| follow_ups.add_large(self.id, one));
        Ok(())
    }

    /// Compares what is small: whether something was different, and which large ones are left to the
    /// caller.
    async fn compare_small(
        &self,
        mailbox: MailboxId,
        when: When,
    ) -> Result<(bool, Vec<MailboxId>), StoreError> {
        self.to_the_end(move |handle, borrowed| async move {
            let account = borrowed.account()?;
            if when == When::Due {
                let one = move |here: &Here| here.mailbox_with(mailbox);
                let row = account.index.ask_in_passing(one).await?;
                if !account.are_folders_others().await? {
                    let now = (account.clock)().millis();
                    if !merge::is_due(&account.maildir, &row, now) {
                        return Ok(((false, Vec::new()), Vec::new()));
                    }
                    if glance::is_enough(account, &row).await? {
                        handle.follow();
                        return Ok(((false, Vec::new()), Vec::new()));
                    }
                }
            }
            let Compared { changed, large, failed } = account.compare(Some(mailbox)).await?;
            let follow_ups = &handle.store.shared.follow_ups;
            for (one, error) in failed {
                if one == mailbox && changed.is_empty() {
                    return Err(error);
                }
                // Somebody waits to hear what changed. It stays due.
                cannot(handle.id, one, &error);
                follow_ups.add_again(handle.id);
            }
            Ok(((!changed.is_empty(), large), changed))
        })
        .await
    }
}

impl Shared {
    /// Takes over what others did in a large folder, unless somebody is at it already.
    pub(crate) async fn compare_large(&self, id: AccountId, mailbox: MailboxId) {
        let query = self.take_over(id, mailbox, When::Due);
        let asked = &self.comparing.asked;
        match asked.ask_if_nobody_does(id, mailbox, When::Due, query).await {
            Ok(Some(_)) | Err(StoreError::Closing | StoreError::MailboxGone(_)) => {}
            // Who does it may fail.
            Ok(None) => self.follow_ups.add_again(id),
            Err(error) => {
                cannot(id, mailbox, &error);
                self.follow_ups.add_again(id);
            }
        }
    }

    /// The same a look at a time; true if something was different.
    async fn take_over(
        &self,
        id: AccountId,
        mailbox: MailboxId,
        when: When,
    ) -> Result<bool, StoreError> {
        let mut comparison = Comparison::new(when == When::Always);
        let mut different = false;
        loop {
            let turn = self.comparing.turns.acquire().await;
            let _turn = turn.map_err(|_| StoreError::Closing)?;
            let borrowed = self.borrow(id).await?;
            let account = borrowed.account()?;
            let looked = portions::take_over(account, mailbox, &mut comparison, &self.stop).await;
            // What is taken over is told, however it ended.
            if std::mem::take(&mut comparison.different) {
                different = true;
                self.changed(id, mailbox);
            }
            if account.index.is_log_long() {
                self.follow_ups.add(id);
            }
            match looked {
                Ok(true) => {}
                Ok(false) => return Ok(different),
                Err(error) => {
                    if error.is_damaged_index() {
                        self.damaged(id, &borrowed).await;
                    }
                    if !different || matches!(error, StoreError::Closing) {
                        return Err(error);
                    }
                    cannot(id, mailbox, &error);
                    self.follow_ups.add_again(id);
                    return Ok(true);
                }
            }
        }
    }
}

/// It stays due, and is tried again.
pub(crate) fn cannot(id: AccountId, mailbox: MailboxId, error: &StoreError) {
    let error = error as &dyn std::error::Error;
    tracing::warn!(account = %id, %mailbox, error, "a folder can't be compared");
}
