//! For which accounts something is still to do, and who does it.
//!
//! Invariant: an account is followed by one at a time. What is added meanwhile waits for its end.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use mail_types::{AccountId, MailboxId, QueueId, RecipientNumber};
use tokio::{sync::Notify, time::Instant};

/// What is still to do for an account.
#[derive(Debug, Default)]
pub(crate) struct FollowUp {
    /// File names are behind, or files are to go.
    pub(crate) files: bool,
    /// Recipients of queue entries that may be forgotten.
    pub(crate) forget: Vec<(QueueId, RecipientNumber)>,
    /// Whether it stands in the line of those that are due.
    in_line: bool,
}

/// Accounts where something is still to do.
#[derive(Debug)]
pub(crate) struct FollowUps {
    /// Changes of this long are gathered.
    after: Duration,
    state: Mutex<State>,
    /// Something may be due.
    pub(super) wake: Notify,
    /// A large folder may be due.
    pub(super) wake_large: Notify,
    /// Somebody has ended.
    ended: Notify,
}

#[derive(Debug, Default)]
struct State {
    accounts: HashMap<AccountId, FollowUp>,
    /// From when on whose turn it is.
    line: VecDeque<(Instant, AccountId)>,
    followed: HashSet<AccountId>,
    /// Large folders that are to be compared.
    large: VecDeque<(AccountId, MailboxId)>,
    is_ending: bool,
}

/// Whose turn it is.
#[derive(Debug)]
pub(super) enum Next<'f> {
    Now(Due<'f>),
    /// Somebody's, from then on.
    At(Instant),
    Nobodys,
}

/// What is due for an account; nobody else follows it as long as this lives.
#[derive(Debug)]
pub(super) struct Due<'f> {
    pub(super) account: AccountId,
    pub(super) follow_up: FollowUp,
    all: &'f FollowUps,
}

impl Drop for Due<'_> {
    fn drop(&mut self) {
        self.all.state().followed.remove(&self.account);
        self.all.wake.notify_one();
        self.all.ended.notify_waiters();
    }
}

impl FollowUps {
    pub(crate) fn new(after: Duration) -> Self {
        let (wake, wake_large, ended) = Default::default();
        Self { after, state: Mutex::default(), wake, wake_large, ended }
    }

    /// Files of this account are to follow its index.
    pub(crate) fn add(&self, account: AccountId) {
        let mut state = self.state();
        state.accounts.entry(account).or_default().files = true;
        // A time that never comes is as good as none.
        if let Some(at) = Instant::now().checked_add(self.after) {
            state.stand_in_line(at, account);
        }
        drop(state);
        self.wake.notify_one();
    }

    /// These recipients of queue entries may be forgotten: the next delivery to the account does that
    /// in its own change ([`FollowUps::take_forgotten`]), or it is done within half a minute.
    pub(crate) fn forget(
        &self,
        account: AccountId,
        settled: impl IntoIterator<Item = (QueueId, RecipientNumber)>,
    ) {
        self.state().accounts.entry(account).or_default().forget.extend(settled);
    }

    /// Takes what may be forgotten of an account.
    pub(crate) fn take_forgotten(&self, account: AccountId) -> Vec<(QueueId, RecipientNumber)> {
        let mut state = self.state();
        let Some(follow_up) = state.accounts.get_mut(&account) else { return Vec::new() };
        let forgotten = std::mem::take(&mut follow_up.forget);
        if !follow_up.files {
            state.accounts.remove(&account);
        }
        forgotten
    }

    /// It failed for this account: once more, later. What was to be forgotten is given up, so that
    /// nothing grows meanwhile; its time ends its memory.
    pub(crate) fn add_again(&self, account: AccountId) {
        self.state().accounts.entry(account).or_default().files = true;
    }

    /// A large folder is to be compared.
    pub(crate) fn add_large(&self, account: AccountId, mailbox: MailboxId) {
        let mut state = self.state();
        if !state.large.contains(&(account, mailbox)) {
            state.large.push_back((account, mailbox));
        }
        drop(state);
        self.wake_large.notify_one();
    }

    /// The large folder that waits for the longest time.
    pub(super) fn next_large(&self) -> Option<(AccountId, MailboxId)> {
        self.state().large.pop_front()
    }

    /// Whose turn it is now.
    pub(super) fn next(&self, now: Instant) -> Next<'_> {
        let mut state = self.state();
        if state.is_ending {
            return Next::Nobodys;
        }
        loop {
            let State { line, followed, .. } = &*state;
            let free = || line.iter().filter(|(_, account)| !followed.contains(account));
            let Some(&(first, _)) = free().min_by_key(|(at, _)| at) else { return Next::Nobodys };
            if first > now {
                return Next::At(first);
            }
            let is_it =
                |(at, account): &(Instant, AccountId)| *at == first && !followed.contains(account);
            let Some((_, account)) =
                line.iter().position(is_it).and_then(|at| state.line.remove(at))
            else {
                return Next::Nobodys;
            };
            // A delivery may have done what there was.
            if let Some(follow_up) = state.accounts.remove(&account) {
                state.followed.insert(account);
                return Next::Now(Due { account, follow_up, all: self });
            }
        }
    }

    /// Lets what failed be tried again, and what nobody has forgotten yet be forgotten.
    pub(super) fn wake_if_any(&self) {
        let mut state = self.state();
        let all: Vec<AccountId> = state.accounts.keys().copied().collect();
        for account in &all {
            state.stand_in_line(Instant::now(), *account);
        }
        drop(state);
        if !all.is_empty() {
            self.wake.notify_one();
        }
    }

    /// Nobody's turn comes any more. Waits for those who had theirs, and takes what is left.
    pub(crate) async fn end(&self) -> HashMap<AccountId, FollowUp> {
        loop {
            let ended = self.ended.notified();
            {
                let mut state = self.state();
                state.is_ending = true;
                state.large.clear();
                if state.followed.is_empty() {
                    return std::mem::take(&mut state.accounts);
                }
            }
            ended.await;
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn stand_in_line(&mut self, at: Instant, account: AccountId) {
        if let Some(follow_up) = self.accounts.get_mut(&account)
            && !std::mem::replace(&mut follow_up.in_line, true)
        {
            self.line.push_back((at, account));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: AccountId = AccountId(1);
    const B: AccountId = AccountId(2);

    #[tokio::test]
    async fn an_account_is_followed_by_one_at_a_time_and_nothing_is_lost() {
        let follow_ups = FollowUps::new(Duration::from_secs(1));
        let now = Instant::now();
        let later = now + Duration::from_secs(2);
        follow_ups.add(A);
        assert!(matches!(follow_ups.next(now), Next::At(_)), "changes are gathered");
        let Next::Now(first) = follow_ups.next(later) else { panic!("it is due") };
        assert_eq!((first.account, first.follow_up.files), (A, true));
        // What comes meanwhile waits, and is in nobody's way.
        follow_ups.add(A);
        follow_ups.add(B);
        let Next::Now(other) = follow_ups.next(later) else { panic!("the other one is due") };
        assert_eq!(other.account, B);
        assert!(matches!(follow_ups.next(later), Next::Nobodys));
        drop(first);
        let Next::Now(again) = follow_ups.next(later) else { panic!("it is due again") };
        assert_eq!(again.account, A);
        // What failed comes again later, not at once.
        follow_ups.add_again(B);
        drop((again, other));
        assert!(matches!(follow_ups.next(later), Next::Nobodys));
        follow_ups.wake_if_any();
        let Next::Now(again) = follow_ups.next(later) else { panic!("it is tried again") };
        assert_eq!(again.account, B);
        // The end waits for who has begun, and leaves nothing out.
        follow_ups.add(B);
        let ending = async { follow_ups.end().await.into_keys().collect::<Vec<_>>() };
        let last = async {
            tokio::task::yield_now().await;
            assert!(matches!(follow_ups.next(later), Next::Nobodys), "nobody begins any more");
            drop(again);
        };
        assert_eq!(tokio::join!(ending, last).0, [B]);
    }

    #[tokio::test]
    async fn what_a_delivery_has_forgotten_is_not_due() {
        let follow_ups = FollowUps::new(Duration::ZERO);
        let settled = (QueueId::from_bytes(Default::default()), RecipientNumber(0));
        follow_ups.forget(A, [settled]);
        follow_ups.wake_if_any();
        assert_eq!(follow_ups.take_forgotten(A), [settled]);
        assert!(matches!(follow_ups.next(Instant::now()), Next::Nobodys));
    }
}
