//! What FETCH tells of messages that is derived from their content and kept: their ids, and their
//! first words (RFC 8474 §5.3, RFC 8970 §3).

use imap_core::{
    UidRuns,
    command::{Fetch, FetchItem},
    response::FetchResponse,
};
use mail_store::{AccountMailboxes, ObjectIds, StoreError};
use mail_types::{MailboxId, Uid};

use crate::selected::uid_set;

/// It, for some messages; each part only if it was asked for.
#[derive(Default)]
pub(super) struct Derived {
    /// By UID.
    ids: Vec<ObjectIds>,
    /// By UID; none of those that nobody has read yet.
    words: Vec<(Uid, Option<String>)>,
}

impl Derived {
    /// Whether any of it is asked for.
    pub(super) fn is_wanted(fetch: &Fetch) -> bool {
        fetch.items.iter().any(|item| is_id(item) || laziness(item).is_some())
    }

    /// What is asked for of these messages.
    pub(super) async fn of(
        account: &AccountMailboxes,
        mailbox: MailboxId,
        messages: &UidRuns,
        fetch: &Fetch,
    ) -> Result<Self, StoreError> {
        let (mut derived, uids) = (Self::default(), uid_set(messages));
        if fetch.items.iter().any(is_id) {
            derived.ids = account.object_ids(mailbox, &uids).await?;
        }
        if let Some(lazily) = fetch.items.iter().filter_map(laziness).reduce(|a, b| a && b) {
            derived.words = account.previews(mailbox, &uids, lazily).await?;
        }
        Ok(derived)
    }

    /// Tells an item of a message, if it is one of these.
    pub(super) fn tell(
        &self,
        response: &mut FetchResponse,
        out: &mut Vec<u8>,
        item: &FetchItem,
        uid: Uid,
    ) {
        let ids = || {
            let place = self.ids.binary_search_by_key(&uid, |ids| ids.uid).ok()?;
            self.ids.get(place)
        };
        match item {
            FetchItem::EmailId => {
                if let Some(ids) = ids() {
                    response.email_id(out, ids.email);
                }
            }
            FetchItem::ThreadId => {
                if let Some(ids) = ids() {
                    response.thread_id(out, ids.thread);
                }
            }
            FetchItem::Preview { lazy } => {
                let place = self.words.binary_search_by_key(&uid, |(uid, _)| *uid).ok();
                let words = place.and_then(|place| self.words.get(place)?.1.as_deref());
                // RFC 8970 §3.2: NIL is for those only who said that they would take it.
                response.preview(out, if *lazy { words } else { Some(words.unwrap_or_default()) });
            }
            _ => {}
        }
    }
}

fn is_id(item: &FetchItem) -> bool {
    matches!(item, FetchItem::EmailId | FetchItem::ThreadId)
}

/// Of a preview, whether it is wanted only if it is known.
fn laziness(item: &FetchItem) -> Option<bool> {
    match item {
        FetchItem::Preview { lazy } => Some(*lazy),
        _ => None,
    }
}
