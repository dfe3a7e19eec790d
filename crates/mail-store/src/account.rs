//! The mailboxes of one account: every operation that a protocol needs.
//!
//! The handle is light and holds nothing open: an operation borrows the account's index for as
//! long as it lasts. What changes something runs to its end, even if its caller is dropped.
//! Nothing here waits for a peer, and nothing keeps a transaction or a row stream open.

use std::{collections::BTreeSet, pin::Pin, sync::Arc};

use mail_types::{
    AccountId, Keyword, MailboxId, MailboxName, ModSeq, QueueId, RecipientNumber, Timestamp, Uid,
};
use stable_storage::on_blocking_thread;

use crate::{
    Appended, Changes, Copied, Delivered, Delivery, FlagChange, FlagsStored, Incoming,
    ListedMailbox, MailStore, MailboxState, MaildropLock, MessageFile, MessageReader, MessageRow,
    NewMessage, SpecialUse, StoreError, Totals, UidSet, Want, Watch,
    changes::{create, deliver, expunge, flags, merge, relocate, rename},
    index::{
        Look, mailboxes,
        messages::{self, Which},
    },
    listing, maildrop,
    naming::file::unique_of_delivery,
    open_account,
    open_accounts::Borrowed,
};

/// An operation on its way. It is boxed so that it is compiled here, once: the body of a plain
/// `async fn` is compiled again in every crate that awaits it, and those here carry all the SQL.
pub type Pending<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

/// The mailboxes of one account. A clone is the same one.
#[derive(Clone, Debug)]
pub struct AccountMailboxes {
    pub(crate) store: MailStore,
    pub(crate) id: AccountId,
}

/// Looking.
impl AccountMailboxes {
    /// Whose mailboxes these are.
    pub fn id(&self) -> AccountId {
        self.id
    }

    /// All names: mailboxes, what lies above them, and what is only subscribed; sorted.
    pub fn list(&self) -> Pending<'_, Vec<ListedMailbox>> {
        Box::pin(self.ask(move |mut look| async move {
            let all = mailboxes::all(&mut look).await?;
            let subscribed = mailboxes::subscriptions(&mut look).await?;
            Ok(listing::list(&all, &subscribed))
        }))
    }

    /// A mailbox by its name. Costs the same whatever is in it.
    pub fn mailbox<'a>(&'a self, name: &'a MailboxName) -> Pending<'a, MailboxState> {
        Box::pin(self.ask(move |mut look| async move {
            match mailboxes::by_name(&mut look, name).await? {
                Some(mailbox) => state_of(&mut look, mailbox.id).await,
                None => Err(StoreError::NoSuchMailbox(name.clone())),
            }
        }))
    }

    /// A mailbox by its id, which it keeps when it is renamed.
    pub fn state(&self, mailbox: MailboxId) -> Pending<'_, MailboxState> {
        Box::pin(self.ask(move |mut look| async move { state_of(&mut look, mailbox).await }))
    }

    /// All mailboxes with their counters, in one query.
    pub fn states(&self) -> Pending<'_, Vec<MailboxState>> {
        Box::pin(self.ask(move |mut look| async move { mailboxes::states(&mut look, None).await }))
    }

    /// The UIDs that were in the mailbox at the moment of `state`, ascending: what a session's
    /// sequence numbers are made of. Messages that came or went since don't matter, so this can
    /// be asked when the first sequence number is needed.
    pub fn uids<'a>(&'a self, state: &'a MailboxState) -> Pending<'a, Vec<Uid>> {
        let (mailbox, since) = (state.id, state.highest_modseq);
        let below = i64::from(state.uid_next.number());
        Box::pin(self.ask(move |mut look| async move {
            messages::uids_at(&mut look, mailbox, since, below).await
        }))
    }

    /// The keywords that messages of the mailbox have, sorted.
    pub fn keywords(&self, mailbox: MailboxId) -> Pending<'_, Vec<Keyword>> {
        Box::pin(self.ask(move |mut look| async move {
            messages::keywords_in_use(&mut look, mailbox).await
        }))
    }

    /// What happened since a modseq, and the mailbox as it is now. If it was nothing, one query.
    pub fn changes(&self, mailbox: MailboxId, since: ModSeq) -> Pending<'_, Changes> {
        Box::pin(self.ask(move |mut look| async move {
            let state = state_of(&mut look, mailbox).await?;
            if state.highest_modseq <= since {
                return Ok(Changes { state, changed: Vec::new(), expunged: Vec::new() });
            }
            look.begin_moment().await?;
            let state = state_of(&mut look, mailbox).await?;
            let changed = messages::changed_since(&mut look, mailbox, since).await?;
            let expunged = messages::expunged_since(&mut look, mailbox, since).await?;
            look.end_moment().await?;
            Ok(Changes { state, changed, expunged })
        }))
    }

    /// Which messages came or changed after a modseq, ascending (RFC 7162 §3.1.4.1).
    pub fn changed_since(&self, mailbox: MailboxId, since: ModSeq) -> Pending<'_, Vec<Uid>> {
        Box::pin(self.ask(move |mut look| async move {
            messages::uids_changed_since(&mut look, mailbox, since).await
        }))
    }

    /// The messages of the set that exist, by UID; one query. Ask for some hundreds at a time, and
    /// write to the peer between.
    pub fn fetch<'a>(
        &'a self,
        mailbox: MailboxId,
        uids: &'a UidSet,
        want: Want,
    ) -> Pending<'a, Vec<MessageRow>> {
        Box::pin(self.ask(move |mut look| async move {
            messages::fetch(&mut look, mailbox, uids, want).await
        }))
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
                    self.compare(file.mailbox).await?;
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

    /// Reads the first of these messages whole, as many as are together not larger than `most`
    /// octets. It ends early, maybe with nothing, at one that is not where it was or has to be
    /// converted: [`AccountMailboxes::read`] is for that. Cheaper than one after the other.
    pub fn read_whole(&self, files: &[MessageFile], most: u64) -> Pending<'_, Vec<Vec<u8>>> {
        let maildir = self.store.shared.maildir(self.id);
        let mut room = most;
        let fitting = files.iter().take_while(|file| {
            let fits = !file.bare_lf && file.size <= room;
            room = room.saturating_sub(file.size);
            fits
        });
        let paths: Vec<_> = fitting.map(|file| (maildir.path(&file.path), file.size)).collect();
        Box::pin(on_blocking_thread(move || {
            let mut read = Vec::with_capacity(paths.len());
            for (path, size) in paths {
                let whole = match maildir.files.open(&path) {
                    Ok(file) => MessageReader::whole(&file),
                    Err(error) => Err(error),
                };
                match whole {
                    Ok(octets) if octets.len() as u64 == size => read.push(octets),
                    Ok(_) => break,
                    Err(error) if error.kind() == std::io::ErrorKind::NotFound => break,
                    Err(error) => return Err(StoreError::file("read", path, error)),
                }
            }
            Ok(read)
        }))
    }

    /// Octets of a mailbox's messages that have `\Deleted`. Not kept but added up: ask only if
    /// there are some.
    pub fn deleted_octets(&self, mailbox: MailboxId) -> Pending<'_, u64> {
        Box::pin(self.ask(move |mut look| async move {
            mailboxes::deleted_octets(&mut look, mailbox).await
        }))
    }

    /// Octets and messages of all mailboxes.
    pub fn totals(&self) -> Pending<'_, Totals> {
        Box::pin(self.ask(move |mut look| async move { mailboxes::totals(&mut look).await }))
    }

    /// Wakes when the mailbox changes, in whichever process. It may wake for nothing.
    pub fn watch(&self, mailbox: MailboxId) -> Watch {
        self.store.shared.watchers.watch(self.id, mailbox)
    }

    /// Looks for what other tools did to the mailbox's folder and takes it over; true if there was
    /// something. Cheap if there wasn't. Do it beside SELECT, not in it.
    pub fn refresh(&self, mailbox: MailboxId) -> Pending<'_, bool> {
        Box::pin(self.to_the_end(move |_, borrowed| async move {
            let account = borrowed.account()?;
            let now = (account.clock)().millis();
            let row = mailboxes::by_id(&mut account.look().await?, mailbox).await?;
            let maildir = account.maildir.clone();
            let dirs = on_blocking_thread(move || maildir.folders()).await?;
            let known = mailboxes::all(&mut account.look().await?).await?;
            let same = known.iter().filter(|row| !row.dir.is_empty()).map(|row| &row.dir);
            let folders_changed = same.collect::<BTreeSet<_>>() != dirs.iter().collect();
            if !folders_changed && !merge::is_due(&account.maildir, &row, now) {
                return Ok((false, Vec::new()));
            }
            let changed = account.compare(Some(mailbox)).await?;
            Ok((!changed.is_empty(), changed))
        }))
    }
}

/// Messages.
impl AccountMailboxes {
    /// Begins a message for APPEND.
    pub fn incoming(&self, internal_date: Timestamp) -> Result<Incoming, StoreError> {
        let maildir = self.store.shared.maildir(self.id);
        let unique = open_account::unique(&maildir, self.store.shared.options.clock)?;
        Ok(Incoming::new(maildir, unique, internal_date))
    }

    /// Begins a message for one recipient of a queue entry.
    pub fn incoming_delivery(
        &self,
        queue_id: QueueId,
        recipient: RecipientNumber,
        internal_date: Timestamp,
    ) -> Incoming {
        let maildir = self.store.shared.maildir(self.id);
        Incoming::new(maildir, unique_of_delivery(queue_id, recipient), internal_date)
    }

    /// Delivers messages, all or none, each exactly once for its queue entry and recipient. They
    /// are durable and visible when this returns. Answers in the order of the deliveries.
    pub fn deliver(&self, mut deliveries: Vec<Delivery>) -> Pending<'_, Vec<Delivered>> {
        Box::pin(self.to_the_end(move |_, borrowed| async move {
            let account = borrowed.account()?;
            let delivered = deliver::deliver(account, &mut deliveries).await?;
            // Removes what is left in `tmp`, which waits for the disk.
            on_blocking_thread(move || {
                drop(deliveries);
                Ok::<_, StoreError>(())
            })
            .await?;
            let new = delivered.iter().filter(|delivered| !delivered.before);
            let changed = new.map(|delivered| delivered.mailbox).collect();
            Ok((delivered, changed))
        }))
    }

    /// These recipients of queue entries are settled for good: that they were served needn't be
    /// remembered any longer. Takes effect within seconds.
    pub fn forget(&self, settled: impl IntoIterator<Item = (QueueId, RecipientNumber)>) {
        self.store.shared.follow_ups.add(self.id, settled);
    }

    /// Appends messages, all or none (RFC 3502 §6.3.11).
    pub fn append(&self, mailbox: MailboxId, messages: Vec<NewMessage>) -> Pending<'_, Appended> {
        Box::pin(self.to_the_end(move |_, borrowed| async move {
            let account = borrowed.account()?;
            let appended = deliver::append(account, mailbox, messages).await?;
            Ok((appended, vec![mailbox]))
        }))
    }

    /// Changes flags. With `unchanged_since`, messages that changed later are left as they are
    /// (RFC 7162 §3.1.3). UIDs without a message are passed over.
    pub fn store_flags(
        &self,
        mailbox: MailboxId,
        uids: &UidSet,
        change: FlagChange,
        unchanged_since: Option<ModSeq>,
    ) -> Pending<'_, FlagsStored> {
        let uids = uids.clone();
        Box::pin(self.to_the_end(move |store, borrowed| async move {
            let account = borrowed.account()?;
            let stored = flags::store(account, mailbox, &uids, &change, unchanged_since).await?;
            store.follow();
            Ok((stored, vec![mailbox]))
        }))
    }

    /// Copies messages with their flags and internal dates (RFC 9051 §6.4.7), all or none.
    pub fn copy(&self, from: MailboxId, uids: &UidSet, to: MailboxId) -> Pending<'_, Copied> {
        let uids = uids.clone();
        Box::pin(self.to_the_end(move |handle, borrowed| async move {
            let account = borrowed.account()?;
            let mut copied = relocate::copy(account, from, &uids, to).await;
            if copied.as_ref().is_err_and(StoreError::is_file_missing) {
                account.compare(Some(from)).await?;
                copied = relocate::copy(account, from, &uids, to).await;
            }
            handle.follow();
            Ok((copied?, vec![to]))
        }))
    }

    /// Moves messages (RFC 6851 §3.3); each is in exactly one mailbox at every moment.
    pub fn move_messages(
        &self,
        from: MailboxId,
        uids: &UidSet,
        to: MailboxId,
    ) -> Pending<'_, Copied> {
        let uids = uids.clone();
        Box::pin(self.to_the_end(move |handle, borrowed| async move {
            let account = borrowed.account()?;
            let mut moved = relocate::move_messages(account, from, &uids, to).await;
            if moved.as_ref().is_err_and(StoreError::is_file_missing) {
                account.compare(Some(from)).await?;
                moved = relocate::move_messages(account, from, &uids, to).await;
            }
            handle.follow();
            Ok((moved?, vec![from, to]))
        }))
    }

    /// Removes the messages of the set that have `\Deleted`; answers which.
    pub fn expunge(&self, mailbox: MailboxId, uids: &UidSet) -> Pending<'_, Vec<Uid>> {
        let uids = uids.clone();
        Box::pin(self.to_the_end(move |handle, borrowed| async move {
            let account = borrowed.account()?;
            let gone = expunge::expunge(account, mailbox, Which::DeletedIn(&uids)).await?;
            handle.follow();
            Ok((gone, vec![mailbox]))
        }))
    }

    /// Removes the messages of the set, whatever their flags (POP3's DELE); answers which.
    pub fn remove(&self, mailbox: MailboxId, uids: &UidSet) -> Pending<'_, Vec<Uid>> {
        let uids = uids.clone();
        Box::pin(self.to_the_end(move |handle, borrowed| async move {
            let account = borrowed.account()?;
            let gone = expunge::expunge(account, mailbox, Which::In(&uids)).await?;
            handle.follow();
            Ok((gone, vec![mailbox]))
        }))
    }

    /// Takes the messages that are recent, for this session and no other (RFC 3501 §2.3.2): those
    /// from this UID on, up to the UIDNEXT of the answer's state.
    pub fn claim_recent(&self, mailbox: MailboxId) -> Pending<'_, (Uid, MailboxState)> {
        Box::pin(self.to_the_end(move |_, borrowed| async move {
            let account = borrowed.account()?;
            let mut change = account.change().await?;
            let mut row = mailboxes::by_id(&mut change, mailbox).await?;
            let state = state_of(&mut change, mailbox).await?;
            row.recent_from = row.uid_next;
            mailboxes::save(&mut change, &row).await?;
            change.commit().await?;
            Ok(((state.recent_from, state), Vec::new()))
        }))
    }

    /// Takes the maildrop for one POP3 session (RFC 1939 §4), until the answer is dropped or this
    /// process dies. [`StoreError::MaildropInUse`] if another has it.
    pub fn lock_maildrop(&self) -> Pending<'_, MaildropLock> {
        Box::pin(async move {
            let borrowed = self.borrow().await?;
            maildrop::lock(self.id, &borrowed.account()?.maildir.root).await
        })
    }
}

/// Mailboxes.
impl AccountMailboxes {
    /// Makes a mailbox, and those above it that are missing (RFC 9051 §6.3.4).
    pub fn create(
        &self,
        name: &MailboxName,
        special_use: Option<SpecialUse>,
    ) -> Pending<'_, MailboxState> {
        let name = name.clone();
        Box::pin(self.to_the_end(move |_, borrowed| async move {
            let account = borrowed.account()?;
            let mailbox = create::create(account, &name, special_use).await?;
            let state = state_of(&mut account.look().await?, mailbox).await?;
            Ok((state, vec![mailbox]))
        }))
    }

    /// Deletes a mailbox with its messages; those below it stay (RFC 9051 §6.3.5).
    pub fn delete(&self, name: &MailboxName) -> Pending<'_, ()> {
        let name = name.clone();
        Box::pin(self.to_the_end(move |handle, borrowed| async move {
            let account = borrowed.account()?;
            let mailbox = rename::delete(account, &name).await?;
            handle.follow();
            Ok(((), vec![mailbox]))
        }))
    }

    /// Renames a mailbox and those below it. Of INBOX, the messages are moved into the new one
    /// (RFC 9051 §6.3.6).
    pub fn rename<'a>(&'a self, from: &'a MailboxName, to: &'a MailboxName) -> Pending<'a, ()> {
        Box::pin(async move {
            if from.is_inbox() {
                let new = self.create(to, None).await?.id;
                let inbox = self.mailbox(from).await?.id;
                return self.move_messages(inbox, &UidSet::all(), new).await.map(|_| ());
            }
            let (from, to) = (from.clone(), to.clone());
            self.to_the_end(move |_, borrowed| async move {
                let account = borrowed.account()?;
                Ok(((), rename::rename(account, &from, &to).await?))
            })
            .await
        })
    }

    /// Subscribes a name or ends its subscription, whether there is such a mailbox or not
    /// (RFC 9051 §6.3.7).
    pub fn subscribe(&self, name: &MailboxName, subscribed: bool) -> Pending<'_, ()> {
        let name = name.clone();
        Box::pin(self.to_the_end(move |_, borrowed| async move {
            let account = borrowed.account()?;
            create::subscribe(account, &name, subscribed).await?;
            Ok(((), Vec::new()))
        }))
    }
}

/// How operations run.
impl AccountMailboxes {
    async fn borrow(&self) -> Result<Borrowed, StoreError> {
        self.store.shared.borrow(self.id).await
    }

    /// Runs a query; a damaged index is built anew, once, and asked again.
    async fn ask<T, F>(&self, query: impl Fn(Look) -> F) -> Result<T, StoreError>
    where
        F: Future<Output = Result<T, StoreError>>,
    {
        let borrowed = self.borrow().await?;
        match query(borrowed.account()?.look().await?).await {
            Err(error) if error.is_damaged_index() => {
                self.store.shared.damaged(self.id, &borrowed).await;
                query(self.borrow().await?.account()?.look().await?).await
            }
            other => other,
        }
    }

    /// Runs a change to its end, whatever becomes of the caller, and tells everybody which
    /// mailboxes it changed.
    async fn to_the_end<T, F>(
        &self,
        work: impl FnOnce(Self, Arc<Borrowed>) -> F + Send + 'static,
    ) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: Future<Output = Result<(T, Vec<MailboxId>), StoreError>> + Send,
    {
        let handle = self.clone();
        let running = tokio::spawn(async move {
            let shared = handle.store.shared.clone();
            let borrowed = Arc::new(handle.borrow().await?);
            let id = handle.id;
            match work(handle, borrowed.clone()).await {
                Ok((answer, changed)) => {
                    changed.into_iter().for_each(|mailbox| shared.changed(id, mailbox));
                    Ok(answer)
                }
                Err(error) => {
                    if error.is_damaged_index() {
                        shared.damaged(id, &borrowed).await;
                    }
                    Err(error)
                }
            }
        });
        match running.await {
            Ok(result) => result,
            Err(error) => match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                Err(_) => Err(StoreError::Closing),
            },
        }
    }

    /// File names and the like follow this change.
    fn follow(&self) {
        self.store.shared.follow_ups.add(self.id, []);
    }

    /// Compares a mailbox, and those that others changed, with their folders.
    async fn compare(&self, mailbox: MailboxId) -> Result<(), StoreError> {
        self.to_the_end(move |_, borrowed| async move {
            Ok(((), borrowed.account()?.compare(Some(mailbox)).await?))
        })
        .await
    }

    /// Opens the file where it was; none if it is not there any more.
    async fn open_file(&self, file: &MessageFile) -> Result<Option<MessageReader>, StoreError> {
        let maildir = self.store.shared.maildir(self.id);
        let (path, size, bare_lf) = (maildir.path(&file.path), file.size, file.bare_lf);
        on_blocking_thread(move || match maildir.files.open(&path) {
            Ok(opened) => Ok(Some(MessageReader::new(opened, size, bare_lf))),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(StoreError::file("open", path, error)),
        })
        .await
    }
}

async fn state_of(look: &mut Look, mailbox: MailboxId) -> Result<MailboxState, StoreError> {
    let state = mailboxes::states(look, Some(mailbox)).await?.pop();
    state.ok_or(StoreError::MailboxGone(mailbox))
}
