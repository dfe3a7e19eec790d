//! What clients note of mailboxes, and of the server (RFC 5464).

use mail_types::{AccountId, MailboxId};
use stable_storage::on_blocking_thread;

use super::{AccountMailboxes, NAMES, Pending};
use crate::{
    Annotation, AnnotationChange, AnnotationLimits, StoreError,
    index::mailboxes,
    records::{AnnotationFile, annotation_file},
};

impl AccountMailboxes {
    /// The annotations of a mailbox as an account sees them, by name; those too that were removed
    /// lately.
    pub fn annotations(
        &self,
        mailbox: MailboxId,
        reader: AccountId,
    ) -> Pending<'_, Vec<Annotation>> {
        Box::pin(async move {
            let read = |files: &_, folder: &std::path::Path| {
                let file = AnnotationFile::read(files, &annotation_file::of_mailbox(folder))?;
                Ok((!file.is_empty()).then_some(file))
            };
            let file = self.beside(mailbox, read).await?.unwrap_or_default();
            Ok(file.seen_by(reader))
        })
    }

    /// What the account noted of the server.
    pub fn server_annotations(&self) -> Pending<'_, Vec<Annotation>> {
        Box::pin(async move {
            let (maildir, id) = (self.store.shared.maildir(self.id), self.id);
            on_blocking_thread(move || {
                let path = annotation_file::of_server(&maildir.root);
                Ok(AnnotationFile::read(&maildir.files, &path)?.seen_by(id))
            })
            .await
        })
    }

    /// Changes annotations, all or none; durable when this returns. Without a mailbox, those of the
    /// server. Private ones are those of `writer`.
    pub fn annotate(
        &self,
        mailbox: Option<MailboxId>,
        writer: AccountId,
        changes: Vec<AnnotationChange>,
        limits: AnnotationLimits,
    ) -> Pending<'_, ()> {
        Box::pin(self.to_the_end(move |_, borrowed| async move {
            let account = borrowed.account()?;
            // What is read beside the mail is changed under the account's lock.
            let mut change = account.change().await?;
            let path = match mailbox {
                Some(mailbox) => {
                    let row = mailboxes::by_id(&mut change, mailbox).await?;
                    annotation_file::of_mailbox(&account.maildir.dir(&row.dir))
                }
                None => annotation_file::of_server(&account.maildir.root),
            };
            let files = account.maildir.files.clone();
            on_blocking_thread(move || {
                let mut file = AnnotationFile::read(&files, &path)?;
                let before = file.count(writer);
                file.change(writer, &changes);
                let too_large = |change: &AnnotationChange| {
                    change.value.as_ref().is_some_and(|value| value.len() > limits.value_octets)
                };
                if changes.iter().any(too_large) {
                    return Err(StoreError::AnnotationTooLarge(limits.value_octets));
                }
                let count = file.count(writer);
                if count > limits.entries && count > before {
                    return Err(StoreError::TooManyAnnotations);
                }
                file.write(&files, &path)
            })
            .await?;
            change.undo().await?;
            Ok(((), vec![mailbox.unwrap_or(NAMES)]))
        }))
    }

    /// A mailbox gets the annotations of another one as well (RFC 5464 §4.1: INBOX was renamed).
    pub(super) fn copy_annotations(&self, from: MailboxId, to: MailboxId) -> Pending<'_, ()> {
        Box::pin(self.to_the_end(move |_, borrowed| async move {
            let account = borrowed.account()?;
            let mut change = account.change().await?;
            let from = mailboxes::by_id(&mut change, from).await?.dir;
            let into = mailboxes::by_id(&mut change, to).await?.dir;
            let maildir = account.maildir.clone();
            on_blocking_thread(move || {
                let from = annotation_file::of_mailbox(&maildir.dir(&from));
                let file = AnnotationFile::read(&maildir.files, &from)?.copied();
                if file.is_empty() {
                    return Ok(());
                }
                file.write(&maildir.files, &annotation_file::of_mailbox(&maildir.dir(&into)))
            })
            .await?;
            change.undo().await?;
            Ok(((), vec![to]))
        }))
    }
}
