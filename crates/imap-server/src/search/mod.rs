//! SEARCH: which messages of the selected mailbox match.
//!
//! The index answers first, from memory or some hundred rows a query; only what it cannot decide is
//! read from the files, the header before the body. Memory is bounded by a row batch, one header and one piece
//! of a body, whatever is searched.

mod judge;
mod notes;
mod words;

use std::ops::{Deref, Range};

use agent_kit::Gone;
use imap_core::{UidRuns, command::SearchKey, response::FoundModSeqs};
use mail_store::{
    AccountMailboxes, Fact, MessageReader, MessageRow, StoreError, StoredEnvelopes, UidSet, Want,
};
use mail_types::{MailboxId, ModSeq, Timestamp, Uid};
use mime_core::{
    Envelope,
    body_structure::{Content, Part},
    reading::SearchText,
    text::decode_header,
};

use crate::{
    handler::Talk,
    progress::Progress,
    selected::{runs_of, uid_runs, uid_set},
};
use judge::{Evidence, Prepared, body_texts, needs_envelope};
use notes::Notes;
use words::{Needles, fold};

/// Messages that are judged before the client is looked at.
const BATCH: usize = 2000;
/// Envelopes a query.
const ENVELOPES: usize = 500;
/// Messages whose object ids are asked for at once.
const OBJECTS: u32 = 500;
/// Octets of a message read at once.
const PIECE: usize = 64 * 1024;
/// The most octets of a header that are looked at.
const HEADER_MAX: u64 = 1024 * 1024;

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
        if names_messages_only(self.key) {
            // What the numbers leave is what is wanted, if it is there: no row needs to be looked at.
            let there = match account.state(mailbox).await {
                Ok(state) => runs_of(&account.numbering(&state).await?),
                Err(StoreError::MailboxGone(_)) => UidRuns::new(),
                Err(error) => return Err(error),
            };
            let uids = self.candidates.intersection(&there).iter().collect();
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

async fn read_range(
    reader: &MessageReader,
    range: &Range<u64>,
    limit: u64,
) -> Result<Vec<u8>, StoreError> {
    let length = range.end.saturating_sub(range.start).min(limit);
    reader.read_at(range.start, usize::try_from(length).unwrap_or(usize::MAX)).await
}

/// Looks for the words in the text of all parts: decoded text parts, the headers of parts and of
/// messages inside (a file's name stands there).
async fn scan_body(
    reader: &MessageReader,
    root: &Part,
    needles: &mut Needles,
) -> Result<(), StoreError> {
    let mut open = vec![(root, true)];
    while let Some((part, is_root)) = open.pop() {
        if needles.all_found() {
            return Ok(());
        }
        if !is_root {
            let header = read_range(reader, &part.header, HEADER_MAX).await?;
            for field in mime_core::header::fields(&header) {
                needles.take(&decode_header(field.value));
            }
        }
        match &part.content {
            Content::Multipart(parts) => open.extend(parts.iter().rev().map(|part| (part, false))),
            Content::Message(message) => open.push((&message.part, false)),
            Content::Leaf => {
                // What a reader sees side by side may be apart in the source of HTML, and what
                // stands in the source may not be seen: both are looked through.
                let shown = SearchText::new(part, true);
                let is_html = shown.as_ref().is_some_and(SearchText::is_html);
                let source = SearchText::source(part, true).filter(|_| is_html);
                for text in [shown, source].into_iter().flatten() {
                    scan_text(reader, part, text, needles).await?;
                }
            }
        }
    }
    Ok(())
}

async fn scan_text(
    reader: &MessageReader,
    part: &Part,
    mut search: SearchText,
    needles: &mut Needles,
) -> Result<(), StoreError> {
    let (mut at, mut text) = (part.body.start, String::new());
    let push = if search.is_html() { Needles::push_shown } else { Needles::push };
    while at < part.body.end && !needles.all_found() {
        let length = usize::try_from(part.body.end - at).unwrap_or(PIECE).min(PIECE);
        let piece = reader.read_at(at, length).await?;
        if piece.is_empty() {
            break;
        }
        at += piece.len() as u64;
        search.push(&piece, &mut text);
        push(needles, &text);
        text.clear();
    }
    search.finish(&mut text);
    push(needles, &text);
    needles.end_of_text();
    Ok(())
}
