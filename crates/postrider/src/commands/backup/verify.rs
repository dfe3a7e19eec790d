//! `postrider backup verify`.

use std::{path::Path, process::ExitCode};

use serde_json::json;

use super::{Place, backup_id, become_owner};
use crate::{
    backup::{self, BackupId, Repository, Use, Verified},
    installation::runtime,
    printer, terminal,
};

/// Read every content and every database, and say which backups are hurt
///
/// The exit code is 1 if any is.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    place: Place,
    /// Only these backups
    #[arg(value_name = "BACKUP", value_parser = backup_id)]
    backups: Vec<BackupId>,
    /// Move damaged contents out of the way, so that the next `create` copies them anew where the
    /// originals are still there
    #[arg(long)]
    set_aside: bool,
    /// The report as JSON
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &Args, _config: Option<&Path>) -> anyhow::Result<ExitCode> {
    let folder = args.place.folder()?;
    become_owner(&folder)?;
    let wanted = if args.set_aside { Use::Change } else { Use::Read };
    let repository = Repository::open(&folder, wanted)?;
    let backups = match &args.backups[..] {
        [] => repository.backups()?,
        named => named.iter().map(|id| repository.meant(Some(id))).collect::<Result<_, _>>()?,
    };
    let verified = runtime()?.block_on(backup::verify(&repository, &backups, args.set_aside))?;
    if args.json {
        printer::json(&as_json(&verified))?
    } else {
        show(&verified)
    }
    let is_whole = verified.hurt.is_empty() && verified.damaged.is_empty();
    Ok(if is_whole { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn show(verified: &Verified) {
    let state = if verified.hurt.is_empty() { "all whole" } else { "DAMAGE" };
    printer::line(format!(
        "{}, {} ({}), of these {}: {state}",
        printer::count(verified.backups, "backup"),
        printer::count(verified.contents, "content"),
        printer::size(verified.bytes),
        printer::count(verified.databases, "database"),
    ));
    for (hash, why) in &verified.damaged {
        printer::line(format!("damaged: {hash}: {}", terminal::one_line(why)));
    }
    for hurt in &verified.hurt {
        let what = match hurt.files {
            0 => "its list".to_owned(),
            files => printer::count(files, "file"),
        };
        printer::line(format!("hurt: backup {}: {what}", hurt.id));
        for named in &hurt.named {
            printer::line(format!("    {}", terminal::one_line(named)));
        }
    }
    if verified.set_aside > 0 {
        printer::line(format!(
            "{} moved out of the way: the next `backup create` copies anew what is still there",
            printer::count(verified.set_aside, "content")
        ));
    }
}

fn as_json(verified: &Verified) -> serde_json::Value {
    let damaged = verified.damaged.iter();
    let hurt = verified.hurt.iter();
    json!({
        "backups": verified.backups,
        "contents": verified.contents,
        "bytes": verified.bytes,
        "databases": verified.databases,
        "damaged": damaged.map(|(hash, why)| json!({ "sha256": hash, "why": why })).collect::<Vec<_>>(),
        "hurt": hurt
            .map(|hurt| json!({ "backup": hurt.id, "files": hurt.files, "some": hurt.named }))
            .collect::<Vec<_>>(),
        "set_aside": verified.set_aside,
    })
}
