//! What TLS came to, day by day: counted in memory, written now and then, kept until it was
//! reported.
//!
//! On disk, in `tls-results/` beside the queue's database: `DAY.json`, DAY being the number of days
//! since 1970-01-01 (UTC). A file is replaced as a whole. What was counted since the last writing
//! is lost when the process is killed: these are statistics.

use std::{
    collections::BTreeMap,
    io,
    path::PathBuf,
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
            match Results::from_json(&json) {
                Some(results) => {
                    days.insert(day, Counted { results, changed: false });
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

    /// What was counted on a day.
    pub(super) fn of(&self, day: i64) -> Results {
        self.days().get(&day).map(|counted| counted.results.clone()).unwrap_or_default()
    }

    /// Sets what is still to be reported of a day, and writes it down before this returns.
    pub(super) async fn set(&self, day: i64, results: Results) -> io::Result<()> {
        self.days().insert(day, Counted { results, changed: true });
        self.write().await
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
                    None if files.unlink(&file)? => files.sync_dir(&folder)?,
                    None => {}
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

    fn domain() -> Domain {
        Domain::parse("a.test").unwrap()
    }

    #[tokio::test]
    async fn what_was_written_is_there_after_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let open = || Counter::open(folder.path().join("results"), Files::real()).unwrap();
        let counter = open();
        let today = day(agent_kit::now());
        counter.count(&domain(), &Applied::nothing(&domain()), Ok(()));
        counter.write().await.unwrap();
        let counter = open();
        // Midnight may have come in between.
        assert_eq!(counter.past(today + 2).len(), 1);
        let counted = counter.past(today + 2)[0];
        let mut results = counter.of(counted);
        assert_eq!(results.domains().collect::<Vec<_>>(), [domain()]);
        results.forget(&domain());
        counter.set(counted, results).await.unwrap();
        assert!(counter.past(today + 2).is_empty() && open().past(today + 2).is_empty());
        assert_eq!(std::fs::read_dir(folder.path().join("results")).unwrap().count(), 0);
    }
}
