//! FETCH and UID FETCH (RFC 3501 §6.4.5, RFC 7162 §3.1.4, §3.2.6).
//!
//! Rows come from the index some hundred at a time, one query each; what a response needs of the
//! file is opened before its first octet is rendered, so that a message which is gone gets no
//! response at all.

use agent_kit::Gone;
use imap_core::{
    UidRuns,
    command::{Fetch, FetchItem, Numbering},
    response::{Code, Completion},
    server::{Ask, Changes},
};
use mail_store::{AccountMailboxes, FlagChange, MessageReader, MessageRow, StoreError, Want};
use mail_types::{Flag, FlagSet, MailboxId, Right};

use super::{
    fetch_content::{Content, needs_structure},
    fetch_derived::Derived,
    fetch_facts::index_item,
    missed::vanished,
    store::tell_keywords,
};
use crate::{
    handler::{Conversation, Talk},
    selected::{Selected, uid_runs, uid_set},
    trouble,
};

/// Rows a query, if what was parsed at delivery is not wanted.
const ROWS: u32 = 1000;
/// So many messages are brought from the disk ahead of those that are told.
const AHEAD: usize = 32;
/// Rows a query with what was parsed at delivery.
const DETAILED_ROWS: u32 = 200;

impl Conversation {
    pub(crate) async fn fetch(&mut self, ask: Ask<Fetch>, talk: &mut Talk<'_>) -> Result<(), Gone> {
        let completion = match (&self.signed_in, &mut self.selected) {
            (Some(_), Some(selected)) => {
                // RFC 4314 §4: without the right nothing is marked.
                let mark_seen = ask.command().marks_seen()
                    && !talk.parts().0.is_read_only()
                    && selected.rights.has(Right::Seen);
                let mailboxes = selected.mailboxes.clone();
                let cause = Cause::Command(&ask);
                let fetching = Fetching { mailboxes, fetch: ask.command(), cause, mark_seen };
                fetching.run(&ask, selected, talk).await?
            }
            _ => trouble::out_of_order(),
        };
        let (session, wire) = talk.parts();
        ask.finish(session, wire, completion);
        Ok(())
    }
}

/// Tells of messages that are new what the client wanted to hear of such (RFC 5465 §5.2). None is
/// marked, and what is gone already is passed over.
pub(super) async fn tell_new(
    news: &Ask<Changes>,
    (fetch, new): (&Fetch, &UidRuns),
    selected: &mut Selected,
    talk: &mut Talk<'_>,
) -> Result<(), Gone> {
    let mailboxes = selected.mailboxes.clone();
    let fetching = Fetching { mailboxes, fetch, cause: Cause::News(news), mark_seen: false };
    if let Err(error) = fetching.tell_all(new, selected, talk).await? {
        tracing::error!(error = &error as &dyn std::error::Error, "news can't be read");
    }
    Ok(())
}

/// One FETCH in progress.
pub(super) struct Fetching<'f> {
    pub(super) mailboxes: AccountMailboxes,
    pub(super) fetch: &'f Fetch,
    cause: Cause<'f>,
    mark_seen: bool,
}

/// Why messages are told of.
#[derive(Clone, Copy)]
enum Cause<'f> {
    Command(&'f Ask<Fetch>),
    News(&'f Ask<Changes>),
}

impl<'f> Cause<'f> {
    fn command(self) -> Option<&'f Ask<Fetch>> {
        match self {
            Self::Command(ask) => Some(ask),
            Self::News(_) => None,
        }
    }
}

impl Fetching<'_> {
    async fn run(
        &self,
        ask: &Ask<Fetch>,
        selected: &mut Selected,
        talk: &mut Talk<'_>,
    ) -> Result<Completion, Gone> {
        let wanted = match self.wanted(ask, selected).await {
            Ok(wanted) => wanted,
            Err(error) => return Ok(trouble::completion(&error)),
        };
        if let Some(missed) = ask.missed(talk.parts().0, selected.uid_next) {
            match vanished(&self.mailboxes, selected.id, &missed).await {
                Ok(gone) => ask.vanished(talk.parts().1, &gone),
                Err(error) => return Ok(trouble::completion(&error)),
            }
            talk.drain().await?;
        }
        let Tally { told, undecodable } = match self.tell_all(&wanted, selected, talk).await? {
            Ok(tally) => tally,
            Err(error) => return Ok(trouble::completion(&error)),
        };
        if undecodable {
            // RFC 3516 §4.3.
            let unknown = "A part is encoded in a way that is not known here";
            return Ok(Completion::no(Code::UnknownCte, unknown));
        }
        // UIDs without a message are passed over (RFC 3501 §6.4.8).
        let missing = told < wanted.len();
        if missing && self.fetch.numbering == Numbering::Sequence {
            return Ok(trouble::expunge_issued());
        }
        Ok(Completion::ok("FETCH completed"))
    }

    /// The responses of some messages.
    async fn tell_all(
        &self,
        wanted: &UidRuns,
        selected: &mut Selected,
        talk: &mut Talk<'_>,
    ) -> Result<Result<Tally, StoreError>, Gone> {
        // The lowest one comes first otherwise.
        let highest_first = self.cause.command().is_some() && talk.parts().0.highest_first();
        if !self.fetch.reads_content() && !highest_first {
            let number = usize::try_from(wanted.len()).unwrap_or(usize::MAX);
            match self.mailboxes.facts(selected.id, number).await {
                Ok(Some(facts)) => return self.tell_facts(&facts, wanted, selected, talk).await,
                Ok(None) => {}
                Err(error) => return Ok(Err(error)),
            }
        }
        let (mut rest, mut told, mut undecodable) = (wanted.clone(), 0, false);
        let detailed = self.want() == Want::Details || Derived::is_wanted(self.fetch);
        let reads = self.fetch.reads_content();
        let portion_size = if detailed { DETAILED_ROWS } else { ROWS };
        while !rest.is_empty() {
            let portion;
            (portion, rest) = next_portion(&rest, portion_size, highest_first);
            let mut rows = match self.rows(selected, &portion).await {
                Ok(rows) => rows,
                Err(error) => return Ok(Err(error)),
            };
            let derived = match self.derived(selected.id, &portion).await {
                Ok(derived) => derived,
                Err(error) => return Ok(Err(error)),
            };
            if highest_first {
                rows.reverse();
            }
            for (place, (row, marked)) in rows.iter().enumerate() {
                if reads && place.is_multiple_of(AHEAD) {
                    self.read_ahead(&rows, place);
                }
                self.tell_keywords(&row.flags, selected, talk);
                match self.tell((row, &derived), *marked, talk).await? {
                    Ok(Told::Whole) => told += 1,
                    Ok(Told::Gone) => {}
                    Ok(Told::Undecodable) => undecodable = true,
                    Err(error) => return Ok(Err(error)),
                }
            }
        }
        Ok(Ok(Tally { told, undecodable }))
    }

    /// Lets the messages come that are read next, while those before them are told.
    fn read_ahead(&self, rows: &[(MessageRow, bool)], place: usize) {
        let begin = if place == 0 { 0 } else { place + AHEAD };
        let next = rows.get(begin..).unwrap_or_default().iter();
        let count = if place == 0 { 2 * AHEAD } else { AHEAD };
        self.mailboxes.read_ahead(next.take(count).map(|(row, _)| &row.file));
    }

    /// The messages of the command; with CHANGEDSINCE, those of them that changed later
    /// (RFC 7162 §3.1.4.1).
    async fn wanted(&self, ask: &Ask<Fetch>, selected: &Selected) -> Result<UidRuns, StoreError> {
        let named = ask.messages();
        let Some(since) = self.fetch.changed_since else { return Ok(named.clone()) };
        let changed = self.mailboxes.changed_since(selected.id, since).await?;
        Ok(named.intersection(&uid_runs(&changed)))
    }

    pub(super) fn want(&self) -> Want {
        let parsed = |item: &FetchItem| match item {
            FetchItem::Envelope
            | FetchItem::Body
            | FetchItem::BodyStructure
            | FetchItem::Binary { .. }
            | FetchItem::BinarySize(_) => true,
            item => item.section().is_some_and(|(section, _)| needs_structure(section)),
        };
        if self.fetch.items.iter().any(parsed) { Want::Details } else { Want::Facts }
    }

    /// The rows of a portion, and of each whether it was marked `\Seen` just now.
    async fn rows(
        &self,
        selected: &mut Selected,
        portion: &UidRuns,
    ) -> Result<Vec<(MessageRow, bool)>, StoreError> {
        let mailboxes = &self.mailboxes;
        let rows = mailboxes.fetch(selected.id, &uid_set(portion), self.want()).await?;
        let mut rows: Vec<_> = rows.into_iter().map(|row| (row, false)).collect();
        let unseen = |(row, _): &&(MessageRow, bool)| !row.flags.contains(&Flag::Seen);
        if !self.mark_seen || !rows.iter().any(|row| unseen(&row)) {
            return Ok(rows);
        }
        let uids = rows.iter().filter(unseen).map(|(row, _)| row.uid..=row.uid).collect();
        let seen: FlagSet = [Flag::Seen].into_iter().collect();
        let stored = mailboxes.store_flags(selected.id, &uids, FlagChange::Add(seen), None).await?;
        for done in stored.done {
            selected.own_changes.insert(done.uid, done.modseq);
            if let Ok(at) = rows.binary_search_by_key(&done.uid, |(row, _)| row.uid)
                && let Some((row, marked)) = rows.get_mut(at)
            {
                (row.flags, row.modseq, *marked) = (done.flags, done.modseq, true);
            }
        }
        Ok(rows)
    }

    /// What is kept of a portion beside its rows, if it is asked for.
    pub(super) async fn derived(
        &self,
        mailbox: MailboxId,
        portion: &UidRuns,
    ) -> Result<Derived, StoreError> {
        let command = self.fetch;
        if !Derived::is_wanted(command) {
            return Ok(Derived::default());
        }
        Derived::of(&self.mailboxes, mailbox, portion, command).await
    }

    /// What another session gave a name to a moment ago, before the first message that has it.
    pub(super) fn tell_keywords(
        &self,
        flags: &FlagSet,
        selected: &mut Selected,
        talk: &mut Talk<'_>,
    ) {
        if flags.keywords().is_empty() {
            return;
        }
        let flags = std::iter::once(flags);
        match self.cause {
            Cause::Command(ask) => tell_keywords(ask, flags, selected, talk),
            // What NOTIFY does not want to hear of waits for the message that shows it.
            Cause::News(ask) if self.fetch.items.contains(&FetchItem::Flags) => {
                tell_keywords(ask, flags, selected, talk);
            }
            Cause::News(_) => {}
        }
    }

    /// The response for one message.
    async fn tell(
        &self,
        (row, derived): (&MessageRow, &Derived),
        marked: bool,
        talk: &mut Talk<'_>,
    ) -> Result<Result<Told, StoreError>, Gone> {
        if talk.parts().0.view().is_none_or(|view| !view.uids().contains(row.uid)) {
            return Ok(Ok(Told::Gone));
        }
        let recent = talk.parts().0.is_recent(row.uid);
        let source = match Source::open(self, row).await {
            Ok(source) => source,
            Err(StoreError::MessageGone) => return Ok(Ok(Told::Gone)),
            Err(error) => return Ok(Err(error)),
        };
        if source.contents.iter().any(Content::is_unknown) {
            return Ok(Ok(Told::Undecodable));
        }
        let items = &self.fetch.items;
        let (session, wire) = talk.parts();
        let Some(mut response) = session.begin_fetch(&mut wire.output, row.uid) else {
            return Ok(Ok(Told::Gone));
        };
        let mut contents = source.contents.iter();
        for item in items {
            if item.section().is_none() && item.decoded().is_none() {
                let out = &mut talk.parts().1.output;
                index_item(&mut response, out, item, (&row.fact(), row.details.as_ref()), recent);
                derived.tell(&mut response, out, item, row.uid);
            } else if let (Some(content), Some(reader)) = (contents.next(), &source.reader) {
                content.tell(reader, item, &mut response, talk).await?;
            }
        }
        let (session, wire) = talk.parts();
        let out = &mut wire.output;
        if marked {
            let command = self.cause.command();
            for item in command.into_iter().flat_map(|ask| ask.items_if_marked(session)) {
                index_item(&mut response, out, item, (&row.fact(), row.details.as_ref()), recent);
            }
        }
        response.end(out);
        talk.drain().await?;
        Ok(Ok(Told::Whole))
    }
}

/// So many of the messages that are left, and the others.
fn next_portion(rest: &UidRuns, count: u32, highest_first: bool) -> (UidRuns, UidRuns) {
    if highest_first {
        let (others, portion) = rest.split_at(rest.len().saturating_sub(count));
        (portion, others)
    } else {
        rest.split_at(count)
    }
}

/// What became of all responses.
pub(super) struct Tally {
    /// How many are whole.
    pub(super) told: u32,
    /// Some part is encoded in a way that nobody knows.
    pub(super) undecodable: bool,
}

/// What became of a message's response.
enum Told {
    Whole,
    /// There is none, because the message is gone.
    Gone,
    /// There is none, because a part is encoded in a way that nobody knows.
    Undecodable,
}

/// What a response takes from a message's file.
struct Source {
    reader: Option<MessageReader>,
    /// For each item with a section, in their order.
    contents: Vec<Content>,
}

impl Source {
    async fn open(fetching: &Fetching<'_>, row: &MessageRow) -> Result<Self, StoreError> {
        let fetch = fetching.fetch;
        if !fetch.reads_content() {
            return Ok(Self { reader: None, contents: Vec::new() });
        }
        let reader = fetching.mailboxes.read(&row.file).await?;
        let mut contents = Vec::new();
        for item in &fetch.items {
            if let Some((section, partial)) = item.section() {
                contents.push(Content::of(&reader, row, section, partial).await?);
            } else if let Some((part, partial)) = item.decoded() {
                contents.push(Content::decoded(&reader, row, part, partial).await?);
            }
        }
        Ok(Self { reader: Some(reader), contents })
    }
}
