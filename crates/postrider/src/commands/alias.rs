//! `postrider alias`: addresses that stand for others.

use std::path::Path;

use clap::Subcommand;
use directory::AliasName;
use mail_types::Address;
use serde_json::json;

use crate::{
    installation::{Installation, runtime},
    printer,
};

/// Aliases: addresses that lead to others
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Make an alias, or let an existing one lead to further addresses
    Add {
        /// The alias, or @example.org for all addresses there that nobody has
        alias: AliasName,
        /// Where its mail goes
        #[arg(required = true, value_parser = Address::parse)]
        targets: Vec<Address>,
    },
    /// Show the aliases
    List {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Remove an alias, or one address from it
    Remove {
        /// The alias
        alias: AliasName,
        /// Only this address of it
        #[arg(value_parser = Address::parse)]
        target: Option<Address>,
    },
}

pub(crate) fn run(command: Command, config: Option<&Path>) -> anyhow::Result<()> {
    let installation = Installation::find_as_owner(config)?;
    runtime()?.block_on(async {
        match command {
            Command::Add { alias, targets } => {
                let alias = installation.editor().add_alias(&alias, &targets).await?;
                printer::line(format!("{} leads to {}", alias.name, join(&alias.targets)));
            }
            Command::Remove { alias, target } => {
                installation.editor().remove_alias(&alias, target.as_ref()).await?;
                printer::line(match target {
                    Some(target) => format!("{alias} no longer leads to {target}"),
                    None => format!("{alias} is no alias any more"),
                });
            }
            Command::List { json } => list(&installation, json).await?,
        }
        Ok(())
    })
}

async fn list(installation: &Installation, as_json: bool) -> anyhow::Result<()> {
    let aliases = installation.directory().aliases().await?;
    if as_json {
        let values: Vec<_> = aliases
            .iter()
            .map(|alias| {
                let targets: Vec<_> = alias.targets.iter().map(ToString::to_string).collect();
                json!({"alias": alias.name.to_string(), "targets": targets})
            })
            .collect();
        return printer::json(&values);
    }
    let rows: Vec<_> =
        aliases.iter().map(|alias| [alias.name.to_string(), join(&alias.targets)]).collect();
    printer::table(["alias", "leads to"], &rows, "no alias yet: postrider alias add ALIAS TARGET");
    Ok(())
}

fn join(targets: &[Address]) -> String {
    targets.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}
