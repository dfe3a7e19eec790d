//! A whole installation out of a backup, where there is none.
//!
//! Files first, each compared with its hash on the way; then the databases are brought up to this
//! program's version; then what must not be as it was: mail for other servers that waited may have
//! gone out since and is held, and every mailbox begins a new epoch, because UIDs may have been
//! given since that the backup does not know. Nobody else works on the data meanwhile, nor on a half
//! ([`turns`](super::turns)).

use std::{
    fs::{self, File},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use anyhow::{Context as _, bail};
use config::Folders;
use mail_store::MailStore;
use mail_types::{AccountId, Uid, UidValidity, UniqueId};
use stable_storage::{FileSystem, Files, LifeLock};

use super::{
    hash::{Hasher, STEP},
    manifest::{BackupId, FileLine, Kind, Line},
    repository::Repository,
    secrets::{Elsewhere, below},
    turns::Restoring,
};
use crate::{
    commands::migrate, import::Progress, installation::Installation, owner, supervisor::Lock, usage,
};

/// Databases that are published have this mode, everything else the owner's and the group's.
const PUBLISHED_MODE: u32 = 0o640;

/// How it is done.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Orders {
    /// What is there is moved aside.
    pub(crate) replace: bool,
    /// Mail that waited goes out.
    pub(crate) release_queue: bool,
    /// No client was told anything since the backup: UIDVALIDITY stays.
    pub(crate) same_uids: bool,
}

/// What it came to.
#[derive(Debug)]
pub(crate) struct Installed {
    pub(crate) id: BackupId,
    pub(crate) files: u64,
    pub(crate) bytes: u64,
    pub(crate) messages: u64,
    pub(crate) accounts: u64,
    /// Recipients at other servers whose mail is held.
    pub(crate) held: u64,
    /// Secrets that were written.
    pub(crate) secrets: Vec<PathBuf>,
    /// Where what was there is now.
    pub(crate) moved_to: Option<PathBuf>,
    /// Files that are not what they were, and were left out.
    pub(crate) damaged: Vec<String>,
}

/// Restores everything, as the owner of the data.
pub(crate) async fn install(
    installation: &Installation,
    repository: &Repository,
    (id, elsewhere): (&BackupId, &Elsewhere),
    orders: Orders,
) -> anyhow::Result<Installed> {
    let data_dir = &installation.config.data_dir;
    let folders = installation.config.folders();
    look_through(repository, id)?;
    installation.make_folders()?;
    let _lock = Lock::take(data_dir)?;
    let restoring = Restoring::begin(data_dir)?;
    // What an unfinished restore left is nobody's.
    let may_replace = orders.replace || restoring.was_begun;
    let free = match nobody_works(&folders) {
        Ok(()) if !may_replace => refuse_to_replace(installation).await,
        free => free,
    };
    if let Err(error) = free {
        restoring.give_up();
        return Err(error);
    }
    let moved_to = make_room(installation, !elsewhere.at_home.is_empty())?;

    let disk = FileSystem::of(data_dir).context("cannot open the data's folder")?;
    let mut installed = Installed {
        id: id.clone(),
        files: 0,
        bytes: 0,
        messages: 0,
        accounts: 0,
        held: 0,
        secrets: Vec::new(),
        moved_to,
        damaged: Vec::new(),
    };
    let accounts = copy_all(repository, id, data_dir, &mut installed)?;
    installed.secrets = elsewhere.put_at_home(repository, data_dir)?;
    disk.sync().context("cannot sync the data")?;
    migrate::migrate(installation).await?;
    let reason = format!("restored from the backup {id}; it may have been sent since");
    let reason = (!orders.release_queue).then_some(reason.as_str());
    let queue = installation.queue().await?;
    installed.held = queue.begin_restored(reason, agent_kit::now()).await?;
    drop(queue);
    begin_accounts(installation, &accounts, orders.same_uids).await?;
    installed.accounts = u64::try_from(accounts.len()).unwrap_or(u64::MAX);
    disk.sync().context("cannot sync the data")?;
    restoring.finish()?;
    Ok(installed)
}

/// Reads the list before anything is touched, and whether the contents are there and can be read:
/// of those that are damaged only copying tells.
fn look_through(repository: &Repository, id: &BackupId) -> anyhow::Result<()> {
    let user = owner::name_of(rustix::process::geteuid().as_raw());
    let readable = || format!("the repository must be readable for {user}, whose the data is");
    let mut list = repository.read(id).with_context(readable)?;
    let (mut missing, mut files) = (0_u64, 0_u64);
    while let Some(line) = list.next()? {
        let Line::File(file) = line else { continue };
        let content = repository.content(file.sha256);
        match File::open(&content) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                let cannot = format!("cannot read {}", content.display());
                return Err(anyhow::Error::new(error).context(cannot)).with_context(readable);
            }
            Err(_) => missing += 1,
            Ok(_) => files += 1,
        }
    }
    if files == 0 {
        bail!(
            "none of the {missing} contents of the backup {id} is there; was all of it copied here?"
        );
    }
    Ok(())
}

/// Refuses while somebody works on the data who was not started by `up`: each agent works on the
/// queue or on the mail.
fn nobody_works(folders: &Folders) -> anyhow::Result<()> {
    if LifeLock::any_alive(&folders.queue.join("holders"))? {
        bail!("agents work on {}: stop them first", folders.queue.display());
    }
    if std::os::unix::net::UnixStream::connect(folders.submission_socket()).is_ok() {
        bail!("smtp-submission runs: stop all agents first");
    }
    if mail_store::backup::is_open(&folders.mail)? {
        bail!(
            "agents or commands work on {}: stop imap-server, pop3-server and the others first",
            folders.mail.display()
        );
    }
    Ok(())
}

/// Refuses where anything is that would be missed.
async fn refuse_to_replace(installation: &Installation) -> anyhow::Result<()> {
    let (data_dir, folders) = (&installation.config.data_dir, installation.config.folders());
    let mail = mail_store::backup::accounts(&folders.mail).context("cannot list the mail")?;
    // Just migrated: there are databases, and nothing in them.
    let has_domains = folders.directory.join("directory.db").exists()
        && installation.directory().hosted_domains().await.map_or(true, |all| !all.is_empty());
    if !mail.is_empty() || has_domains {
        bail!(
            "{} is not empty (mail of {} accounts): --replace moves what is there aside first",
            data_dir.display(),
            mail.len()
        );
    }
    Ok(())
}

/// Moves what is there out of the way. The key of sign-ins stays if the backup has none.
fn make_room(installation: &Installation, has_own_key: bool) -> anyhow::Result<Option<PathBuf>> {
    let (data_dir, folders) = (&installation.config.data_dir, installation.config.folders());
    let seconds = agent_kit::now().secs();
    let aside = data_dir.join(format!("replaced-{seconds}"));
    let mut moved = false;
    for folder in [
        &folders.directory,
        &folders.credentials,
        &folders.queue,
        &folders.sign_ins,
        &folders.usage,
        &folders.mail,
    ] {
        let cannot = || format!("cannot move what is in {}", folder.display());
        let to = aside.join(folder.file_name().unwrap_or_default());
        for entry in fs::read_dir(folder).with_context(cannot)? {
            let from = entry.with_context(cannot)?.path();
            if !has_own_key && from == sign_in::key_file(&installation.config) {
                continue;
            }
            fs::create_dir_all(&to).with_context(cannot)?;
            let name = from.file_name().unwrap_or_default();
            fs::rename(&from, to.join(name)).with_context(cannot)?;
            moved = true;
        }
    }
    Ok(moved.then_some(aside))
}

/// Copies all files that belong to the data; answers which accounts have mail.
fn copy_all(
    repository: &Repository,
    id: &BackupId,
    data_dir: &Path,
    installed: &mut Installed,
) -> anyhow::Result<Vec<AccountId>> {
    let (mut accounts, mut name) = (Vec::new(), "files".to_owned());
    let mut progress = Progress::begin(&name, 0);
    let mut list = repository.read(id)?;
    let mut buffer = vec![0; STEP];
    while let Some(line) = list.next()? {
        match line {
            Line::Account(account) => {
                accounts.push(AccountId(account.id));
                name = account.address.unwrap_or_else(|| format!("account {}", account.id));
                progress.end();
                progress = Progress::begin(&name, 0);
            }
            Line::File(file) if !file.kind.is_elsewhere() => {
                let to = below(data_dir, &file.path);
                let to = to.with_context(|| format!("{:?} leads elsewhere", file.path))?;
                if copy(repository, &file, &to, &mut buffer)? {
                    installed.files += 1;
                    installed.bytes = installed.bytes.saturating_add(file.size);
                    installed.messages += u64::from(file.kind == Kind::Message);
                } else if file.kind == Kind::Database {
                    bail!(
                        "{} is damaged in the backup {id}; `backup verify` shows which backup is whole",
                        file.path
                    );
                } else {
                    // Without an index, the store makes one from the files.
                    installed.damaged.push(format!("{name}: {}", file.path));
                }
                progress.step(1);
            }
            _ => {}
        }
    }
    progress.end();
    Ok(accounts)
}

/// Copies a file; false, and nothing is left, if its content is not what it was.
fn copy(
    repository: &Repository,
    file: &FileLine,
    to: &Path,
    buffer: &mut [u8],
) -> anyhow::Result<bool> {
    use std::io::Read as _;
    let cannot = || format!("cannot write {}", to.display());
    let files = Files::real();
    let above = to.parent().unwrap_or(Path::new("."));
    files.make_folders(above).with_context(cannot)?;
    if file.kind == Kind::Record && to.file_name().is_some_and(|name| name == "postrider-folder") {
        for part in ["cur", "new", "tmp"] {
            files.make_folder(&above.join(part)).with_context(cannot)?;
        }
    }
    let Ok(mut source) = File::open(repository.content(file.sha256)) else { return Ok(false) };
    let mut new = files.create_new(to).with_context(cannot)?;
    let mut hasher = Hasher::default();
    loop {
        let length = match source.read(buffer) {
            Ok(0) => break,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            Ok(length) => length,
            Err(_) => break,
        };
        let piece = buffer.get(..length).unwrap_or_default();
        hasher.update(piece);
        new.write_all(piece).with_context(cannot)?;
    }
    if hasher.finish() != (file.sha256, file.size) {
        files.unlink(to).with_context(cannot)?;
        return Ok(false);
    }
    if ["directory/directory.db", "credentials/credentials.db"].contains(&file.path.as_str()) {
        fs::set_permissions(to, fs::Permissions::from_mode(PUBLISHED_MODE)).with_context(cannot)?;
    }
    if let Some(time) = file.modified_ns.and_then(time) {
        new.file().set_modified(time).with_context(cannot)?;
    }
    Ok(true)
}

fn time(nanoseconds: i64) -> Option<SystemTime> {
    let distance = Duration::from_nanos(nanoseconds.unsigned_abs());
    if nanoseconds < 0 {
        UNIX_EPOCH.checked_sub(distance)
    } else {
        UNIX_EPOCH.checked_add(distance)
    }
}

/// Opens every account once: its mailboxes begin new epochs, and its usage is told.
async fn begin_accounts(
    installation: &Installation,
    accounts: &[AccountId],
    same_uids: bool,
) -> anyhow::Result<()> {
    let store = MailStore::open(installation.store_options(), Files::real());
    let store = store.await.context("cannot open the mail store")?;
    let maildrop = &installation.config.pop3.mailbox;
    let progress = Progress::begin("mailboxes", accounts.len());
    for id in accounts {
        let account = store.account(*id);
        let epochs = (!same_uids).then_some((maildrop, plain_unique_id as fn(_, _) -> _));
        let begun = account.begin_restored(epochs).await;
        begun.with_context(|| format!("cannot open the mail of account {id}"))?;
        usage::publish(installation, &account).await?;
        progress.step(1);
    }
    progress.end();
    store.close().await;
    Ok(())
}

/// What our POP3 server calls a message of which nothing else is known.
fn plain_unique_id(epoch: UidValidity, uid: Uid) -> Option<UniqueId> {
    pop3_core::Maildrop::plain_unique_id(epoch, uid).parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_has_the_mail_open_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let folders = Folders::under(folder.path());
        assert!(nobody_works(&folders).is_ok());
        let options = mail_store::StoreOptions::new(&folders.mail, agent_kit::now);
        let store = MailStore::open(options, Files::real()).await.unwrap();
        assert!(nobody_works(&folders).unwrap_err().to_string().contains("imap-server"));
        store.close().await;
        drop(store);
        assert!(nobody_works(&folders).is_ok());
    }
}
