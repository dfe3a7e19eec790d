//! `postrider run AGENT`: this process is that agent.

use std::{path::Path, process::ExitCode};

use agent_kit::{Agent, Half, Surroundings};
use anyhow::{Context, bail};

use crate::{backup, installation::Installation};

/// Run one agent, in the foreground (systemd and `postrider up` do)
#[derive(clap::Args)]
pub(crate) struct Args {
    /// smtp-submission, smtp-relay, delivery-agent, imap-server or pop3-server
    agent: Agent,
    /// Only one half of smtp-relay: inbound or outbound
    #[arg(long, value_name = "HALF")]
    only: Option<Half>,
}

pub(crate) fn run(args: Args, config: Option<&Path>) -> anyhow::Result<ExitCode> {
    let Args { agent, only } = args;
    if only.is_some() && agent != Agent::SmtpRelay {
        bail!("only smtp-relay has two halves: leave out --only");
    }
    let Installation { config, file } = Installation::find(config)?;
    let _at_work = backup::begin_work(&config.data_dir)?;
    agent_kit::logging::start(&config.log);
    let runtime = agent_kit::runtime(agent.name()).context("cannot start the runtime")?;
    let life = async move {
        let surroundings = Surroundings::of_process(agent, config, &file, only)?;
        tracing::info!(version = env!("CARGO_PKG_VERSION"), "started");
        live(agent, surroundings).await?;
        tracing::info!("stopped");
        Ok(ExitCode::SUCCESS)
    };
    // The agent's name stands before the error, as before its log lines.
    agent_kit::run_to_end(runtime, life).context(agent)
}

/// What the agent does until it is asked to stop.
async fn live(agent: Agent, surroundings: Surroundings) -> anyhow::Result<()> {
    match agent {
        Agent::SmtpSubmission => smtp_submission::run(surroundings).await,
        Agent::SmtpRelay => smtp_relay::run(surroundings).await,
        Agent::DeliveryAgent => delivery_agent::run(surroundings).await,
        Agent::ImapServer => imap_server::run(surroundings).await,
        Agent::Pop3Server => pop3_server::run(surroundings).await,
    }
}
