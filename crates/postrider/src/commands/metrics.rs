//! `postrider metrics`: what the agents count.

use std::{path::Path, sync::Arc};

use agent_kit::{Endpoint, Listeners, Stop, metrics};
use anyhow::ensure;

use crate::{
    installation::{Installation, runtime},
    printer,
};

/// Show what the agents count, in the text format of Prometheus
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Answer GET /metrics at [metrics] listen instead, in the foreground (`postrider up` does)
    #[arg(long)]
    serve: bool,
}

pub(crate) fn run(args: Args, config: Option<&Path>) -> anyhow::Result<()> {
    let config = Installation::find_as_owner(config)?.config;
    ensure!(
        !config.metrics.listen.is_empty(),
        "nothing is counted for others to see unless [metrics] listen says where"
    );
    runtime()?.block_on(async {
        if !args.serve {
            printer::text(&metrics::collect(&config).await);
            return Ok(());
        }
        let mut listeners = Listeners::bind(&Endpoint::of_metrics(&config))?;
        let config = Arc::new(config);
        let page = move || {
            let config = config.clone();
            async move { metrics::collect(&config).await }
        };
        metrics::serve(listeners.take_all(), Stop::on_signals()?, page).await;
        Ok(())
    })
}
