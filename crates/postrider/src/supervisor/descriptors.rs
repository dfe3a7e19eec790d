//! The low descriptors, kept free for what is passed on to agents.
//!
//! An agent finds its sockets from number 3 on. Between fork and exec they are put there; if the
//! standard library had its own pipe for reporting a failed exec under one of those numbers, it
//! would be overwritten. So the supervisor occupies them itself, before it opens anything else;
//! whatever it opens later has a higher number.

use std::os::fd::{AsRawFd, OwnedFd, RawFd};

use anyhow::Context;
use rustix::{
    fs::{Mode, OFlags, open},
    io::fcntl_dupfd_cloexec,
};

/// The first descriptor that is passed on.
pub(super) const FIRST: RawFd = 3;
/// The number after the last one that can be passed on.
pub(super) const END: RawFd = FIRST + 64;

/// Occupies all of [`FIRST`] to [`END`] that are free, as long as the result is kept.
pub(super) fn reserve() -> anyhow::Result<Vec<OwnedFd>> {
    let nothing = open("/dev/null", OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())
        .context("cannot open /dev/null")?;
    let mut reserved = Vec::new();
    loop {
        let next = fcntl_dupfd_cloexec(&nothing, FIRST).context("cannot reserve descriptors")?;
        if next.as_raw_fd() >= END {
            return Ok(reserved);
        }
        reserved.push(next);
    }
}
