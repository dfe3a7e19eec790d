//! The queue, as those see it who put messages in.

use std::{path::PathBuf, sync::Arc, time::Duration};

use mail_types::{QueueId, Timestamp};
use stable_storage::{
    Bell, Database, Files, Hold, Opening, Writer, free_space, on_blocking_thread,
};

use crate::{
    Consumer, Consumes, Draft, NewEntry, QueueError, Refusal, SealedDraft, chance,
    draft::{Spool, spool_path},
    encode::EncodedEntry,
    jobs::{Answer, Bells, Job, Jobs},
    maintenance,
    refusals::Refusals,
    sql,
};

/// How a queue is opened.
#[derive(Debug, Clone)]
pub struct QueueOptions {
    /// Its folder.
    pub folder: PathBuf,
    /// Contents up to this many octets stand in the database, larger ones in files.
    pub inline_limit: usize,
    /// The same, if it is more, for a content that nobody else's is taken beside: it shares its
    /// flushes with nobody, and a file has two more of them.
    pub inline_limit_alone: usize,
    /// Nothing is taken in when the disk has less room than this, in octets: twice the largest
    /// message.
    pub room_min: u64,
    /// How long the journey is kept, in days.
    pub journey_days: u32,
    /// How many refusals are kept.
    pub refusals_max: u32,
}

impl QueueOptions {
    /// The options that follow from what an operator sets: sizes in octets; `largest_message` is
    /// the largest that any process takes.
    pub fn new(
        folder: impl Into<PathBuf>,
        inline_limit: usize,
        largest_message: u64,
        journey_kept: Duration,
        refusals_max: u32,
    ) -> Self {
        let journey_days = journey_kept.as_secs() / (24 * 60 * 60);
        Self {
            folder: folder.into(),
            inline_limit,
            inline_limit_alone: inline_limit.saturating_mul(4),
            room_min: largest_message.saturating_mul(2),
            journey_days: u32::try_from(journey_days).unwrap_or(u32::MAX),
            refusals_max,
        }
    }

    /// The usual options for a queue in this folder.
    pub fn at(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: folder.into(),
            inline_limit: 32 * 1024,
            inline_limit_alone: 0,
            room_min: 100 << 20,
            journey_days: 30,
            refusals_max: 10_000,
        }
    }
}

/// The queue. A clone is the same one.
#[derive(Debug, Clone)]
pub struct Queue {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    options: QueueOptions,
    files: Files,
    spool: Arc<Spool>,
    bells: Bells,
    database: Database,
    writer: Writer<Jobs>,
    refusals: Refusals,
}

impl Queue {
    /// Opens a queue whose tables are up to date.
    pub async fn open(options: QueueOptions, files: Files) -> Result<Self, QueueError> {
        let database = Database::open(opening(&options, &files)).await?;
        Self::start(options, files, database).await
    }

    /// Makes the queue or brings its tables up to date, then opens it: for `postrider migrate`, the
    /// demo, and tests.
    pub async fn create(options: QueueOptions, files: Files) -> Result<Self, QueueError> {
        let (folder, making) = (options.folder.clone(), files.clone());
        on_blocking_thread(move || {
            making.make_folders(&folder)?;
            // These belong to several users; each must be able to listen and to lock there.
            for name in ["spool", "holders", "bell", "bell/local", "bell/remote"] {
                making.make_folder(&folder.join(name))?;
            }
            for letter in b'a'..=b'z' {
                making.make_folder(&folder.join("spool").join(char::from(letter).to_string()))?;
            }
            making.sync_dir(&folder.join("spool"))?;
            making.sync_dir(&folder)
        })
        .await
        .map_err(|source| QueueError::File {
            doing: "make",
            path: options.folder.clone(),
            source,
        })?;
        let database = Database::open_or_migrate(opening(&options, &files)).await?;
        Self::start(options, files, database).await
    }

    async fn start(
        options: QueueOptions,
        files: Files,
        database: Database,
    ) -> Result<Self, QueueError> {
        let bell = options.folder.join("bell");
        let bells =
            Bells { local: Bell::at(bell.join("local")), remote: Bell::at(bell.join("remote")) };
        let spool = Spool {
            folder: options.folder.join("spool"),
            files: files.clone(),
            inline_limit: options.inline_limit,
            inline_limit_alone: options.inline_limit_alone,
            taken: Arc::default(),
        };
        let refusals_max = i64::from(options.refusals_max);
        let writer = database.writer(Jobs { bells: bells.clone(), refusals_max })?;
        let refusals = Refusals::start(writer.clone());
        let spool = Arc::new(spool);
        let inner = Inner { options, files, spool, bells, database, writer, refusals };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// An id for an entry to come.
    pub fn new_id(&self, now: Timestamp) -> QueueId {
        chance::queue_id(now)
    }

    /// Begins a content.
    pub fn draft(&self) -> Draft {
        Draft::new(self.inner.spool.clone())
    }

    /// Whether the disk has room for another message; if not, the answer to a sender is
    /// `452 4.3.1`.
    pub fn has_room(&self) -> bool {
        // What can't be asked is full.
        free_space(&self.inner.spool.folder).is_ok_and(|free| free >= self.inner.options.room_min)
    }

    /// Takes a message. When this returns well it is on stable storage and will be delivered,
    /// relayed or returned; the reply that ends DATA follows from that and from nothing else.
    ///
    /// Those who call at once share a flush. Once begun it goes to its end even if the caller is
    /// dropped.
    pub async fn enqueue(
        &self,
        entry: NewEntry,
        content: Draft,
        now: Timestamp,
    ) -> Result<QueueId, QueueError> {
        let sealed = content.seal().await?;
        self.enqueue_sealed(entry, sealed, now).await
    }

    /// The same with a content that is complete already.
    pub async fn enqueue_sealed(
        &self,
        entry: NewEntry,
        content: SealedDraft,
        now: Timestamp,
    ) -> Result<QueueId, QueueError> {
        let id = entry.id.unwrap_or_else(|| self.new_id(now));
        let new = EncodedEntry::new(id, &entry, content, None, now)?;
        self.submit(Job::Enqueue(Box::new(new))).await?;
        Ok(id)
    }

    /// Becomes one who takes messages out. Takes as long whatever the depth is.
    pub async fn consumer(&self, consumes: Consumes) -> Result<Consumer, QueueError> {
        Consumer::start(self.clone(), consumes).await
    }

    /// What is to be done at the start and now and then (each hour, say), beside all else, by whoever
    /// lives long: the check of docs/queue.md, and old events are pruned. Harmless if several do it.
    pub async fn maintain(&self, now: Timestamp) -> Result<(), QueueError> {
        maintenance::check(self, now).await?;
        maintenance::prune(self, now).await
    }

    /// Notes a refusal for the operator, sometime soon; lost if this process dies, or if there are
    /// too many at once.
    pub fn note_refusal(&self, refusal: Refusal) {
        self.inner.refusals.note(refusal);
    }

    pub(crate) async fn submit(&self, job: Job) -> Result<Answer, QueueError> {
        self.inner.writer.submit(job).await
    }

    /// Unlinks the contents of finished entries. What fails is an orphan, and the check's; so is
    /// what a backup may still want.
    pub(crate) async fn remove_contents(&self, names: Vec<String>) {
        if names.is_empty() {
            return;
        }
        let (files, spool) = (self.files().clone(), self.spool());
        let folder = self.options().folder.clone();
        let unlinked = on_blocking_thread(move || {
            if Hold::is_held(&folder)? {
                return Ok(());
            }
            names.iter().try_for_each(|name| files.unlink(&spool_path(&spool, name)).map(|_| ()))
        })
        .await;
        if let Err(error) = unlinked {
            tracing::warn!(%error, "a content that is not needed any more could not be unlinked");
        }
    }

    pub(crate) fn database(&self) -> &Database {
        &self.inner.database
    }

    pub(crate) fn options(&self) -> &QueueOptions {
        &self.inner.options
    }

    pub(crate) fn files(&self) -> &Files {
        &self.inner.files
    }

    pub(crate) fn spool(&self) -> PathBuf {
        self.inner.spool.folder.clone()
    }

    pub(crate) fn bells(&self) -> &Bells {
        &self.inner.bells
    }

    pub(crate) fn holders(&self) -> PathBuf {
        self.inner.options.folder.join("holders")
    }
}

fn opening(options: &QueueOptions, files: &Files) -> Opening {
    let opening = Opening::new(options.folder.join("queue.db"), sql::MIGRATIONS);
    Opening { cache_kib: 4096, log_pages: 4000, files: files.clone(), ..opening }
}
