//! What an answer can reach: the session, its wire, and the peer's patience.

use std::time::Duration;

use conversation::{Machine, Wire};
use tokio::time::timeout;

use super::{End, Gone, Record, link::Link};

/// The conversation, lent to an answer.
pub struct Talk<'t, M> {
    machine: &'t mut M,
    link: &'t mut Link,
    end: Option<End>,
}

impl<'t, M: Machine> Talk<'t, M> {
    pub(super) fn new(machine: &'t mut M, link: &'t mut Link) -> Self {
        Self { machine, link, end: None }
    }

    /// Why the answer was told that the peer is gone, if it was.
    pub(super) fn into_end(self) -> Option<End> {
        self.end
    }

    /// The session and the wire, as the questions' answers take them.
    pub fn parts(&mut self) -> (&mut M, &mut Wire) {
        (self.machine, &mut self.link.wire)
    }

    /// From here on this one hears what is said, or nobody.
    pub fn record(&mut self, record: Option<Box<dyn Record>>) {
        self.link.record(record);
    }

    /// Back-pressure: writes what has gathered if it is more than 64 KiB, as slowly as the peer
    /// reads. Call it in every loop that produces output; most calls return at once.
    ///
    /// `Err` means that nobody will read the rest: end the answer. So an answer that changes
    /// durable state does not call this between the change and its reply.
    pub async fn drain(&mut self) -> Result<(), Gone> {
        self.go_on()?;
        // Even an answer that nothing makes wait lets other conversations take their turn.
        tokio::task::consume_budget().await;
        let flushed = self.link.flush_above_high_water().await;
        flushed.map_err(|end| self.give_up(end))
    }

    /// For an answer that only reads and writes nothing for long: `Err` if the peer is gone or the
    /// agent has waited long enough with its stop.
    pub async fn checkpoint(&mut self) -> Result<(), Gone> {
        tokio::task::consume_budget().await;
        match self.link.hopeless() {
            Some(end) => Err(self.give_up(end)),
            None => self.go_on(),
        }
    }

    /// For an answer that comes late on purpose (a tarpit): writes what has gathered, so that only
    /// what is still to be said is late, and lets time pass. Ends early, with `Ok`, when the agent
    /// is asked to stop.
    pub async fn pause(&mut self, time: Duration) -> Result<(), Gone> {
        self.go_on()?;
        if let Err(end) = self.link.flush().await {
            return Err(self.give_up(end));
        }
        let stop = self.link.options.stop.clone();
        // Whichever it is, the answer goes on.
        let _ = timeout(time, stop.asked()).await;
        self.checkpoint().await
    }

    /// Once told, always told.
    fn go_on(&self) -> Result<(), Gone> {
        if self.end.is_some() || self.link.options.stop.is_overdue() { Err(Gone) } else { Ok(()) }
    }

    fn give_up(&mut self, end: End) -> Gone {
        self.end = Some(end);
        Gone
    }
}
