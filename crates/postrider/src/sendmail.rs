//! The `sendmail` command: a message from standard input to smtp-submission's Unix socket.
//!
//! The kernel tells the agent which user is at the other end, and the agent decides whom that user
//! may write as. Nothing is kept here: what could not be handed over is the caller's again, with
//! an exit code that says whether to try later.

mod client;
mod content;
mod ending;
mod lines;
mod options;

use std::{
    ffi::OsString,
    io::{self, BufRead, Write},
    net::Shutdown,
    os::unix::net::UnixStream,
    path::Path,
    process::ExitCode,
    thread,
};

use config::Config;
use mail_types::{Address, LocalPart};

use crate::{installation::Installation, owner, printer};
use client::Client;
use content::Content;
use ending::Ending;
use options::{Mode, Options};

/// Does what the arguments say; the exit code is one of `sysexits.h`.
pub(crate) fn run(arguments: &[OsString], config: Option<&Path>) -> ExitCode {
    match send(arguments, config) {
        Ok(()) => ExitCode::SUCCESS,
        Err(ending) => {
            printer::note(format!("sendmail: {ending}"));
            ending.code()
        }
    }
}

fn send(arguments: &[OsString], config: Option<&Path>) -> Result<(), Ending> {
    let options = Options::parse(arguments)?;
    match options.mode {
        Mode::Nothing => return Ok(()),
        Mode::Queue => {
            printer::note("the queue is shown by: postrider queue list");
            return Ok(());
        }
        Mode::Message | Mode::Smtp => {}
    }
    let named = options.config.as_deref().or(config);
    let config = Installation::find(named).map_err(Ending::Config)?.config;
    let socket =
        UnixStream::connect(config.folders().submission_socket()).map_err(Ending::Submission)?;
    match options.mode {
        Mode::Smtp => pass_through(&socket).map_err(Ending::Submission),
        _ => submit(&options, &config, &socket, &mut io::stdin().lock()),
    }
}

/// Hands one message over.
fn submit(
    options: &Options,
    config: &Config,
    socket: &UnixStream,
    input: &mut impl BufRead,
) -> Result<(), Ending> {
    let mut content = Content::begin(input, options.dot_ends).map_err(Ending::Input)?;
    let mut recipients = options.recipients.clone();
    if options.recipients_from_header {
        recipients.extend(content.recipients());
    }
    if recipients.is_empty() {
        return Err(Ending::NoRecipients);
    }
    let recipients =
        recipients.iter().map(|text| address(text, config)).collect::<Result<Vec<_>, _>>()?;
    let sender = sender(options, config)?;
    if let Some(name) = &options.full_name {
        content.add_author(name, sender.as_ref());
    }
    let mut client = Client::greet(socket, config.hostname.as_str())?;
    client.envelope(sender.as_ref(), &recipients)?;
    content.send(&mut client)?;
    client.finish()
}

/// The reverse-path; none if nobody wants to hear of failures (`-f ""`, `-f "<>"`).
fn sender(options: &Options, config: &Config) -> Result<Option<Address>, Ending> {
    match options.sender.as_deref() {
        Some("" | "<>") => Ok(None),
        Some(text) => address(text, config).map(Some),
        None => {
            let uid = rustix::process::getuid().as_raw();
            if let Some(address) = config.sendmail.address(uid) {
                return Ok(Some(address.clone()));
            }
            // smtp-submission comes to the same, and holds a user to it.
            let name = owner::name_of(uid);
            let name = if name == uid.to_string() { format!("uid{uid}") } else { name };
            address(&name, config).map(Some)
        }
    }
}

/// An address, or the name of a user of this machine.
fn address(text: &str, config: &Config) -> Result<Address, Ending> {
    let bad = |why| Ending::BadAddress { text: text.to_owned(), why };
    let plain = text.trim().trim_start_matches('<').trim_end_matches('>');
    if plain.contains('@') {
        return Address::parse(plain).map_err(bad);
    }
    if let Ok(Some(user)) = owner::User::named(plain)
        && let Some(address) = config.sendmail.address(user.uid)
    {
        return Ok(address.clone());
    }
    let local = LocalPart::from_content(plain).map_err(bad)?;
    Ok(Address::new(local, config.hostname.clone()))
}

/// `-bs`: whoever called speaks SMTP itself.
fn pass_through(mut socket: &UnixStream) -> io::Result<()> {
    let mut to_socket = socket.try_clone()?;
    let sending = thread::spawn(move || {
        let sent = io::copy(&mut io::stdin().lock(), &mut to_socket);
        // The other side sees the end, and may still have something to say.
        to_socket.shutdown(Shutdown::Write).and(sent)
    });
    io::copy(&mut socket, &mut io::stdout().lock())?;
    io::stdout().flush()?;
    // Once the server has closed, what was still to be sent interests nobody.
    if sending.is_finished() {
        let _ = sending.join();
    }
    Ok(())
}
