//! Mail of another store, taken over into an account's mailboxes.
//!
//! A source says which folders there are, which messages are in each, and hands over the messages;
//! the target brings them into mailboxes, a transaction for some hundred. A message is known by
//! where it is at its source, so an import can be stopped at any moment and repeated at any time:
//! what was taken over before is passed over, wherever it went since, and what is new comes along.
//! The source is never changed.
//!
//! What cannot be read is reported and passed over: one bad message keeps nobody from the others.

mod dates;
mod eml;
mod imap;
mod maildir;
mod mbox;
mod names;
mod plan;
mod progress;
mod report;
mod source;
mod target;
mod unique_ids;

pub(crate) use imap::{Imap, Remote};
pub(crate) use plan::Plan;
pub(crate) use report::Report;
pub(crate) use source::Source;
pub(crate) use unique_ids::Pattern;

use std::collections::HashSet;

use mail_store::AccountMailboxes;
use mail_types::QueueId;

use progress::Progress;
use source::{Folder, Item, key};
use target::Target;

/// How many messages are brought into a mailbox together.
const BLOCK: usize = 200;

/// Takes over all that the plan wants.
pub(crate) async fn run(
    source: &mut Source,
    account: &AccountMailboxes,
    plan: &Plan,
) -> anyhow::Result<Report> {
    let mut target = Target::new(account.clone());
    let mut report = Report::default();
    let mut seen = HashSet::new();
    let folders = plan.choose(source.folders().await?, &mut report);
    for folder in folders {
        let place = target.place(&folder, plan).await?;
        let mut items = source.messages(&folder).await?;
        items.iter_mut().for_each(|item| tell_apart(item, &mut seen));
        let progress = Progress::begin(&folder.name, items.len());
        let entry = report.folder(&folder.name, &place);
        for block in items.chunks(BLOCK) {
            let fresh = target.fresh(block).await?;
            entry.before(block.len() - fresh.len());
            bring(source, &mut target, &folder, &fresh).await?;
            target.file(&place, entry).await?;
            progress.step(block.len());
        }
        target.keep_ids().await?;
        progress.end();
    }
    Ok(report)
}

/// What has the same name as another message, such as a copy in another folder, is a message of its
/// own.
fn tell_apart(item: &mut Item, seen: &mut HashSet<QueueId>) {
    while !seen.insert(item.key) {
        item.key = key(&[b"again", &item.key.bytes()]);
    }
}

/// Hands messages over from the source to the target.
async fn bring(
    source: &mut Source,
    target: &mut Target,
    folder: &Folder,
    items: &[Item],
) -> anyhow::Result<()> {
    if items.is_empty() {
        return Ok(());
    }
    source.read(folder, items, target).await
}
