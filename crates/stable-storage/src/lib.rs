//! What reaches stable storage, and wakes those who wait.
//!
//! - [`Files`]: the one layer under every file that must survive a crash; a test can stop it at
//!   the n-th operation.
//! - [`Database`], [`Writer`]: SQLite with many readers and, in each process, one writer that
//!   commits for all who wait; processes take turns fairly ([`Turnstile`]).
//! - [`Published`], [`PublishedReader`]: databases that one program writes and many read without
//!   write access.
//! - [`Bell`]: "look now" between processes; may be lost, never blocks.
//! - [`LifeLock`]: lets others see that a process is dead, without a clock; [`Hold`]: so long, files stay.
//! - [`copy_database`], [`check_copy`]: a database as it is at one moment, and whether a copy is whole.
//! - [`open_cached`], [`read_cached`], [`Direct::at_once`]: reading what is in memory anyway.
//!
//! Invariants: no call blocks the async runtime (file work runs on blocking threads, see
//! [`on_blocking_thread`], a database's writes on its writer's); nothing that promises durability
//! is answered before it is durable; no SQL clock is read.
//!
//! This crate does not know what is stored: no table, no message, no mailbox.

mod ahead;
mod at_once;
mod bell;
mod blocking;
mod cached;
mod database;
mod direct;
mod error;
mod file_lock;
mod file_system;
mod files;
mod free_space;
mod hold;
mod life_lock;
mod log;
mod migration;
mod published;
mod reach;
mod snapshot;
mod turnstile;
mod wal;
mod writer;

pub use bell::{Bell, BellListener};
pub use blocking::on_blocking_thread;
pub use cached::{open_cached, read_ahead, read_cached};
pub use database::{Database, Durability, Opening};
pub use direct::{Direct, Repeated};
pub use error::DatabaseError;
pub use file_lock::{FileLock, Held, try_lock_file};
pub use file_system::FileSystem;
pub use files::{Files, NewFile, Operation, Watch};
pub use free_space::free_space;
pub use hold::Hold;
pub use life_lock::{Holder, LifeLock};
pub use migration::Migration;
pub use published::{Published, PublishedReader, Work};
pub use snapshot::{check_copy, copy_database, open_copy};
pub use turnstile::Turnstile;
pub use wal::{copy_log, is_log_long};
pub use writer::{Announcement, Apply, Writer};
