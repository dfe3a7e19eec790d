//! MTA-STS policies on disk, so that a restart is no chance to strip them off (RFC 8461 §10.2).
//!
//! One file a domain, named after it, in `mta-sts/` beside the queue's database:
//!
//! ```text
//! id: 20160831085700Z
//! fetched: 1795000000
//!
//! version: STSv1
//! mode: enforce
//! mx: mail.example.com
//! max_age: 604800
//! ```
//!
//! A file is replaced as a whole; one that can't be read is passed over. Removing one makes this
//! server forget the policy at its next start.
//!
//! What a stranger controls is how many domains have policies: there are [`POLICIES_MAX`] at most, and
//! none that mail is held to gives way to another.

use std::{
    collections::BTreeMap,
    io,
    path::PathBuf,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use mail_types::{Domain, Timestamp};
use stable_storage::Files;
use tls_policy::{Mode, StsPolicy};

/// Most policies that are kept. Most are some hundred octets, none is more than some 64 KiB.
const POLICIES_MAX: usize = 50_000;

/// A policy, and when it was had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Kept {
    /// Of the text in the DNS that led to it.
    pub(super) id: String,
    pub(super) fetched: Timestamp,
    pub(super) policy: StsPolicy,
}

impl Kept {
    /// Whether it still holds (RFC 8461 §3.2).
    pub(super) fn holds(&self, now: Timestamp) -> bool {
        now < self.until()
    }

    fn until(&self) -> Timestamp {
        self.fetched.plus(Duration::from_secs(self.policy.max_age.into()))
    }

    fn render(&self) -> String {
        let (id, fetched) = (&self.id, self.fetched.secs());
        format!("id: {id}\nfetched: {fetched}\n\n{}\n", self.policy.lines().join("\n"))
    }

    fn parse(text: &[u8]) -> Option<Self> {
        let text = str::from_utf8(text).ok()?;
        let (head, policy) = text.split_once("\n\n")?;
        let (id, fetched) = head.split_once('\n')?;
        Some(Self {
            id: id.strip_prefix("id: ")?.to_owned(),
            fetched: Timestamp::from_secs(fetched.strip_prefix("fetched: ")?.parse().ok()?),
            policy: StsPolicy::parse(policy.as_bytes()).ok()?,
        })
    }
}

/// The folder, and what stands in it.
#[derive(Debug)]
pub(super) struct Shelf {
    folder: PathBuf,
    files: Files,
    /// Most policies.
    most: usize,
    spines: Mutex<BTreeMap<Domain, Spine>>,
}

/// What is to be known of a policy without reading it.
#[derive(Debug, Clone, Copy)]
struct Spine {
    mode: Mode,
    /// Until when it holds.
    until: Timestamp,
    /// When it was had.
    fetched: Timestamp,
    /// When somebody tried to have it anew.
    tried: Timestamp,
    /// When mail went there.
    wanted: Timestamp,
}

impl Spine {
    fn of(kept: &Kept, wanted: Timestamp) -> Self {
        let (mode, fetched) = (kept.policy.mode, kept.fetched);
        Self { mode, until: kept.until(), fetched, tried: fetched, wanted }
    }
}

/// What became of a policy that was to be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Put {
    Kept,
    /// There is no room, and nothing that could go.
    NoRoom,
}

impl Shelf {
    /// Makes the folder if it is not there, and looks what stands in it; what holds no longer is
    /// removed.
    pub(super) fn open(folder: PathBuf, files: Files, now: Timestamp) -> io::Result<Self> {
        files.make_folders(&folder)?;
        let shelf = Self { folder, files, most: POLICIES_MAX, spines: Mutex::default() };
        for name in shelf.files.list(&shelf.folder)? {
            let Some(domain) = name.to_str().and_then(|name| Domain::parse(name).ok()) else {
                continue;
            };
            match shelf.read(&domain)? {
                Some(kept) if kept.holds(now) => {
                    shelf.spines().insert(domain, Spine::of(&kept, now));
                }
                Some(_) => shelf.remove(&domain)?,
                None => tracing::warn!(%domain, "its MTA-STS policy here cannot be read"),
            }
        }
        Ok(shelf)
    }

    /// Whether there is one of this domain.
    pub(super) fn has(&self, domain: &Domain) -> bool {
        self.spines().contains_key(domain)
    }

    /// Whether there is one that mail must be held to.
    pub(super) fn enforces(&self, domain: &Domain, now: Timestamp) -> bool {
        let spines = self.spines();
        spines.get(domain).is_some_and(|spine| spine.mode == Mode::Enforce && now < spine.until)
    }

    /// The policy of a domain.
    pub(super) fn read(&self, domain: &Domain) -> io::Result<Option<Kept>> {
        let text = self.files.read(&self.folder.join(domain.as_str()))?;
        Ok(text.and_then(|text| Kept::parse(&text)))
    }

    /// Keeps a policy. When there are too many, what demands nothing of anybody goes first; what
    /// mail must be held to goes for nobody else's sake (RFC 8461 §10.2).
    pub(super) fn put(&self, domain: &Domain, kept: &Kept, now: Timestamp) -> io::Result<Put> {
        if let Some(out) = self.too_many(domain, now) {
            match out {
                Some(out) => self.remove(&out)?,
                None => return Ok(Put::NoRoom),
            }
        }
        self.files.replace(&self.folder.join(domain.as_str()), kept.render().as_bytes())?;
        self.spines().insert(domain.clone(), Spine::of(kept, now));
        Ok(Put::Kept)
    }

    /// Forgets one.
    pub(super) fn remove(&self, domain: &Domain) -> io::Result<()> {
        if self.files.unlink(&self.folder.join(domain.as_str()))? {
            self.files.sync_dir(&self.folder)?;
        }
        self.spines().remove(domain);
        Ok(())
    }

    /// Mail goes there.
    pub(super) fn wanted(&self, domain: &Domain, now: Timestamp) {
        if let Some(spine) = self.spines().get_mut(domain) {
            spine.wanted = now;
        }
    }

    /// Those that hold no longer.
    pub(super) fn over(&self, now: Timestamp) -> Vec<Domain> {
        let spines = self.spines();
        let over = spines.iter().filter(|(_, spine)| now >= spine.until);
        over.map(|(domain, _)| domain.clone()).collect()
    }

    /// Those that are so old, that nobody has tried to have anew for a while, and that somebody sent
    /// mail to of late. They count as tried from now on.
    pub(super) fn stale(&self, age: Duration, pause: Duration, of_late: Duration) -> Vec<Domain> {
        let now = agent_kit::now();
        let mut spines = self.spines();
        let stale = spines.iter_mut().filter(|(_, spine)| {
            now.since(spine.fetched) >= age
                && now.since(spine.tried) >= pause
                && now.since(spine.wanted) < of_late
        });
        let tried = stale.map(|(domain, spine)| {
            spine.tried = now;
            domain.clone()
        });
        tried.collect()
    }

    /// Nothing if there is room for one of this domain; else who goes for it, if somebody can.
    fn too_many(&self, domain: &Domain, now: Timestamp) -> Option<Option<Domain>> {
        let spines = self.spines();
        if spines.len() < self.most || spines.contains_key(domain) {
            return None;
        }
        let worth = |spine: &Spine| match spine.mode {
            _ if now >= spine.until => Some(0),
            Mode::None => Some(1),
            Mode::Testing => Some(2),
            Mode::Enforce => None,
        };
        let worth = |(domain, spine)| Some((worth(spine)?, spine.wanted, domain));
        let least = spines.iter().filter_map(worth).min();
        Some(least.map(|(.., domain): (_, _, &Domain)| domain.clone()))
    }

    fn spines(&self) -> MutexGuard<'_, BTreeMap<Domain, Spine>> {
        self.spines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(mode: &str, at: i64) -> Kept {
        let text = format!("version: STSv1\nmode: {mode}\nmx: *.a.test\nmax_age: 100");
        Kept {
            id: "1".to_owned(),
            fetched: Timestamp::from_secs(at),
            policy: StsPolicy::parse(text.as_bytes()).unwrap(),
        }
    }

    fn domain(name: &str) -> Domain {
        Domain::parse(name).unwrap()
    }

    #[test]
    fn what_holds_is_there_again() {
        let folder = tempfile::tempdir().unwrap();
        let at = Timestamp::from_secs;
        let open =
            |secs| Shelf::open(folder.path().join("mta-sts"), Files::real(), at(secs)).unwrap();
        let (a, b) = (domain("a.test"), domain("b.test"));
        assert_eq!(open(1000).put(&a, &kept("enforce", 1000), at(1000)).unwrap(), Put::Kept);
        std::fs::write(folder.path().join("mta-sts/b.test"), "what?").unwrap();
        let shelf = open(1099);
        assert_eq!(shelf.read(&a).unwrap(), Some(kept("enforce", 1000)));
        assert!(shelf.has(&a) && shelf.enforces(&a, at(1099)) && !shelf.has(&b));
        assert_eq!((shelf.over(at(1099)), shelf.over(at(1100))), (vec![], vec![a.clone()]));
        assert!(!open(1100).has(&a));
        assert!(!open(1000).has(&a), "what is over is removed");
    }

    #[test]
    fn nobody_pushes_out_what_mail_is_held_to() {
        // RFC 8461 §10.2
        let (folder, at) = (tempfile::tempdir().unwrap(), Timestamp::from_secs(1000));
        let shelf = Shelf::open(folder.path().join("mta-sts"), Files::real(), at).unwrap();
        let shelf = Shelf { most: 3, ..shelf };
        let put = |name: &str, mode| shelf.put(&domain(name), &kept(mode, 1000), at).unwrap();
        let there = || shelf.spines().keys().map(Domain::to_string).collect::<Vec<_>>().join(" ");
        for (name, mode, expected, left) in [
            ("t.test", "testing", Put::Kept, "t.test"),
            ("n.test", "none", Put::Kept, "n.test t.test"),
            ("a.test", "enforce", Put::Kept, "a.test n.test t.test"),
            ("b.test", "enforce", Put::Kept, "a.test b.test t.test"),
            ("c.test", "enforce", Put::Kept, "a.test b.test c.test"),
            ("d.test", "enforce", Put::NoRoom, "a.test b.test c.test"),
            ("b.test", "testing", Put::Kept, "a.test b.test c.test"),
            ("d.test", "testing", Put::Kept, "a.test c.test d.test"),
        ] {
            assert_eq!((put(name, mode), there().as_str()), (expected, left), "{name} {mode}");
        }
        // What is over makes room as well.
        let later = Timestamp::from_secs(1100);
        let fresh = kept("enforce", 1100);
        assert_eq!(shelf.put(&domain("e.test"), &fresh, later).unwrap(), Put::Kept);
        assert_eq!(std::fs::read_dir(folder.path().join("mta-sts")).unwrap().count(), 3);
    }
}
