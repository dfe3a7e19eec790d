//! The pool in which passwords are checked: few at once, because each takes megabytes and the
//! whole of a processor; further ones wait, and too many are sent away.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use mail_types::Secret;
use sasl_core::PasswordVerifier;
use tokio::sync::{Semaphore, SemaphorePermit};

/// The most claims that wait for their check; with 20 ms each, some seconds.
const WAITING_MAX: usize = 200;

pub(crate) struct Hashing {
    at_once: Semaphore,
    waiting: AtomicUsize,
    /// Checks that were made.
    made: AtomicU64,
}

/// The right to check one password now.
pub(crate) struct Turn<'h> {
    made: &'h AtomicU64,
    #[expect(dead_code, reason = "held for its drop")]
    permit: SemaphorePermit<'h>,
}

/// Too many wait already.
#[derive(Debug)]
pub(crate) struct Crowded;

impl Hashing {
    pub(crate) fn new(at_once: usize) -> Self {
        Self {
            at_once: Semaphore::new(at_once.max(1)),
            waiting: AtomicUsize::new(0),
            made: AtomicU64::new(0),
        }
    }

    /// Waits for the right to check a password.
    pub(crate) async fn turn(&self) -> Result<Turn<'_>, Crowded> {
        let waiting = Waiting::enter(&self.waiting);
        if waiting.before >= WAITING_MAX {
            return Err(Crowded);
        }
        let permit = self.at_once.acquire().await.map_err(|_| Crowded)?;
        Ok(Turn { made: &self.made, permit })
    }

    /// How many checks were made.
    pub(crate) fn made(&self) -> u64 {
        self.made.load(Ordering::Relaxed)
    }
}

impl Turn<'_> {
    /// Checks a password on a blocking thread.
    pub(crate) async fn check(self, verifier: PasswordVerifier, password: Secret) -> bool {
        self.made.fetch_add(1, Ordering::Relaxed);
        let checked = tokio::task::spawn_blocking(move || verifier.verify(&password)).await;
        checked.unwrap_or(false)
    }
}

/// One of those who wait, for as long as it lives.
struct Waiting<'h> {
    count: &'h AtomicUsize,
    before: usize,
}

impl<'h> Waiting<'h> {
    fn enter(count: &'h AtomicUsize) -> Self {
        Self { count, before: count.fetch_add(1, Ordering::Relaxed) }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.count.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[tokio::test]
    async fn too_many_are_sent_away() {
        let hashing = Arc::new(Hashing::new(1));
        let busy = hashing.turn().await.ok();
        let waiting: Vec<_> = (0..WAITING_MAX)
            .map(|_| {
                let hashing = Arc::clone(&hashing);
                tokio::spawn(async move { hashing.turn().await.is_ok() })
            })
            .collect();
        while hashing.waiting.load(Ordering::Relaxed) < WAITING_MAX {
            tokio::task::yield_now().await;
        }
        assert!(hashing.turn().await.is_err());
        drop(busy);
        for one in waiting {
            assert!(one.await.unwrap());
        }
        assert!(hashing.turn().await.is_ok());
    }
}
