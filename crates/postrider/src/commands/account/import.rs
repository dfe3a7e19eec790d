//! `postrider account import`: accounts with the password hashes of another server.

use std::{
    fs,
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail};
use directory::{Kept, NewAccount};
use mail_types::Address;
use sasl_core::PasswordVerifier;

use crate::{installation::Installation, printer};

/// Take accounts over with the password hashes that another server made
///
/// Each line is an address, a colon and the hash: SHA512-CRYPT, SHA256-CRYPT, bcrypt or argon2,
/// with or without its name in braces in front; further fields behind another colon are passed
/// over, as are empty lines and such that begin with #. The password stays the same, and is kept
/// in the house's own form once it is changed.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The file; - is standard input
    file: PathBuf,
    /// Give accounts that exist already the imported password; otherwise they are left alone
    #[arg(long)]
    replace: bool,
}

pub(super) async fn import(installation: &Installation, args: &Args) -> anyhow::Result<()> {
    let lines = read(&args.file)?;
    let editor = installation.editor();
    let directory = installation.directory();
    let (mut made, mut replaced, mut left) = (0_u64, 0_u64, 0_u64);
    for (address, verifier) in parse(&lines)? {
        let now = agent_kit::now();
        if directory.account_at(&address).await?.is_none() {
            let new = NewAccount { address, verifier, quota_bytes: None, now };
            editor.add_account(new).await?;
            made += 1;
        } else if args.replace {
            editor.set_password_keeping(&address, &verifier, &Kept::default(), now).await?;
            replaced += 1;
        } else {
            printer::note(format!("{address} has an account already and is left alone"));
            left += 1;
        }
    }
    let mut text = format!("{} imported", printer::count(made, "account"));
    if replaced > 0 {
        text += &format!(", {} replaced", printer::count(replaced, "password"));
    }
    if left > 0 {
        text += &format!(", {left} left alone");
    }
    printer::line(text);
    Ok(())
}

fn read(file: &Path) -> anyhow::Result<String> {
    if file.as_os_str() == "-" {
        let mut text = String::new();
        io::stdin().read_to_string(&mut text).context("cannot read standard input")?;
        return Ok(text);
    }
    fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))
}

/// All lines are looked at before the first account is made.
fn parse(text: &str) -> anyhow::Result<Vec<(Address, PasswordVerifier)>> {
    let mut accounts = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let Some((address, rest)) = line.split_once(':') else {
            bail!("line {number}: an address, a colon and a hash belong here");
        };
        let hash = rest.split(':').next().unwrap_or_default();
        let address = Address::parse(address).with_context(|| format!("line {number}"))?;
        let verifier = PasswordVerifier::import(hash).with_context(|| format!("line {number}"))?;
        accounts.push((address, verifier));
    }
    Ok(accounts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_other_servers() {
        let text = "# users\n\nalice@example.org:{BLF-CRYPT}$2b$04$QJirlUpaJ0rsxT1cAfnpnenV1.JSYS\
                    qtvmpAxeXerRs0aCMhScSJe:1000:1000::/home/alice::\n\
                    bob@example.org:$5$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5\n";
        let parsed = parse(text).unwrap();
        let addresses: Vec<_> = parsed.iter().map(|(address, _)| address.to_string()).collect();
        assert_eq!(addresses, ["alice@example.org", "bob@example.org"]);
        for bad in ["alice@example.org", "alice:$6$x", "a@example.org:{PLAIN}secret", ":x"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
