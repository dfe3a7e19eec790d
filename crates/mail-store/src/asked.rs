//! What many ask at the same moment is asked once: the sessions of a mailbox all wake at a change, and
//! all want its folder compared.
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

use mail_types::{AccountId, MailboxId};
use tokio::sync::{Mutex, MutexGuard};

use crate::StoreError;

/// Who asks `Q` of which mailbox in this process, and is answered `A`.
#[derive(Debug)]
pub(crate) struct Asked<Q, A>(Lock<Lines<Q, A>>);

type Lines<Q, A> = HashMap<(AccountId, MailboxId), Weak<Line<Q, A>>>;

impl<Q, A> Default for Asked<Q, A> {
    fn default() -> Self {
        Self(Lock::default())
    }
}

/// Those who ask something of a mailbox now.
#[derive(Debug)]
struct Line<Q, A> {
    /// How many asked.
    asked: AtomicU64,
    answered: Mutex<Option<Answered<Q, A>>>,
}

#[derive(Debug)]
struct Answered<Q, A> {
    question: Q,
    /// How many had asked when the query began.
    asked: u64,
    answer: Arc<A>,
}

impl<Q: PartialEq, A> Asked<Q, A> {
    /// The answer: by `query`, unless somebody else's of the same began after this was called.
    pub(crate) async fn ask(
        &self,
        account: AccountId,
        mailbox: MailboxId,
        question: Q,
        query: impl Future<Output = Result<A, StoreError>>,
    ) -> Result<Arc<A>, StoreError> {
        let line = self.line(account, mailbox);
        let mine = line.asked.fetch_add(1, Ordering::SeqCst);
        let answered = line.answered.lock().await;
        if let Some(last) = &*answered
            && last.question == question
            && mine < last.asked
        {
            return Ok(last.answer.clone());
        }
        line.answer(answered, question, query).await
    }

    /// The answer by `query`; none if somebody else's runs for this mailbox.
    pub(crate) async fn ask_if_nobody_does(
        &self,
        account: AccountId,
        mailbox: MailboxId,
        question: Q,
        query: impl Future<Output = Result<A, StoreError>>,
    ) -> Result<Option<Arc<A>>, StoreError> {
        let line = self.line(account, mailbox);
        line.asked.fetch_add(1, Ordering::SeqCst);
        let Ok(answered) = line.answered.try_lock() else { return Ok(None) };
        line.answer(answered, question, query).await.map(Some)
    }

    fn line(&self, account: AccountId, mailbox: MailboxId) -> Arc<Line<Q, A>> {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Those that nobody stands in any more.
        if lines.len().is_power_of_two() {
            lines.retain(|_, line| line.strong_count() > 0);
        }
        let place = lines.entry((account, mailbox)).or_default();
        place.upgrade().unwrap_or_else(|| {
            let line = Arc::new(Line { asked: AtomicU64::new(0), answered: Mutex::default() });
            *place = Arc::downgrade(&line);
            line
        })
    }
}

impl<Q, A> Line<Q, A> {
    async fn answer(
        &self,
        mut answered: MutexGuard<'_, Option<Answered<Q, A>>>,
        question: Q,
        query: impl Future<Output = Result<A, StoreError>>,
    ) -> Result<Arc<A>, StoreError> {
        let asked = self.asked.load(Ordering::SeqCst);
        let answer = Arc::new(query.await?);
        *answered = Some(Answered { question, asked, answer: answer.clone() });
        Ok(answer)
    }
}

#[cfg(test)]
mod tests {
    use mail_types::{MailboxName, ModSeq, Uid, UidValidity};
    use tokio::sync::Semaphore;

    use super::*;
    use crate::{Changes, MailboxState};

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
                asked.ask(AccountId(1), MailboxId(1), ModSeq(since), query).await.unwrap()
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
