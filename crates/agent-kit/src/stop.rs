//! Stopping: asked once, seen by all.

use std::time::Duration;

use tokio::{
    signal::unix::{SignalKind, signal},
    sync::watch,
    time::Instant,
};

/// How long conversations may go on after the stop was asked for. Supervisors wait a little longer
/// than this before they kill.
pub const GRACE: Duration = Duration::from_secs(4);

/// Whether the process is to stop. Clones see the same.
#[derive(Debug, Clone)]
pub struct Stop(watch::Receiver<Option<Instant>>);

/// Asks for the stop. When it is dropped unasked, nobody can ask any more, and nothing stops.
#[derive(Debug)]
pub struct StopSource(watch::Sender<Option<Instant>>);

impl StopSource {
    /// Asks for the stop; a second time changes nothing.
    pub fn ask(&self) {
        self.0.send_if_modified(|asked| {
            let first = asked.is_none();
            asked.get_or_insert_with(Instant::now);
            first
        });
    }

    /// A view of it.
    pub fn stop(&self) -> Stop {
        Stop(self.0.subscribe())
    }
}

impl Stop {
    /// A stop that whoever holds the source asks for.
    pub fn source() -> StopSource {
        StopSource(watch::Sender::new(None))
    }

    /// A stop that SIGTERM or SIGINT asks for. Needs a running runtime.
    pub fn on_signals() -> std::io::Result<Self> {
        let source = Self::source();
        let stop = source.stop();
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        tokio::spawn(async move {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            source.ask();
            // The source must outlive the question: a closed channel means "never".
            std::future::pending::<()>().await;
        });
        Ok(stop)
    }

    /// Returns once the stop was asked for; never if it cannot be asked for any more.
    pub async fn asked(&self) {
        let mut receiver = self.0.clone();
        if receiver.wait_for(Option::is_some).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Whether the stop was asked for.
    pub fn is_asked(&self) -> bool {
        self.0.borrow().is_some()
    }

    /// When conversations must have ended: [`GRACE`] after the stop was asked for.
    pub fn deadline(&self) -> Option<Instant> {
        self.0.borrow().map(|asked| asked + GRACE)
    }

    /// Whether that time has come.
    pub fn is_overdue(&self) -> bool {
        self.deadline().is_some_and(|deadline| Instant::now() >= deadline)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn all_who_wait_see_it() {
        let source = Stop::source();
        let (one, two) = (source.stop(), source.stop());
        assert!(!one.is_asked() && one.deadline().is_none());
        let waiter = tokio::spawn(async move { two.asked().await });
        source.ask();
        let first = one.deadline();
        source.ask();
        waiter.await.unwrap();
        one.asked().await;
        assert_eq!(one.deadline(), first, "asking again grants no more time");
        assert!(!one.is_overdue());
    }
}
