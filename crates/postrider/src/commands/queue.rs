//! `postrider queue`: what waits to be delivered.

mod bounce;
mod change;
mod check;
mod list;
pub(in crate::commands) mod pause;
mod redirect;
mod selection;
pub(in crate::commands) mod show;
mod stats;
mod top;
pub(in crate::commands) mod why;

use std::path::Path;

use clap::Subcommand;
use mail_types::QueueId;

use crate::installation::{Installation, runtime};
use selection::{Selection, Touch};

/// The queue: mail on its way
#[derive(Subcommand)]
pub(crate) enum Command {
    /// List what is in the queue, and why it is still there
    List(list::Args),
    /// Show one message: its recipients, what was tried, and what comes next
    Show {
        /// Its queue id
        id: QueueId,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Write the content of a message to standard output, byte for byte
    Cat {
        /// Its queue id
        id: QueueId,
        /// Only its header
        #[arg(long)]
        headers: bool,
    },
    /// Count what waits, by destination, sender or reason
    Stats(stats::Args),
    /// Watch the queue move, in the terminal
    Top(top::Args),
    /// Try again now
    Retry {
        #[command(flatten)]
        selection: Selection,
        #[command(flatten)]
        touch: Touch,
    },
    /// Keep in the queue until released
    Hold {
        #[command(flatten)]
        selection: Selection,
        /// Why, for whoever looks
        #[arg(long, default_value = "held by the operator")]
        reason: String,
        #[command(flatten)]
        touch: Touch,
    },
    /// Let go on what is held or set aside
    Release {
        #[command(flatten)]
        selection: Selection,
        #[command(flatten)]
        touch: Touch,
    },
    /// Throw away; says what and asks, senders are not told
    Remove {
        #[command(flatten)]
        selection: Selection,
        #[command(flatten)]
        touch: Touch,
    },
    /// Give to somebody else instead; says what and asks
    Redirect(redirect::Args),
    /// Return to the sender now; says what and asks
    Bounce(bounce::Args),
    /// Let a destination rest: nothing is tried there until it is resumed
    Pause(pause::PauseArgs),
    /// Let a destination go on
    Resume(pause::ResumeArgs),
    /// Look whether files and rows agree, while agents work
    Check(check::Args),
}

pub(crate) fn run(command: Command, config: Option<&Path>) -> anyhow::Result<()> {
    let installation = Installation::find_as_owner(config)?;
    runtime()?.block_on(async {
        let queue = installation.queue().await?;
        match command {
            Command::List(args) => list::run(&queue, &args).await,
            Command::Show { id, json } => show::entry(&installation, &queue, id, json).await,
            Command::Cat { id, headers } => show::content(&queue, id, headers).await,
            Command::Stats(args) => stats::run(&queue, &args).await,
            Command::Top(args) => top::run(&queue, &args).await,
            Command::Retry { selection, touch } => {
                change::run(&queue, &selection, touch, change::Verb::Retry).await
            }
            Command::Hold { selection, reason, touch } => {
                change::run(&queue, &selection, touch, change::Verb::Hold(&reason)).await
            }
            Command::Release { selection, touch } => {
                change::run(&queue, &selection, touch, change::Verb::Release).await
            }
            Command::Remove { selection, touch } => {
                change::run(&queue, &selection, touch, change::Verb::Remove).await
            }
            Command::Redirect(args) => redirect::run(&installation, &queue, &args).await,
            Command::Bounce(args) => bounce::run(&installation, &queue, &args).await,
            Command::Pause(args) => pause::pause(&queue, &args).await,
            Command::Resume(args) => pause::resume(&queue, &args).await,
            Command::Check(args) => check::run(&queue, &args).await,
        }
    })
}
