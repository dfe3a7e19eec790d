//! The demo: a complete installation in one folder, for trying out.
//!
//! A throwaway authority with a certificate, the domain `postrider.test` with two accounts, high
//! ports on loopback, and a configuration like any other, which every command takes by `--config`.
//! What is there already is never made anew, so a second start finds everything as it was. Mail to
//! other domains is held: the demo never connects beyond this machine.

mod accounts;
mod certificates;
mod instructions;
mod settings;

use std::{
    fs, io,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
};

use anyhow::{Context, bail};

use crate::{
    commands::migrate::migrate,
    installation::{Installation, runtime},
    supervisor,
};
pub(crate) use accounts::Login;

/// Where the demo is if nobody says otherwise.
pub(crate) const USUAL_FOLDER: &str = "./postrider-demo";

/// The domain whose mail is at home in a demo.
const DOMAIN: &str = "postrider.test";
/// What the demo's mail server is called.
const HOST: &str = "mail.postrider.test";

/// A demo's folder.
pub(crate) struct Demo {
    folder: PathBuf,
    /// As the operator wrote it, for what is printed.
    shown: PathBuf,
}

impl Demo {
    /// The demo in this folder, which is made if it does not exist. Refuses a folder that holds
    /// something else.
    pub(crate) fn in_folder(folder: &Path) -> anyhow::Result<Self> {
        let demo = Self { folder: std::path::absolute(folder)?, shown: folder.to_owned() };
        supervisor::check_paths(&demo.folder)?;
        match fs::read_dir(folder) {
            Ok(mut files) => {
                if files.next().is_some() && !settings::is_demo(&demo.folder)? {
                    bail!(
                        "{} holds something that is no demo: name another folder with --data-dir, \
                         or start an installation with --config",
                        folder.display()
                    );
                }
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                // Mail is in it, and on some machines all people share one group.
                fs::DirBuilder::new()
                    .recursive(true)
                    .mode(0o700)
                    .create(folder)
                    .with_context(|| format!("cannot make the folder {}", folder.display()))?;
            }
            Err(error) => bail!("cannot read the folder {}: {error}", folder.display()),
        }
        Ok(demo)
    }

    /// Its folder.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Its configuration.
    pub(crate) fn config_file(&self) -> PathBuf {
        settings::file(&self.folder)
    }

    /// The certificate of its authority.
    pub(crate) fn ca_certificate(&self) -> PathBuf {
        certificates::authority(&self.folder)
    }

    /// Its accounts with their passwords.
    pub(crate) fn logins(&self) -> anyhow::Result<Vec<Login>> {
        accounts::read(&self.folder)
    }

    /// What to type into a mail client, and what to try.
    pub(crate) fn instructions(&self, config: &config::Config) -> anyhow::Result<String> {
        Ok(instructions::render(&self.shown, &self.ca_certificate(), config, &self.logins()?))
    }
}

/// Makes what is missing.
pub(crate) fn prepare(folder: &Path) -> anyhow::Result<()> {
    certificates::make_missing(folder).context("cannot make the demo's certificate")?;
    settings::make_missing(folder)?;
    let installation = Installation::find(Some(&settings::file(folder)))?;
    runtime()?.block_on(async {
        migrate(&installation).await?;
        accounts::make_missing(&installation, folder).await
    })
}
