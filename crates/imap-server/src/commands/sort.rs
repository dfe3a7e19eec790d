//! SORT and THREAD (RFC 5256): what a search has found, by the keys that the index holds.

use agent_kit::Gone;
use imap_core::{
    command::{Search, SortCriterion, SortKey, ThreadAlgorithm},
    response::{Completion, SearchResponse, ThreadResponse},
    server::Ask,
    thread::{self, Threads},
};
use mail_store::{AccountMailboxes, SortBy, StoreError, Threadable};
use mail_types::{MailboxId, Uid};
use stable_storage::on_blocking_thread;

use crate::{
    handler::Talk,
    progress::Progress,
    search::Found,
    selected::{uid_runs, uid_set},
};

/// How the answer ends, if the client is still there.
type Told = Result<Result<Completion, StoreError>, Gone>;

/// A SORT or THREAD in progress.
pub(super) struct Sorting<'s> {
    pub(super) mailboxes: &'s AccountMailboxes,
    pub(super) mailbox: MailboxId,
    pub(super) ask: &'s Ask<Search>,
}

impl Sorting<'_> {
    /// Tells what was found in the order of a SORT.
    pub(super) async fn tell_sorted(
        &self,
        found: &Found,
        by: &[SortCriterion],
        talk: &mut Talk<'_>,
    ) -> Told {
        if let Err(error) = self.fill(talk).await? {
            return Ok(Err(error));
        }
        let by: Vec<SortBy> = by.iter().map(sort_by).collect();
        let set = uid_set(&uid_runs(&found.uids));
        let sorted = match self.mailboxes.sorted(self.mailbox, &set, &by).await {
            Ok(sorted) => sorted,
            Err(error) => return Ok(Err(error)),
        };
        let done = Completion::ok("SORT completed");
        let mod_seqs = found.mod_seqs(&sorted);
        let session = &*talk.parts().0;
        let numbers: Vec<u32> =
            sorted.iter().filter_map(|uid| self.ask.number(session, *uid)).collect();
        if let Some(wanted) = self.ask.command().returns {
            let (session, wire) = talk.parts();
            self.ask.extended_sorted(session, wire, wanted, (&numbers, mod_seqs));
            self.ask.keep_updating(session, wire, &sorted);
            self.ask.save(session, &sorted);
            return Ok(Ok(done));
        }
        let response = SearchResponse::begin_sorted(&mut talk.parts().1.output);
        for number in numbers {
            response.number(&mut talk.parts().1.output, number);
            talk.drain().await?;
        }
        response.end(&mut talk.parts().1.output, mod_seqs);
        Ok(Ok(done))
    }

    /// Tells what was found in threads.
    pub(super) async fn tell_threads(
        &self,
        found: &Found,
        algorithm: ThreadAlgorithm,
        talk: &mut Talk<'_>,
    ) -> Told {
        if let Err(error) = self.fill(talk).await? {
            return Ok(Err(error));
        }
        let set = uid_set(&uid_runs(&found.uids));
        let threadables = match self.mailboxes.threadables(self.mailbox, &set).await {
            Ok(threadables) => threadables,
            Err(error) => return Ok(Err(error)),
        };
        let session = &*talk.parts().0;
        let messages: Vec<thread::Message> = threadables
            .into_iter()
            .filter_map(|message| Some(told(self.ask.number(session, message.uid)?, message)))
            .collect();
        let threads = match threaded(messages, algorithm).await {
            Ok(threads) => threads,
            Err(error) => return Ok(Err(error)),
        };
        let mut response = ThreadResponse::begin(&mut talk.parts().1.output);
        for thread in 0..threads.len() {
            response.thread(&mut talk.parts().1.output, &threads, thread);
            talk.drain().await?;
        }
        response.end(&mut talk.parts().1.output);
        Ok(Ok(Completion::ok("THREAD completed")))
    }

    /// Lets messages get their keys that came when none were kept.
    async fn fill(&self, talk: &mut Talk<'_>) -> Result<Result<(), StoreError>, Gone> {
        let (mut next, mut progress, mut steps) = (Some(Uid::MIN), Progress::begin(), 0);
        while let Some(from) = next {
            next = match self.mailboxes.fill_sort_keys(self.mailbox, from).await {
                Ok(next) => next,
                Err(error) => return Ok(Err(error)),
            };
            steps += 1;
            progress.tell(talk, steps, None).await?;
        }
        Ok(Ok(()))
    }
}

/// Threads of many messages take their time: not on a thread that others wait for.
async fn threaded(
    messages: Vec<thread::Message>,
    algorithm: ThreadAlgorithm,
) -> Result<Threads, StoreError> {
    on_blocking_thread(move || {
        Ok(match algorithm {
            ThreadAlgorithm::OrderedSubject => thread::by_subject(&messages),
            ThreadAlgorithm::References => thread::by_references(&messages),
        })
    })
    .await
}

fn told(number: u32, message: Threadable) -> thread::Message {
    thread::Message {
        number,
        sent: message.sent,
        subject: message.subject,
        is_reply_or_forward: message.is_reply_or_forward,
        id: message.id,
        references: message.references,
    }
}

pub(super) fn sort_by(criterion: &SortCriterion) -> SortBy {
    let key = match criterion.key {
        SortKey::Arrival => mail_store::SortKey::Arrival,
        SortKey::Cc => mail_store::SortKey::Cc,
        SortKey::Date => mail_store::SortKey::Date,
        SortKey::From => mail_store::SortKey::From,
        SortKey::Size => mail_store::SortKey::Size,
        SortKey::Subject => mail_store::SortKey::Subject,
        SortKey::To => mail_store::SortKey::To,
        SortKey::DisplayFrom => mail_store::SortKey::DisplayFrom,
        SortKey::DisplayTo => mail_store::SortKey::DisplayTo,
    };
    SortBy { key, reverse: criterion.reverse }
}
