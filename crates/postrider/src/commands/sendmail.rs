//! `postrider sendmail`: the command that cron, PHP and `mail` send with.

use std::{ffi::OsString, path::Path, process::ExitCode};

use crate::sendmail;

/// Send a message from standard input, with the options that programs know from other sendmails
///
/// -t takes the recipients from To, Cc and Bcc; -i lets a single dot be part of the message; -f
/// sets the sender (root only, others write as themselves); -F a full name; -bs speaks SMTP. Ends
/// with 75 if it is worth trying again.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Options and recipients
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "OPTION|RECIPIENT")]
    rest: Vec<OsString>,
}

pub(crate) fn run(args: Args, config: Option<&Path>) -> ExitCode {
    sendmail::run(&args.rest, config)
}
