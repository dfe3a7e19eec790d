//! `postrider backup list`.

use std::path::Path;

use serde_json::json;

use super::{Place, become_owner};
use crate::{
    backup::{Repository, Use},
    printer, terminal,
};

/// Show the backups of a repository
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    place: Place,
    /// As JSON
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &Args, _config: Option<&Path>) -> anyhow::Result<()> {
    let folder = args.place.folder()?;
    become_owner(&folder)?;
    let repository = Repository::open(&folder, Use::Read)?;
    let (mut rows, mut values) = (Vec::new(), Vec::new());
    for id in repository.backups()? {
        let (head, end) = match repository.summary(&id) {
            Ok(summary) => summary,
            Err(error) => {
                printer::note(printer::in_one_line(&error));
                continue;
            }
        };
        rows.push([
            id.to_string(),
            terminal::one_line(&head.scope.words()),
            end.messages.to_string(),
            end.files.to_string(),
            printer::size(end.bytes),
            printer::size(end.new_bytes),
            if head.secrets { "yes" } else { "no" }.to_owned(),
            if end.missing.is_empty() {
                "yes".to_owned()
            } else {
                format!("{} missing", end.missing.len())
            },
        ]);
        values.push(json!({
            "backup": id,
            "begun": head.begun,
            "hostname": head.hostname,
            "scope": head.scope,
            "secrets": head.secrets,
            "messages": end.messages,
            "files": end.files,
            "bytes": end.bytes,
            "new_files": end.new_files,
            "new_bytes": end.new_bytes,
            "missing": end.missing,
        }));
    }
    if args.json {
        return printer::json(&values);
    }
    let heads = ["backup", "of", "messages", "files", "size", "new", "secrets", "whole"];
    printer::table(heads, &rows, "there are no backups yet");
    Ok(())
}
