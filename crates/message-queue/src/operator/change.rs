//! What the operator does to recipients that wait: tried now, held, released, removed, redirected.
//!
//! A search is of the moment in which it begins: what comes in later is not meant. It is done page
//! by page, each a transaction, so that nobody else waits for it.

use std::collections::BTreeMap;

use mail_types::{OriginalRecipient, Timestamp};

use crate::{
    NewRecipient, Queue, QueueError,
    facts::RecipientFacts,
    jobs::{Answer, Job, OperateJob, RedirectJob},
    operator::{Filter, choice},
    sql::{self, Choice, Meant, Operation, Others, Page, RedirectRow},
};

/// The most recipients that one transaction changes.
const PAGE: u32 = 1000;

impl Queue {
    /// Lets waiting recipients be tried now. Returns how many, as the others do.
    pub async fn retry(&self, filter: &Filter, now: Timestamp) -> Result<u64, QueueError> {
        self.operate(filter, Operation::Retry, None, now).await
    }

    /// Holds waiting recipients until they are released.
    pub async fn hold(
        &self,
        filter: &Filter,
        reason: &str,
        now: Timestamp,
    ) -> Result<u64, QueueError> {
        self.operate(filter, Operation::Hold, Some(reason), now).await
    }

    /// Lets recipients that are held or set aside be tried now.
    pub async fn release(&self, filter: &Filter, now: Timestamp) -> Result<u64, QueueError> {
        self.operate(filter, Operation::Release, None, now).await
    }

    /// Removes recipients without telling their sender. Those that are leased stay: they are being
    /// handed over.
    pub async fn remove(&self, filter: &Filter, now: Timestamp) -> Result<u64, QueueError> {
        self.operate(filter, Operation::Remove, None, now).await
    }

    /// Gives messages to others than they were for: `targets` is where the address `to` leads, as
    /// the directory says. Each of them gets a message once, whoever else gets it; what cannot be
    /// read and what is leased stays as it is.
    pub async fn redirect(
        &self,
        filter: &Filter,
        to: &str,
        targets: &[NewRecipient],
        now: Timestamp,
    ) -> Result<u64, QueueError> {
        let mut search = Search::begin(self, filter, sql::REMOVABLE, None).await?;
        let mut changed = 0u64;
        while let Some(meant) = search.page(self).await? {
            let targets = targets.to_vec();
            let job = RedirectJob { meant, to: to.to_owned(), targets, now };
            let job = Job::Redirect(Box::new(job));
            changed = changed.saturating_add(self.change(job).await?);
        }
        Ok(changed)
    }

    async fn operate(
        &self,
        filter: &Filter,
        operation: Operation,
        reason: Option<&str>,
        now: Timestamp,
    ) -> Result<u64, QueueError> {
        // A retry leaves alone what is due already.
        let due_after = (operation == Operation::Retry).then_some(now);
        let mut search = Search::begin(self, filter, operation.from(), due_after).await?;
        let mut changed = 0u64;
        while let Some(meant) = search.page(self).await? {
            let reason = reason.map(str::to_owned);
            let job = Job::Operate(Box::new(OperateJob { meant, operation, reason, now }));
            changed = changed.saturating_add(self.change(job).await?);
        }
        Ok(changed)
    }

    async fn change(&self, job: Job) -> Result<u64, QueueError> {
        let Answer::Operated(done) = self.submit(job).await? else {
            return Err(QueueError::wrong_answer());
        };
        self.remove_contents(done.finished_files).await;
        Ok(done.changed)
    }
}

/// A search for the recipients that are meant, page by page.
#[derive(Debug)]
pub(super) struct Search {
    choice: Choice,
    states: &'static str,
    due_after: Option<i64>,
    after: i64,
    last: i64,
}

impl Search {
    /// Begins one for recipients in these states (a JSON array), and due later than this.
    pub(super) async fn begin(
        queue: &Queue,
        filter: &Filter,
        states: &'static str,
        due_after: Option<Timestamp>,
    ) -> Result<Self, QueueError> {
        let mut reader = queue.database().reader().acquire().await?;
        let last = sql::last_row(&mut reader).await?;
        let due_after = due_after.map(Timestamp::millis);
        Ok(Self { choice: choice(filter), states, due_after, after: 0, last })
    }

    /// The next page; nothing at the end.
    pub(super) async fn page(&mut self, queue: &Queue) -> Result<Option<Vec<Meant>>, QueueError> {
        let mut reader = queue.database().reader().acquire().await?;
        let page = Page {
            states: self.states,
            due_after: self.due_after,
            after: self.after,
            last: self.last,
            limit: PAGE,
        };
        let meant = sql::choose(&mut reader, &self.choice, &page).await?;
        let Some(last) = meant.last() else { return Ok(None) };
        self.after = last.row;
        Ok(Some(meant))
    }
}

/// The rows of new recipients in the place of redirected ones, with commas between, and the row
/// numbers of those that they take the place of.
pub(crate) fn redirected(
    rows: Vec<RedirectRow>,
    mut others: BTreeMap<String, Others>,
    targets: &[NewRecipient],
) -> (Vec<String>, Vec<String>) {
    let (mut numbers, mut new) = (Vec::new(), Vec::new());
    for row in rows {
        // What can't be read stays set aside.
        let Ok(facts) = serde_json::from_str::<RecipientFacts>(&row.facts) else { continue };
        let beside = others.entry(row.entry.clone()).or_default();
        for target in targets {
            let address = target.address.to_string();
            if !beside.addresses.insert(address.to_ascii_lowercase()) {
                continue;
            }
            beside.last = beside.last.saturating_add(1);
            let facts = facts.redirected(original(&row.address), target);
            let lane = target.lane.to_string();
            let sender = row.of_sender;
            let row = serde_json::json!([row.entry, beside.last, lane, address, facts, sender]);
            new.push(row.to_string());
        }
        numbers.push(row.row.to_string());
    }
    (numbers, new)
}

/// RFC 3461 §4.2: the address that the sender knows. RFC 6533 §3: its type, beyond ASCII.
fn original(address: &str) -> Option<OriginalRecipient> {
    let addr_type = if address.is_ascii() { "rfc822" } else { "utf-8" };
    OriginalRecipient::new(addr_type, address).ok()
}
