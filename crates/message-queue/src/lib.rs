//! The durable queue: enqueue, lease, settle.
