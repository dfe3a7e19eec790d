//! The simulation's time: one that only goes on, and the wall clock beside it, which jumps.
//!
//! Tasks that wait say until when; the world polls them when it is time. No waker is needed, since
//! there is one thread and nothing else ever happens.

use std::{
    future::Future,
    pin::Pin,
    sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering::Relaxed},
    task::{Context, Poll},
    time::{Duration, Instant},
};

use mail_types::Timestamp;

/// The moment at which simulations begin.
const START: Timestamp = Timestamp::from_secs(1_700_000_000);

#[derive(Debug)]
pub(super) struct Clock {
    base: Instant,
    /// Milliseconds since the beginning.
    at: AtomicU64,
    /// How far the wall clock is ahead.
    ahead: AtomicI64,
    /// When the task that is being polled wants to be polled again.
    wake: AtomicU64,
    for_news: AtomicBool,
    news: AtomicU64,
}

impl Clock {
    pub(super) fn new() -> Self {
        Self {
            base: Instant::now(),
            at: AtomicU64::new(0),
            ahead: AtomicI64::new(0),
            wake: AtomicU64::new(u64::MAX),
            for_news: AtomicBool::new(false),
            news: AtomicU64::new(0),
        }
    }

    /// Milliseconds since the beginning.
    pub(super) fn at(&self) -> u64 {
        self.at.load(Relaxed)
    }

    pub(super) fn go_on(&self, at: u64) {
        self.at.fetch_max(at, Relaxed);
    }

    pub(super) fn jump(&self, millis: i64) {
        self.ahead.fetch_add(millis, Relaxed);
    }

    /// The wall clock.
    pub(super) fn now(&self) -> Timestamp {
        let at = i64::try_from(self.at()).unwrap();
        Timestamp::from_millis(START.millis() + at + self.ahead.load(Relaxed))
    }

    pub(super) fn instant(&self) -> Instant {
        self.base + Duration::from_millis(self.at())
    }

    pub(super) fn millis_of(&self, instant: Instant) -> u64 {
        u64::try_from(instant.duration_since(self.base).as_millis()).unwrap()
    }

    pub(super) fn tell(&self) {
        self.news.fetch_add(1, Relaxed);
    }

    pub(super) fn news(&self) -> u64 {
        self.news.load(Relaxed)
    }

    /// What the task that was polled waits for: a time, and whether for news as well.
    pub(super) fn wanted(&self) -> (u64, bool) {
        (self.wake.swap(u64::MAX, Relaxed), self.for_news.swap(false, Relaxed))
    }

    pub(super) fn sleep(&self, millis: u64) -> Sleep<'_> {
        Sleep { clock: self, until: self.at() + millis, news: None }
    }

    pub(super) fn until_news(&self, until: u64) -> Sleep<'_> {
        Sleep { clock: self, until, news: Some(self.news()) }
    }
}

/// Waits.
pub(super) struct Sleep<'c> {
    clock: &'c Clock,
    until: u64,
    /// The news that were known.
    news: Option<u64>,
}

impl Future for Sleep<'_> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        let heard = self.news.is_some_and(|known| known != self.clock.news());
        if heard || self.clock.at() >= self.until {
            return Poll::Ready(());
        }
        self.clock.wake.fetch_min(self.until, Relaxed);
        self.clock.for_news.fetch_or(self.news.is_some(), Relaxed);
        Poll::Pending
    }
}
