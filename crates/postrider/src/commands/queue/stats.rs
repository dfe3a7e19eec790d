//! The queue in numbers.

use clap::ValueEnum;
use message_queue::{
    Queue,
    operator::{Group, GroupBy, Paused},
};
use serde_json::{Value, json};

use super::{Selection, pause, why};
use crate::{printer, terminal, times};

/// Count what waits
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    selection: Selection,
    /// What is counted together
    #[arg(long, value_enum, default_value = "destination")]
    by: By,
    /// So many lines, those with the most recipients
    #[arg(long, value_name = "COUNT", default_value_t = 40)]
    limit: u32,
    /// Reasons in their whole length, though they do not fit the terminal
    #[arg(long)]
    full: bool,
    /// As JSON
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum By {
    Destination,
    Sender,
    Reason,
}

pub(super) async fn run(queue: &Queue, args: &Args) -> anyhow::Result<()> {
    let by = match args.by {
        By::Destination => GroupBy::Destination,
        By::Sender => GroupBy::Sender,
        By::Reason => GroupBy::Reason,
    };
    let [filter] = &args.selection.filters()[..] else {
        anyhow::bail!("to count is to count many: name one queue id at most");
    };
    let groups = queue.groups(by, filter, args.limit).await?;
    let paused = queue.paused().await?;
    if args.json {
        let all: Vec<_> = groups.largest.iter().map(|one| value(one, args.by, &paused)).collect();
        return printer::json(&json!({
            "groups": all,
            "groups_in_all": groups.in_all,
            "paused": pause::values(&paused),
            "conditions": why::conditions(&queue.conditions().await?),
        }));
    }
    let lines = lines(&groups.largest, args.by, &paused);
    if groups.largest.is_empty() {
        printer::note("nothing is in the queue that is meant by that");
    } else {
        let columns = if args.full { None } else { terminal::columns() };
        for line in lines {
            printer::line(
                columns.map_or(line.as_str().into(), |max| terminal::shortened(&line, max)),
            );
        }
    }
    let shown = groups.largest.len() as u64;
    if let Some(more @ 1..) = groups.in_all.checked_sub(shown) {
        printer::note(format!("and {more} more with fewer recipients: --limit shows them"));
    }
    why::matters(queue).await?.iter().for_each(printer::note);
    Ok(())
}

fn lines(groups: &[Group], by: By, paused: &[Paused]) -> Vec<String> {
    let now = agent_kit::now();
    let age = |group: &Group| group.oldest.map(|at| times::span(at, now)).unwrap_or_default();
    let counts = |group: &Group| {
        let counts = group.counts;
        [counts.waiting, counts.leased, counts.held, counts.set_aside]
            .map(|count| count.to_string())
    };
    if by == By::Destination {
        let row = |group: &Group| {
            let [waiting, leased, held, set_aside] = counts(group);
            let (state, next) = state(group, paused, now);
            let why = group.problem.clone().unwrap_or_default();
            let [name, tries] = [group.name.clone(), group.attempts.to_string()];
            [name, waiting, leased, held, set_aside, age(group), tries, state, next, why]
                .map(|cell| terminal::one_line(&cell))
        };
        let header = [
            "destination",
            "waiting",
            "leased",
            "held",
            "set-aside",
            "oldest",
            "tries",
            "state",
            "next",
            "at last",
        ];
        return printer::columns(Some(header), &groups.iter().map(row).collect::<Vec<_>>());
    }
    let what = if by == By::Sender { "sender" } else { "reason" };
    let row = |group: &Group| {
        let [waiting, leased, held, set_aside] = counts(group);
        let name = match (by, group.name.as_str()) {
            (By::Sender, sender) => format!("<{sender}>"),
            (_, "") => "not tried yet".to_owned(),
            (_, reason) => reason.to_owned(),
        };
        let to = group.destinations.to_string();
        [waiting, leased, held, set_aside, to, age(group), name]
            .map(|cell| terminal::one_line(&cell))
    };
    let header = ["waiting", "leased", "held", "set-aside", "destinations", "oldest", what];
    printer::columns(Some(header), &groups.iter().map(row).collect::<Vec<_>>())
}

/// The state of a destination in a word, and when it is tried next.
pub(super) fn state(
    group: &Group,
    paused: &[Paused],
    now: mail_types::Timestamp,
) -> (String, String) {
    let next = group.next_at.map(|at| why::due(at, now)).unwrap_or_default();
    if why::pause_of(paused, &group.name).is_some() {
        ("paused".to_owned(), String::new())
    } else if group.counts.leased > 0 {
        ("active".to_owned(), next)
    } else if group.counts.waiting > 0 {
        ("waiting".to_owned(), next)
    } else {
        ("held".to_owned(), String::new())
    }
}

fn value(group: &Group, by: By, paused: &[Paused]) -> Value {
    let (counts, name) = (group.counts, &group.name);
    let what = match by {
        By::Destination => "destination",
        By::Sender => "sender",
        By::Reason => "reason",
    };
    let mut value = json!({
        what: name,
        "waiting": counts.waiting,
        "leased": counts.leased,
        "held": counts.held,
        "set_aside": counts.set_aside,
        "destinations": group.destinations,
        "attempts_max": group.attempts,
        "oldest": group.oldest.map(times::utc),
        "next_attempt": group.next_at.map(times::utc),
    });
    if by == By::Destination
        && let Some(fields) = value.as_object_mut()
    {
        let (state, _) = state(group, paused, agent_kit::now());
        fields.insert("state".to_owned(), state.into());
        fields.insert("problem".to_owned(), group.problem.clone().into());
    }
    value
}
