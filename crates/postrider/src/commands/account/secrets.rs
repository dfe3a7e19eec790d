//! `postrider account app-password` and `certificate`: secrets for single devices.

use std::{fs, path::PathBuf};

use anyhow::{Context as _, bail};
use clap::{Subcommand, ValueEnum};
use directory::{Account, NewAppPassword};
use mail_types::Address;
use serde_json::json;
use sign_in::{Protocol, new_app_password};

use crate::{installation::Installation, printer, times};

/// A password for one device: made here, shown once, revoked alone
#[derive(Subcommand)]
pub(crate) enum AppPassword {
    /// Make one and show it
    Add {
        /// The account
        #[arg(value_parser = Address::parse)]
        address: Address,
        /// What the device is called: letters, digits, - _ .
        label: String,
        /// Only for this protocol; several times for several
        #[arg(long)]
        protocol: Vec<ProtocolName>,
    },
    /// Show what there is, never the passwords themselves
    List {
        /// The account
        #[arg(value_parser = Address::parse)]
        address: Address,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Revoke one; the account's sessions end and sign in anew
    Remove {
        /// The account
        #[arg(value_parser = Address::parse)]
        address: Address,
        /// What the device is called
        label: String,
    },
}

/// A client certificate, for the mechanism EXTERNAL
#[derive(Subcommand)]
pub(crate) enum Certificate {
    /// Let whoever has this certificate's key sign in as the account
    Add {
        /// The account
        #[arg(value_parser = Address::parse)]
        address: Address,
        /// What the device is called: letters, digits, - _ .
        label: String,
        /// The certificate in PEM
        file: PathBuf,
    },
    /// Show what there is
    List {
        /// The account
        #[arg(value_parser = Address::parse)]
        address: Address,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Revoke one; the account's sessions end and sign in anew
    Remove {
        /// The account
        #[arg(value_parser = Address::parse)]
        address: Address,
        /// What the device is called
        label: String,
    },
}

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum ProtocolName {
    Submission,
    Imap,
    Pop3,
}

impl ProtocolName {
    fn protocol(self) -> Protocol {
        match self {
            Self::Submission => Protocol::Submission,
            Self::Imap => Protocol::Imap,
            Self::Pop3 => Protocol::Pop3,
        }
    }
}

pub(super) async fn app_password(
    installation: &Installation,
    command: AppPassword,
) -> anyhow::Result<()> {
    match command {
        AppPassword::Add { address, label, protocol } => {
            let account = existing(installation, &address).await?;
            let key = installation.sign_in_key().await?;
            let secret = new_app_password()?;
            let recipe = installation.recipe();
            let kept = recipe.keep(&key, &account.address, Some(&label), &secret)?;
            let names = protocol.iter().map(|name| name.protocol().as_str().to_owned());
            let new = NewAppPassword {
                label: label.clone(),
                protocols: names.collect(),
                digest: key.digest(&secret),
                kept,
                now: agent_kit::now(),
            };
            installation.editor().add_app_password(&address, new).await?;
            let shown = secret.reveal_str().unwrap_or_default();
            printer::line(shown);
            printer::note(format!(
                "this is shown once; it signs in as {address}, or as {address}%{label} where a \
                 mechanism such as SCRAM or CRAM-MD5 has to know which secret is meant"
            ));
        }
        AppPassword::List { address, json } => {
            let account = existing(installation, &address).await?;
            let all = installation.credentials().app_passwords(account.id).await?;
            if json {
                let value = |app: &directory::AppPassword| {
                    json!({
                        "label": app.label,
                        "protocols": app.protocols,
                        "created": times::utc(app.created),
                    })
                };
                return printer::json(&all.iter().map(|app| value(app)).collect::<Vec<_>>());
            }
            let row = |app: &directory::AppPassword| {
                let all = app.protocols.is_empty();
                let protocols = if all { "all".to_owned() } else { app.protocols.join(", ") };
                [app.label.clone(), protocols, times::local(app.created)]
            };
            let rows: Vec<_> = all.iter().map(|app| row(app)).collect();
            printer::table(["device", "for", "made"], &rows, "no app password yet");
        }
        AppPassword::Remove { address, label } => {
            installation.editor().remove_secret(&address, &label).await?;
            printer::line(format!("{label} cannot sign in as {address} any more"));
        }
    }
    Ok(())
}

pub(super) async fn certificate(
    installation: &Installation,
    command: Certificate,
) -> anyhow::Result<()> {
    match command {
        Certificate::Add { address, label, file } => {
            let pem = fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?;
            let digest = agent_kit::tls::certificate_digest(&pem)
                .with_context(|| format!("{} has no certificate in PEM", file.display()))?;
            let now = agent_kit::now();
            installation.editor().add_certificate(&address, &label, digest, now).await?;
            printer::line(format!("{label} can sign in as {address} by its certificate"));
        }
        Certificate::List { address, json } => {
            let account = existing(installation, &address).await?;
            let all = installation.credentials().certificates(account.id).await?;
            let hex = |digest: &[u8]| digest.iter().map(|b| format!("{b:02x}")).collect::<String>();
            if json {
                let value = |one: &directory::Certificate| {
                    json!({
                        "label": one.label,
                        "sha256": hex(&one.digest),
                        "created": times::utc(one.created),
                    })
                };
                return printer::json(&all.iter().map(value).collect::<Vec<_>>());
            }
            let row = |one: &directory::Certificate| {
                [one.label.clone(), hex(&one.digest), times::local(one.created)]
            };
            let rows: Vec<_> = all.iter().map(row).collect();
            printer::table(["device", "SHA-256", "made known"], &rows, "no certificate yet");
        }
        Certificate::Remove { address, label } => {
            installation.editor().remove_secret(&address, &label).await?;
            printer::line(format!("{label} cannot sign in as {address} any more"));
        }
    }
    Ok(())
}

/// The account at an address.
pub(crate) async fn existing(
    installation: &Installation,
    address: &Address,
) -> anyhow::Result<Account> {
    match installation.directory().account_at(address).await? {
        Some(account) => Ok(account),
        None => bail!("there is no account {address}"),
    }
}
