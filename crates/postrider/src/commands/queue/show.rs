//! One message of the queue.

use std::io;

use anyhow::Context;
use mail_types::QueueId;
use message_queue::{Content, Queue, operator::Summary};
use serde_json::{Value, json};

use crate::{printer, times};

/// For scripts.
pub(super) fn value(entry: &Summary) -> Value {
    let recipients: Vec<_> = entry
        .recipients
        .iter()
        .map(|recipient| {
            json!({
                "number": recipient.number.0,
                "address": recipient.address,
                "lane": recipient.lane,
                "state": recipient.state.word(),
                "attempts": recipient.attempts,
                "next_attempt": times::utc(recipient.next_at),
                "problem": recipient.problem,
            })
        })
        .collect();
    json!({
        "id": entry.id,
        "queued": times::utc(entry.queued_at),
        "sender": entry.sender,
        "account": entry.account.map(|account| account.0),
        "size": entry.size,
        "message_id": entry.message_id,
        "recipients": recipients,
    })
}

/// Shows what is known of a message.
pub(super) async fn entry(queue: &Queue, id: QueueId, as_json: bool) -> anyhow::Result<()> {
    let entry = queue.show(id).await?.with_context(|| gone(id))?;
    if as_json {
        return printer::json(&value(&entry));
    }
    printer::line(format!("queue id    {}", entry.id));
    printer::line(format!("queued      {}", times::local(entry.queued_at)));
    printer::line(format!("from        <{}>", entry.sender));
    if let Some(message_id) = &entry.message_id {
        printer::line(format!("message-id  <{message_id}>"));
    }
    printer::line(format!("size        {} bytes", entry.size));
    for recipient in &entry.recipients {
        let state = recipient.state.word();
        printer::line(format!("to          {} ({}): {state}", recipient.address, recipient.lane));
        if recipient.attempts > 0 {
            printer::line(format!("              attempts: {}", recipient.attempts));
        }
        if state == "waiting" {
            printer::line(format!("              next: {}", times::local(recipient.next_at)));
        }
        if let Some(problem) = &recipient.problem {
            printer::line(format!("              {problem}"));
        }
    }
    Ok(())
}

/// Writes the content to standard output, byte for byte.
pub(super) async fn content(queue: &Queue, id: QueueId) -> anyhow::Result<()> {
    match queue.content(id).await?.with_context(|| gone(id))? {
        Content::Bytes(bytes) => printer::bytes(&mut bytes.as_ref()),
        Content::File { file, .. } => printer::bytes(&mut io::BufReader::new(file.as_ref())),
    }
}

fn gone(id: QueueId) -> String {
    format!("{id} is not in the queue; postrider trace {id} tells what became of it")
}
