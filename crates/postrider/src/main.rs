//! The executable: every agent, the supervisor, the demo, and the operator's commands.
//!
//! It is the only place that knows all parts, and adds none of its own: what an agent does is in
//! the agent's crate, what is kept is in the services'. A command is a file under `commands`; what
//! people read on their terminal goes through `printer`.
//!
//! Nothing runs before the process has the user that its files belong to: `main` is synchronous,
//! and each command makes its runtime after it has taken on the right user (see `owner`).

mod backup;
mod cli;
mod commands;
mod demo;
mod export;
mod import;
mod installation;
mod message;
mod owner;
mod printer;
mod random;
mod sendmail;
mod supervisor;
mod terminal;
mod times;

mod usage;
use std::process::ExitCode;

use rustix::fs::Mode;

fn main() -> ExitCode {
    // Files are for their owner and for the group of their folder (deploy/tmpfiles.conf).
    rustix::process::umask(Mode::RWXO);
    match cli::run(std::env::args_os()) {
        Ok(code) => code,
        Err(error) => {
            printer::error(&error);
            ExitCode::FAILURE
        }
    }
}
