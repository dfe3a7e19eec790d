//! Whether backups are what they were: every list is read, every content, and every copied database
//! is looked through.

use std::{
    collections::HashMap,
    fs::{self, File},
    io,
};

use anyhow::Context as _;

use super::{
    contents::Contents,
    hash::{Hash, read_through},
    manifest::{BackupId, FileLine, Line},
    repository::Repository,
};
use crate::{import::Progress, printer};

/// How many files of a backup are named.
const NAMED: usize = 20;

/// What verifying came to.
#[derive(Debug, Default)]
pub(crate) struct Verified {
    pub(crate) backups: u64,
    pub(crate) contents: u64,
    pub(crate) bytes: u64,
    pub(crate) databases: u64,
    /// Contents that are not what they were, and why.
    pub(crate) damaged: Vec<(Hash, String)>,
    /// Backups that are hurt.
    pub(crate) hurt: Vec<Hurt>,
    /// Damaged contents that were moved out of the way.
    pub(crate) set_aside: u64,
}

/// A backup that is not whole.
#[derive(Debug)]
pub(crate) struct Hurt {
    pub(crate) id: String,
    /// How many of its files are damaged; none if its list is.
    pub(crate) files: u64,
    /// Some of them, or what is wrong with the list.
    pub(crate) named: Vec<String>,
}

/// What is wrong with a content.
enum Damage {
    /// It is not what was copied.
    Content(String),
    /// It is, and that was no good.
    Database(String),
}

impl Damage {
    fn words(self) -> String {
        match self {
            Self::Content(why) => why,
            Self::Database(why) => format!("the database was damaged when it was copied: {why}"),
        }
    }
}

/// What lists say of a content.
struct Told {
    size: u64,
    is_database: bool,
}

/// Verifies these backups. With `set_aside`, damaged contents are moved out of the way, so that the
/// next backup copies them anew where their files are what they were.
pub(crate) async fn verify(
    repository: &Repository,
    backups: &[BackupId],
    set_aside: bool,
) -> anyhow::Result<Verified> {
    let mut verified = Verified::default();
    let mut told: HashMap<Hash, Told> = HashMap::new();
    let mut whole = Vec::new();
    for id in backups {
        let read = each_file(repository, id, |file| {
            let known = told.entry(file.sha256);
            let entry = known.or_insert(Told { size: file.size, is_database: false });
            entry.is_database |= file.kind.is_database();
        });
        match read {
            Ok(()) => whole.push(id),
            Err(error) => {
                let named = vec![printer::in_one_line(&error)];
                verified.hurt.push(Hurt { id: id.to_string(), files: 0, named });
            }
        }
    }
    verified.backups = u64::try_from(backups.len()).unwrap_or(u64::MAX);
    let mut damaged: HashMap<Hash, Damage> = HashMap::new();
    let progress = Progress::begin("contents", told.len());
    let mut buffer = Vec::new();
    for (hash, told) in &told {
        if let Some(damage) = look(repository, *hash, told, &mut buffer).await? {
            damaged.insert(*hash, damage);
        }
        verified.contents += 1;
        verified.bytes = verified.bytes.saturating_add(told.size);
        verified.databases += u64::from(told.is_database);
        progress.step(1);
    }
    progress.end();
    for id in whole {
        verified.hurt.extend(hurt(repository, id, &damaged)?);
    }
    if set_aside {
        verified.set_aside = move_away(repository, &damaged)?;
    }
    let why = |(hash, damage): (Hash, Damage)| (hash, damage.words());
    verified.damaged = damaged.into_iter().map(why).collect();
    verified.damaged.sort_unstable();
    Ok(verified)
}

fn each_file(
    repository: &Repository,
    id: &BackupId,
    mut each: impl FnMut(&FileLine),
) -> anyhow::Result<()> {
    let mut list = repository.read(id)?;
    while let Some(line) = list.next()? {
        if let Line::File(file) = line {
            each(&file);
        }
    }
    Ok(())
}

/// What is wrong with a content, if something is.
async fn look(
    repository: &Repository,
    hash: Hash,
    told: &Told,
    buffer: &mut Vec<u8>,
) -> anyhow::Result<Option<Damage>> {
    let wrong = |why: String| Ok(Some(Damage::Content(why)));
    let path = repository.content(hash);
    let mut file = match File::open(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return wrong("it is missing".to_owned());
        }
        file => file.with_context(|| format!("cannot read {}", path.display()))?,
    };
    // A disk that can't read a place is what this looks for.
    let (found, size) = match read_through(&mut file, buffer, |_| Ok(())) {
        Err(error) => return wrong(format!("it cannot be read: {error}")),
        Ok(read) => read,
    };
    if size != told.size {
        return wrong(format!("it has {size} octets instead of {}", told.size));
    }
    if found != hash {
        return wrong("its octets are others".to_owned());
    }
    if told.is_database {
        let why = match stable_storage::check_copy(&path).await {
            Ok(wrong) if wrong.is_empty() => return Ok(None),
            Ok(wrong) => wrong.join("; "),
            Err(error) => printer::in_one_line(&error.into()),
        };
        return Ok(Some(Damage::Database(why)));
    }
    Ok(None)
}

fn hurt(
    repository: &Repository,
    id: &BackupId,
    damaged: &HashMap<Hash, Damage>,
) -> anyhow::Result<Option<Hurt>> {
    if damaged.is_empty() {
        return Ok(None);
    }
    let mut hurt = Hurt { id: id.to_string(), files: 0, named: Vec::new() };
    each_file(repository, id, |file| {
        if damaged.contains_key(&file.sha256) {
            hurt.files += 1;
            if hurt.named.len() < NAMED {
                hurt.named.push(file.path.clone());
            }
        }
    })?;
    Ok((hurt.files > 0).then_some(hurt))
}

/// Moves damaged contents to `tmp/`, where the next backup removes them.
fn move_away(repository: &Repository, damaged: &HashMap<Hash, Damage>) -> anyhow::Result<u64> {
    let (mut contents, _) = Contents::begin(repository)?;
    let mut moved = 0;
    for (hash, damage) in damaged {
        let path = repository.content(*hash);
        if matches!(damage, Damage::Content(_)) && path.exists() {
            let to = contents.tmp_file();
            fs::rename(&path, to).with_context(|| format!("cannot move {}", path.display()))?;
            moved += 1;
        }
    }
    Ok(moved)
}
