//! What TLS came to, day by day: counted in memory, written now and then, kept until it was
//! reported.
//!
//! On disk, in `tls-results/` beside the queue's database: `DAY.json`, DAY being the number of days
//! since 1970-01-01 (UTC), replaced as a whole; and once its reports go out, `DAY.taken`, to which a
//! line is added for each domain: `-a.test` when its report is about to be sent, `+a.test` if that
//! came to nothing. The last line of a domain counts. Both files go when nothing is left, `DAY.json`
//! first. What was counted since the last writing is lost when the process is killed: these are
//! statistics.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

use mail_types::{Domain, Timestamp};
use stable_storage::{Files, on_blocking_thread};
use tls_policy::{Applied, Failure, Results};

/// Seconds of a day.
const DAY: i64 = 86_400;

/// Counts sessions.
#[derive(Debug)]
pub(super) struct Counter {
    folder: PathBuf,
    files: Files,
    days: Mutex<BTreeMap<i64, Counted>>,
}

/// The sums of one day.
#[derive(Debug, Default)]
struct Counted {
    results: Results,
    changed: bool,
}

impl Counter {
    /// Goes on with what is in the folder; made if it is not there.
    pub(super) fn open(folder: PathBuf, files: Files) -> io::Result<Self> {
        files.make_folders(&folder)?;
        let mut days = BTreeMap::new();
        for name in files.list(&folder)? {
            let day = name.to_str().and_then(|name| name.strip_suffix(".json")?.parse().ok());
            let Some(day) = day else { continue };
            let json = files.read(&folder.join(name))?.unwrap_or_default();
            let taken = files.read(&taken_file(&folder, day))?.unwrap_or_default();
            match Results::from_json(&json) {
                Some(mut results) => {
                    taken_of(&taken).iter().for_each(|domain| results.forget(domain));
                    // If nothing is left, the files go with the next writing.
                    let changed = results.is_empty();
                    days.insert(day, Counted { results, changed });
                }
                None => tracing::warn!(day, "what TLS came to on a day cannot be read"),
            }
        }
        Ok(Self { folder, files, days: Mutex::new(days) })
    }

    /// Counts one session.
    pub(super) fn count(&self, domain: &Domain, applied: &Applied, outcome: Result<(), Failure>) {
        let today = day(agent_kit::now());
        let mut days = self.days();
        let counted = days.entry(today).or_default();
        counted.results.count(domain, applied, outcome);
        counted.changed = true;
    }

    /// The days before `today`.
    pub(super) fn past(&self, today: i64) -> Vec<i64> {
        self.days().range(..today).map(|(day, _)| *day).collect()
    }

    /// The domains about which there is something to say of a day.
    pub(super) fn domains(&self, day: i64) -> Vec<Domain> {
        let days = self.days();
        days.get(&day).map(|counted| counted.results.domains().collect()).unwrap_or_default()
    }

    /// Drops what was counted of a domain. Nobody wants to know it: if that is forgotten, it is found
    /// out again.
    pub(super) fn drop_domain(&self, day: i64, domain: &Domain) {
        if let Some(counted) = self.days().get_mut(&day) {
            counted.results.forget(domain);
            counted.changed = true;
        }
    }

    /// Takes what was counted of a domain, and writes down before this returns that it was taken.
    pub(super) async fn take(&self, day: i64, domain: &Domain) -> io::Result<Option<Results>> {
        let Some(taken) = self.days().get_mut(&day).and_then(|one| one.results.take(domain)) else {
            return Ok(None);
        };
        let noted = self.note(day, format!("-{domain}\n")).await;
        if noted.is_err() {
            self.add(day, taken);
            return noted.map(|()| None);
        }
        if let Some(counted) = self.days().get_mut(&day) {
            // So that the files go with the last one.
            counted.changed |= counted.results.is_empty();
        }
        Ok(Some(taken))
    }

    /// Gives back what was taken.
    pub(super) async fn put_back(
        &self,
        day: i64,
        domain: &Domain,
        taken: Results,
    ) -> io::Result<()> {
        self.add(day, taken);
        self.note(day, format!("+{domain}\n")).await
    }

    fn add(&self, day: i64, taken: Results) {
        let mut days = self.days();
        let counted = days.entry(day).or_default();
        counted.results.add(taken);
        // The day may have been written without it meanwhile.
        counted.changed = true;
    }

    /// Adds a line about what was taken.
    async fn note(&self, day: i64, line: String) -> io::Result<()> {
        let (folder, files) = (self.folder.clone(), self.files.clone());
        on_blocking_thread(move || {
            let path = taken_file(&folder, day);
            let is_new = !files.exists(&path)?;
            let mut file = files.append(&path)?;
            file.write_all(line.as_bytes())?;
            file.sync()?;
            if is_new { files.sync_dir(&folder) } else { Ok(()) }
        })
        .await
    }

    /// Writes what has changed; a day about which nothing is left to say goes.
    pub(super) async fn write(&self) -> io::Result<()> {
        let mut changed = Vec::new();
        for (day, counted) in self.days().iter_mut().filter(|(_, counted)| counted.changed) {
            counted.changed = false;
            let json = (!counted.results.is_empty()).then(|| counted.results.to_json());
            changed.push((*day, json));
        }
        let (folder, files) = (self.folder.clone(), self.files.clone());
        let gone: Vec<i64> =
            changed.iter().filter(|(_, json)| json.is_none()).map(|(day, _)| *day).collect();
        let written: Vec<i64> = changed.iter().map(|(day, _)| *day).collect();
        let writing = on_blocking_thread(move || {
            for (day, json) in changed {
                let file = folder.join(format!("{day}.json"));
                match json {
                    Some(json) => files.replace(&file, &json)?,
                    None => {
                        if files.unlink(&file)? {
                            files.sync_dir(&folder)?;
                        }
                        files.unlink(&taken_file(&folder, day))?;
                    }
                }
            }
            io::Result::Ok(())
        });
        let result = writing.await;
        let mut days = self.days();
        if result.is_err() {
            let again = |day| days.get_mut(&day).into_iter().for_each(|one| one.changed = true);
            written.into_iter().for_each(again);
            return result;
        }
        for day in gone {
            if days.get(&day).is_some_and(|counted| counted.results.is_empty()) {
                days.remove(&day);
            }
        }
        Ok(())
    }

    fn days(&self) -> MutexGuard<'_, BTreeMap<i64, Counted>> {
        self.days.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn taken_file(folder: &Path, day: i64) -> PathBuf {
    folder.join(format!("{day}.taken"))
}

/// Whose results were taken, by these lines; one that was not written to its end counts for nothing.
fn taken_of(lines: &[u8]) -> BTreeSet<Domain> {
    let mut taken = BTreeSet::new();
    for line in lines.split_inclusive(|octet| *octet == b'\n') {
        let line = line.strip_suffix(b"\n").and_then(|line| str::from_utf8(line).ok());
        let Some((mark, domain)) = line.and_then(|line| line.split_at_checked(1)) else { continue };
        let Ok(domain) = Domain::parse(domain) else { continue };
        match mark {
            "-" => drop(taken.insert(domain)),
            _ => drop(taken.remove(&domain)),
        }
    }
    taken
}

/// The number of the day (UTC).
pub(super) fn day(at: Timestamp) -> i64 {
    at.secs().div_euclid(DAY)
}

/// When a day begins.
pub(super) fn midnight(day: i64) -> Timestamp {
    Timestamp::from_secs(day.saturating_mul(DAY))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn domain(name: &str) -> Domain {
        Domain::parse(name).unwrap()
    }

    /// The names in a folder, in their order.
    fn names(folder: &Path) -> Vec<String> {
        let names = std::fs::read_dir(folder).unwrap();
        let mut names: Vec<String> =
            names.map(|name| name.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[tokio::test]
    async fn what_was_written_is_there_after_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let open = || Counter::open(folder.path().to_owned(), Files::real()).unwrap();
        let counter = open();
        let (a, b, c) = (domain("a.test"), domain("b.test"), domain("c.test"));
        for one in [&a, &b, &c] {
            counter.count(one, &Applied::nothing(one), Ok(()));
        }
        counter.write().await.unwrap();
        let counter = open();
        // Midnight may have come in between.
        let tomorrow = day(agent_kit::now()) + 2;
        let [counted] = counter.past(tomorrow)[..] else { panic!("one day") };
        assert_eq!(counter.domains(counted), [a.clone(), b.clone(), c.clone()]);
        // One is sent, one could not be sent, and nobody wants the third.
        let whole = std::fs::read(folder.path().join(format!("{counted}.json"))).unwrap();
        assert!(counter.take(counted, &a).await.unwrap().is_some());
        assert!(counter.take(counted, &a).await.unwrap().is_none(), "taken once");
        let taken = counter.take(counted, &b).await.unwrap().unwrap();
        assert_eq!(
            open().domains(counted),
            std::slice::from_ref(&c),
            "a crash sends nothing twice"
        );
        counter.put_back(counted, &b, taken).await.unwrap();
        assert_eq!(open().domains(counted), [b.clone(), c.clone()]);
        let now = std::fs::read(folder.path().join(format!("{counted}.json"))).unwrap();
        assert_eq!(whole, now, "the day is not written again for each domain");
        counter.drop_domain(counted, &c);
        counter.write().await.unwrap();
        assert_eq!(open().domains(counted), std::slice::from_ref(&b));
        // Nor is anything lost when the day is written while something is taken.
        let taken = counter.take(counted, &b).await.unwrap().unwrap();
        counter.count(&a, &Applied::nothing(&a), Ok(()));
        counter.drop_domain(counted, &a);
        counter.write().await.unwrap();
        counter.put_back(counted, &b, taken).await.unwrap();
        counter.write().await.unwrap();
        assert_eq!(open().domains(counted), std::slice::from_ref(&b));
        // A line that a crash has cut says nothing.
        let cut = [b"-a.test\n-b.t".as_slice(), b"-a.test\n-b.test"];
        for lines in cut {
            assert_eq!(taken_of(lines), BTreeSet::from([a.clone()]));
        }
        // The last one takes the files along.
        assert!(counter.take(counted, &b).await.unwrap().is_some());
        assert_eq!(names(folder.path()).len(), 2);
        let counter = open();
        counter.write().await.unwrap();
        assert!(counter.past(tomorrow).is_empty() && names(folder.path()).is_empty());
    }
}
