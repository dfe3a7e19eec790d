//! `postrider import`: mail of another store into an account.

use std::path::{Path, PathBuf};

use agent_kit::{Stop, tls::Roots};
use anyhow::{Context as _, anyhow, bail};
use clap::Args as Arguments;
use mail_store::MailStore;
use mail_types::{Address, MailboxName, Secret};
use sasl_core::client::Credentials;
use stable_storage::Files;

use crate::{
    import::{self, Imap, Mbox, Pattern, Plan, Remote, Report, Source},
    installation::Installation,
    printer, terminal, usage,
};

/// Take over mail of another store: folders, flags, dates
///
/// SOURCE is maildir:PATH, mbox:PATH (a file, or a folder of them), eml:PATH, imaps://HOST:PORT, or
/// imap://HOST:PORT (STARTTLS); the usual port can be left out. It can be stopped and repeated: what was
/// taken over before is passed over, so that a second run after the switch brings what came meanwhile.
/// The source is not changed.
#[derive(Arguments)]
pub(crate) struct Args {
    /// The account
    #[arg(value_parser = Address::parse)]
    address: Address,
    /// Where the mail is
    #[arg(value_parser = place)]
    source: Place,
    /// Only this folder; can be given several times
    #[arg(long, value_name = "FOLDER")]
    only: Vec<String>,
    /// Put a folder's mail into this mailbox
    #[arg(long, value_name = "FOLDER=MAILBOX", value_parser = mapping)]
    map: Vec<(String, MailboxName)>,
    /// Put all folders below this mailbox
    #[arg(long, value_name = "MAILBOX", value_parser = MailboxName::parse)]
    into: Option<MailboxName>,
    /// The name at the other server; otherwise the account's address
    #[arg(long)]
    user: Option<String>,
    /// A file with the password at the other server
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// The authorities, as a PEM file, that the other server's certificate is issued by; otherwise
    /// the system's
    #[arg(long, value_name = "FILE")]
    authorities: Option<PathBuf>,
    /// How the other server's POP3 names messages: dovecot (its default) or cyrus. Clients that
    /// leave mail on the server then know it again. Of a Maildir of Dovecot's this is known
    #[arg(long, value_name = "SERVER", value_parser = Pattern::parse)]
    pop3_ids: Option<Pattern>,
    /// The report as JSON
    #[arg(long)]
    json: bool,
}

/// A source as it is typed.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Place {
    Maildir(PathBuf),
    Mbox(PathBuf),
    Eml(PathBuf),
    Imap { host: String, port: u16, tls_at_once: bool },
}

const PLACES: &str = "write maildir:PATH, mbox:PATH, eml:PATH, imaps://HOST or imap://HOST";

fn place(text: &str) -> Result<Place, String> {
    let path = |path: &str| PathBuf::from(path);
    let host = |rest: &str, usual: u16, tls_at_once| {
        let rest = rest.trim_end_matches('/');
        let (host, port) = match rest.rsplit_once(':') {
            Some((host, port)) => (host, port.parse().map_err(|_| format!("{port:?} is no port"))?),
            None => (rest, usual),
        };
        if host.is_empty() || host.contains('@') {
            return Err("write imaps://HOST, and the name there with --user".to_owned());
        }
        Ok(Place::Imap { host: host.to_owned(), port, tls_at_once })
    };
    match text.split_once(':') {
        Some(("maildir", rest)) => Ok(Place::Maildir(path(rest))),
        Some(("mbox", rest)) => Ok(Place::Mbox(path(rest))),
        Some(("eml", rest)) => Ok(Place::Eml(path(rest))),
        Some((scheme @ ("imaps" | "imap"), rest)) => {
            let rest = rest.strip_prefix("//").ok_or(PLACES)?;
            if scheme == "imaps" { host(rest, 993, true) } else { host(rest, 143, false) }
        }
        _ => Err(PLACES.to_owned()),
    }
}

fn mapping(text: &str) -> Result<(String, MailboxName), String> {
    let (from, to) = text.split_once('=').ok_or("write FOLDER=MAILBOX")?;
    let to = MailboxName::parse(to).map_err(|why| format!("{to:?} is no mailbox: {why}"))?;
    Ok((from.to_owned(), to))
}

pub(crate) fn run(args: Args, config: Option<&Path>) -> anyhow::Result<()> {
    // Files of the source are opened as whoever calls; the password too.
    let password = args.password_file.as_deref().map(read_password).transpose()?;
    let roots = match &args.source {
        Place::Imap { .. } => {
            Some(args.authorities.as_deref().map_or_else(Roots::of_system, Roots::from_pem_file)?)
        }
        _ => None,
    };
    let installation = Installation::find_as_owner(config)?;
    // An agent's: few threads write, and what they took is given back.
    let runtime = agent_kit::runtime("import").context("cannot start the runtime")?;
    let outcome = runtime.block_on(work(&args, &installation, password, roots));
    // What another server says may be in it.
    outcome.map_err(|error| anyhow!(terminal::one_line(&printer::in_one_line(&error))))
}

fn read_password(file: &Path) -> anyhow::Result<Secret> {
    let text = std::fs::read_to_string(file);
    let text = text.with_context(|| format!("cannot read the password in {}", file.display()))?;
    Ok(Secret::new(text.trim_end_matches(['\r', '\n'])))
}

async fn work(
    args: &Args,
    installation: &Installation,
    password: Option<Secret>,
    roots: Option<Roots>,
) -> anyhow::Result<()> {
    let account = super::account::existing(installation, &args.address).await?;
    let store = MailStore::open(installation.store_options(), Files::real());
    let store = store.await.context("cannot open the mail store")?;
    let mailboxes = store.account(account.id);
    let mut source = open(args, password, roots).await?;
    let plan =
        Plan { only: args.only.clone(), renamed: args.map.clone(), below: args.into.clone() };
    let outcome = import::run(&mut source, &mailboxes, &plan).await;
    if let Source::Imap(imap) = source {
        imap.close().await;
    }
    usage::publish(installation, &mailboxes).await?;
    store.close().await;
    let report = outcome.context("stopped; what came so far stays, a repeated import goes on")?;
    if args.json {
        printer::json(&report.json())?;
    } else {
        show(&report);
    }
    if report.skipped() > 0 || !report.failed.is_empty() {
        let messages = printer::count(report.skipped(), "message");
        let folders = printer::count(report.failed.len(), "folder");
        bail!("{messages} and {folders} could not be taken over");
    }
    Ok(())
}

async fn open(
    args: &Args,
    password: Option<Secret>,
    roots: Option<Roots>,
) -> anyhow::Result<Source> {
    let (host, port, tls_at_once) = match args.source.clone() {
        Place::Maildir(path) => return Ok(Source::Maildir(whole(&path)?)),
        Place::Mbox(path) => return Ok(Source::Mbox(Mbox::at(whole(&path)?))),
        Place::Eml(path) => return Ok(Source::Eml(whole(&path)?)),
        Place::Imap { host, port, tls_at_once } => (host, port, tls_at_once),
    };
    let name = args.user.clone().unwrap_or_else(|| args.address.to_string());
    let Some(password) = password else {
        bail!("the other server wants a password: --password-file FILE")
    };
    let roots = roots.context("no authorities are known to verify a certificate")?;
    let credentials = Credentials { name, password };
    let unique_ids = args.pop3_ids;
    let remote = Remote { host, port, tls_at_once, credentials, roots, unique_ids };
    let imap = Imap::connect(remote, Stop::on_signals()?).await?;
    Ok(Source::Imap(Box::new(imap)))
}

/// A path without symbolic links: the operator may name one, the source may hold none.
fn whole(path: &Path) -> anyhow::Result<PathBuf> {
    path.canonicalize().with_context(|| format!("cannot open {}", path.display()))
}

fn show(report: &Report) {
    let rows: Vec<_> = report
        .folders
        .iter()
        .map(|folder| {
            [
                terminal::one_line(&folder.name),
                terminal::one_line(&folder.mailbox),
                folder.brought.to_string(),
                folder.before.to_string(),
                folder.skipped.to_string(),
                folder.octets.to_string(),
                folder.digest().to_owned(),
            ]
        })
        .collect();
    let heads = ["folder", "mailbox", "imported", "before", "skipped", "bytes", "SHA-256 of all"];
    printer::table(heads, &rows, "the source has no folders");
    for folder in &report.folders {
        for why in &folder.reasons {
            printer::note(terminal::one_line(&format!("skipped in {}: {why}", folder.name)));
        }
    }
    for left_out in &report.left_out {
        printer::note(format!("left out: {}", terminal::one_line(left_out)));
    }
    for failed in &report.failed {
        printer::note(format!("could not be taken over: {}", terminal::one_line(failed)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places() {
        assert_eq!(place("maildir:/m"), Ok(Place::Maildir("/m".into())));
        assert_eq!(
            place("imaps://mail.example.net:1993/"),
            Ok(Place::Imap { host: "mail.example.net".into(), port: 1993, tls_at_once: true })
        );
        assert_eq!(
            place("imap://[::1]:143").map(|place| matches!(place, Place::Imap { port: 143, .. })),
            Ok(true)
        );
        for text in ["/m", "pop3://x", "imaps://", "imaps://a@b", "imaps://h:x"] {
            assert!(place(text).is_err(), "{text}");
        }
    }

    #[test]
    fn mappings() {
        let (from, to) = mapping("a=b/c").unwrap();
        assert_eq!((from.as_str(), to.to_string().as_str()), ("a", "b/c"));
        assert!(mapping("a").is_err() && mapping("a=b//c").is_err());
    }
}
