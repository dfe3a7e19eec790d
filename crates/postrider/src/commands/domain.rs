//! `postrider domain`: the domains that are served here.

use std::path::Path;

use clap::Subcommand;
use mail_types::Domain;

use crate::{
    installation::{Installation, runtime},
    printer,
};

/// Domains: which mail is ours
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Serve a domain from now on
    Add {
        /// Such as example.org
        #[arg(value_parser = Domain::parse)]
        domain: Domain,
    },
    /// Show the domains
    List {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Serve a domain no more; it must have neither accounts nor aliases
    Remove {
        /// Such as example.org
        #[arg(value_parser = Domain::parse)]
        domain: Domain,
    },
}

pub(crate) fn run(command: Command, config: Option<&Path>) -> anyhow::Result<()> {
    let installation = Installation::find_as_owner(config)?;
    runtime()?.block_on(async {
        match command {
            Command::Add { domain } => {
                installation.editor().add_domain(&domain).await?;
                printer::line(format!("{domain} is served here now"));
            }
            Command::Remove { domain } => {
                installation.editor().remove_domain(&domain).await?;
                printer::line(format!("{domain} is no longer served here"));
            }
            Command::List { json } => {
                let domains = installation.directory().domains().await?;
                let names: Vec<_> = domains.iter().map(ToString::to_string).collect();
                if json {
                    printer::json(&names)?;
                } else {
                    let rows: Vec<_> = names.into_iter().map(|name| [name]).collect();
                    printer::table(["domain"], &rows, "no domain yet: postrider domain add NAME");
                }
            }
        }
        Ok(())
    })
}
