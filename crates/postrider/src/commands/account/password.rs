//! Asking for a password, and for a yes.

use std::io::{self, BufRead, IsTerminal, Write};

use anyhow::{Context, bail};
use mail_types::{Address, Secret};
use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};
use zeroize::Zeroizing;

/// The password of an account: from standard input if so wished, otherwise typed twice unseen.
pub(in crate::commands) fn ask(address: &Address, from_stdin: bool) -> anyhow::Result<Secret> {
    if from_stdin {
        return read_line();
    }
    if !io::stdin().is_terminal() {
        bail!("no terminal to ask for the password at: pipe it in, with --password-stdin");
    }
    let first = typed(&format!("password for {address}: "))?;
    if typed("once more: ")? != first {
        bail!("the two are not the same");
    }
    Ok(first)
}

/// Asks for a yes.
pub(in crate::commands) fn confirm(question: &str) -> anyhow::Result<()> {
    if !io::stdin().is_terminal() {
        bail!("no terminal to ask at: say --yes");
    }
    prompt(&format!("{question} (yes/no) "))?;
    let mut answer = String::new();
    io::stdin().read_line(&mut answer)?;
    if answer.trim() == "yes" { Ok(()) } else { bail!("nothing was changed") }
}

/// A line, without what ends it.
fn read_line() -> anyhow::Result<Secret> {
    let mut line = Zeroizing::new(Vec::new());
    io::stdin().lock().read_until(b'\n', &mut line).context("cannot read the password")?;
    let end = line.iter().rposition(|byte| !matches!(byte, b'\r' | b'\n')).map_or(0, |at| at + 1);
    match line.get(..end) {
        Some(password) if !password.is_empty() => Ok(Secret::new(password)),
        _ => bail!("the password is empty"),
    }
}

/// A line that the terminal does not show.
fn typed(question: &str) -> anyhow::Result<Secret> {
    prompt(question)?;
    let terminal = io::stdin();
    let before = tcgetattr(&terminal).context("cannot silence the terminal")?;
    let mut silent = before.clone();
    silent.local_modes.remove(LocalModes::ECHO);
    silent.local_modes.insert(LocalModes::ECHONL);
    tcsetattr(&terminal, OptionalActions::Flush, &silent).context("cannot silence the terminal")?;
    let line = read_line();
    tcsetattr(&terminal, OptionalActions::Now, &before).context("cannot restore the terminal")?;
    line
}

/// A question is no result: it goes to standard error, without a line end.
fn prompt(question: &str) -> io::Result<()> {
    let mut terminal = io::stderr().lock();
    terminal.write_all(question.as_bytes())?;
    terminal.flush()
}
