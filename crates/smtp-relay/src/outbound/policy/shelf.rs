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

use std::{io, path::PathBuf, time::Duration};

use mail_types::{Domain, Timestamp};
use stable_storage::Files;
use tls_policy::StsPolicy;

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
        now < self.fetched.plus(Duration::from_secs(self.policy.max_age.into()))
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

/// The folder.
#[derive(Debug, Clone)]
pub(super) struct Shelf {
    folder: PathBuf,
    files: Files,
}

impl Shelf {
    /// Makes the folder if it is not there.
    pub(super) fn open(folder: PathBuf, files: Files) -> io::Result<Self> {
        files.make_folders(&folder)?;
        Ok(Self { folder, files })
    }

    /// All that holds; what does not is removed.
    pub(super) fn load(&self, now: Timestamp) -> io::Result<Vec<(Domain, Kept)>> {
        let mut all = Vec::new();
        for name in self.files.list(&self.folder)? {
            let Some(domain) = name.to_str().and_then(|name| Domain::parse(name).ok()) else {
                continue;
            };
            let text = self.files.read(&self.folder.join(&name))?.unwrap_or_default();
            match Kept::parse(&text) {
                Some(kept) if kept.holds(now) => all.push((domain, kept)),
                Some(_) => self.remove(&domain)?,
                None => tracing::warn!(%domain, "its MTA-STS policy here cannot be read"),
            }
        }
        Ok(all)
    }

    /// Keeps a policy.
    pub(super) fn put(&self, domain: &Domain, kept: &Kept) -> io::Result<()> {
        self.files.replace(&self.folder.join(domain.as_str()), kept.render().as_bytes())
    }

    /// Forgets one.
    pub(super) fn remove(&self, domain: &Domain) -> io::Result<()> {
        if self.files.unlink(&self.folder.join(domain.as_str()))? {
            self.files.sync_dir(&self.folder)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_holds_is_there_again() {
        let folder = tempfile::tempdir().unwrap();
        let shelf = Shelf::open(folder.path().join("mta-sts"), Files::real()).unwrap();
        let text = "version: STSv1\nmode: enforce\nmx: *.a.test\nmax_age: 100";
        let kept = Kept {
            id: "1".to_owned(),
            fetched: Timestamp::from_secs(1000),
            policy: StsPolicy::parse(text.as_bytes()).unwrap(),
        };
        let domain = Domain::parse("a.test").unwrap();
        shelf.put(&domain, &kept).unwrap();
        std::fs::write(folder.path().join("mta-sts/b.test"), "what?").unwrap();
        let load = |secs| shelf.load(Timestamp::from_secs(secs)).unwrap();
        assert_eq!(load(1099), [(domain, kept)]);
        assert_eq!(load(1100), []);
        assert_eq!(load(1000), [], "what is over is removed");
    }
}
