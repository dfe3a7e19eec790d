//! Whether files and rows agree, looked at from both sides, while agents work.
//!
//! - Nothing that is on its way is taken for damage. Rows are compared with rows in one moment; a
//!   file without a row is an orphan only if its lock is free and there is no row even then (whoever
//!   holds the lock of a draft commits its row before it lets go); a row without a file is damage
//!   only if the row is still there after the file was missed (files go after their rows).
//! - Memory is bounded: files are looked at by their first letter, rows by pages.
//! - What is mended loses nothing that could be delivered. What cannot be read is set aside, with
//!   the reason, for the operator.
//!
//! What an orphan is, and who leaves one, is docs/queue.md.

mod spool;

use std::fmt;

use mail_types::Timestamp;
use stable_storage::on_blocking_thread;

use crate::{
    Queue, QueueError,
    decode::{self, Unreadable},
    encode,
    jobs::Job,
    sql::{self, CheckedRow, LeaseRows, Mend},
};

pub(crate) use spool::walk;

/// How many entries are looked at in one moment.
const PAGE: u32 = 500;

/// Something that should not be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finding {
    /// The database's file is damaged, in SQLite's words: a backup is needed.
    Damage(String),
    /// A content file without an entry.
    Orphan {
        /// Its name.
        file: String,
    },
    /// An entry, or a recipient of one, that cannot be read, or whose content is missing or has
    /// another length.
    Unreadable {
        /// The entry's id.
        id: String,
        /// The recipient's number; nothing if it is all of them.
        recipient: Option<i64>,
        /// In words.
        why: String,
    },
    /// An entry of which nothing is open.
    Finished {
        /// Its id.
        id: String,
    },
    /// Rows of an entry that is gone.
    Ownerless {
        /// Its id.
        id: String,
    },
    /// A lane of which something else is written down than waits there, so that it is looked at too
    /// late or never.
    Lane {
        /// Its name.
        name: String,
    },
}

impl Finding {
    /// What kind it is, in a word.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Damage(_) => "damage",
            Self::Orphan { .. } => "orphan",
            Self::Unreadable { .. } => "unreadable",
            Self::Finished { .. } => "finished",
            Self::Ownerless { .. } => "ownerless",
            Self::Lane { .. } => "lane",
        }
    }

    /// Whether [`Queue::check`] can mend it.
    pub fn is_mendable(&self) -> bool {
        !matches!(self, Self::Damage(_))
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Damage(words) => write!(f, "the database is damaged: {words}"),
            Self::Orphan { file } => write!(f, "content file {file} belongs to no entry"),
            Self::Unreadable { id, recipient: None, why } => {
                write!(f, "entry {id} cannot be read: {why}")
            }
            Self::Unreadable { id, recipient: Some(number), why } => {
                write!(f, "recipient {number} of entry {id} cannot be read: {why}")
            }
            Self::Finished { id } => write!(f, "entry {id} has nobody left to be delivered to"),
            Self::Ownerless { id } => write!(f, "rows of entry {id} are there, the entry is not"),
            Self::Lane { name } => {
                write!(f, "of lane {name} something else is written down than waits there")
            }
        }
    }
}

/// What was looked at.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Checked {
    /// Entries.
    pub entries: u64,
    /// Content files.
    pub files: u64,
    /// Entries that are set aside already.
    pub set_aside: u64,
    /// What was found.
    pub findings: u64,
}

/// Who hears of findings.
pub type Tell<'t> = &'t mut (dyn FnMut(&Finding) + Send);

impl Queue {
    /// Looks at everything and tells of each finding; with `mend_at`, which is now, each that can be
    /// is mended after it was told. Agents may go on working.
    pub async fn check(
        &self,
        mend_at: Option<Timestamp>,
        tell: Tell<'_>,
    ) -> Result<Checked, QueueError> {
        let mut checked = Checked::default();
        let reader = self.database().reader();
        for words in sql::damage(reader).await? {
            report(&mut checked, tell, &Finding::Damage(words));
        }
        self.check_entries(mend_at, tell, &mut checked).await?;
        let mut orphans = Vec::new();
        let mut found = |finding: &Finding| orphans.push(finding.clone());
        checked.files = spool::orphans(self, mend_at, &mut found).await?;
        orphans.iter().for_each(|orphan| report(&mut checked, tell, orphan));
        let ids = sql::ownerless(reader).await?;
        for id in ids.iter().cloned() {
            report(&mut checked, tell, &Finding::Ownerless { id });
        }
        self.mend(mend_at, &ids, Mend::Ownerless).await?;
        let names = sql::lanes(reader).await?;
        for name in names.iter().cloned() {
            report(&mut checked, tell, &Finding::Lane { name });
        }
        self.mend(mend_at, &names, Mend::Lanes).await?;
        Ok(checked)
    }

    async fn check_entries(
        &self,
        mend_at: Option<Timestamp>,
        tell: Tell<'_>,
        checked: &mut Checked,
    ) -> Result<(), QueueError> {
        let mut after = String::new();
        loop {
            let (rows, opened) = self.page(&after).await?;
            let Some(last) = rows.last() else { return Ok(()) };
            after.clone_from(&last.id);
            let mut finished = Vec::new();
            for row in &rows {
                checked.entries = checked.entries.saturating_add(1);
                let aside = row.open > 0 && row.set_aside == row.open;
                checked.set_aside = checked.set_aside.saturating_add(u64::from(aside));
                if row.open == 0 {
                    report(checked, tell, &Finding::Finished { id: row.id.clone() });
                    finished.push(row.id.clone());
                }
            }
            self.mend(mend_at, &finished, Mend::Finished).await?;
            let mut aside = Vec::new();
            for unreadable in opened {
                let Unreadable { entry, recipient, why, for_now } = unreadable;
                // A file that was missed may have gone with its entry, in the meantime.
                if self.is_gone(&entry).await? {
                    continue;
                }
                let finding =
                    Finding::Unreadable { id: entry.clone(), recipient, why: why.clone() };
                report(checked, tell, &finding);
                if !for_now {
                    aside.push(Unreadable { entry, recipient, why, for_now });
                }
            }
            self.set_aside(aside, mend_at).await?;
        }
    }

    /// One page of entries, and what of them cannot be read.
    async fn page(&self, after: &str) -> Result<(Vec<Seen>, Vec<Unreadable>), QueueError> {
        let mut moment = self.database().reader().begin().await?;
        let rows = sql::entries(&mut moment, after, PAGE).await?;
        let ids = encode::texts(rows.iter().map(|row| &row.entry.id));
        let recipients = sql::recipients(&mut moment, &ids).await?;
        moment.rollback().await?;
        let seen = rows.iter().map(Seen::of).collect();
        let mut unreadable: Vec<Unreadable> = rows.iter().filter_map(of_another_length).collect();
        let whole = |row: &CheckedRow| {
            let broken = unreadable.iter().any(|one| one.entry == row.entry.id);
            row.open > row.set_aside && !broken
        };
        let entries: Vec<_> = rows.into_iter().filter(whole).map(|row| row.entry).collect();
        let known: std::collections::HashSet<&str> =
            entries.iter().map(|entry| entry.id.as_str()).collect();
        let recipients =
            recipients.into_iter().filter(|row| known.contains(row.entry.as_str())).collect();
        let rows = LeaseRows { recipients, entries, ..LeaseRows::default() };
        let (spool, files) = (self.spool(), self.files().clone());
        let opened =
            on_blocking_thread(move || Ok::<_, QueueError>(decode::open(rows, &spool, &files)))
                .await?;
        unreadable.extend(opened.unreadable);
        Ok((seen, unreadable))
    }

    async fn is_gone(&self, id: &str) -> Result<bool, QueueError> {
        Ok(sql::show(self.database().reader(), id).await?.is_none())
    }

    pub(crate) async fn set_aside(
        &self,
        what: Vec<Unreadable>,
        at: Option<Timestamp>,
    ) -> Result<(), QueueError> {
        if let Some(now) = at.filter(|_| !what.is_empty()) {
            self.submit(Job::SetAside { what, token: None, now }).await?;
        }
        Ok(())
    }

    async fn mend(
        &self,
        at: Option<Timestamp>,
        what: &[String],
        mend: fn(String) -> Mend,
    ) -> Result<(), QueueError> {
        if at.is_some() && !what.is_empty() {
            self.submit(Job::Mend(mend(encode::texts(what)))).await?;
        }
        Ok(())
    }
}

/// What is kept of a row when it has been looked at.
struct Seen {
    id: String,
    open: i64,
    set_aside: i64,
}

impl Seen {
    fn of(row: &CheckedRow) -> Self {
        Self { id: row.entry.id.clone(), open: row.open, set_aside: row.set_aside }
    }
}

/// A content in the row that is not as long as its entry says.
fn of_another_length(row: &CheckedRow) -> Option<Unreadable> {
    let octets =
        row.octets.filter(|octets| row.entry.file.is_none() && *octets != row.entry.size)?;
    let why = format!("its content has {octets} octets, not {}", row.entry.size);
    let aside = row.open == row.set_aside;
    (!aside).then(|| Unreadable {
        entry: row.entry.id.clone(),
        recipient: None,
        why,
        for_now: false,
    })
}

fn report(checked: &mut Checked, tell: Tell<'_>, finding: &Finding) {
    checked.findings = checked.findings.saturating_add(1);
    tell(finding);
}
