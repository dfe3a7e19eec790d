//! The pool of buffers: as many as conversations are busy at once, not as many as are open.

use std::sync::{Mutex, PoisonError};

use conversation::Wire;

/// So many pairs are kept for the next busy conversation.
const KEPT: usize = 16;
/// A buffer that has grown beyond this is given back to the allocator, in bytes.
const KEPT_CAPACITY: usize = 128 * 1024;

static POOL: Mutex<Vec<Wire>> = Mutex::new(Vec::new());

/// Buffers for a connection that becomes busy.
pub(super) fn lend() -> Wire {
    POOL.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default()
}

/// Takes the buffers of a connection that becomes idle; their content is discarded.
pub(super) fn take_back(mut wire: Wire) {
    wire.input.clear();
    wire.output.clear();
    if wire.input.capacity() > KEPT_CAPACITY || wire.output.capacity() > KEPT_CAPACITY {
        return;
    }
    let mut pool = POOL.lock().unwrap_or_else(PoisonError::into_inner);
    if pool.len() < KEPT {
        pool.push(wire);
    }
}
