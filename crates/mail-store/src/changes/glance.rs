//! A look at a large folder beside all that goes on: where it is not what the rows say.
//!
//! With a million messages it takes seconds, and nobody must wait for that. So the names are read
//! without a lock, the rows a page at a time, and digests of names are all that is held of what agrees.
//! What seems to differ may be what one of us did meanwhile: whoever takes it over
//! ([`portions`](super::portions)) looks again at each of it, within a change.

use std::{
    collections::{BTreeMap, BinaryHeap},
    hash::{BuildHasher, RandomState},
    io::ErrorKind,
};

use mail_types::Uid;
use stable_storage::on_blocking_thread;

use super::merge::{self, Found};
use crate::{
    StoreError,
    background::Stop,
    index::{
        Look, listed,
        mailboxes::{self, MailboxRow},
        messages::{Place, path},
        pending,
    },
    maildir::Maildir,
    naming::file,
    open_account::OpenAccount,
};

/// Rows for which the account is held at a time: some milliseconds.
const PAGE: u32 = 5000;
/// The most files and the most rows of a look that differ: what is beyond is for the next one.
const DIFFERENT_MAX: usize = 50_000;

/// Whether a mailbox, or its folder, has so many messages that nobody should wait for a comparison.
pub(crate) async fn is_large(
    look: &mut Look,
    account: &OpenAccount,
    row: &MailboxRow,
) -> Result<bool, StoreError> {
    let (large, maildir, dir) = (account.large_folder, account.maildir.clone(), row.dir.clone());
    if mailboxes::messages(look, row.id).await? >= large {
        return Ok(true);
    }
    on_blocking_thread(move || {
        let mut count = 0_usize;
        each_name(&maildir, &dir, |_| {
            count = count.saturating_add(1);
            count < large
        })?;
        Ok(count >= large)
    })
    .await
}

/// Whether a mailbox is due for no other reason than that its folder was not looked at for long, and
/// is large: it is enough that whoever follows the account's changes looks at it.
pub(crate) async fn is_enough(account: &OpenAccount, row: &MailboxRow) -> Result<bool, StoreError> {
    Ok(merge::is_long_ago(row, (account.clock)().millis())
        && account.maildir.times(&row.dir) == row.times
        && is_large(&mut account.look().await?, account, row).await?)
}

/// What seems to differ.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// Files that are not where a row says, by the UIDs in their names, then by those; at most some
    /// thousand.
    pub(super) found: Vec<Found>,
    /// Rows whose files were found nowhere, by two listings of all names.
    pub(super) lost: Vec<Uid>,
    /// Where the next look begins, if there may be more of either.
    pub(super) next: Option<Beginning>,
}

/// Where a look begins. Each one begins behind the one before, whatever became of what that found: so
/// they come to an end, and nothing is in the way of what is behind it.
#[derive(Clone, Debug)]
pub(super) struct Beginning {
    rows: Behind<Uid>,
    files: Behind<InOrder>,
    /// The most of each that are taken from it.
    most: usize,
}

impl Default for Beginning {
    fn default() -> Self {
        Self { rows: Behind::All, files: Behind::All, most: DIFFERENT_MAX }
    }
}

#[cfg(test)]
impl Beginning {
    pub(super) fn of_looks_at(most: usize) -> Self {
        Self { most, ..Self::default() }
    }
}

/// Which of all in an order.
#[derive(Clone, Debug)]
enum Behind<T> {
    All,
    /// Those behind this one.
    This(T),
    /// None.
    Last,
}

impl<T: Ord> Behind<T> {
    fn has(&self, one: &T) -> bool {
        match self {
            Self::All => true,
            Self::This(last) => one > last,
            Self::Last => false,
        }
    }

    /// What is behind the last one that was found, if there is more.
    fn next(last: Option<T>, more: bool) -> Self {
        match last {
            Some(last) if more => Self::This(last),
            _ => Self::Last,
        }
    }
}

/// The order of files: by the UIDs in their names, then by those.
type InOrder = ((Uid, String), String, Place);

/// Compares the folder with the rows. What comes from now on is not asked for.
pub(super) async fn look(
    account: &OpenAccount,
    row: &MailboxRow,
    from: &Beginning,
    stop: &Stop,
) -> Result<Seen, StoreError> {
    let digests = RandomState::new();
    let (maildir, dir) = (account.maildir.clone(), row.dir.clone());
    let (same, ends) = (digests.clone(), stop.clone());
    let files = on_blocking_thread(move || digests_of(&maildir, &dir, &same, &ends)).await?;
    let mut told = vec![false; files.len()];
    let mut lost: BTreeMap<Uid, String> = BTreeMap::new();
    let (mut first, mut more_rows) = (Uid::MIN, false);
    loop {
        stop.check()?;
        let mut look = account.look().await?;
        let page = listed::files_from(&mut look, row.id, first, PAGE).await?;
        drop(look);
        for message in &page {
            let at = files.binary_search(&digests.hash_one(message.path.as_str())).ok();
            if let Some(told) = at.and_then(|at| told.get_mut(at)) {
                *told = true;
            } else if i64::from(message.uid.number()) < row.uid_next
                && from.rows.has(&message.uid)
                && let Some(base) = base_of(&message.path)
            {
                if lost.len() < from.most {
                    lost.insert(message.uid, base.to_owned());
                } else {
                    more_rows = true;
                }
            }
        }
        match page.last().and_then(|last| Uid::new(last.uid.number().checked_add(1)?)) {
            Some(next) => first = next,
            None => break,
        }
    }
    let untold: Vec<u64> =
        files.into_iter().zip(told).filter(|(_, told)| !told).map(|(file, _)| file).collect();
    if untold.is_empty() && lost.is_empty() {
        return Ok(Seen::default());
    }
    let rows = Behind::next(lost.last_key_value().map(|(uid, _)| *uid), more_rows);
    let (files, most) = (from.files.clone(), from.most);
    // What is to go may be kept for a backup, and be much.
    let doomed = merge::identities(&pending::doomed(&mut account.look().await?).await?);
    let (maildir, dir) = (account.maildir.clone(), row.dir.clone());
    on_blocking_thread(move || {
        let is_doomed = |path: &str| pending::identity(path).is_some_and(|it| doomed.contains(&it));
        let (found, lost, files) = search(&maildir, &dir, (lost, files, most), |path| {
            untold.binary_search(&digests.hash_one(path)).is_ok() && !is_doomed(path)
        })?;
        let is_last = matches!((&rows, &files), (Behind::Last, Behind::Last));
        let next = (!is_last).then_some(Beginning { rows, files, most });
        Ok(Seen { found, lost, next })
    })
    .await
}

/// Digests of the paths of a mailbox's files, in their order.
fn digests_of(
    maildir: &Maildir,
    dir: &str,
    digests: &RandomState,
    stop: &Stop,
) -> Result<Vec<u64>, StoreError> {
    let mut found = Vec::new();
    each_name(maildir, dir, |file| {
        found.push(digests.hash_one(path(dir, file.place, file.base, file.info).as_str()));
        !stop.is_asked()
    })?;
    stop.check()?;
    found.sort_unstable();
    Ok(found)
}

/// Files, rows without one, and which files are left to the next look.
type Searched = (Vec<Found>, Vec<Uid>, Behind<InOrder>);

/// Reads the names once more: those that no row told, and those of rows whose files were not seen where
/// the rows say. A file that was renamed while the folder was read may not have been seen at all, so those
/// that are still missing are looked for again.
fn search(
    maildir: &Maildir,
    dir: &str,
    (mut lost, files, most): (BTreeMap<Uid, String>, Behind<InOrder>, usize),
    is_untold: impl Fn(&str) -> bool,
) -> Result<Searched, StoreError> {
    let (mut first, mut found, mut more) = (BinaryHeap::new(), Vec::new(), false);
    each_name(maildir, dir, |name| {
        if let Some(file) = name.of_lost(&mut lost) {
            found.push(file);
        } else if is_untold(&path(dir, name.place, name.base, name.info)) {
            let uid = file::uid_in(name.base).unwrap_or(Uid::MAX);
            let order = ((uid, name.base.to_owned()), name.info.to_owned(), name.place);
            if !files.has(&order) {
                return true;
            }
            first.push(order);
            if first.len() > most {
                first.pop();
                more = true;
            }
        }
        true
    })?;
    if !lost.is_empty() {
        each_name(maildir, dir, |name| {
            found.extend(name.of_lost(&mut lost));
            true
        })?;
    }
    let next = Behind::next(first.peek().cloned(), more);
    let others = first.into_sorted_vec().into_iter();
    found.extend(others.map(|((_, base), info, place)| Found { place, base, info }));
    Ok((found, lost.into_keys().collect(), next))
}

/// A message's file, as it is called.
struct Name<'n> {
    place: Place,
    base: &'n str,
    info: &'n str,
}

impl Name<'_> {
    fn to_owned(&self) -> Found {
        Found { place: self.place, base: self.base.to_owned(), info: self.info.to_owned() }
    }

    /// The file, if it is that of a message that seemed to be lost, and is not any more.
    fn of_lost(&self, lost: &mut BTreeMap<Uid, String>) -> Option<Found> {
        let uid = file::uid_in(self.base)?;
        let base = lost.remove(&uid)?;
        if base == self.base {
            return Some(self.to_owned());
        }
        lost.insert(uid, base);
        None
    }
}

/// Reads the names of a mailbox's files, until `each` wants no more.
fn each_name(
    maildir: &Maildir,
    dir: &str,
    mut each: impl FnMut(Name<'_>) -> bool,
) -> Result<(), StoreError> {
    for place in [Place::New, Place::Cur] {
        let folder = maildir.dir(dir).join(place.as_str());
        let failed = |e| StoreError::file("list", &folder, e);
        let names = match maildir.files.names(&folder) {
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            other => other.map_err(failed)?,
        };
        for name in names {
            let name = name.map_err(failed)?;
            let Some((base, info)) = name.to_str().and_then(file::split) else { continue };
            if !each(Name { place, base, info }) {
                return Ok(());
            }
        }
    }
    Ok(())
}

/// What stays of a file's name.
fn base_of(path: &str) -> Option<&str> {
    let name = path.rsplit_once('/').map_or(path, |(_, name)| name);
    file::split(name).map(|(base, _)| base)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use mail_types::{AccountId, Timestamp};
    use stable_storage::Files;

    use super::*;
    use crate::{StoreOptions, UidSet, changes::expunge};

    #[test]
    fn a_file_that_one_listing_missed_is_not_lost() {
        let root = tempfile::tempdir().unwrap();
        let at = |below: &str| root.path().join(below);
        fs::create_dir(at("new")).unwrap();
        fs::create_dir(at("cur")).unwrap();
        fs::write(at("moved,U=1"), "").unwrap();
        fs::write(at("cur/other,U=2:2,"), "").unwrap();
        let uid = |number| Uid::new(number).unwrap();
        let bases = [(1, "moved,U=1"), (2, "it,U=2"), (3, "gone,U=3")];
        let lost = bases.map(|(number, base)| (uid(number), base.to_owned())).into();
        let maildir = Maildir { files: Files::real(), root: root.path().to_owned() };
        let seen = search(&maildir, "", (lost, Behind::All, 10), |path| {
            // When `new` has been read, the file comes to be there.
            fs::rename(at("moved,U=1"), at("new/moved,U=1")).unwrap();
            path == "cur/other,U=2:2,"
        });
        let (found, lost, _) = seen.unwrap();
        assert_eq!(lost, [uid(2), uid(3)]);
        let found: Vec<String> = found.iter().map(|found| found.path("")).collect();
        assert_eq!(found, ["new/moved,U=1", "cur/other,U=2:2,"]);
    }

    /// Files of expunged messages stay for a while, and no portion has to look at them.
    #[tokio::test]
    async fn what_is_to_go_is_no_difference() {
        let root = tempfile::tempdir().unwrap();
        let cur = root.path().join("7/cur");
        fs::create_dir_all(&cur).unwrap();
        let put = |name: &str| fs::write(cur.join(name), "Subject: x\n\n").unwrap();
        put("1.other:2,S");
        put("2.other:2,S");
        let maildir = Maildir { files: Files::real(), root: root.path().join("7") };
        let now = || Timestamp::from_secs(1_800_000_000);
        let options = StoreOptions::new(root.path().to_owned(), now);
        let account = OpenAccount::open(AccountId(7), maildir, &options).await.unwrap().account;
        let all = mailboxes::all(&mut account.look().await.unwrap()).await.unwrap();
        let inbox = all.iter().find(|row| row.dir.is_empty()).unwrap();
        let gone = expunge::expunge(&account, inbox.id, UidSet::from(Uid::MIN), false).await;
        assert_eq!(gone.unwrap(), [Uid::MIN]);
        put("3.other:2,S");
        let seen = look(&account, inbox, &Beginning::default(), &Stop::default()).await.unwrap();
        let found: Vec<&str> = seen.found.iter().map(|found| found.base.as_str()).collect();
        assert_eq!((found, seen.lost, seen.next.is_none()), (vec!["3.other"], vec![], true));
    }
}
