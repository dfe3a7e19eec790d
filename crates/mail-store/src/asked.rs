//! What many ask at the same moment is asked once: the sessions of a mailbox all wake at a change.
//!
//! Invariant: an answer goes only to those who asked before its query began, so that nobody is told
//! of an older moment than that of his question. It is kept as long as somebody waits for it.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex as Lock, PoisonError, Weak,
        atomic::{AtomicU64, Ordering},
    },
};

use mail_types::{AccountId, MailboxId, ModSeq};
use tokio::sync::Mutex;

use crate::{Changes, StoreError};

/// Who asks for the changes of which mailbox in this process.
#[derive(Debug, Default)]
pub(crate) struct Asked(Lock<HashMap<(AccountId, MailboxId), Weak<Line>>>);

/// Those who ask for the changes of a mailbox now.
#[derive(Debug, Default)]
struct Line {
    /// How many asked.
    asked: AtomicU64,
    answered: Mutex<Option<Answered>>,
}

#[derive(Debug)]
struct Answered {
    since: ModSeq,
    /// How many had asked when the query began.
    asked: u64,
    changes: Arc<Changes>,
}

impl Asked {
    /// The changes since a modseq: by `query`, unless somebody else's began after this was called.
    pub(crate) async fn changes(
        &self,
        account: AccountId,
        mailbox: MailboxId,
        since: ModSeq,
        query: impl Future<Output = Result<Changes, StoreError>>,
    ) -> Result<Arc<Changes>, StoreError> {
        let line = self.line(account, mailbox);
        let mine = line.asked.fetch_add(1, Ordering::SeqCst);
        let mut answered = line.answered.lock().await;
        if let Some(last) = &*answered
            && last.since == since
            && mine < last.asked
        {
            return Ok(last.changes.clone());
        }
        let asked = line.asked.load(Ordering::SeqCst);
        let changes = Arc::new(query.await?);
        *answered = Some(Answered { since, asked, changes: changes.clone() });
        Ok(changes)
    }

    fn line(&self, account: AccountId, mailbox: MailboxId) -> Arc<Line> {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Those that nobody stands in any more.
        if lines.len().is_power_of_two() {
            lines.retain(|_, line| line.strong_count() > 0);
        }
        let place = lines.entry((account, mailbox)).or_default();
        place.upgrade().unwrap_or_else(|| {
            let line = Arc::default();
            *place = Arc::downgrade(&line);
            line
        })
    }
}

#[cfg(test)]
mod tests {
    use mail_types::{MailboxName, Uid, UidValidity};
    use tokio::sync::Semaphore;

    use super::*;
    use crate::MailboxState;

    fn nothing_new() -> Changes {
        let state = MailboxState {
            id: MailboxId(1),
            name: MailboxName::parse("INBOX").unwrap(),
            special_use: None,
            uid_validity: UidValidity::MAX,
            uid_next: Uid::MIN,
            highest_modseq: ModSeq(1),
            messages: 0,
            unseen: 0,
            deleted: 0,
            recent_from: Uid::MIN,
            recent: 0,
            octets: 0,
            first_unseen: None,
        };
        Changes { state, changed: Vec::new(), expunged: Vec::new() }
    }

    #[tokio::test]
    async fn who_asks_while_a_query_runs_shares_the_next_one() {
        let (asked, gate, queries) =
            (Arc::new(Asked::default()), Arc::new(Semaphore::new(0)), Arc::new(AtomicU64::new(0)));
        let ask = |since: u64| {
            let (asked, gate, queries) = (asked.clone(), gate.clone(), queries.clone());
            tokio::spawn(async move {
                let query = async {
                    queries.fetch_add(1, Ordering::SeqCst);
                    gate.acquire().await.unwrap().forget();
                    Ok(nothing_new())
                };
                asked.changes(AccountId(1), MailboxId(1), ModSeq(since), query).await.unwrap()
            })
        };
        let first = ask(5);
        while queries.load(Ordering::SeqCst) == 0 {
            tokio::task::yield_now().await;
        }
        let late: Vec<_> = (0..100).map(|_| ask(5)).collect();
        let others = ask(6);
        let line = asked.line(AccountId(1), MailboxId(1));
        while line.asked.load(Ordering::SeqCst) < 102 {
            tokio::task::yield_now().await;
        }
        gate.add_permits(3);
        let first = first.await.unwrap();
        let mut shared = Vec::new();
        for one in late {
            shared.push(one.await.unwrap());
        }
        others.await.unwrap();
        assert!(shared.iter().all(|one| Arc::ptr_eq(one, &shared[0])), "asked once for all");
        assert!(!Arc::ptr_eq(&first, &shared[0]), "not with a query that had begun before");
        assert_eq!(queries.load(Ordering::SeqCst), 3);
        drop(line);
        assert_eq!(
            asked.line(AccountId(1), MailboxId(1)).asked.load(Ordering::SeqCst),
            0,
            "nothing is kept"
        );
    }
}
