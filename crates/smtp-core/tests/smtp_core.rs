//! The machines of SMTP, tested through their public face.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may stop at the first surprise")]

mod server;
