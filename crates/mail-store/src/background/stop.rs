//! The store is being closed: what takes long ends early, and stays due.

use std::{
    sync::{Arc, OnceLock},
    time::{Duration, Instant},
};

use crate::StoreError;

/// How long names and removals go on when the store is being closed: an agent has some seconds.
const LAST_MOMENTS: Duration = Duration::from_secs(3);

/// Whether a store is being closed. A clone is of the same store.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stop(Arc<OnceLock<Instant>>);

impl Stop {
    /// From now on it is.
    pub(crate) fn ask(&self) {
        self.0.get_or_init(Instant::now);
    }

    /// Whether it is.
    pub(crate) fn is_asked(&self) -> bool {
        self.0.get().is_some()
    }

    /// Whether it was so long ago that also what is usually short ends with its step.
    pub(crate) fn is_over(&self) -> bool {
        self.0.get().is_some_and(|asked| asked.elapsed() >= LAST_MOMENTS)
    }

    /// For what doesn't go on then.
    pub(crate) fn check(&self) -> Result<(), StoreError> {
        if self.is_asked() { Err(StoreError::Closing) } else { Ok(()) }
    }
}
