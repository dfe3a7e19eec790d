//! SEARCH: which messages of the selected mailbox match.
//!
//! The index answers first, from memory or some hundred rows a query; only what it cannot decide is
//! read from the files, the header before the body. Memory is bounded by a row batch, one header and one piece
//! of a body, whatever is searched.

mod body;
mod judge;
mod notes;
mod words;

use std::ops::Deref;

use agent_kit::Gone;
use imap_core::{UidRuns, command::SearchKey, response::FoundModSeqs};
use mail_store::{AccountMailboxes, Fact, MessageRow, StoreError, StoredEnvelopes, UidSet, Want};
use mail_types::{MailboxId, ModSeq, Timestamp, Uid};
use mime_core::Envelope;

use crate::{
    handler::Talk,
    progress::Progress,
    selected::{runs_of, uid_runs, uid_set},
};
use body::{HEADER_MAX, read_range, scan_body};
use judge::{Evidence, Prepared, body_texts, needs_envelope};
use notes::Notes;
use words::{Needles, fold};

/// Messages that are judged before the client is looked at.
const BATCH: usize = 2000;
/// Envelopes a query.
const ENVELOPES: usize = 500;
/// Less than one of so many messages of a mailbox are looked for one by one.
const FEW: u32 = 100;
/// Messages whose object ids are asked for at once.
const OBJECTS: u32 = 500;

/// A query against the mailbox as a session sees it.
pub(crate) struct Query<'k> {
    key: &'k SearchKey,
    /// What each key of numbers or object ids means.
    named: Notes<'k, UidRuns>,
    /// The words that each key looks for in header fields, folded.
    words: Notes<'k, String>,
    recent: UidRuns,
    candidates: UidRuns,
    began: Timestamp,
}

/// A message, and what is to be said of it.
type Undecided<'m> = (&'m Fact<'m>, &'m mut Option<bool>);

/// What matches.
#[derive(Default)]
pub(crate) struct Found {
    /// Ascending.
    pub(crate) uids: Vec<Uid>,
    /// If the key names a mod-sequence: that of each.
    mod_seqs: Vec<ModSeq>,
}

impl Found {
    /// The mod-sequences of what was found, in its order, or in that of a sort.
    pub(crate) fn mod_seqs(&self, order: &[Uid]) -> Option<FoundModSeqs> {
        if self.mod_seqs.is_empty() {
            return None;
        }
        let mut all = order.iter().filter_map(|uid| {
            let place = self.uids.binary_search(uid).ok()?;
            self.mod_seqs.get(place)
        });
        let mut mod_seqs = FoundModSeqs::of(*all.next()?);
        all.for_each(|mod_seq| mod_seqs.add(*mod_seq));
        Some(mod_seqs)
    }
}

impl<'k> Query<'k> {
    /// `resolve` gives the messages that a key of sequence numbers or UIDs means in the session's
    /// view.
    pub(crate) fn new(
        key: &'k SearchKey,
        candidates: UidRuns,
        recent: UidRuns,
        resolve: impl Fn(&SearchKey) -> UidRuns,
    ) -> Self {
        let (mut named, mut words) = (Vec::new(), Vec::new());
        walk(key, &mut |key| match key {
            SearchKey::Sequence(_) | SearchKey::Uid(_) => named.push((key, resolve(key))),
            SearchKey::Envelope { text, .. }
            | SearchKey::Header { text, .. }
            | SearchKey::Text(text) => words.push((key, fold(text))),
            _ => {}
        });
        let (named, words) = (Notes::default().with(named), Notes::default().with(words));
        let candidates = key.narrowed(candidates, &resolve);
        Self { key, named, words, recent, candidates, began: agent_kit::now() }
    }

    /// The messages that match. Ends when the client is gone.
    pub(crate) async fn run(
        mut self,
        account: &AccountMailboxes,
        mailbox: MailboxId,
        talk: &mut Talk<'_>,
    ) -> Result<Result<Found, Gone>, StoreError> {
        if names_messages_only(self.key)
            && let Some(uids) = self.there(account, mailbox).await?
        {
            return Ok(Ok(Found { uids, ..Found::default() }));
        }
        if let Err(end) = self.name_objects(account, mailbox, talk).await? {
            return Ok(Err(end));
        }
        let mut texts = Vec::new();
        body_texts(self.key, &mut texts);
        let mut needles = Needles::new(texts);
        let (mut found, names_mod_seq) = (Found::default(), self.key.names_mod_seq());
        let uids: Vec<Uid> = self.candidates(account, mailbox).await?.iter().collect();
        let facts = account.facts(mailbox, uids.len()).await?;
        let (mut progress, mut done) = (Progress::begin(), 0);
        for batch in uids.chunks(BATCH) {
            let set: UidSet = batch.iter().copied().collect();
            let rows = match facts {
                Some(_) => Vec::new(),
                None => account.fetch(mailbox, &set, Want::Facts).await?,
            };
            let messages: Vec<Fact<'_>> = match &facts {
                Some(facts) => facts.within(&set).collect(),
                None => rows.iter().map(MessageRow::fact).collect(),
            };
            let verdicts = self.judge_all(account, mailbox, &messages).await?;
            let undecided = messages.iter().zip(&verdicts).filter(|(_, verdict)| verdict.is_none());
            let undecided = undecided.map(|(message, _)| message.uid).collect();
            let mut to_read =
                self.to_read(account, mailbox, &undecided).await?.into_iter().peekable();
            for (message, verdict) in messages.iter().zip(verdicts) {
                let holds = match verdict {
                    Some(holds) => holds,
                    None => {
                        if let Err(end) = progress.tell(talk, done, Some(uids.len())).await {
                            return Ok(Err(end));
                        }
                        // What is in memory is read without waiting: others have their turn between.
                        tokio::task::yield_now().await;
                        match to_read.next_if(|row| row.uid == message.uid) {
                            Some(row) => self.read_and_judge(account, &row, &mut needles).await?,
                            None => false,
                        }
                    }
                };
                done += 1;
                if holds {
                    found.uids.push(message.uid);
                    if names_mod_seq {
                        found.mod_seqs.push(message.modseq);
                    }
                }
            }
            if let Err(end) = progress.tell(talk, done, Some(uids.len())).await {
                return Ok(Err(end));
            }
        }
        Ok(Ok(found))
    }

    /// The candidates that are there: if these are most of the mailbox, no row needs to be looked at.
    async fn there(
        &self,
        account: &AccountMailboxes,
        mailbox: MailboxId,
    ) -> Result<Option<Vec<Uid>>, StoreError> {
        let state = match account.state(mailbox).await {
            Ok(state) => state,
            Err(StoreError::MailboxGone(_)) => return Ok(Some(Vec::new())),
            Err(error) => return Err(error),
        };
        if self.candidates.len() < state.messages / FEW {
            return Ok(None);
        }
        let there = runs_of(&account.numbering(&state).await?);
        Ok(Some(self.candidates.intersection(&there).iter().collect()))
    }

    /// Decides of each message what can be decided without its file.
    async fn judge_all(
        &self,
        account: &AccountMailboxes,
        mailbox: MailboxId,
        messages: &[Fact<'_>],
    ) -> Result<Vec<Option<bool>>, StoreError> {
        let by_fact = |message: &Fact<'_>| self.known(*message, None::<&Envelope>).judge(self.key);
        let mut verdicts: Vec<_> = messages.iter().map(by_fact).collect();
        if !needs_envelope(self.key) {
            return Ok(verdicts);
        }
        let undecided = messages.iter().zip(&mut verdicts);
        let mut undecided: Vec<_> = undecided.filter(|(_, verdict)| verdict.is_none()).collect();
        let mut portions = undecided.chunks_mut(ENVELOPES);
        let mut now = portions.next();
        let mut envelopes = envelopes_of(account, mailbox, now.as_deref()).await?;
        while let (Some(portion), Some(stored)) = (now, envelopes) {
            let next = portions.next();
            // The index looks for the next ones meanwhile.
            let asked = envelopes_of(account, mailbox, next.as_deref());
            let (asked, judged) = tokio::join!(asked, async {
                for (message, verdict) in portion {
                    if let Some(envelope) = stored.of(message.uid)? {
                        **verdict = self.known(**message, Some(&envelope)).judge(self.key);
                    }
                }
                Ok::<_, StoreError>(())
            });
            judged?;
            (now, envelopes) = (next, asked?);
        }
        Ok(verdicts)
    }

    /// The rows of messages whose files decide.
    async fn to_read(
        &self,
        account: &AccountMailboxes,
        mailbox: MailboxId,
        undecided: &UidSet,
    ) -> Result<Vec<MessageRow>, StoreError> {
        if undecided.is_empty() {
            return Ok(Vec::new());
        }
        account.fetch(mailbox, undecided, Want::Details).await
    }

    /// Finds the messages that keys of object ids mean (RFC 8474 §6).
    async fn name_objects(
        &mut self,
        account: &AccountMailboxes,
        mailbox: MailboxId,
        talk: &mut Talk<'_>,
    ) -> Result<Result<(), Gone>, StoreError> {
        let (mut wanted, mut found) = (Vec::new(), Vec::new());
        let (mut progress, mut done) = (Progress::begin(), 0);
        walk(self.key, &mut |key| {
            if matches!(key, SearchKey::EmailId(_) | SearchKey::ThreadId(_)) {
                wanted.push(key);
                found.push(Vec::new());
            }
        });
        let mut rest = if wanted.is_empty() { UidRuns::new() } else { self.candidates.clone() };
        while !rest.is_empty() {
            let portion;
            (portion, rest) = rest.split_at(OBJECTS);
            for ids in account.object_ids(mailbox, &uid_set(&portion)).await? {
                let (email, thread) = (ids.email.to_string(), ids.thread.to_string());
                for (key, found) in wanted.iter().zip(&mut found) {
                    let is_it = match key {
                        SearchKey::EmailId(id) => id.as_str() == email,
                        SearchKey::ThreadId(id) => id.as_str() == thread,
                        _ => false,
                    };
                    if is_it {
                        found.push(ids.uid);
                    }
                }
            }
            done += portion.len() as usize;
            if let Err(end) = progress.tell(talk, done, Some(self.candidates.len() as usize)).await
            {
                return Ok(Err(end));
            }
        }
        let found = found.into_iter().map(|uids| uid_runs(&uids));
        self.named = std::mem::take(&mut self.named).with(wanted.into_iter().zip(found));
        Ok(Ok(()))
    }

    /// The candidates, without those that changed too long ago to match: the index knows which
    /// changed since, whatever else is in the mailbox.
    async fn candidates(
        &self,
        account: &AccountMailboxes,
        mailbox: MailboxId,
    ) -> Result<UidRuns, StoreError> {
        let Some(ModSeq(least)) = least_mod_seq(self.key) else {
            return Ok(self.candidates.clone());
        };
        let since = ModSeq(least.saturating_sub(1));
        let changed = account.changed_since(mailbox, since).await?;
        Ok(self.candidates.intersection(&uid_runs(&changed)))
    }

    fn known<'m, O>(
        &'m self,
        fact: Fact<'m>,
        envelope: Option<&'m Envelope<O>>,
    ) -> Evidence<'m, Self, O>
    where
        O: Deref<Target = [u8]>,
    {
        Evidence { fact, query: self, envelope, header: None, found: None }
    }

    /// Decides by what stands in the file. A message that is gone meanwhile does not match.
    async fn read_and_judge(
        &self,
        account: &AccountMailboxes,
        row: &MessageRow,
        needles: &mut Needles,
    ) -> Result<bool, StoreError> {
        let Some(details) = &row.details else { return Ok(false) };
        let reader = match account.read(&row.file).await {
            Ok(reader) => reader,
            Err(StoreError::MessageGone) => return Ok(false),
            Err(error) => return Err(error),
        };
        let root = &details.structure.root;
        let header = read_range(&reader, &root.header, HEADER_MAX).await?;
        let known = self.known(row.fact(), Some(&details.envelope));
        let with_header = Evidence { header: Some(&header), ..known };
        if let Some(holds) = with_header.judge(self.key) {
            return Ok(holds);
        }
        needles.restart();
        scan_body(&reader, root, needles).await?;
        let with_all = Evidence { found: Some(needles), ..with_header };
        Ok(with_all.judge(self.key).unwrap_or(false))
    }
}

impl Prepared for Query<'_> {
    fn named_by(&self, key: &SearchKey) -> &UidRuns {
        static NOTHING: UidRuns = UidRuns::new();
        self.named.of(key).unwrap_or(&NOTHING)
    }

    fn words_of(&self, key: &SearchKey) -> &str {
        self.words.of(key).map_or("", String::as_str)
    }

    fn is_recent(&self, uid: Uid) -> bool {
        self.recent.contains(uid)
    }

    fn began(&self) -> Timestamp {
        self.began
    }
}

/// The envelopes of messages; none if there are no more of those.
async fn envelopes_of(
    account: &AccountMailboxes,
    mailbox: MailboxId,
    messages: Option<&[Undecided<'_>]>,
) -> Result<Option<StoredEnvelopes>, StoreError> {
    let Some(messages) = messages else { return Ok(None) };
    let uids = messages.iter().map(|(message, _)| message.uid).collect();
    account.envelopes(mailbox, &uids).await.map(Some)
}

/// Calls `found` for every key that has no other in it.
fn walk<'k>(key: &'k SearchKey, found: &mut impl FnMut(&'k SearchKey)) {
    match key {
        SearchKey::And(keys) => keys.iter().for_each(|key| walk(key, found)),
        SearchKey::Or(pair) => {
            walk(&pair.0, found);
            walk(&pair.1, found);
        }
        SearchKey::Not(key) => walk(key, found),
        key => found(key),
    }
}

/// Whether a key says which messages and nothing else, so that [`SearchKey::narrowed`] leaves what matches.
fn names_messages_only(key: &SearchKey) -> bool {
    match key {
        SearchKey::All | SearchKey::Sequence(_) | SearchKey::Uid(_) => true,
        SearchKey::And(keys) => keys.iter().all(names_messages_only),
        _ => false,
    }
}

/// The mod-sequence below which nothing matches.
fn least_mod_seq(key: &SearchKey) -> Option<ModSeq> {
    match key {
        SearchKey::ModSeq(least) => Some(*least),
        SearchKey::And(keys) => keys.iter().filter_map(least_mod_seq).max(),
        _ => None,
    }
}
