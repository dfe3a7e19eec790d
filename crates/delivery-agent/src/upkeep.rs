//! What grows old goes by itself: mail in the mailboxes for deleted and unwanted messages, as the
//! configuration says, and for good what was removed longer ago than it can be brought back.
//!
//! It is done beside the deliveries, a few messages at a time, through the ordinary expunge, so that
//! sessions see it.

use std::{sync::Arc, time::Duration};

use agent_kit::now;
use mail_store::{MailboxState, SpecialUse, StoreError};
use mail_types::AccountId;

use crate::{handover, last_look::LastLook, service::Shared};

/// How often all accounts are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(60 * 60);
/// The first time, so long after the start: what waits is delivered first.
const FIRST_LOOK: Duration = Duration::from_secs(5);
/// Messages that are removed at once.
const STEP: u32 = 200;
/// The pause after each step, for whoever waits for the account.
const PAUSE: Duration = Duration::from_millis(50);

/// Looks after all accounts, for ever.
pub(crate) async fn look_after_all(shared: Arc<Shared>) {
    tokio::time::sleep(FIRST_LOOK).await;
    let mut last_look = LastLook::in_folder(&shared.config.folders().mail);
    loop {
        match last_look.is_believed(now()).await {
            Ok(true) => look_after_each(&shared).await,
            Ok(false) => tracing::warn!(
                "the clock is further ahead of the last look than it can be: nothing that is old is \
                 removed until it has gone on steadily for a day"
            ),
            Err(error) => {
                tracing::error!(%error, "the time of the last look can't be kept: nothing is removed");
            }
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

async fn look_after_each(shared: &Shared) {
    match shared.store.accounts().await {
        Ok(accounts) => {
            for id in accounts {
                if let Err(error) = look_after(shared, id).await {
                    tracing::error!(account = %id, %error, "what is old can't be removed");
                }
            }
        }
        Err(error) => tracing::error!(%error, "the accounts can't be listed"),
    }
}

/// Looks after one account.
pub(crate) async fn look_after(shared: &Shared, id: AccountId) -> Result<(), StoreError> {
    let storage = &shared.config.storage;
    let mailboxes = shared.store.account(id);
    mailboxes.purge_removed(storage.removed_kept).await?;
    if storage.trash_kept.is_zero() && storage.junk_kept.is_zero() {
        return Ok(());
    }
    let mut removed = 0;
    for state in mailboxes.states().await? {
        let Some(kept) = kept(&state, storage.trash_kept, storage.junk_kept) else { continue };
        let before = now().minus(kept);
        loop {
            let some = mailboxes.remove_saved_before(state.id, before, STEP).await?;
            removed += some;
            if some == 0 {
                break;
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
    if removed > 0 {
        tracing::info!(account = %id, messages = removed, "old messages removed");
        let account = shared.directory.account(id).await.ok().flatten();
        let quota = account.map(|account| account.quota()).unwrap_or_default();
        handover::count_and_publish(shared, &mailboxes.within(quota)).await;
    }
    Ok(())
}

/// How long messages stay in a mailbox; none: until somebody removes them.
fn kept(state: &MailboxState, trash: Duration, junk: Duration) -> Option<Duration> {
    let kept = match state.special_use {
        Some(SpecialUse::Trash) => trash,
        Some(SpecialUse::Junk) => junk,
        _ => Duration::ZERO,
    };
    (!kept.is_zero() && state.messages > 0).then_some(kept)
}
