//! The files outside the data: the configuration, and those with secrets, which are copied only if
//! that is wanted.
//!
//! They are read and written as whoever calls: the owner of the data may not be allowed to.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _},
    path::{Component, Path, PathBuf},
};

use anyhow::{Context as _, bail};
use config::Config;

use super::{
    abroad::Bounds,
    hash::Hash,
    manifest::{BackupId, FileLine, Kind, Line},
    repository::Repository,
};
use crate::{printer, terminal};

/// What the modes of a list may give. Agents of other users read the configuration, and the group
/// reads secrets; nothing runs, least of all as another user.
const SETTINGS_MODE: u32 = 0o644;
const SECRET_MODE: u32 = 0o640;

/// A file that was read.
#[derive(Debug)]
pub(crate) struct Read {
    /// Below the data's folder if it is there, else the whole one.
    pub(super) path: PathBuf,
    pub(super) octets: Vec<u8>,
    pub(super) mode: u32,
}

/// What goes into a backup of everything beside the data.
#[derive(Debug)]
pub(crate) struct Given {
    pub(super) settings: Read,
    /// None if secrets are not wanted.
    pub(super) secrets: Option<Vec<Read>>,
}

impl Given {
    /// Reads them.
    pub(crate) fn read(file: &Path, config: &Config, with_secrets: bool) -> anyhow::Result<Self> {
        let settings = read(file)?.context("the configuration is gone")?;
        if !with_secrets {
            return Ok(Self { settings, secrets: None });
        }
        let mut secrets = Vec::new();
        for path in Secrets::of(config)?.all() {
            let Some(mut read) = read(&path)? else { continue };
            if let Ok(below) = path.strip_prefix(&config.data_dir) {
                read.path = below.to_owned();
            }
            secrets.push(read);
        }
        Ok(Self { settings, secrets: Some(secrets) })
    }
}

fn read(path: &Path) -> anyhow::Result<Option<Read>> {
    let cannot = || format!("cannot read {}; as root it can be", path.display());
    match fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        octets => {
            let mode = fs::metadata(path).with_context(cannot)?.mode() & 0o777;
            Ok(Some(Read { path: path.to_owned(), octets: octets.with_context(cannot)?, mode }))
        }
    }
}

/// The files of an installation that have secrets.
#[derive(Debug, Default)]
pub(crate) struct Secrets {
    /// The key of sign-ins.
    pub(crate) sign_in: PathBuf,
    /// Certificate and private key of TLS, if they are configured.
    pub(crate) tls: Vec<PathBuf>,
    /// Passwords for smarthosts.
    pub(crate) passwords: Vec<PathBuf>,
    /// What a demo made for itself.
    own: Vec<PathBuf>,
}

impl Secrets {
    pub(crate) fn of(config: &Config) -> anyhow::Result<Self> {
        let keys = config.folders().keys;
        let mut own = Vec::new();
        match fs::read_dir(&keys) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            entries => {
                let cannot = || format!("cannot list {}", keys.display());
                for entry in entries.with_context(cannot)? {
                    own.push(entry.with_context(cannot)?.path());
                }
            }
        }
        let tls: Vec<PathBuf> =
            [&config.tls.certificate, &config.tls.key].into_iter().flatten().cloned().collect();
        own.retain(|path| path.is_file() && !tls.contains(path));
        Ok(Self {
            sign_in: sign_in::key_file(config),
            tls,
            passwords: config.smarthosts.password_files(),
            own,
        })
    }

    pub(super) fn all(self) -> Vec<PathBuf> {
        let Self { sign_in, tls, passwords, own } = self;
        [vec![sign_in], tls, passwords, own].concat()
    }

    /// Those that are not there.
    pub(crate) fn missing(self) -> Vec<PathBuf> {
        self.all().into_iter().filter(|path| !path.exists()).collect()
    }
}

/// The files of a backup that do not belong to the data, and where they go now.
#[derive(Debug, Default)]
pub(crate) struct Elsewhere {
    /// The configuration.
    pub(super) settings: Option<FileLine>,
    /// Secrets, at home below the data's folder.
    pub(super) at_home: Vec<FileLine>,
    /// Other secrets.
    pub(super) abroad: Vec<FileLine>,
}

impl Elsewhere {
    /// Reads which there are.
    pub(crate) fn of(repository: &Repository, id: &BackupId) -> anyhow::Result<Self> {
        let mut found = Self::default();
        let mut list = repository.read(id)?;
        while let Some(line) = list.next()? {
            match line {
                Line::File(file) if file.kind == Kind::Settings => found.settings = Some(file),
                Line::File(file) if file.kind == Kind::Secret => {
                    let home = Path::new(&file.path).is_relative();
                    if home { found.at_home.push(file) } else { found.abroad.push(file) }
                }
                _ => {}
            }
        }
        Ok(found)
    }

    /// Writes the configuration to `to`, where there is none.
    pub(crate) fn put_settings(&self, repository: &Repository, to: &Path) -> anyhow::Result<()> {
        let settings = self.settings.as_ref();
        let settings =
            settings.context("there is no configuration in this backup: write one first")?;
        put_back(repository, settings, to)?;
        Ok(())
    }

    /// Writes the secrets that are not at home to where they were; those that were beside the
    /// configuration go beside `config_file`. Answers which files were written; what is there
    /// already stays, and what is out of bounds is left out with a note.
    pub(crate) fn put_abroad(
        &self,
        repository: &Repository,
        config_file: &Path,
        bounds: &Bounds,
    ) -> anyhow::Result<Vec<PathBuf>> {
        let former = self.settings.as_ref().and_then(|file| Path::new(&file.path).parent());
        let now = config_file.parent().unwrap_or(Path::new("/"));
        let mut written = Vec::new();
        for file in &self.abroad {
            let path = Path::new(&file.path);
            let beside = former.and_then(|former| path.strip_prefix(former).ok());
            let to = beside.map_or_else(|| path.to_owned(), |beside| now.join(beside));
            if !bounds.allow(&to) {
                printer::note(format!(
                    "not written: {}, which is not below the folder of the configuration, and no other \
                     configuration than that of the backup named it; its content is {}",
                    terminal::one_line(&to.to_string_lossy()),
                    repository.content(file.sha256).display()
                ));
                continue;
            }
            if put_back(repository, file, &to)? {
                written.push(to);
            }
        }
        Ok(written)
    }

    /// The same for those that are at home.
    pub(super) fn put_at_home(
        &self,
        repository: &Repository,
        data_dir: &Path,
    ) -> anyhow::Result<Vec<PathBuf>> {
        let mut written = Vec::new();
        for file in &self.at_home {
            let Some(to) = below(data_dir, &file.path) else { continue };
            if put_back(repository, file, &to)? {
                written.push(to);
            }
        }
        Ok(written)
    }
}

/// A path of a list below a folder; none for one that would lead out of it.
pub(super) fn below(folder: &Path, path: &str) -> Option<PathBuf> {
    let path = Path::new(path);
    let plain = |part| matches!(part, Component::Normal(_));
    path.components().all(plain).then(|| folder.join(path))
}

/// Writes a file where it was, unless there is one already. True if it was written.
fn put_back(repository: &Repository, file: &FileLine, to: &Path) -> anyhow::Result<bool> {
    let cannot = || format!("cannot write {}", to.display());
    if let Some(above) = to.parent().filter(|above| !above.exists()) {
        fs::create_dir_all(above).with_context(cannot)?;
    }
    let content = repository.content(file.sha256);
    let octets =
        fs::read(&content).with_context(|| format!("cannot read {}", content.display()))?;
    if Hash::of(&octets) != file.sha256 {
        bail!("{} is damaged in the backup ({})", file.path, content.display());
    }
    let most = if file.kind == Kind::Settings { SETTINGS_MODE } else { SECRET_MODE };
    let mode = file.mode.unwrap_or(0o600) & most;
    let opened = OpenOptions::new().write(true).create_new(true).mode(mode).open(to);
    let written = match opened {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(false),
        opened => opened.and_then(|mut opened| {
            opened.write_all(&octets)?;
            // As it was, whatever the umask is: agents of other users read the configuration.
            opened.set_permissions(fs::Permissions::from_mode(mode))?;
            opened.sync_all()
        }),
    };
    written.with_context(cannot)?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_path_of_a_list_leads_out() {
        let check = |path: &str, expected: Option<&str>| {
            assert_eq!(below(Path::new("/d"), path).as_deref(), expected.map(Path::new), "{path}");
        };
        check("mail/1/cur/a:2,S", Some("/d/mail/1/cur/a:2,S"));
        for bad in ["/etc/passwd", "../x", "mail/../../x", "./x"] {
            check(bad, None);
        }
    }
}
