//! The names of things under `data_dir`.

use std::path::{Path, PathBuf};

/// The folders under `data_dir`, one for each group of agents that may read or write it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folders {
    /// Domains, accounts and addresses.
    pub directory: PathBuf,
    /// What passwords are verified against.
    pub credentials: PathBuf,
    /// The queue, its spool and its bell.
    pub queue: PathBuf,
    /// Failed and last sign-ins.
    pub sign_ins: PathBuf,
    /// Bytes and messages per account.
    pub usage: PathBuf,
    /// The mailboxes, a folder for each account, and their bell.
    pub mail: PathBuf,
    /// Keys that Postrider made itself.
    pub keys: PathBuf,
    /// Unix sockets.
    pub run: PathBuf,
    /// Unix sockets on which agents tell what they count.
    pub metrics: PathBuf,
}

impl Folders {
    /// The folders under `data_dir`.
    pub fn under(data_dir: &Path) -> Self {
        Self {
            directory: data_dir.join("directory"),
            credentials: data_dir.join("credentials"),
            queue: data_dir.join("queue"),
            sign_ins: data_dir.join("sign-ins"),
            usage: data_dir.join("usage"),
            mail: data_dir.join("mail"),
            keys: data_dir.join("keys"),
            run: data_dir.join("run"),
            metrics: data_dir.join("metrics"),
        }
    }

    /// The Unix socket on which an agent tells what it counts.
    pub fn metrics_socket(&self, agent: &str) -> PathBuf {
        self.metrics.join(format!("{agent}.sock"))
    }

    /// The Unix socket through which programs of this machine submit.
    pub fn submission_socket(&self) -> PathBuf {
        self.run.join("submission.sock")
    }
}
