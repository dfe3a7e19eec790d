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
mod files;
mod foremost;
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
pub(crate) use mbox::Mbox;
pub(crate) use plan::Plan;
pub(crate) use progress::Progress;
pub(crate) use report::{Digests, Report};
pub(crate) use source::Source;
pub(crate) use target::WireDigest;
pub(crate) use unique_ids::Pattern;

use std::collections::{HashMap, HashSet};

use mail_store::AccountMailboxes;
use mail_types::QueueId;

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
    let outcome = all(source, &mut target, plan, &mut report).await;
    // Also of what came before it stopped: it is not asked for again.
    let kept = target.keep_ids().await;
    outcome.and(kept).map(|()| report)
}

async fn all(
    source: &mut Source,
    target: &mut Target,
    plan: &Plan,
    report: &mut Report,
) -> anyhow::Result<()> {
    let mut seen = HashSet::new();
    for folder in plan.choose(source.folders().await?, report) {
        let opened = match source.messages(&folder, None).await? {
            Ok(window) => target.place(&folder, plan).await?.map(|place| (window, place)),
            Err(why) => Err(why),
        };
        let (mut window, place) = match opened {
            Ok(opened) => opened,
            Err(why) => {
                report.failed.push(format!("{}: {why}", folder.name));
                continue;
            }
        };
        let progress = Progress::begin(&folder.name, window.all);
        let entry = report.folder(&folder.name, &place);
        loop {
            tell_apart(&folder.name, &mut window.items, &mut seen);
            for block in window.items.chunks(BLOCK) {
                let fresh = target.fresh(block).await?;
                entry.before(block.len() - fresh.len());
                bring(source, target, &folder, &fresh).await?;
                target.file(&place, entry).await?;
                progress.step(block.len());
            }
            let Some(last) = window.last.take() else { break };
            // Two of them are not held at once.
            drop(std::mem::take(&mut window.items));
            window = match source.messages(&folder, Some(&last)).await? {
                Ok(next) => next,
                Err(why) => {
                    entry.skipped(why);
                    break;
                }
            };
        }
        target.keep_ids().await?;
        entry.end();
        progress.end();
    }
    Ok(())
}

/// What has the same name as another message, such as a copy in another folder, is a message of its
/// own: it is known by the folder too.
fn tell_apart(folder: &str, items: &mut [Item], seen: &mut HashSet<QueueId>) {
    let mut repeats: HashMap<QueueId, u64> = HashMap::new();
    for item in items {
        if !seen.insert(item.key) {
            let repeat = repeats.entry(item.key).or_insert(0);
            *repeat += 1;
            let number = repeat.to_be_bytes();
            item.key = key(&[b"again", &item.key.bytes(), folder.as_bytes(), &number]);
        }
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

#[cfg(test)]
mod tests {
    use super::*;
    use source::Locator;

    #[test]
    fn repeats_are_known_by_their_folder() {
        let keys = |folders: &[&str]| {
            let mut seen = HashSet::new();
            let keys = |folder: &&str| {
                let item = Item { key: key(&[b"x"]), locator: Locator::Uid(1), unique_id: None };
                let mut items = [item.clone(), item];
                tell_apart(folder, &mut items, &mut seen);
                items.map(|item| item.key)
            };
            folders.iter().map(keys).collect::<Vec<_>>()
        };
        let found = keys(&["a", "b", "c"]);
        let all: HashSet<_> = found.iter().flatten().collect();
        assert_eq!((all.len(), found[0][0]), (6, key(&[b"x"])));
        // Without the folder between, those behind it stay what they are.
        assert_eq!(keys(&["a", "c"])[1], found[2]);
    }
}
