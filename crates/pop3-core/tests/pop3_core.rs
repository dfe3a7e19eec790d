//! The machine of POP3, tested through its public face.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may stop at the first surprise")]

mod server;
