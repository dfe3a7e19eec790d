//! What is tried again, held, released or removed.

use mail_types::QueueId;
use message_queue::{
    Queue,
    operator::{Filter, State},
};
use serde_json::json;

use super::{Selection, Touch, list, show};
use crate::{commands::account::password::confirm, printer};

/// What is done.
#[derive(Clone, Copy)]
pub(super) enum Verb<'a> {
    Retry,
    /// For this reason.
    Hold(&'a str),
    Release,
    Remove,
}

impl Verb<'_> {
    /// What has happened to them, and in which state they were to be.
    fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Retry => ("to be tried again now", State::Waiting.word()),
            Self::Hold(_) => ("held", State::Waiting.word()),
            Self::Release => ("released", State::Held.word()),
            Self::Remove => ("removed", "still waiting, held or set aside"),
        }
    }
}

pub(super) async fn run(
    queue: &Queue,
    selection: &Selection,
    touch: Touch,
    verb: Verb<'_>,
) -> anyhow::Result<()> {
    let filters = selection.required()?;
    let missing = selection.missing(queue).await?;
    if touch.dry_run {
        dry_run(queue, &filters).await?;
        return all_there(&missing);
    }
    if matches!(verb, Verb::Remove) {
        agreed(queue, &filters, touch, "is thrown away; senders are not told", "remove it?")
            .await?;
    }
    let (mut count, now) = (0_u64, agent_kit::now());
    for filter in &filters {
        let changed = match verb {
            Verb::Retry => queue.retry(filter, now).await?,
            Verb::Hold(reason) => queue.hold(filter, reason, now).await?,
            Verb::Release => queue.release(filter, now).await?,
            Verb::Remove => queue.remove(filter, now).await?,
        };
        count = count.saturating_add(changed);
    }
    let (done, with_state) = verb.words();
    report(count, done, with_state, touch)?;
    all_there(&missing)
}

/// Whatever was done to the others: ids of which nothing is in the queue are an error for scripts to
/// see.
pub(super) fn all_there(missing: &[QueueId]) -> anyhow::Result<()> {
    missing.iter().for_each(|id| printer::note(show::gone(*id)));
    anyhow::ensure!(
        missing.is_empty(),
        "{} of those that were named not in the queue",
        if missing.len() == 1 { "one is".to_owned() } else { format!("{} are", missing.len()) }
    );
    Ok(())
}

/// Says what is meant, and asks, unless told not to.
pub(super) async fn agreed(
    queue: &Queue,
    filters: &[Filter],
    touch: Touch,
    fate: &str,
    question: &str,
) -> anyhow::Result<()> {
    if touch.yes {
        return Ok(());
    }
    let found = list::some(queue, filters).await?;
    if found == 0 {
        return Ok(());
    }
    let messages = printer::count(found, "message");
    printer::note(format!("what is meant of {messages} {fate}"));
    confirm(question)
}

/// Says what is meant.
pub(super) async fn dry_run(queue: &Queue, filters: &[Filter]) -> anyhow::Result<()> {
    let found = list::some(queue, filters).await?;
    printer::note(format!("{} meant; nothing was changed", printer::count(found, "message")));
    Ok(())
}

/// How many recipients; none at all is an error for scripts to see.
pub(super) fn report(count: u64, done: &str, with_state: &str, touch: Touch) -> anyhow::Result<()> {
    anyhow::ensure!(
        count > 0,
        "nothing in the queue that is meant by that is {with_state}: see postrider queue list"
    );
    if touch.json {
        return printer::json(&json!({"recipients": count, "done": done}));
    }
    printer::line(format!("{} {done}", printer::count(count, "recipient")));
    Ok(())
}
