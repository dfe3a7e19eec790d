//! What identifies messages, and their first words (RFC 8474, RFC 8970).

use mail_types::{MailboxId, Uid};

use super::{AccountMailboxes, Pending};
use crate::{
    ObjectIds, StoreError, ThreadId, UidSet,
    changes::objects as work,
    index::objects::{self, Known},
};

/// Messages whose files are read at once, if they must be.
const STEP: usize = 50;

impl AccountMailboxes {
    /// The ids of the messages of the set that exist, by UID; one query, but for messages that came
    /// before ids were kept: their files are read, once. Ask for some hundreds at a time.
    pub fn object_ids<'a>(
        &'a self,
        mailbox: MailboxId,
        uids: &'a UidSet,
    ) -> Pending<'a, Vec<ObjectIds>> {
        Box::pin(async move {
            let known = self.known(mailbox, uids, |known| ids(known).is_some()).await?;
            Ok(known.iter().filter_map(ids).collect())
        })
    }

    /// The first words of the messages of the set that exist, by UID; empty if there are none.
    /// Messages that came before they were kept have none yet if they are asked for `lazily`;
    /// otherwise their files are read, once.
    pub fn previews<'a>(
        &'a self,
        mailbox: MailboxId,
        uids: &'a UidSet,
        lazily: bool,
    ) -> Pending<'a, Vec<(Uid, Option<String>)>> {
        Box::pin(async move {
            let enough = |known: &Known| lazily || known.preview.is_some();
            let known = self.known(mailbox, uids, enough).await?;
            Ok(known.into_iter().map(|known| (known.uid, known.preview)).collect())
        })
    }

    /// What is known of messages, after those were read that not enough is known of.
    async fn known(
        &self,
        mailbox: MailboxId,
        uids: &UidSet,
        enough: impl Fn(&Known) -> bool,
    ) -> Result<Vec<Known>, StoreError> {
        let look = || {
            self.ask(move |mut look| async move { objects::known(&mut look, mailbox, uids).await })
        };
        let known = look().await?;
        let lacking: Vec<Uid> =
            known.iter().filter(|known| !enough(known)).map(|known| known.uid).collect();
        if lacking.is_empty() {
            return Ok(known);
        }
        for some in lacking.chunks(STEP) {
            let some: UidSet = some.iter().map(|uid| *uid..=*uid).collect();
            let borrowed = self.borrow().await?;
            let read = work::read(borrowed.account()?, mailbox, &some).await?;
            drop(borrowed);
            self.to_the_end(move |_, borrowed| async move {
                work::note(borrowed.account()?, mailbox, &read).await?;
                Ok(((), Vec::new()))
            })
            .await?;
        }
        look().await
    }
}

fn ids(known: &Known) -> Option<ObjectIds> {
    let (email, ids) = (known.email_id?, known.ids.as_ref()?);
    Some(ObjectIds { uid: known.uid, email, thread: ThreadId::of(ids, &email) })
}
