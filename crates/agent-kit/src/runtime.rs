//! The runtime of an agent: small, because many agents share one machine.

use std::{future::Future, io, time::Duration};

use rustix::process::{Resource, getrlimit, setrlimit};
use tokio::runtime::{Builder, Runtime};

use crate::memory::settle_allocator;

/// Threads that step conversations.
const WORKERS: usize = 2;
/// Threads for file work. Several syncs at once share the journal's commit, so a few are faster
/// than one; more only cost memory.
const BLOCKING_MAX: usize = 16;
/// How long file work may take after all conversations have ended.
const LAST_WORK: Duration = Duration::from_secs(2);

/// A runtime whose threads, and thereby log lines, bear the agent's name. The process may then have
/// as many descriptors open as the system allows it at most: each connection is one.
pub fn runtime(agent: &str) -> io::Result<Runtime> {
    settle_allocator();
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    setrlimit(Resource::Nofile, limit)?;
    Builder::new_multi_thread()
        .worker_threads(WORKERS)
        .max_blocking_threads(BLOCKING_MAX)
        .thread_keep_alive(Duration::from_secs(5))
        .thread_name(agent)
        .enable_io()
        .enable_time()
        .build()
}

/// How many descriptors this process may have open.
pub fn descriptors_max() -> u64 {
    getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)
}

/// Runs to the end, then waits shortly for what blocking threads still do.
pub fn run_to_end<T: Send + 'static>(
    runtime: Runtime,
    main: impl Future<Output = anyhow::Result<T>> + Send + 'static,
) -> anyhow::Result<T> {
    // As a task, so that it runs on a thread of the agent's name.
    let ended = runtime.block_on(runtime.spawn(main));
    runtime.shutdown_timeout(LAST_WORK);
    match ended {
        Ok(result) => result,
        Err(error) => Err(anyhow::anyhow!("the agent stopped by a mistake of its own: {error}")),
    }
}
