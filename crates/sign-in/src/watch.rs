//! What changes while the process runs: the directory, the credentials, the blocks. One task looks,
//! every second, for some microseconds; who waits is woken, and no session has a timer.

use std::{sync::Weak, time::Duration};

use directory::{Account, Directory, Stamp};
use mail_types::AccountId;
use tokio::sync::watch;

use crate::verify::Inner;

/// How often is looked.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// What stands for the directory and the credentials that are published.
pub(crate) type Stamps = (Option<Stamp>, Option<Stamp>);

/// Looks until the last one that signs people in is gone; `known` is what the first of them saw.
pub(crate) async fn look(inner: Weak<Inner>, published: watch::Sender<u64>, mut known: Stamps) {
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        let Some(inner) = inner.upgrade() else { return };
        let now = inner.stamps();
        if known != now {
            known = now;
            published.send_modify(|serial| *serial += 1);
            inner.take_census().await;
        }
        inner.look_at_blocks().await;
    }
}

/// Whether an account that is signed in may stay so.
#[derive(Debug, Clone)]
pub struct Presence {
    directory: Directory,
    id: AccountId,
    generation: i64,
    published: watch::Receiver<u64>,
    /// The publication that was looked at last.
    checked: u64,
}

impl Presence {
    pub(crate) fn of(
        account: &Account,
        directory: Directory,
        published: watch::Receiver<u64>,
    ) -> Self {
        // What was published since the sign-in began is looked at as well.
        let checked = published.borrow().wrapping_sub(1);
        Self { directory, id: account.id, generation: account.generation, published, checked }
    }

    /// Returns when the sign-in has ended: the account is disabled or gone, or the secret was
    /// changed or revoked. Can be dropped and called again.
    pub async fn ended(&mut self) {
        loop {
            let serial = *self.published.borrow_and_update();
            if serial != self.checked {
                if !self.stands().await {
                    return;
                }
                self.checked = serial;
            }
            if self.published.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }

    /// Trouble with the directory ends no session.
    async fn stands(&self) -> bool {
        match self.directory.account(self.id).await {
            Ok(account) => account.is_some_and(|now| {
                !now.is_shut(agent_kit::now()) && now.generation == self.generation
            }),
            Err(error) => {
                tracing::error!(error = &error as &dyn std::error::Error, "account not looked up");
                true
            }
        }
    }
}
