//! Values as the parameters of statements.

use mail_types::{Lane, Outcome, QueueId, Timestamp};
use serde_json::{Value, json};

use crate::{
    Lease, NewEntry, NewRecipient, QueueError, SealedDraft, Settlement,
    facts::{EntryFacts, RecipientFacts, VERSION},
    order,
    sql::{Meant, event, state},
};

/// A new entry, ready to be one of many in a statement.
#[derive(Debug)]
pub(crate) struct EncodedEntry {
    pub(crate) id: QueueId,
    /// The entry's row without its first column, which is known when the batch is.
    pub(crate) entry: String,
    /// Its recipients' rows, with commas between.
    pub(crate) recipients: String,
    pub(crate) content: SealedDraft,
    pub(crate) recipient_count: usize,
    pub(crate) local: bool,
    pub(crate) remote: bool,
    /// What it adds to the count of what its account sends to other servers.
    pub(crate) sending: Option<String>,
}

impl EncodedEntry {
    /// `cause` is the lease that this notification is about.
    pub(crate) fn new(
        id: QueueId,
        entry: &NewEntry,
        content: SealedDraft,
        cause: Option<&Lease>,
        now: Timestamp,
    ) -> Result<Self, QueueError> {
        if entry.recipients.is_empty() {
            return Err(QueueError::NoRecipient);
        }
        let name = id.to_string();
        let row = json!([
            name,
            now.millis(),
            entry.reverse_path.to_string(),
            entry.account.map(|account| account.0),
            content.len(),
            content.file_name(),
            entry.message_id,
            VERSION,
            text(&EntryFacts::of(entry)),
            text(&entry.origin),
            cause.map(|lease| lease.entry.id.to_string()),
            cause.map(|lease| lease.token.0),
        ]);
        let row = row.to_string();
        let inner = row.strip_prefix('[').and_then(|row| row.strip_suffix(']'));
        let rows: Vec<String> = entry
            .recipients
            .iter()
            .enumerate()
            .map(|(number, recipient)| {
                recipient_row(&name, number, (entry, recipient), now).to_string()
            })
            .collect();
        let is_local = |recipient: &NewRecipient| recipient.lane == Lane::Local;
        let leave = entry.recipients.iter().filter(|recipient| !is_local(recipient)).count();
        let counted = entry.account.filter(|_| leave > 0);
        Ok(Self {
            id,
            entry: inner.unwrap_or_default().to_owned(),
            recipients: rows.join(","),
            content,
            recipient_count: rows.len(),
            local: entry.recipients.iter().any(is_local),
            remote: leave > 0,
            sending: counted.map(|account| json!([account.0, now.millis(), leave]).to_string()),
        })
    }
}

fn recipient_row(
    name: &str,
    number: usize,
    (entry, recipient): (&NewEntry, &NewRecipient),
    now: Timestamp,
) -> Value {
    let (state, event) = match recipient.held {
        None => (state::WAITING, event::QUEUED),
        Some(_) => (state::HELD, event::HELD),
    };
    let next_at = recipient.not_before.unwrap_or(now);
    let stands_in_line = next_at <= now && state == state::WAITING;
    json!([
        name,
        number,
        recipient.lane.to_string(),
        recipient.address.to_string(),
        state,
        next_at.millis(),
        recipient.held,
        text(&RecipientFacts::of(recipient)),
        event,
        now.millis(),
        order::sender(entry.account, &entry.reverse_path),
        (!stands_in_line).then(|| order::at(next_at)),
        order::class(entry.handling.priority),
    ])
}

/// The rows of a settlement's ends, with commas between. A recipient about whom nothing is said
/// waits again.
pub(crate) fn ends(settlement: &Settlement) -> String {
    let lease = &settlement.lease;
    let entry = lease.entry.id.to_string();
    let rows = lease.recipients.iter().map(|recipient| {
        let end = settlement.ends.iter().find(|end| end.number == recipient.number);
        let outcome = end.and_then(|end| end.outcome.as_ref());
        let (state, event, attempts) = match outcome {
            None => (state::WAITING, None, 0),
            Some(Outcome::Delivered { .. }) => (state::DELIVERED, Some(event::DELIVERED), 1),
            Some(Outcome::Deferred(_)) => (state::WAITING, Some(event::DEFERRED), 1),
            Some(Outcome::Failed(_)) => (state::FAILED, Some(event::FAILED), 1),
        };
        let words = outcome.map(in_words);
        let problem = match outcome {
            Some(Outcome::Deferred(_) | Outcome::Failed(_)) => words.clone(),
            _ => None,
        };
        json!([
            entry,
            recipient.number.0,
            lease.token.0,
            state,
            end.and_then(|end| end.next_at).map(Timestamp::millis),
            problem,
            event,
            words,
            attempts,
            end.is_some_and(|end| end.delay_told),
        ])
        .to_string()
    });
    rows.collect::<Vec<_>>().join(",")
}

fn in_words(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Delivered { by, reply } => format!("{by}: {reply}"),
        Outcome::Deferred(problem) | Outcome::Failed(problem) => problem.to_string(),
    }
}

/// A JSON array of numbers.
pub(crate) fn numbers(values: &[i64]) -> String {
    Value::from(values).to_string()
}

/// The recipients that the operator means, as `[[row, entry], ..]`.
pub(crate) fn meant(meant: &[Meant]) -> String {
    Value::from_iter(meant.iter().map(|one| json!([one.row, one.entry]))).to_string()
}

/// A JSON array of texts.
pub(crate) fn texts<T: ToString>(values: impl IntoIterator<Item = T>) -> String {
    Value::from_iter(values.into_iter().map(|value| value.to_string())).to_string()
}

/// A structure as JSON text. Ours can't fail: no map keys but texts, no number but whole ones.
fn text(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}
