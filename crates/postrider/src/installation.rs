//! The installation that a command is about: its configuration and the services over its data.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use anyhow::{Context, bail};
use config::Config;
use directory::{Credentials, Directory, Editor};
use mail_store::StoreOptions;
use message_queue::{Queue, QueueOptions};
use sign_in::{InstallationKey, Recipe, SignInOptions};
use stable_storage::Files;
use tokio::runtime::{Builder, Runtime};

use crate::owner;

/// Where the configuration of a machine's installation is.
pub(crate) const USUAL_FILE: &str = "/etc/postrider/config.toml";

/// An installation.
pub(crate) struct Installation {
    pub(crate) config: Config,
    pub(crate) file: PathBuf,
}

impl Installation {
    /// By the name given (or `POSTRIDER_CONFIG`, which clap puts in its place), otherwise that of
    /// the machine.
    pub(crate) fn find(named: Option<&Path>) -> anyhow::Result<Self> {
        let file = match named {
            Some(file) => file.to_owned(),
            None if Path::new(USUAL_FILE).exists() => PathBuf::from(USUAL_FILE),
            None => bail!(
                "which installation? There is no {USUAL_FILE}: name the configuration with \
                 --config FILE or POSTRIDER_CONFIG (that of a demo is {}/config.toml)",
                crate::demo::USUAL_FOLDER
            ),
        };
        // Agents may be started elsewhere than the command was called.
        let file = std::path::absolute(&file)?;
        let config = Config::load(&file)?;
        Ok(Self { config, file })
    }

    /// The same as the owner of its data, for commands that touch the data. To be called before
    /// there is a runtime.
    pub(crate) fn find_as_owner(named: Option<&Path>) -> anyhow::Result<Self> {
        let installation = Self::find(named)?;
        owner::become_owner_of(&installation.config.data_dir)?;
        Ok(installation)
    }

    /// Makes the folders that are missing.
    pub(crate) fn make_folders(&self) -> anyhow::Result<()> {
        let folders = self.config.folders();
        for folder in [
            &self.config.data_dir,
            &folders.directory,
            &folders.credentials,
            &folders.queue,
            &folders.sign_ins,
            &folders.usage,
            &folders.mail,
            &folders.run,
            &folders.metrics,
        ] {
            match fs::create_dir(folder) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                    bail!(
                        "cannot make the folder {}: {error}; data_dir in {} says that it is needed",
                        folder.display(),
                        self.file.display()
                    );
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// To change domains, accounts and aliases.
    pub(crate) fn editor(&self) -> Editor {
        let folders = self.config.folders();
        Editor::open(&folders.directory, &folders.credentials, Files::real())
    }

    /// How the queue is opened.
    pub(crate) fn queue_options(&self) -> QueueOptions {
        let config = &self.config;
        QueueOptions::new(
            config.folders().queue,
            config.queue.inline_limit.in_memory(),
            config.largest_message().bytes(),
            config.queue.journey_kept,
            config.queue.refusals_kept,
        )
    }

    /// To look at the queue, and to change what waits in it.
    pub(crate) async fn queue(&self) -> anyhow::Result<Queue> {
        Ok(Queue::open(self.queue_options(), Files::real()).await?)
    }

    /// What is kept of new secrets.
    pub(crate) fn recipe(&self) -> Recipe {
        SignInOptions::from_config(&self.config).recipe
    }

    /// The key of sign-ins, which is made where nothing needs a former one yet. A lost one is not
    /// replaced: what it opened would look like wrong passwords, and its copy would come too late.
    pub(crate) async fn sign_in_key(&self) -> anyhow::Result<InstallationKey> {
        let file = sign_in::key_file(&self.config);
        if InstallationKey::load(&file)?.is_none() {
            let census = self.credentials().census().await?;
            let needing = census.app_passwords.max(census.sealed);
            if needing > 0 {
                bail!(
                    "the key of sign-ins is missing, and {needing} secrets were made with it: put \
                     the copy of {} back, or give them up with `postrider migrate --new-key`",
                    file.display()
                );
            }
        }
        self.make_sign_in_key()
    }

    /// The key of sign-ins, made if it is missing, whatever was made with a former one.
    pub(crate) fn make_sign_in_key(&self) -> anyhow::Result<InstallationKey> {
        let file = sign_in::key_file(&self.config);
        InstallationKey::load_or_make(&file).with_context(|| {
            format!(
                "the key of sign-ins: {} must have a folder that the owner of the data may write",
                file.display()
            )
        })
    }

    /// How the mail store is opened: as the agents do.
    pub(crate) fn store_options(&self) -> StoreOptions {
        StoreOptions {
            removed_kept: self.config.storage.removed_kept,
            ..StoreOptions::new(self.config.folders().mail, agent_kit::now)
        }
    }

    /// To look at secrets, as far as they are kept.
    pub(crate) fn credentials(&self) -> Credentials {
        Credentials::open(&self.config.folders().credentials)
    }

    /// To look at domains, accounts and aliases.
    pub(crate) fn directory(&self) -> Directory {
        Directory::open(&self.config.folders().directory)
    }
}

/// The runtime of a command: one thread.
pub(crate) fn runtime() -> anyhow::Result<Runtime> {
    Builder::new_current_thread().enable_all().build().context("cannot start the runtime")
}
