//! The demo's accounts. Their passwords stand in a file that only the owner can read, so that a
//! second start can show them again; no other installation keeps a password anywhere.

use std::{
    fs,
    io::Write,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use anyhow::{Context, bail};
use mail_types::{Address, Domain, Secret};
use serde::Serialize;

use super::DOMAIN;
use crate::{commands::account, installation::Installation, random};

/// Who has an account.
const PEOPLE: [&str; 2] = ["alice", "bob"];

/// What somebody types to sign in.
#[derive(Clone, Serialize)]
pub(crate) struct Login {
    pub(crate) address: String,
    pub(crate) password: String,
}

fn file(folder: &Path) -> PathBuf {
    folder.join("passwords.txt")
}

/// The accounts with their passwords.
pub(super) fn read(folder: &Path) -> anyhow::Result<Vec<Login>> {
    let file = file(folder);
    let text = fs::read_to_string(&file)
        .with_context(|| format!("cannot read the demo's {}", file.display()))?;
    let mut logins = Vec::new();
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        let Some((address, password)) = line.split_once(' ') else {
            bail!("{}: a line must be an address and its password", file.display());
        };
        logins.push(Login { address: address.to_owned(), password: password.trim().to_owned() });
    }
    Ok(logins)
}

/// Makes domain and accounts if they are missing. Passwords are written before the accounts are
/// made: a start that is interrupted between the two goes on with the same ones.
pub(super) async fn make_missing(installation: &Installation, folder: &Path) -> anyhow::Result<()> {
    if !file(folder).exists() {
        write_passwords(&file(folder))?;
    }
    let directory = installation.directory();
    let domain = Domain::parse(DOMAIN)?;
    if !directory.is_ours(&domain).await? {
        installation.editor().add_domain(&domain).await?;
    }
    for login in read(folder)? {
        let address = Address::parse(&login.address)?;
        // Accounts of other domains are of the operator's own making; so is their absence.
        if *address.domain() == domain && directory.account_at(&address).await?.is_none() {
            account::add(installation, address, &Secret::new(login.password)).await?;
        }
    }
    Ok(())
}

fn write_passwords(file: &Path) -> anyhow::Result<()> {
    let mut text = String::new();
    for person in PEOPLE {
        text += &format!("{person}@{DOMAIN} {}\n", random::password()?);
    }
    let new = file.with_extension("new");
    let mut opened =
        fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
    opened.write_all(text.as_bytes())?;
    opened.sync_all()?;
    Ok(fs::rename(&new, file)?)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn passwords_are_kept_for_the_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        assert!(read(folder.path()).is_err());
        write_passwords(&file(folder.path())).unwrap();
        let mode = fs::metadata(file(folder.path())).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let logins = read(folder.path()).unwrap();
        assert_eq!(logins[0].address, "alice@postrider.test");
        assert_eq!(logins[1].address, "bob@postrider.test");
        assert_ne!(logins[0].password, logins[1].password);
    }
}
