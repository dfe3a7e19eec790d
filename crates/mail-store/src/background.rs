//! What a store does beside its operations: it listens to the bell, lets file names follow the
//! index, takes over what others did in large folders, and looks at the folders of mailboxes that
//! somebody waits for.
//!
//! Each kind of work has a few tasks, and no account keeps more than one of each: what takes long for
//! one account delays nobody else's.

mod follow_ups;
mod stop;

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use tokio::{
    task::{AbortHandle, JoinHandle},
    time::{Instant, timeout_at},
};

use self::follow_ups::Next;
pub(crate) use self::{
    follow_ups::{FollowUp, FollowUps},
    stop::Stop,
};
use crate::{MailStore, store::Shared, watch::parse_payload};

/// How often folders are looked at that somebody waits for, and what failed is tried again.
const LOOK_EVERY: Duration = Duration::from_secs(30);
/// The most accounts that are followed at once. Each has its index open meanwhile.
const FOLLOWED_MAX: usize = 4;
/// The most large folders that are taken over at once for nobody who asks for them.
const LARGE_MAX: usize = 2;

/// The tasks of a store; they end with it.
#[derive(Debug)]
pub(crate) struct Background(Vec<AbortHandle>);

impl Background {
    pub(crate) fn start(shared: &Arc<Shared>) -> Self {
        let weak = || Arc::downgrade(shared);
        // Most indexes are for those who wait.
        let most = shared.options.open_accounts_max / 4;
        let mut tasks = vec![
            tokio::spawn(listen(weak())),
            tokio::spawn(look(weak())),
            tokio::spawn(remind(weak())),
        ];
        let following = (0..most.clamp(1, FOLLOWED_MAX)).map(|_| tokio::spawn(follow(weak())));
        tasks.extend(following);
        tasks.extend((0..most.clamp(1, LARGE_MAX)).map(|_| tokio::spawn(take_over(weak()))));
        Self(tasks.iter().map(JoinHandle::abort_handle).collect())
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        self.0.iter().for_each(AbortHandle::abort);
    }
}

async fn listen(shared: Weak<Shared>) {
    let bell = match shared.upgrade() {
        Some(shared) => shared.bell().listen(),
        None => return,
    };
    let bell = match bell {
        Ok(bell) => bell,
        Err(error) => {
            tracing::warn!(%error, "the mail bell can't be heard: news comes late");
            return;
        }
    };
    loop {
        let rung = bell.rung().await;
        let Some(shared) = shared.upgrade() else { return };
        match parse_payload(&rung) {
            Some((account, mailbox)) => shared.watchers.wake(account, mailbox),
            None => shared.watchers.wake_all(),
        }
    }
}

/// Follows one account after the other.
async fn follow(shared: Weak<Shared>) {
    loop {
        let Some(strong) = shared.upgrade() else { return };
        let at = match strong.follow_ups.next(Instant::now()) {
            Next::Now(mut due) => {
                // There may be more.
                strong.follow_ups.wake.notify_one();
                let follow_up = std::mem::take(&mut due.follow_up);
                strong.follow(due.account, follow_up).await;
                continue;
            }
            Next::At(at) => Some(at),
            Next::Nobodys => None,
        };
        let follow_ups = strong.follow_ups.clone();
        // Nobody who waits keeps the store.
        drop(strong);
        match at {
            Some(at) => drop(timeout_at(at, follow_ups.wake.notified()).await),
            None => follow_ups.wake.notified().await,
        }
    }
}

/// Takes over one large folder after the other.
async fn take_over(shared: Weak<Shared>) {
    loop {
        let Some(strong) = shared.upgrade() else { return };
        let follow_ups = strong.follow_ups.clone();
        if let Some((account, mailbox)) = follow_ups.next_large() {
            follow_ups.wake_large.notify_one();
            strong.compare_large(account, mailbox).await;
            continue;
        }
        drop(strong);
        follow_ups.wake_large.notified().await;
    }
}

/// Reminds of what nobody has done yet.
async fn remind(shared: Weak<Shared>) {
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        let Some(shared) = shared.upgrade() else { return };
        shared.follow_ups.wake_if_any();
        shared.facts.drop_unused();
        shared.orders.drop_unused();
    }
}

async fn look(shared: Weak<Shared>) {
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        let Some(shared) = shared.upgrade() else { return };
        let watched = shared.watchers.watched();
        let store = MailStore { shared };
        for (account, mailbox) in watched {
            if let Err(error) = store.account(account).look_at(mailbox).await {
                tracing::debug!(%account, %mailbox, %error, "a watched folder can't be looked at");
            }
        }
    }
}
