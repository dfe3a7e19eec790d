//! `postrider trace`: where is my message, and what happened to it?

use std::{path::Path, process::ExitCode};

use mail_types::QueueId;
use message_queue::{
    Origin, Queue, Refusal,
    operator::{Event, Journey, Trace},
};
use serde_json::{Value, json};

use super::queue::{show, why};
use crate::{
    installation::{Installation, runtime},
    printer, terminal, times,
};

/// Show the journey of a message across all agents
#[derive(clap::Args)]
pub(crate) struct Args {
    /// A queue id, a Message-ID, or the address of a sender or recipient
    #[arg(value_name = "ID|MESSAGE-ID|ADDRESS")]
    what: String,
    /// At most so many journeys, the newest
    #[arg(long, value_name = "COUNT", default_value_t = 20)]
    limit: u32,
    /// As JSON
    #[arg(long)]
    json: bool,
}

/// So many of the last refusals are looked through.
const REFUSALS: u32 = 10_000;

pub(crate) fn run(args: Args, config: Option<&Path>) -> anyhow::Result<ExitCode> {
    let installation = Installation::find_as_owner(config)?;
    runtime()?.block_on(async {
        let queue = installation.queue().await?;
        let what = args.what.trim().trim_start_matches('<').trim_end_matches('>');
        let journeys = journeys(&queue, what, args.limit).await?;
        let refusals = refusals(&queue, what).await?;
        if args.json {
            printer::json(&json!({
                "journeys": journeys.iter().map(journey_value).collect::<Vec<_>>(),
                "refusals": refusals.iter().map(refusal_value).collect::<Vec<_>>(),
            }))?;
        } else {
            for journey in &journeys {
                show_journey(journey);
                show_outlook(&installation, &queue, journey).await?;
            }
            refusals.iter().for_each(show_refusal);
        }
        if journeys.is_empty() && refusals.is_empty() {
            printer::note(format!(
                "nothing is known of {what}: it never came here, or longer ago than \
                 [queue] journey_kept in the configuration"
            ));
            return Ok(ExitCode::FAILURE);
        }
        Ok(ExitCode::SUCCESS)
    })
}

/// What is found by the first of the meanings that `what` can have.
async fn journeys(queue: &Queue, what: &str, limit: u32) -> anyhow::Result<Vec<Journey>> {
    let plain = what.to_owned();
    let meanings = match what.parse::<QueueId>() {
        Ok(id) => vec![Trace::Id(id)],
        // A Message-ID looks like an address, and may be one.
        Err(_) => vec![Trace::Address(plain.clone()), Trace::MessageId(plain)],
    };
    for meaning in meanings {
        let found = queue.trace(&meaning, limit).await?;
        if !found.is_empty() {
            return Ok(found);
        }
    }
    Ok(Vec::new())
}

/// Refused mail never got an id: it is found by address only.
async fn refusals(queue: &Queue, what: &str) -> anyhow::Result<Vec<Refusal>> {
    let of_address = |address: &Option<String>| {
        address.as_ref().is_some_and(|address| address.eq_ignore_ascii_case(what))
    };
    let mut refusals = queue.refusals(REFUSALS).await?;
    refusals.retain(|refusal| of_address(&refusal.sender) || of_address(&refusal.recipient));
    Ok(refusals)
}

fn show_journey(journey: &Journey) {
    let message_id = journey.message_id.as_deref().unwrap_or("none");
    printer::line(terminal::one_line(&format!(
        "{}  from <{}>, {} bytes, Message-ID <{message_id}>",
        journey.id, journey.sender, journey.size
    )));
    let (at, came) = (times::local(journey.queued_at), origin(&journey.origin));
    let came = format!("  {at}       0s  came        to {came}");
    printer::line(terminal::one_line(&came));
    for (index, event) in journey.events.iter().enumerate() {
        if is_said_by(event, journey.events.get(index + 1)) {
            continue;
        }
        let address = event.address.as_deref().unwrap_or("all recipients");
        let (at, after) = (times::local(event.at), times::span(journey.queued_at, event.at));
        let line = format!("  {at}  {after:>7}  {:<10}  {address}", event.what);
        let detail = event.detail.as_ref().map(|detail| format!(": {detail}")).unwrap_or_default();
        printer::line(terminal::one_line(&format!("{line}{detail}")));
    }
}

/// Why it is still in the queue, if it is, and what comes next.
async fn show_outlook(
    installation: &Installation,
    queue: &Queue,
    journey: &Journey,
) -> anyhow::Result<()> {
    let Ok(id) = journey.id.parse::<QueueId>() else { return Ok(()) };
    let Some(entry) = queue.show(id).await? else { return Ok(()) };
    let (paused, now) = (queue.paused().await?, agent_kit::now());
    for recipient in entry.recipients.iter().filter(|recipient| recipient.state.is_open()) {
        let give_up = show::give_up(installation, &recipient.lane, entry.queued_at);
        let outlook = why::outlook(recipient, &paused, give_up, now);
        printer::line(terminal::one_line(&format!("  now: {} {outlook}", recipient.address)));
    }
    Ok(())
}

/// An attempt that found the recipient's route on hold is told by the hold that follows.
fn is_said_by(event: &Event, next: Option<&Event>) -> bool {
    event.what == "deferred"
        && next.is_some_and(|next| {
            (next.what, next.at, next.recipient) == ("held", event.at, event.recipient)
        })
}

/// Such as `smtp-relay from mx.example.org [192.0.2.1] with ESMTPS (TLSv1.3)`.
fn origin(origin: &Origin) -> String {
    let mut text = origin.agent.clone();
    for (word, value) in
        [(" from ", &origin.peer), (" with ", &origin.protocol), (" under ", &origin.tls)]
    {
        if let Some(value) = value {
            text += word;
            text += value;
        }
    }
    text
}

fn show_refusal(refusal: &Refusal) {
    let sender = refusal.sender.as_deref().unwrap_or_default();
    let recipient = refusal.recipient.as_ref();
    printer::line(terminal::one_line(&format!(
        "{}  {} refused {} a message from <{sender}>{}: {}",
        times::local(refusal.at),
        refusal.agent,
        refusal.peer.as_deref().unwrap_or("a program"),
        recipient.map(|recipient| format!(" to <{recipient}>")).unwrap_or_default(),
        refusal.reply
    )));
}

fn journey_value(journey: &Journey) -> Value {
    let events: Vec<_> = journey
        .events
        .iter()
        .map(|event| {
            json!({
                "at": times::utc(event.at),
                "recipient": event.recipient.map(|number| number.0),
                "address": event.address,
                "what": event.what,
                "detail": event.detail,
            })
        })
        .collect();
    json!({
        "id": journey.id,
        "queued": times::utc(journey.queued_at),
        "sender": journey.sender,
        "account": journey.account.map(|account| account.0),
        "size": journey.size,
        "message_id": journey.message_id,
        "origin": {
            "agent": journey.origin.agent,
            "peer": journey.origin.peer,
            "protocol": journey.origin.protocol,
            "tls": journey.origin.tls,
        },
        "events": events,
    })
}

fn refusal_value(refusal: &Refusal) -> Value {
    json!({
        "at": times::utc(refusal.at),
        "agent": refusal.agent,
        "peer": refusal.peer,
        "sender": refusal.sender,
        "recipient": refusal.recipient,
        "reply": refusal.reply.to_string(),
    })
}
