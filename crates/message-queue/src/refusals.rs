//! The ring of refusals: what strangers were told no to, for the operator to see.
//!
//! Strangers choose how often this happens, so nothing waits for it and no refusal costs a flush
//! of its own: they are gathered for a second, and beyond a bound they are dropped. The table is a
//! ring.

use std::time::Duration;

use mail_types::{Reply, Timestamp};
use stable_storage::Writer;
use tokio::sync::mpsc;

use crate::jobs::{Job, Jobs};

/// The most that wait to be written.
const WAITING_MAX: usize = 512;
/// How long they are gathered.
const GATHER: Duration = Duration::from_secs(1);

/// A recipient or message that was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// When.
    pub at: Timestamp,
    /// The agent that refused.
    pub agent: String,
    /// Who wanted to hand it over.
    pub peer: Option<String>,
    /// The reverse-path, empty for the null path.
    pub sender: Option<String>,
    /// The recipient, if it was about one.
    pub recipient: Option<String>,
    /// What was replied.
    pub reply: Reply,
}

/// The way to the task that writes them.
#[derive(Debug)]
pub(crate) struct Refusals(mpsc::Sender<Refusal>);

impl Refusals {
    pub(crate) fn start(writer: Writer<Jobs>) -> Self {
        let (sender, receiver) = mpsc::channel(WAITING_MAX);
        tokio::spawn(run(receiver, writer));
        Self(sender)
    }

    pub(crate) fn note(&self, refusal: Refusal) {
        if self.0.try_send(refusal).is_err() {
            tracing::debug!("too many refusals at once to note each");
        }
    }
}

async fn run(mut receiver: mpsc::Receiver<Refusal>, writer: Writer<Jobs>) {
    let mut refusals = Vec::new();
    while receiver.recv_many(&mut refusals, WAITING_MAX).await > 0 {
        // Ends at once when the queue is closed.
        let _ = tokio::time::timeout(GATHER, async {
            while refusals.len() < WAITING_MAX
                && let Some(more) = receiver.recv().await
            {
                refusals.push(more);
            }
        })
        .await;
        let rows: Vec<String> = refusals.drain(..).map(|refusal| row(&refusal)).collect();
        let rows = format!("[{}]", rows.join(","));
        if let Err(error) = writer.submit(Job::NoteRefusals(rows)).await {
            tracing::warn!(%error, "refusals could not be noted");
        }
    }
}

fn row(refusal: &Refusal) -> String {
    let Refusal { at, agent, peer, sender, recipient, reply } = refusal;
    serde_json::json!([at.millis(), agent, peer, sender, recipient, reply.to_string()]).to_string()
}
