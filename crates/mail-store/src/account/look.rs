//! What can be asked of an account's mailboxes without changing them.

use std::{collections::HashSet, path::Path, sync::Arc};

use mail_types::{Keyword, MailboxId, MailboxName, ModSeq, Uid};
use stable_storage::{open_cached, read_ahead, read_cached};

use super::{AccountMailboxes, Pending};
use crate::{
    Changes, Facts, ListedMailbox, MailboxState, MessageFile, MessageReader, MessageRow, SortBy,
    StoreError, StoredDetails, StoredEnvelopes, Threadable, Totals, UidSet, Want, Watch,
    changes::keys,
    comparing::When,
    facts_kept,
    index::{Here, listed},
    listing,
};

/// Of a larger message only the beginning is brought from the disk ahead of its reader.
const AHEAD_OCTETS: u64 = 256 * 1024;

/// Whether a file's name and first octet are in memory.
fn is_cached(path: &Path) -> bool {
    match open_cached(path) {
        Ok(Some(file)) => matches!(read_cached(&file, 0, &mut [0]), Ok(Some(_))),
        _ => false,
    }
}

impl AccountMailboxes {
    /// All names: mailboxes, what lies above them, and what is only subscribed; sorted.
    pub fn list(&self) -> Pending<'_, Vec<ListedMailbox>> {
        Box::pin(
            self.ask_here(|here| Ok(listing::list(&here.mailboxes()?, &here.subscriptions()?))),
        )
    }

    /// A mailbox by its name. Costs the same whatever is in it.
    pub fn mailbox<'a>(&'a self, name: &'a MailboxName) -> Pending<'a, MailboxState> {
        let name = name.clone();
        Box::pin(self.ask_here(move |here| {
            here.state_of_name(&name)?.ok_or_else(|| StoreError::NoSuchMailbox(name))
        }))
    }

    /// A mailbox by its id, which it keeps when it is renamed.
    pub fn state(&self, mailbox: MailboxId) -> Pending<'_, MailboxState> {
        Box::pin(self.ask_here(move |here| here.state_of(mailbox)))
    }

    /// All mailboxes with their counters, in one query.
    pub fn states(&self) -> Pending<'_, Vec<MailboxState>> {
        Box::pin(self.ask_here(Here::states))
    }

    /// The UIDs that were in the mailbox at the moment of `state`, ascending: what a session's
    /// sequence numbers are made of. Messages that came or went since don't matter, so this can
    /// be asked when the first sequence number is needed.
    pub fn uids<'a>(&'a self, state: &'a MailboxState) -> Pending<'a, Vec<Uid>> {
        let (mailbox, since) = (state.id, state.highest_modseq);
        let below = i64::from(state.uid_next.number());
        Box::pin(self.ask_here(move |here| here.uids_at(mailbox, since, below)))
    }

    /// The same as ranges; of a mailbox without a gap between its UIDs, however large, at no cost.
    pub fn numbering<'a>(&'a self, state: &'a MailboxState) -> Pending<'a, UidSet> {
        let (mailbox, since) = (state.id, state.highest_modseq);
        let below = i64::from(state.uid_next.number());
        Box::pin(self.ask_here(move |here| here.numbering_at(mailbox, since, below)))
    }

    /// The keywords that messages of the mailbox have, sorted.
    pub fn keywords(&self, mailbox: MailboxId) -> Pending<'_, Vec<Keyword>> {
        Box::pin(self.ask_here(move |here| here.keywords_in_use(mailbox)))
    }

    /// What happened since a modseq, and the mailbox as it is now. If it was nothing, one query; one
    /// as well for all who ask while it waits for its turn.
    pub fn changes(&self, mailbox: MailboxId, since: ModSeq) -> Pending<'_, Arc<Changes>> {
        let query = self.ask_here(move |here| here.changes(mailbox, since));
        Box::pin(self.store.shared.asked.ask(self.id, mailbox, since, query))
    }

    /// Which messages went after a modseq, ascending; none if the log does not reach back so far,
    /// and it must be told in another way (RFC 7162 §3.2.6).
    pub fn expunged_since(
        &self,
        mailbox: MailboxId,
        since: ModSeq,
    ) -> Pending<'_, Option<Vec<Uid>>> {
        Box::pin(self.ask_here(move |here| here.logged_since(mailbox, since)))
    }

    /// Which messages came or changed after a modseq, ascending (RFC 7162 §3.1.4.1).
    pub fn changed_since(&self, mailbox: MailboxId, since: ModSeq) -> Pending<'_, Vec<Uid>> {
        Box::pin(self.ask_here(move |here| here.uids_changed_since(mailbox, since)))
    }

    /// The messages of the set, sorted; equal ones by UID. If they were sorted so a moment ago and none
    /// came or went, that is remembered; else one query, whose cost goes with their number.
    pub fn sorted<'a>(
        &'a self,
        mailbox: MailboxId,
        uids: &'a UidSet,
        by: &'a [SortBy],
    ) -> Pending<'a, Vec<Uid>> {
        let (orders, key) = (self.store.shared.orders.clone(), (self.id, mailbox));
        let (uids, by) = (uids.clone(), by.to_vec());
        Box::pin(self.ask_here(move |here| orders.sorted(here, key, &uids, &by)))
    }

    /// What the messages of the set are threaded by, by UID; one query.
    pub fn threadables<'a>(
        &'a self,
        mailbox: MailboxId,
        uids: &'a UidSet,
    ) -> Pending<'a, Vec<Threadable>> {
        let uids = uids.clone();
        Box::pin(self.ask_here(move |here| here.threadables(mailbox, &uids)))
    }

    /// Before [`AccountMailboxes::sorted`] and [`AccountMailboxes::threadables`]: messages that
    /// came when their keys were not kept get them, some hundred at a time. Answers where to go on;
    /// none if all have theirs.
    pub fn fill_sort_keys(&self, mailbox: MailboxId, from: Uid) -> Pending<'_, Option<Uid>> {
        Box::pin(async move {
            if !self.ask_here(move |here| here.are_keys_missing(mailbox)).await? {
                return Ok(None);
            }
            self.to_the_end(move |_, borrowed| async move {
                Ok((keys::fill(borrowed.account()?, mailbox, from).await?, Vec::new()))
            })
            .await
        })
    }

    /// The messages of the set that exist, by UID; one query. Ask for some hundreds at a time, and
    /// write to the peer between.
    pub fn fetch<'a>(
        &'a self,
        mailbox: MailboxId,
        uids: &'a UidSet,
        want: Want,
    ) -> Pending<'a, Vec<MessageRow>> {
        let uids = uids.clone();
        Box::pin(self.ask_here(move |here| here.messages_of(mailbox, &uids, want)))
    }

    /// What was parsed of the messages of the set that exist, and perhaps of some that went a moment ago;
    /// one query, as above.
    pub fn details<'a>(
        &'a self,
        mailbox: MailboxId,
        uids: &'a UidSet,
    ) -> Pending<'a, StoredDetails> {
        let uids = uids.clone();
        Box::pin(self.ask_here(move |here| here.details(mailbox, &uids)))
    }

    /// The header fields of ENVELOPE of the same messages; one query, as above.
    pub fn envelopes<'a>(
        &'a self,
        mailbox: MailboxId,
        uids: &'a UidSet,
    ) -> Pending<'a, StoredEnvelopes> {
        let uids = uids.clone();
        Box::pin(self.ask_here(move |here| here.envelopes(mailbox, &uids)))
    }

    /// What the index says of the messages of a mailbox, from memory, for who wants to know it of
    /// this many. None if it is asked for by rows: [`AccountMailboxes::fetch`]; also if it can't be
    /// read, so that the error is met there.
    pub fn facts(&self, mailbox: MailboxId, wanted: usize) -> Pending<'_, Option<Arc<Facts>>> {
        Box::pin(async move {
            let borrowed = self.borrow().await?;
            let (index, key) = (&borrowed.account()?.index, (self.id, mailbox));
            let kept = self.store.shared.facts.clone();
            let found = facts_kept::now(kept, index, key, wanted).await;
            Ok(found.unwrap_or_default())
        })
    }

    /// Opens a message's bytes. [`StoreError::MessageGone`] if it was expunged meanwhile.
    pub fn read<'a>(&'a self, file: &'a MessageFile) -> Pending<'a, MessageReader> {
        Box::pin(async move {
            if let Some(reader) = self.open_file(file).await? {
                return Ok(reader);
            }
            // Renamed since the query, by us or by another tool; or gone.
            for compare in [false, true] {
                if compare {
                    self.compare(file.mailbox, When::Always).await?;
                }
                let uids = UidSet::from(file.uid);
                let now = self.fetch(file.mailbox, &uids, Want::Facts).await?.pop();
                let now = now.ok_or(StoreError::MessageGone)?;
                if let Some(reader) = self.open_file(&now.file).await? {
                    return Ok(reader);
                }
            }
            Err(StoreError::MessageGone)
        })
    }

    /// These messages will be read soon, in this order. If they must come from the disk, the kernel
    /// begins to bring them, so that nobody waits for one after the other. What can't be opened
    /// here is met when it is read.
    pub fn read_ahead<'f>(&self, files: impl Iterator<Item = &'f MessageFile>) {
        let maildir = self.store.shared.maildir(self.id);
        let mut paths = files.map(|file| (maildir.path(&file.path), file.size)).peekable();
        // Those that stand together are in memory together, or not.
        let cached = paths.peek().is_none_or(|(path, _)| is_cached(path));
        if cached {
            return;
        }
        let paths: Vec<_> = paths.collect();
        tokio::task::spawn_blocking(move || {
            for (path, size) in paths {
                let _ = read_ahead(&path, size.min(AHEAD_OCTETS));
            }
        });
    }

    /// The highest messages of the set that have `\Deleted`, ascending, at most so many; one query,
    /// whose cost goes with the messages of the set.
    pub fn deleted<'a>(
        &'a self,
        mailbox: MailboxId,
        uids: &'a UidSet,
        at_most: u32,
    ) -> Pending<'a, Vec<Uid>> {
        let uids = uids.clone();
        Box::pin(self.ask_here(move |here| here.deleted(mailbox, &uids, at_most)))
    }

    /// Octets of a mailbox's messages that have `\Deleted`. Not kept but added up: ask only if
    /// there are some.
    pub fn deleted_octets(&self, mailbox: MailboxId) -> Pending<'_, u64> {
        Box::pin(self.ask_here(move |here| here.deleted_octets(mailbox)))
    }

    /// What file names of all messages have that never changes, whatever mailbox they are in: of a
    /// message in a copied index the same tells whether it is still here.
    pub fn unique_names(&self) -> Pending<'_, HashSet<String>> {
        Box::pin(self.ask(move |mut look| async move { listed::uniques(&mut look).await }))
    }

    /// Octets and messages of all mailboxes.
    pub fn totals(&self) -> Pending<'_, Totals> {
        Box::pin(self.ask_here(Here::totals))
    }

    /// Wakes when the mailbox changes, in whichever process. It may wake for nothing.
    pub fn watch(&self, mailbox: MailboxId) -> Watch {
        self.store.shared.watchers.watch(self.id, mailbox)
    }

    /// Looks for what other tools did to the mailbox's folder and takes it over; true if there was
    /// something. Cheap if there wasn't. Do it beside SELECT, not in it. If somebody else is at it, waits
    /// for that.
    ///
    /// A large folder whose times show nothing is looked at by whoever follows changes, some time later:
    /// who watches the mailbox hears of what is found.
    pub fn refresh(&self, mailbox: MailboxId) -> Pending<'_, bool> {
        Box::pin(self.compare(mailbox, When::Due))
    }
}
