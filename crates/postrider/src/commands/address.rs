//! `postrider address`: what becomes of mail for an address, and why.

use std::path::Path;

use clap::Subcommand;
use directory::{Explanation, Occasion, Route, Target};
use mail_types::{Address, ReversePath};
use serde_json::json;

use crate::{
    installation::{Installation, runtime},
    printer,
};

/// Addresses: where their mail goes, and why
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Show where mail for an address goes, and each rule on the way
    Explain {
        /// The address
        #[arg(value_parser = Address::parse)]
        address: Address,
        /// As if this sender wrote; <> stands for a notification. Lists ask who posts, and mail that
        /// is passed on gets a reverse-path of ours
        #[arg(long, value_name = "ADDRESS")]
        from: Option<String>,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
}

pub(crate) fn run(command: Command, config: Option<&Path>) -> anyhow::Result<()> {
    let installation = Installation::find_as_owner(config)?;
    let Command::Explain { address, from, json } = command;
    let from = from.as_deref().map(path).transpose()?;
    let occasion = Occasion { from: from.as_ref(), now: agent_kit::now() };
    let told = runtime()?.block_on(installation.directory().explain(&address, occasion))?;
    if json {
        return printer::json(&as_json(&told));
    }
    for step in &told.steps {
        printer::line(format!("{}{}: {}", "  ".repeat(step.depth), step.address, step.rule));
    }
    printer::line(String::new());
    match &told.route {
        Route::Refused(why) => printer::line(format!("nobody gets it: {why}")),
        Route::Elsewhere(_) => printer::line(
            "not ours: accounts here can send there; from strangers it is refused (no open relay)",
        ),
        Route::Ours(targets) => {
            let rows: Vec<_> = targets.iter().map(row).collect();
            printer::table(["gets it", "way", "reverse-path"], &rows, "");
        }
    }
    Ok(())
}

fn path(text: &str) -> anyhow::Result<ReversePath> {
    let bare = text.strip_prefix('<').and_then(|rest| rest.strip_suffix('>')).unwrap_or(text);
    if bare.is_empty() {
        return Ok(ReversePath::Null);
    }
    Ok(ReversePath::Address(Address::parse(bare)?))
}

fn row(target: &Target) -> [String; 3] {
    let way = match (&target.mailbox, target.account) {
        (Some(mailbox), _) => format!("mailbox {mailbox}, otherwise INBOX"),
        (None, Some(_)) => "INBOX".to_owned(),
        (None, None) => format!("queue {}", target.lane),
    };
    let path = target.reverse_path.as_ref();
    [
        target.address.to_string(),
        way,
        path.map_or_else(|| "the sender's".to_owned(), ToString::to_string),
    ]
}

fn as_json(told: &Explanation) -> serde_json::Value {
    let steps = told.steps.iter().map(|step| {
        json!({
            "depth": step.depth,
            "address": step.address.to_string(),
            "rule": step.rule.to_string(),
        })
    });
    let targets = told.route.targets().iter().map(|target| {
        json!({
            "address": target.address.to_string(),
            "lane": target.lane.to_string(),
            "account": target.account.map(|account| account.0),
            "mailbox": target.mailbox.as_ref().map(ToString::to_string),
            "reverse_path": target.reverse_path.as_ref().map(ToString::to_string),
            "list": target.list.as_ref().map(ToString::to_string),
            "asked": target.asked,
        })
    });
    let (result, refusal) = match &told.route {
        Route::Ours(_) => ("ours", None),
        Route::Elsewhere(_) => ("elsewhere", None),
        Route::Refused(why) => ("refused", Some(why.to_string())),
    };
    json!({
        "steps": steps.collect::<Vec<_>>(),
        "result": result,
        "refusal": refusal,
        "targets": targets.collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn senders_are_written_with_brackets_or_without() {
        assert_eq!(path("<>").unwrap(), ReversePath::Null);
        assert_eq!(path("").unwrap(), ReversePath::Null);
        assert_eq!(path("<a@example.org>").unwrap(), path("a@example.org").unwrap());
        assert!(path("nobody").is_err());
    }
}
