//! For tests: transcript runner, virtual clock, a file layer that breaks on purpose.

pub mod transcript;
