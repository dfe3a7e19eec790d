//! What a conversation stands on: the schedule, the network, the clock, and those who settle.
//!
//! In the agent that is [`super::Shared`]. In the simulation none of it is real but the schedule,
//! so that conversations of days are had in a moment.

use std::{pin::Pin, sync::MutexGuard, time::Instant};

use agent_kit::now;
use mail_types::{Problem, Timestamp};
use smtp_client::{Host, Outbox};
use tokio::time::sleep_until;

use super::{Plans, Shared, settle, work::Work};

/// See the module.
pub(super) trait Ground: Send + Sync {
    fn schedule(&self) -> MutexGuard<'_, Plans>;

    /// The time of day.
    fn now(&self) -> Timestamp;

    /// The time that never jumps.
    fn instant(&self) -> Instant;

    fn is_stopped(&self) -> bool;

    /// Sends what the outbox has to a host. An error says why it takes no more now.
    fn visit<O: Outbox>(
        &self,
        host: &Host,
        outbox: &mut O,
    ) -> impl Future<Output = Result<(), Problem>> + Send;

    /// Settles work that is done.
    fn finish(&self, work: Work) -> impl Future<Output = ()> + Send;

    /// Ends when something has happened since this was called, at that time, or at the stop.
    fn news(&self, until: Instant) -> Pin<Box<dyn Future<Output = ()> + Send + '_>>;

    /// Tells those who wait for news that there are some.
    fn tell(&self);
}

impl Ground for Shared {
    fn schedule(&self) -> MutexGuard<'_, Plans> {
        self.schedule()
    }

    fn now(&self) -> Timestamp {
        now()
    }

    fn instant(&self) -> Instant {
        tokio::time::Instant::now().into_std()
    }

    fn is_stopped(&self) -> bool {
        self.stop.is_asked()
    }

    async fn visit<O: Outbox>(&self, host: &Host, outbox: &mut O) -> Result<(), Problem> {
        self.client.converse(host, outbox).await
    }

    async fn finish(&self, work: Work) {
        settle::finish(self, work).await;
    }

    fn news(&self, until: Instant) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        let mut news = Box::pin(self.news.notified());
        news.as_mut().enable();
        Box::pin(async move {
            tokio::select! {
                () = news => {}
                () = sleep_until(until.into()) => {}
                () = self.stop.asked() => {}
            }
        })
    }

    fn tell(&self) {
        self.news.notify_waiters();
    }
}
