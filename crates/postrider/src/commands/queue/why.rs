//! Why a recipient is still in the queue, and what comes next, in words.

use mail_types::Timestamp;
use message_queue::{
    Consumes, Queue,
    operator::{Found, Paused, RecipientSummary, State},
};

use crate::times;

/// The pause that keeps a recipient of this lane waiting: its own before that of all.
pub(crate) fn pause_of<'a>(paused: &'a [Paused], lane: &str) -> Option<&'a Paused> {
    let covering = || paused.iter().filter(|pause| pause.destination.covers(lane));
    covering().find(|pause| pause.destination.to_string() == lane).or_else(|| covering().next())
}

/// The state, as lists show it: what waits for a paused destination is `paused`.
pub(super) fn state(recipient: &RecipientSummary, paused: &[Paused]) -> &'static str {
    match recipient.state {
        State::Waiting if pause_of(paused, &recipient.lane).is_some() => "paused",
        state => state.word(),
    }
}

/// When it is tried next: `in 12m 5s`, `now`, or nothing if it does not wait for a time.
pub(super) fn next(recipient: &RecipientSummary, paused: &[Paused], now: Timestamp) -> String {
    match recipient.state {
        State::Waiting if pause_of(paused, &recipient.lane).is_some() => String::new(),
        State::Waiting => due(recipient.next_at, now),
        State::Leased => "under way".to_owned(),
        _ => String::new(),
    }
}

/// How long until a time, in words.
pub(super) fn due(at: Timestamp, now: Timestamp) -> String {
    if at <= now { "now".to_owned() } else { format!("in {}", times::span(now, at)) }
}

/// The reason.
pub(super) fn reason(recipient: &RecipientSummary, paused: &[Paused]) -> String {
    let problem = recipient.problem.as_deref();
    match pause_of(paused, &recipient.lane) {
        Some(pause) if recipient.state == State::Waiting => {
            let last = problem.map(|problem| format!("; at last: {problem}")).unwrap_or_default();
            format!("{}{last}", paused_words(pause))
        }
        _ => problem.unwrap_or_default().to_owned(),
    }
}

/// Such as `@example.org is paused: they asked for it`.
pub(crate) fn paused_words(pause: &Paused) -> String {
    let what = match pause.destination.to_string().as_str() {
        "*" => "all mail to other servers".to_owned(),
        "local" => "delivery to mailboxes".to_owned(),
        lane => format!("mail to {}", lane.trim_start_matches('@')),
    };
    let since = times::local(pause.since);
    match pause.reason.as_str() {
        "" => format!("{what} is paused since {since}"),
        reason => format!("{what} is paused since {since}: {reason}"),
    }
}

/// What is wrong outside, and what to do about it.
fn condition_words(found: &Found) -> String {
    format!("since {}: {}", times::local(found.since), found.text)
}

/// The same for machines.
pub(crate) fn conditions(found: &[Found]) -> Vec<serde_json::Value> {
    let value = |found: &Found| {
        let (name, since) = (found.condition.name(), times::utc(found.since));
        serde_json::json!({"name": name, "since": since, "text": found.text})
    };
    found.iter().map(value).collect()
}

/// What is to be known of the queue as a whole: what is paused, what agents have found out about
/// the world, who is missing.
pub(crate) async fn matters(queue: &Queue) -> anyhow::Result<Vec<String>> {
    let paused = queue.paused().await?;
    let mut all: Vec<String> = paused.iter().map(paused_words).collect();
    let found = queue.conditions().await?;
    all.extend(found.iter().map(condition_words));
    let missing = missing(queue).map(|agent| format!("{agent} does not run: its mail only waits"));
    all.extend(missing);
    Ok(all)
}

/// Agents that should take messages out of the queue and do not run.
pub(crate) fn missing(queue: &Queue) -> impl Iterator<Item = &'static str> {
    let consumers = [(Consumes::Local, "delivery-agent"), (Consumes::Remote, "smtp-relay")];
    consumers.into_iter().filter(|(lanes, _)| !queue.is_consumed(*lanes)).map(|(_, agent)| agent)
}

/// One sentence about a recipient that is open, for people.
pub(crate) fn outlook(
    recipient: &RecipientSummary,
    paused: &[Paused],
    give_up: Option<Timestamp>,
    now: Timestamp,
) -> String {
    if let Some(pause) = pause_of(paused, &recipient.lane)
        && recipient.state == State::Waiting
    {
        return format!("waits: {}; `postrider queue resume` lets it go on", paused_words(pause));
    }
    match recipient.state {
        State::Waiting => {
            let (at, wait) = (times::local(recipient.next_at), due(recipient.next_at, now));
            let next = match recipient.attempts {
                0 if recipient.next_at > now => format!("is not to be tried before {at} ({wait})"),
                0 => "waits for its first attempt".to_owned(),
                1 => format!("was tried once; next attempt {wait} ({at})"),
                attempts => format!("was tried {attempts} times; next attempt {wait} ({at})"),
            };
            match give_up {
                Some(give_up) if recipient.attempts > 0 => {
                    format!("{next}; it is given up at {}", times::local(give_up))
                }
                _ => next,
            }
        }
        State::Leased => "is being handed over now".to_owned(),
        State::Held => "is held; `postrider queue release` lets it go on".to_owned(),
        State::SetAside => {
            "cannot be read and is set aside; `postrider queue release` lets it try again"
                .to_owned()
        }
        closed => closed.word().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use mail_types::RecipientNumber;
    use message_queue::operator::Destination;

    use super::*;

    const NOW: Timestamp = Timestamp::from_secs(1_700_000_000);

    fn recipient(state: State, attempts: u32, next_in: u64) -> RecipientSummary {
        RecipientSummary {
            number: RecipientNumber(0),
            address: "a@x.test".to_owned(),
            lane: "@x.test".to_owned(),
            state,
            attempts,
            next_at: NOW.plus(std::time::Duration::from_secs(next_in)),
            problem: (attempts > 0).then(|| "4.4.1 no answer".to_owned()),
        }
    }

    fn paused(what: &str, reason: &str) -> Paused {
        let destination = Destination::parse(what).unwrap();
        Paused { destination, since: NOW, reason: reason.to_owned() }
    }

    #[test]
    fn what_is_said_of_a_recipient() {
        let check = |recipient: RecipientSummary, paused: &[Paused], expected: [&str; 3]| {
            let said = [
                state(&recipient, paused).to_owned(),
                next(&recipient, paused, NOW),
                reason(&recipient, paused),
            ];
            let shown: Vec<&str> =
                said.iter().map(|said| said.split(" since").next().unwrap()).collect();
            assert_eq!(shown, expected, "{said:?}");
        };
        let waiting = |attempts, next_in| recipient(State::Waiting, attempts, next_in);
        check(waiting(0, 0), &[], ["waiting", "now", ""]);
        check(waiting(2, 725), &[], ["waiting", "in 12m 5s", "4.4.1 no answer"]);
        check(recipient(State::Leased, 2, 0), &[], ["leased", "under way", "4.4.1 no answer"]);
        let two = [paused("*", "all"), paused("x.test", "they asked")];
        check(waiting(0, 9), &two, ["paused", "", "mail to x.test is paused"]);
        assert!(reason(&waiting(1, 9), &two).ends_with(": they asked; at last: 4.4.1 no answer"));
        check(
            waiting(0, 0),
            &[paused("*", "")],
            ["paused", "", "all mail to other servers is paused"],
        );
        check(waiting(0, 0), &[paused("local", "")], ["waiting", "now", ""]);
        check(recipient(State::Held, 0, 0), &two, ["held", "", ""]);
    }

    #[test]
    fn what_comes_next_is_told_in_words() {
        let check = |recipient: RecipientSummary, expected: &str| {
            let said = outlook(&recipient, &[], Some(NOW), NOW);
            assert!(said.starts_with(expected), "{said}");
        };
        check(recipient(State::Waiting, 0, 0), "waits for its first attempt");
        check(recipient(State::Waiting, 0, 60), "is not to be tried before ");
        check(recipient(State::Waiting, 1, 60), "was tried once; next attempt in 1m 0s (");
        check(recipient(State::Waiting, 3, 0), "was tried 3 times; next attempt now (");
        assert!(
            outlook(&recipient(State::Waiting, 1, 0), &[], Some(NOW), NOW)
                .contains("; it is given up at 2023-11-1")
        );
        check(recipient(State::Held, 1, 0), "is held; ");
        check(recipient(State::Redirected, 1, 0), "redirected");
    }
}
