//! What a POP3 session does with a mailbox: lists all of it, then reads one message after the other.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
};

use mail_types::{MailboxId, Uid, UniqueId};
use stable_storage::on_blocking_thread;

use super::{AccountMailboxes, Pending};
use crate::{
    DropEntry, MessageFile, ReadWhole, StoreError,
    index::{listed, mailboxes},
    records::UniqueIdFile,
};

impl AccountMailboxes {
    /// All messages of a mailbox, by UID; one query.
    pub fn drop_entries(&self, mailbox: MailboxId) -> Pending<'_, Vec<DropEntry>> {
        Box::pin(
            self.ask(move |mut look| async move { listed::drop_entries(&mut look, mailbox).await }),
        )
    }

    /// Where the next messages from a UID on lie, at most so many; one query.
    pub fn files_from(
        &self,
        mailbox: MailboxId,
        first: Uid,
        most: u32,
    ) -> Pending<'_, Vec<MessageFile>> {
        Box::pin(self.ask(move |mut look| async move {
            listed::files_from(&mut look, mailbox, first, most).await
        }))
    }

    /// What another server's POP3 called messages that came from it, as far as that was kept.
    pub fn unique_ids(&self, mailbox: MailboxId) -> Pending<'_, BTreeMap<Uid, UniqueId>> {
        Box::pin(async move {
            let row =
                self.ask(move |mut look| async move { mailboxes::by_id(&mut look, mailbox).await });
            let (row, maildir) = (row.await?, self.store.shared.maildir(self.id));
            on_blocking_thread(move || {
                let folder = maildir.dir(&row.dir);
                UniqueIdFile::read(&maildir.files, &folder, row.uid_validity).map(|file| file.ids)
            })
            .await
        })
    }

    /// Keeps what another server's POP3 called these messages, beside what was kept before;
    /// durable when this returns. That of messages that are gone is forgotten.
    pub fn keep_unique_ids(
        &self,
        mailbox: MailboxId,
        ids: BTreeMap<Uid, UniqueId>,
    ) -> Pending<'_, ()> {
        Box::pin(self.to_the_end(move |_, borrowed| async move {
            let account = borrowed.account()?;
            let mut change = account.change().await?;
            let row = mailboxes::by_id(&mut change, mailbox).await?;
            let there = listed::drop_entries(&mut change, mailbox).await?;
            let there: BTreeSet<Uid> = there.into_iter().map(|entry| entry.uid).collect();
            let maildir = account.maildir.clone();
            on_blocking_thread(move || {
                let folder = maildir.dir(&row.dir);
                let mut file = UniqueIdFile::read(&maildir.files, &folder, row.uid_validity)?;
                file.ids.extend(ids);
                file.ids.retain(|uid, _| there.contains(uid));
                file.write(&maildir.files, &folder)
            })
            .await?;
            change.commit().await?;
            Ok(((), Vec::new()))
        }))
    }

    /// Reads the first of these messages whole, as many as are together not larger than `most`
    /// octets. It ends early, maybe with nothing, at one that is not where it was or has to be
    /// converted: [`AccountMailboxes::read`] is for that. Cheaper than one after the other; the
    /// memory of an earlier answer is used again.
    pub fn read_whole(
        &self,
        files: &[MessageFile],
        most: u64,
        mut read: ReadWhole,
    ) -> Pending<'_, ReadWhole> {
        let maildir = self.store.shared.maildir(self.id);
        let mut room = most;
        let fitting = files.iter().take_while(|file| {
            let fits = !file.bare_lf && file.size <= room;
            room = room.saturating_sub(file.size);
            fits
        });
        let paths: Vec<_> = fitting.map(|file| (maildir.path(&file.path), file.size)).collect();
        Box::pin(async move {
            read.clear();
            for (path, size) in &paths {
                if !read.push_cached(path, *size) {
                    break;
                }
            }
            if !read.is_empty() || paths.is_empty() {
                return Ok(read);
            }
            on_blocking_thread(move || {
                for (path, size) in paths {
                    match maildir.files.open(&path).and_then(|file| read.push(&file, size)) {
                        Ok(true) => {}
                        Ok(false) => break,
                        Err(error) if error.kind() == io::ErrorKind::NotFound => break,
                        Err(error) => return Err(StoreError::file("read", path, error)),
                    }
                }
                Ok(read)
            })
            .await
        })
    }
}
