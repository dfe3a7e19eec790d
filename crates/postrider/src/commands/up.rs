//! `postrider up`: all agents, each as a process of its own; without a configuration, the demo.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use crate::{
    demo::{self, Demo},
    installation::{Installation, USUAL_FILE},
    printer,
    supervisor::{self, Lock, Order, run_command},
};

/// Start everything and stay in the foreground; without --config, a demo
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The folder of the demo
    #[arg(long, value_name = "DIR", default_value = demo::USUAL_FOLDER, conflicts_with = "config")]
    data_dir: PathBuf,
    /// Write addresses and process numbers here once all accept connections, and again whenever
    /// one was restarted
    #[arg(long, value_name = "PATH")]
    ready_file: Option<PathBuf>,
}

pub(crate) fn run(args: Args, config: Option<&Path>) -> anyhow::Result<ExitCode> {
    let ready_file = args.ready_file.map(std::path::absolute).transpose()?;
    let order = match config {
        Some(file) => {
            let installation = Installation::find(Some(file))?;
            supervisor::check_paths(&installation.config.data_dir)?;
            run_command([Path::new("migrate"), Path::new("--config"), &installation.file])?;
            let lock = Lock::take(&installation.config.data_dir)?;
            Order { installation, ready_file, demo: None, lock }
        }
        None => {
            if Path::new(USUAL_FILE).exists() {
                printer::note(format!(
                    "this is the demo; the installation is started with --config {USUAL_FILE}"
                ));
            }
            let demo = Demo::in_folder(&args.data_dir)?;
            // First: ports that a running demo of this folder has taken are not to be moved.
            let lock = Lock::take(demo.folder())?;
            run_command([Path::new("demo-prepare"), Path::new("--data-dir"), demo.folder()])?;
            let installation = Installation::find(Some(&demo.config_file()))?;
            Order { installation, ready_file, demo: Some(demo), lock }
        }
    };
    supervisor::run(order)
}
