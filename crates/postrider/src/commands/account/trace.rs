//! `postrider account trace`: write down what an account's mail clients say, for a bug report.

use std::time::Duration;

use anyhow::Context;
use clap::Args;
use mail_store::traces::{FILE_MAX, FILES_MAX, Traces};
use mail_types::Address;

use super::{existing, sending};
use crate::{installation::Installation, printer};

/// Write down what an account's IMAP clients and the server say, without passwords and mail, for a
/// bug report
#[derive(Args)]
pub(crate) struct Trace {
    /// The account
    #[arg(value_parser = Address::parse)]
    address: Address,
    /// on or off
    #[arg(action = clap::ArgAction::Set, value_parser = sending::switch)]
    wanted: bool,
    /// For so many minutes; then it ends by itself
    #[arg(long, value_name = "MINUTES", default_value_t = 60, value_parser = clap::value_parser!(u16).range(1..=1440))]
    minutes: u16,
}

pub(super) async fn trace(installation: &Installation, trace: &Trace) -> anyhow::Result<()> {
    let account = existing(installation, &trace.address).await?;
    let traces = Traces::of(&installation.config.folders().mail, account.id);
    let folder = traces.folder().display();
    if !trace.wanted {
        let was_on = traces.switch_off().with_context(|| format!("cannot write in {folder}"))?;
        printer::line(if was_on {
            format!("nothing more is written; what there is lies in {folder}")
        } else {
            "no trace was switched on".to_owned()
        });
        return Ok(());
    }
    let minutes = trace.minutes;
    let until = agent_kit::now().plus(Duration::from_secs(u64::from(minutes) * 60));
    traces.switch_on(until).with_context(|| format!("cannot write in {folder}"))?;
    printer::line(format!(
        "IMAP connections that sign in as {} in the next {minutes} minutes are written down in {folder}, \
         a file each (at most {FILES_MAX} of {} MB); what the mail says and passwords are left out",
        account.address,
        FILE_MAX / 1024 / 1024
    ));
    Ok(())
}
