//! The command line.
//!
//! Called by the name of an agent, or as `sendmail` (by a link), the executable is that program.

use std::{ffi::OsString, path::PathBuf, process::ExitCode};

use agent_kit::Agent;
use clap::{Parser, Subcommand};

use crate::commands::{
    account, address, alias, backup, block, check_config, demo_prepare, domain, export, import,
    list, message, metrics, migrate, queue, run, sendmail, status, store, trace, up,
};

/// A complete mail server: submission, relay, delivery, IMAP and POP3.
///
/// `postrider up` alone starts a demo: a throwaway domain with two accounts, on high ports of this
/// machine, in a folder of its own.
#[derive(Parser)]
#[command(name = "postrider", version, max_term_width = 100)]
struct Cli {
    /// The configuration; otherwise /etc/postrider/config.toml (`up`: a demo)
    #[arg(long, global = true, value_name = "FILE", env = "POSTRIDER_CONFIG")]
    config: Option<PathBuf>,

    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Up(up::Args),
    Run(run::Args),
    Migrate(migrate::Args),
    CheckConfig(check_config::Args),
    Status(status::Args),
    #[command(subcommand)]
    Domain(domain::Command),
    #[command(subcommand)]
    Account(account::Command),
    #[command(subcommand)]
    Alias(alias::Command),
    #[command(subcommand)]
    List(list::Command),
    #[command(subcommand)]
    Address(address::Command),
    #[command(subcommand)]
    Block(block::Command),
    #[command(subcommand)]
    Queue(queue::Command),
    #[command(subcommand)]
    Store(store::Command),
    Trace(trace::Args),
    Metrics(metrics::Args),
    #[command(subcommand)]
    Message(message::Command),
    #[command(subcommand)]
    Backup(backup::Command),
    Import(import::Args),
    Export(export::Args),
    Sendmail(sendmail::Args),
    #[command(hide = true)]
    DemoPrepare(demo_prepare::Args),
}

/// Runs what the command line says.
pub(crate) fn run(arguments: impl Iterator<Item = OsString>) -> anyhow::Result<ExitCode> {
    let cli = match Cli::try_parse_from(by_name(arguments.collect())) {
        Ok(cli) => cli,
        Err(error) => {
            // Usage errors and --help, which clap words itself; nobody may be reading.
            let _ = error.print();
            return Ok(ExitCode::from(if error.use_stderr() { 2 } else { 0 }));
        }
    };
    let config = cli.config.as_deref();
    match cli.command {
        Command::Up(args) => up::run(args, config),
        Command::Run(args) => run::run(args, config),
        Command::Sendmail(args) => Ok(sendmail::run(args, config)),
        Command::Backup(command) => backup::run(command, config),
        Command::Export(args) => export::run(args, config).map(done),
        Command::Import(args) => import::run(args, config).map(done),
        Command::Migrate(args) => migrate::run(args, config).map(done),
        Command::CheckConfig(args) => check_config::run(args, config).map(done),
        Command::Status(args) => status::run(args, config),
        Command::Domain(command) => domain::run(command, config).map(done),
        Command::Account(command) => account::run(command, config).map(done),
        Command::Alias(command) => alias::run(command, config).map(done),
        Command::List(command) => list::run(command, config).map(done),
        Command::Address(command) => address::run(command, config).map(done),
        Command::Block(command) => block::run(command, config).map(done),
        Command::Queue(command) => queue::run(command, config).map(done),
        Command::Store(command) => store::run(command, config),
        Command::Trace(args) => trace::run(args, config),
        Command::Metrics(args) => metrics::run(args, config).map(done),
        Command::Message(command) => message::run(command),
        Command::DemoPrepare(args) => demo_prepare::run(args).map(done),
    }
}

fn done((): ()) -> ExitCode {
    ExitCode::SUCCESS
}

/// The command line as if it had been called as `postrider`.
fn by_name(arguments: Vec<OsString>) -> Vec<OsString> {
    let called = arguments.first().map(PathBuf::from).unwrap_or_default();
    let called = called.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let inserted: &[&str] = match called.parse::<Agent>() {
        Ok(agent) => &["run", agent.name()],
        Err(_) if called == "sendmail" => &["sendmail"],
        Err(_) => &[],
    };
    let mut arguments = arguments.into_iter();
    let program = arguments.next();
    program.into_iter().chain(inserted.iter().map(OsString::from)).chain(arguments).collect()
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn links_are_programs_of_their_own() {
        let check = |line: &str, expected: &str| {
            let arguments = line.split(' ').map(OsString::from).collect();
            let arguments: Vec<_> =
                by_name(arguments).into_iter().map(|a| a.into_string().unwrap()).collect();
            assert_eq!(arguments.join(" "), expected);
        };
        check("/usr/bin/postrider up", "/usr/bin/postrider up");
        check("/x/imap-server --config f", "/x/imap-server run imap-server --config f");
        check("/usr/sbin/sendmail -t -i", "/usr/sbin/sendmail sendmail -t -i");
    }
}
