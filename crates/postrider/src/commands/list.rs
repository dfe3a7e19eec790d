//! `postrider list`: one address, many members.

use std::path::Path;

use clap::Subcommand;
use directory::{ListChange, MailingList, Posting};
use mail_types::Address;
use serde_json::json;

use crate::{
    installation::{Installation, runtime},
    printer,
};

/// Mailing lists: one address, many members, an owner who hears of failures
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Make a list
    Add {
        /// Its address, in one of our domains
        #[arg(value_parser = Address::parse)]
        list: Address,
        /// Who hears of failures, and admits members
        #[arg(long, value_parser = Address::parse)]
        owner: Address,
        /// Who may post: anybody, members (and the owner), or owner
        #[arg(long, default_value = "members")]
        posting: Posting,
        /// What it is for, in a few words
        #[arg(long, value_parser = description)]
        description: Option<String>,
        /// Its first members
        #[arg(value_parser = Address::parse)]
        members: Vec<Address>,
    },
    /// Change a list's owner, who may post, or its description
    Set {
        /// The list
        #[arg(value_parser = Address::parse)]
        list: Address,
        /// Who hears of failures
        #[arg(long, value_parser = Address::parse)]
        owner: Option<Address>,
        /// Who may post: anybody, members or owner
        #[arg(long)]
        posting: Option<Posting>,
        /// What it is for; empty takes the description away
        #[arg(long, value_parser = description)]
        description: Option<String>,
    },
    /// Add members
    Join {
        /// The list
        #[arg(value_parser = Address::parse)]
        list: Address,
        /// Who joins
        #[arg(required = true, value_parser = Address::parse)]
        members: Vec<Address>,
    },
    /// Remove a member
    Leave {
        /// The list
        #[arg(value_parser = Address::parse)]
        list: Address,
        /// Who leaves
        #[arg(value_parser = Address::parse)]
        member: Address,
    },
    /// Show the lists, or with a name one list and its members
    Show {
        /// The list
        #[arg(value_parser = Address::parse)]
        list: Option<Address>,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Remove a list; its members keep what they have got
    Remove {
        /// The list
        #[arg(value_parser = Address::parse)]
        list: Address,
    },
}

/// What may stand in a header field.
fn description(text: &str) -> Result<String, String> {
    let plain = |c: char| c == ' ' || c.is_ascii_graphic() && !"\"\\".contains(c);
    if text.len() > 200 || !text.chars().all(plain) {
        return Err("up to 200 plain ASCII characters, no quotes and backslashes".to_owned());
    }
    Ok(text.to_owned())
}

pub(crate) fn run(command: Command, config: Option<&Path>) -> anyhow::Result<()> {
    let installation = Installation::find_as_owner(config)?;
    runtime()?.block_on(async {
        let editor = installation.editor();
        match command {
            Command::Add { list: name, owner, posting, description, members } => {
                let list = MailingList { name, owner, posting, description, members };
                editor.add_list(&list).await?;
                printer::line(words(&list));
            }
            Command::Set { list, owner, posting, description } => {
                let change = ListChange { owner, posting, description };
                printer::line(words(&editor.change_list(&list, &change).await?));
            }
            Command::Join { list, members } => {
                printer::line(words(&editor.add_members(&list, &members).await?));
            }
            Command::Leave { list, member } => {
                editor.remove_member(&list, &member).await?;
                printer::line(format!("{member} is no member of {list} any more"));
            }
            Command::Remove { list } => {
                editor.remove_list(&list).await?;
                printer::line(format!("{list} is no list any more"));
            }
            Command::Show { list, json } => show(&installation, list.as_ref(), json).await?,
        }
        Ok(())
    })
}

fn words(list: &MailingList) -> String {
    let (name, owner, posting) = (&list.name, &list.owner, list.posting);
    format!("{name}: {} members, owner {owner}, posting: {posting}", list.members.len())
}

async fn show(
    installation: &Installation,
    wanted: Option<&Address>,
    as_json: bool,
) -> anyhow::Result<()> {
    let mut lists = installation.directory().lists().await?;
    if let Some(wanted) = wanted {
        lists.retain(|list| list.name.folded() == wanted.folded());
        if lists.is_empty() {
            anyhow::bail!("there is no list {wanted}");
        }
    }
    if as_json {
        let value = |list: &MailingList| {
            json!({
                "list": list.name.to_string(),
                "owner": list.owner.to_string(),
                "posting": list.posting.to_string(),
                "description": list.description,
                "members": list.members.iter().map(ToString::to_string).collect::<Vec<_>>(),
            })
        };
        return printer::json(&lists.iter().map(value).collect::<Vec<_>>());
    }
    if let ([list], Some(_)) = (lists.as_slice(), wanted) {
        printer::line(words(list));
        if let Some(description) = &list.description {
            printer::line(description);
        }
        let rows: Vec<_> = list.members.iter().map(|member| [member.to_string()]).collect();
        printer::table(["member"], &rows, "no member yet: postrider list join LIST ADDRESS");
        return Ok(());
    }
    let row = |list: &MailingList| {
        [
            list.name.to_string(),
            list.owner.to_string(),
            list.posting.to_string(),
            list.members.len().to_string(),
        ]
    };
    let rows: Vec<_> = lists.iter().map(row).collect();
    let none = "no list yet: postrider list add LIST --owner ADDRESS MEMBER...";
    printer::table(["list", "owner", "posting", "members"], &rows, none);
    Ok(())
}
