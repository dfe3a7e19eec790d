//! One message of the queue.

use std::io::{self, IsTerminal as _};

use anyhow::Context;
use mail_types::{QueueId, Timestamp};
use message_queue::{
    Content, Queue,
    operator::{Paused, State, Summary},
};
use serde_json::{Value, json};

use super::why;
use crate::{installation::Installation, printer, terminal, times};

/// The most of a header that is looked for, in octets.
const HEADER_MAX: usize = 1 << 20;
/// What is read at a time.
const PIECE: usize = 256 * 1024;

/// For scripts.
pub(super) fn value(entry: &Summary, paused: &[Paused]) -> Value {
    let recipients: Vec<_> = entry
        .recipients
        .iter()
        .map(|recipient| {
            let pause = why::pause_of(paused, &recipient.lane);
            let pause = pause.filter(|_| recipient.state == State::Waiting);
            json!({
                "number": recipient.number.0,
                "address": recipient.address,
                "lane": recipient.lane,
                "state": recipient.state.word(),
                "attempts": recipient.attempts,
                "next_attempt": times::utc(recipient.next_at),
                "problem": recipient.problem,
                "paused": pause.map(|pause| {
                    json!({"since": times::utc(pause.since), "reason": pause.reason})
                }),
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
pub(super) async fn entry(
    installation: &Installation,
    queue: &Queue,
    id: QueueId,
    as_json: bool,
) -> anyhow::Result<()> {
    let entry = queue.show(id).await?.with_context(|| gone(id))?;
    let paused = queue.paused().await?;
    if as_json {
        return printer::json(&value(&entry, &paused));
    }
    let now = agent_kit::now();
    let line = |text: String| printer::line(terminal::one_line(&text));
    line(format!("queue id    {}", entry.id));
    let age = times::span(entry.queued_at, now);
    line(format!("queued      {} ({age} ago)", times::local(entry.queued_at)));
    line(format!("from        <{}>", entry.sender));
    if let Some(message_id) = &entry.message_id {
        line(format!("message-id  <{message_id}>"));
    }
    line(format!("size        {} bytes", entry.size));
    for recipient in &entry.recipients {
        let state = why::state(recipient, &paused);
        line(format!("to          {} ({}): {state}", recipient.address, recipient.lane));
        if recipient.state.is_open() {
            let give_up = give_up(installation, &recipient.lane, entry.queued_at);
            line(format!("              {}", why::outlook(recipient, &paused, give_up, now)));
        }
        if let Some(problem) = &recipient.problem {
            line(format!("              {problem}"));
        }
    }
    line(format!("its journey: postrider trace {id}"));
    Ok(())
}

/// When what still fails is given up.
pub(crate) fn give_up(
    installation: &Installation,
    lane: &str,
    queued_at: Timestamp,
) -> Option<Timestamp> {
    let config = &installation.config;
    let retry = if lane == "local" { return None } else { &config.relay.outbound.retry };
    Some(queued_at.plus(retry.give_up_after))
}

/// Writes the content to standard output: byte for byte, unless a terminal would obey it.
pub(super) async fn content(queue: &Queue, id: QueueId, headers: bool) -> anyhow::Result<()> {
    let content = queue.content(id).await?.with_context(|| gone(id))?;
    let write = |octets: &[u8]| match io::stdout().is_terminal() {
        true => printer::text(&terminal::lines(&String::from_utf8_lossy(octets))),
        false => printer::octets(octets),
    };
    if headers {
        let header = content.read_at(0, HEADER_MAX).await?;
        let length = mime_core::header::header_length(&header);
        write(header.get(..length).unwrap_or(&header));
        return Ok(());
    }
    match content {
        Content::Bytes(bytes) => write(&bytes),
        Content::File { len, .. } => {
            let mut at = 0;
            while at < len {
                let piece = content.read_at(at, PIECE).await?;
                write(&piece);
                at = at.saturating_add(piece.len() as u64);
            }
        }
    }
    Ok(())
}

pub(super) fn gone(id: QueueId) -> String {
    format!("{id} is not in the queue; postrider trace {id} tells what became of it")
}
