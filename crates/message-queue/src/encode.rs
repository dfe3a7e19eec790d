//! Values as the parameters of statements.

use mail_types::{Lane, Outcome, QueueId, Timestamp};
use serde_json::{Value, json};

use crate::{
    Lease, NewEntry, NewRecipient, QueueError, SealedDraft, Settlement,
    facts::{EntryFacts, RecipientFacts, VERSION},
    order,
    sql::{EndRow, Meant, NewEntryRow, NewRecipientRow, RecipientRow, event, state, told},
};

/// A new entry, ready to be inserted.
#[derive(Debug)]
pub(crate) struct EncodedEntry {
    pub(crate) row: NewEntryRow,
    pub(crate) content: SealedDraft,
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
        let of_sender = order::sender(entry.account, &entry.reverse_path);
        let class = order::class(entry.handling.priority);
        let recipients = entry.recipients.iter();
        let row = NewEntryRow {
            id: id.to_string(),
            queued_at: now.millis(),
            sender: entry.reverse_path.to_string(),
            account: entry.account.map(|account| account.0),
            size: i64::try_from(content.len()).unwrap_or(i64::MAX),
            file: content.file_name().map(str::to_owned),
            message_id: entry.message_id.clone(),
            version: VERSION,
            facts: text(&EntryFacts::of(entry)),
            origin: text(&entry.origin),
            cause: cause.map(|lease| (lease.entry.id.to_string(), lease.token.0)),
            recipients: recipients.map(|one| recipient_row(one, of_sender, class, now)).collect(),
        };
        let is_local = |recipient: &NewRecipient| recipient.lane == Lane::Local;
        let leave = entry.recipients.iter().filter(|recipient| !is_local(recipient)).count();
        let counted = entry.account.filter(|_| leave > 0);
        Ok(Self {
            row,
            content,
            local: entry.recipients.iter().any(is_local),
            remote: leave > 0,
            sending: counted.map(|account| json!([account.0, now.millis(), leave]).to_string()),
        })
    }
}

fn recipient_row(
    recipient: &NewRecipient,
    of_sender: i64,
    class: i64,
    now: Timestamp,
) -> NewRecipientRow {
    let (state, event) = match recipient.held {
        None => (state::WAITING, event::QUEUED),
        Some(_) => (state::HELD, event::HELD),
    };
    let next_at = recipient.not_before.unwrap_or(now);
    let stands_in_line = next_at <= now && state == state::WAITING;
    NewRecipientRow {
        lane: recipient.lane.to_string(),
        address: recipient.address.to_string(),
        state,
        next_at: next_at.millis(),
        problem: recipient.held.clone(),
        facts: text(&RecipientFacts::of(recipient)),
        event,
        of_sender,
        place: (!stands_in_line).then(|| order::at(next_at)),
        class,
    }
}

/// The rows of a settlement's ends. A recipient about whom nothing is said waits again.
pub(crate) fn ends(settlement: &Settlement) -> impl Iterator<Item = EndRow> {
    let lease = &settlement.lease;
    lease.recipients.iter().map(|recipient| {
        let end = settlement.ends.iter().find(|end| end.number == recipient.number);
        let outcome = end.and_then(|end| end.outcome.as_ref());
        let (state, event, attempts) = match outcome {
            None if end.is_some_and(|end| end.held) => (state::HELD, None, 0),
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
        EndRow {
            entry: lease.entry.id.to_string(),
            number: recipient.number.0.into(),
            token: lease.token.0,
            state,
            next_at: end.and_then(|end| end.next_at).map(Timestamp::millis),
            problem,
            event,
            detail: words,
            attempts,
            told: end.map_or(told::NOTHING, |end| end.told),
        }
    })
}

/// The end of a leased row that is given back untried.
pub(crate) fn given_back(row: &RecipientRow, not_before: Timestamp) -> EndRow {
    EndRow {
        entry: row.entry.clone(),
        number: row.number,
        token: row.token,
        state: state::WAITING,
        next_at: Some(not_before.millis()),
        problem: None,
        event: None,
        detail: None,
        attempts: 0,
        told: told::NOTHING,
    }
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
