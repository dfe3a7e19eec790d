//! The operator's commands, a file each: its arguments, what it does, what it prints.

pub(crate) mod account;
pub(crate) mod address;
pub(crate) mod alias;
pub(crate) mod backup;
pub(crate) mod block;
pub(crate) mod check_config;
pub(crate) mod demo_prepare;
pub(crate) mod domain;
pub(crate) mod export;
pub(crate) mod import;
pub(crate) mod list;
pub(crate) mod message;
pub(crate) mod metrics;
pub(crate) mod migrate;
pub(crate) mod queue;
pub(crate) mod run;
pub(crate) mod sendmail;
pub(crate) mod status;
pub(crate) mod store;
pub(crate) mod trace;
pub(crate) mod up;
