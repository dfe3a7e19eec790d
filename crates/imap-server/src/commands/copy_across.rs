//! COPY and MOVE into another account, or to where not all flags may go: each message is written anew.

use imap_core::{
    UidRuns,
    response::{Code, Completion},
};
use mail_store::{AccountMailboxes, Copied, NewMessage, StoreError, Want};
use mail_types::{MailboxId, Rights, Uid};

use crate::{
    place::Place,
    selected::{Selected, uid_runs, uid_set},
    trouble,
};

/// The most messages of one command: what was parsed of them is held until all are there.
const MESSAGES_MAX: u32 = 10_000;
/// Messages whose rows are asked for at once.
const ROWS: u32 = 200;
/// Octets that are read at a time.
const STEP: usize = 256 * 1024;

/// Copies messages, all or none; `target` is where to, with the limit that it keeps to.
pub(super) async fn copy_across(
    selected: &Selected,
    wanted: &UidRuns,
    to: &Place,
    target: &AccountMailboxes,
) -> Result<Copied, Completion> {
    if wanted.len() > MESSAGES_MAX {
        let many = "So many messages at once do not go into another account";
        return Err(Completion::no(Code::Limit, many));
    }
    let into = to.state()?;
    let work = async {
        let (mut uids, mut messages) = (Vec::new(), Vec::new());
        let mut rest = wanted.clone();
        while !rest.is_empty() {
            let portion;
            (portion, rest) = rest.split_at(ROWS);
            for (uid, message) in written(selected, &portion, to.rights, target).await? {
                uids.push(uid);
                messages.push(message);
            }
        }
        if messages.is_empty() {
            return Ok(Copied { uid_validity: into.uid_validity, uids: Vec::new() });
        }
        let appended = target.append(into.id, messages).await?;
        let uids = uids.into_iter().zip(appended.uids).collect();
        Ok(Copied { uid_validity: appended.uid_validity, uids })
    };
    work.await.map_err(|error: StoreError| trouble::completion(&error))
}

/// After a MOVE's copies are there: the originals go. A stop between leaves both.
pub(super) async fn remove_originals(
    mailboxes: &AccountMailboxes,
    mailbox: MailboxId,
    copied: &Copied,
) -> Result<(), StoreError> {
    let old = uid_runs(copied.uids.iter().map(|(old, _)| old));
    mailboxes.remove(mailbox, &uid_set(&old)).await.map(|_| ())
}

/// The messages of a portion that are there still, written for the other account with the flags that
/// may be set there (RFC 4314 §4).
async fn written(
    selected: &Selected,
    portion: &UidRuns,
    rights: Rights,
    target: &AccountMailboxes,
) -> Result<Vec<(Uid, NewMessage)>, StoreError> {
    let from = &selected.mailboxes;
    let mut messages = Vec::new();
    for row in from.fetch(selected.id, &uid_set(portion), Want::Facts).await? {
        let reader = match from.read(&row.file).await {
            Err(StoreError::MessageGone) => continue,
            other => other?,
        };
        let mut incoming = target.incoming(row.internal_date)?;
        let mut at = 0;
        while at < reader.size() {
            let piece = reader.read_at(at, STEP).await?;
            if piece.is_empty() {
                break;
            }
            at = at.saturating_add(piece.len() as u64);
            incoming.write(&piece).await?;
        }
        let flags = rights.permitted(&row.flags);
        messages.push((row.uid, NewMessage { written: incoming.finish().await?, flags }));
    }
    Ok(messages)
}
