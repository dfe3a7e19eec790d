//! What those who watch the agents hear about messages: for whoever moves them.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use agent_kit::metrics::{Count, Gauge, Metrics, count, whole};
use mail_types::{Outcome, Problem, Reply};
use message_queue::{Consumes, Queue, QueueError};
use tokio::sync::Mutex;

/// Counting a long queue takes time: it is counted this often at most.
const AGAIN: Duration = Duration::from_secs(10);

/// Lets the part of the queue that an agent empties be looked at.
pub fn watch_queue(metrics: &Metrics, queue: &Queue, consumes: Consumes) {
    let (queue, last) = (queue.clone(), Arc::new(Mutex::new(None::<(Instant, Looked)>)));
    metrics.look(move || {
        let (queue, last) = (queue.clone(), last.clone());
        Box::pin(async move {
            let mut last = last.lock().await;
            match &*last {
                Some((at, looked)) if at.elapsed() < AGAIN => looked.clone(),
                _ => match look(&queue, consumes).await {
                    Ok(looked) => {
                        *last = Some((Instant::now(), looked.clone()));
                        looked
                    }
                    Err(error) => {
                        tracing::warn!(%error, "the queue cannot be counted");
                        Vec::new()
                    }
                },
            }
        })
    });
}

type Looked = Vec<(Gauge, f64)>;

async fn look(queue: &Queue, consumes: Consumes) -> Result<Looked, QueueError> {
    let (counts, now) = (queue.counts().await?, agent_kit::now());
    let lanes = match consumes {
        Consumes::Local => counts.local,
        Consumes::Remote => counts.remote,
    };
    let oldest = counts.oldest.map_or(0.0, |oldest| now.since(oldest).as_secs_f64());
    let paused = queue.paused().await?.len() as u64;
    Ok(vec![
        (Gauge::QueueWaiting, whole(lanes.waiting)),
        (Gauge::QueueLeased, whole(lanes.leased)),
        (Gauge::QueueHeld, whole(lanes.held)),
        (Gauge::QueueSetAside, whole(lanes.set_aside)),
        (Gauge::QueueOldest, oldest),
        (Gauge::QueuePaused, whole(paused)),
    ])
}

/// Counts what came of an attempt to deliver a message of so many octets to a recipient.
pub fn count_outcome(outcome: &Outcome, octets: u64) {
    match outcome {
        Outcome::Delivered { reply, .. } => {
            count(Count::Delivered, 1);
            count(Count::DeliveredBytes, octets);
            count_reply(Some(reply));
        }
        Outcome::Deferred(Problem { reply, .. }) => {
            count(Count::Deferred, 1);
            count_reply(reply.as_ref());
        }
        Outcome::Failed(Problem { reply, .. }) => {
            count(Count::Failed, 1);
            count_reply(reply.as_ref());
        }
    }
}

fn count_reply(reply: Option<&Reply>) {
    let class = reply.map(|reply| reply.code() / 100);
    let what = match class {
        Some(2) => Count::Reply2,
        Some(4) => Count::Reply4,
        Some(5) => Count::Reply5,
        _ => Count::NoReply,
    };
    count(what, 1);
}
