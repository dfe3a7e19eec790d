//! For tests: transcript runner, virtual clock, a file layer that breaks on purpose, the queue's
//! rules in memory.

#[cfg(feature = "breaking-files")]
mod breaking_files;
#[cfg(feature = "breaking-files")]
pub mod failing_disk;
pub mod memory_queue;
mod random;
pub mod scripted_client;
#[cfg(feature = "breaking-files")]
pub mod small_disk;
pub mod transcript;

#[cfg(feature = "breaking-files")]
pub use breaking_files::BreakingFiles;
pub use random::Random;
