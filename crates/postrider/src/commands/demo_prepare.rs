//! `postrider demo-prepare`: makes what is missing of a demo's folder. `up` calls it, as a process
//! of its own, so that the supervisor itself stays small and root can do it as the folder's owner.

use std::path::PathBuf;

use crate::{demo, owner};

/// Make what is missing of a demo
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The demo's folder
    #[arg(long, value_name = "DIR")]
    data_dir: PathBuf,
}

pub(crate) fn run(args: Args) -> anyhow::Result<()> {
    let folder = std::path::absolute(args.data_dir)?;
    owner::become_owner_of(&folder)?;
    demo::prepare(&folder)
}
