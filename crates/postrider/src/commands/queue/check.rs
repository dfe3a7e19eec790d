//! Whether the queue's files and rows agree.

use message_queue::{
    Queue,
    check::{Checked, Finding},
};
use serde_json::json;

use crate::printer;

/// Look whether files and rows agree, while agents work
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Mend what is found: files that belong to nothing are removed, what cannot be read is set
    /// aside for `postrider queue release` or `remove`
    #[arg(long)]
    repair: bool,
    /// As JSON
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(queue: &Queue, args: &Args) -> anyhow::Result<()> {
    let mend_at = args.repair.then(agent_kit::now);
    let (mut findings, mut left) = (Vec::new(), 0u64);
    let mut tell = |finding: &Finding| {
        let mended = args.repair && finding.is_mendable();
        left = left.saturating_add(u64::from(!mended));
        if args.json {
            findings.push(json!({
                "kind": finding.kind(),
                "what": finding.to_string(),
                "mended": mended,
            }));
        } else {
            printer::line(format!("{finding}{}", if mended { ": mended" } else { "" }));
        }
    };
    let checked = queue.check(mend_at, &mut tell).await?;
    let Checked { entries, files, set_aside, findings: found } = checked;
    if args.json {
        printer::json(&json!({
            "entries": entries,
            "files": files,
            "set_aside": set_aside,
            "findings": findings,
        }))?;
    } else {
        let (entries, files) = (printer::count(entries, "message"), printer::count(files, "file"));
        printer::line(format!("looked at {entries} and {files}: {found} found"));
        if set_aside > 0 {
            printer::note(format!(
                "{set_aside} set aside already: `postrider queue list --state set-aside` shows why"
            ));
        }
    }
    match (left, args.repair) {
        (0, _) => Ok(()),
        (_, false) => {
            anyhow::bail!("something is wrong: `postrider queue check --repair` mends it")
        }
        (_, true) => anyhow::bail!("something cannot be mended: the database needs its backup"),
    }
}
