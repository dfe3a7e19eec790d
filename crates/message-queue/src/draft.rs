//! Content on its way into the queue.
//!
//! Up to the inline limit (a higher one if no other is taken at the time) it stays in memory; above
//! it goes to a spool file in large steps, on blocking threads, so that a message of any size needs
//! the same memory. The file is locked as
//! long as the draft lives: the check (docs/queue.md) tells it from an orphan by that.

use std::{
    io,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use stable_storage::{Files, NewFile, on_blocking_thread, try_lock_file};

use crate::{Content, QueueError, chance};

/// What is gathered before it is written to the file.
const STEP: usize = 256 * 1024;

/// A content that is still growing. Dropped, it is gone.
#[derive(Debug)]
pub struct Draft {
    spool: Arc<Spool>,
    buffer: Vec<u8>,
    file: Option<SpoolFile>,
    len: u64,
}

/// A complete content, on stable storage if it is a file. A clone is the same one; when the last
/// is dropped and none was queued, it is gone.
#[derive(Debug, Clone)]
pub struct SealedDraft {
    body: Body,
    len: u64,
    /// Others see by it that they are not alone, as long as this lives.
    _taken: Arc<()>,
}

/// Where a sealed content is.
#[derive(Debug, Clone)]
enum Body {
    Inline(Arc<[u8]>),
    File(Arc<SpoolFile>),
}

/// The folder of large contents, and the limits of small ones.
#[derive(Debug)]
pub(crate) struct Spool {
    pub(crate) folder: PathBuf,
    pub(crate) files: Files,
    pub(crate) inline_limit: usize,
    pub(crate) inline_limit_alone: usize,
    /// Each content holds one from its seal until it is queued.
    pub(crate) taken: Arc<()>,
}

impl Draft {
    pub(crate) fn new(spool: Arc<Spool>) -> Self {
        Self { spool, buffer: Vec::new(), file: None, len: 0 }
    }

    /// Adds octets at the end.
    pub async fn write(&mut self, octets: &[u8]) -> Result<(), QueueError> {
        self.len = self.len.saturating_add(octets.len() as u64);
        let limit = if self.file.is_some() { STEP } else { self.spool.inline_limit };
        if self.buffer.len().saturating_add(octets.len()) <= limit {
            self.buffer.extend_from_slice(octets);
            return Ok(());
        }
        let mut rest = octets;
        while self.buffer.len().saturating_add(rest.len()) > STEP {
            let (now, later) =
                rest.split_at(STEP.saturating_sub(self.buffer.len()).min(rest.len()));
            self.buffer.extend_from_slice(now);
            self.flush().await?;
            rest = later;
        }
        self.buffer.extend_from_slice(rest);
        Ok(())
    }

    /// Its length so far, in octets.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether nothing was written yet.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Completes it; a file is on stable storage when this returns. [`crate::Queue::enqueue`] does
    /// it by itself; notifications of a settlement are sealed before.
    pub async fn seal(self) -> Result<SealedDraft, QueueError> {
        let (len, taken) = (self.len, self.spool.taken.clone());
        if self.file.is_none() && self.buffer.len() <= self.spool.inline_limit_now() {
            let body = Body::Inline(self.buffer.into());
            return Ok(SealedDraft { body, len, _taken: taken });
        }
        let (spool, buffer, file) = (self.spool, self.buffer, self.file);
        let file = on_blocking_thread(move || {
            let file = SpoolFile::append(file, &spool, &buffer)?;
            file.sync()?;
            Ok::<_, QueueError>(file)
        })
        .await?;
        Ok(SealedDraft { body: Body::File(Arc::new(file)), len, _taken: taken })
    }

    /// Writes the buffer to the file, which is made if need be.
    async fn flush(&mut self) -> Result<(), QueueError> {
        let (spool, mut buffer, file) =
            (self.spool.clone(), std::mem::take(&mut self.buffer), self.file.take());
        let (file, buffer) = on_blocking_thread(move || {
            let file = SpoolFile::append(file, &spool, &buffer)?;
            buffer.clear();
            Ok::<_, QueueError>((file, buffer))
        })
        .await?;
        self.file = Some(file);
        self.buffer = buffer;
        Ok(())
    }
}

impl Spool {
    /// The limit for whoever has taken his place in `taken` just now.
    fn inline_limit_now(&self) -> usize {
        /// The spool's own, and that of the one who asks.
        const ALONE: usize = 2;
        // It may have changed when it is used: either way is as good, one only quicker.
        if Arc::strong_count(&self.taken) <= ALONE {
            self.inline_limit.max(self.inline_limit_alone)
        } else {
            self.inline_limit
        }
    }
}

impl SealedDraft {
    /// Its length in octets.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether it is empty.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The octets, to be read once more before they are queued.
    pub fn content(&self) -> Result<Content, QueueError> {
        match &self.body {
            Body::Inline(octets) => Ok(Content::Bytes(octets.clone())),
            Body::File(spool) => {
                let file = Arc::new(spool.file.file().try_clone()?);
                Ok(Content::File { file, len: self.len })
            }
        }
    }

    /// The octets, if they are to stand in a row.
    pub(crate) fn inline(&self) -> Option<&[u8]> {
        match &self.body {
            Body::Inline(octets) => Some(octets),
            Body::File(_) => None,
        }
    }

    /// The name of its file, if it has one.
    pub(crate) fn file_name(&self) -> Option<&str> {
        match &self.body {
            Body::Inline(_) => None,
            Body::File(file) => Some(&file.name),
        }
    }

    /// Its row is committed: the file stays, and its lock may go.
    pub(crate) fn queued(&self) {
        if let Body::File(file) = &self.body {
            file.keep.store(true, Ordering::Release);
        }
    }
}

/// A file of the spool that has no row yet: unlinked when dropped.
#[derive(Debug)]
struct SpoolFile {
    name: String,
    file: NewFile,
    files: Files,
    keep: AtomicBool,
}

impl SpoolFile {
    fn create(spool: &Spool) -> Result<Self, QueueError> {
        loop {
            let name = chance::spool_name();
            let path = spool_path(&spool.folder, &name);
            let at = |doing| {
                let path = path.clone();
                move |source: io::Error| QueueError::File { doing, path, source }
            };
            let file = spool.files.create_new(&path).map_err(at("create"))?;
            // The check may have found it in this moment, before it was locked: then another one.
            if try_lock_file(file.file()).map_err(at("lock"))? && spool.files.exists(&path)? {
                let (files, keep) = (spool.files.clone(), AtomicBool::new(false));
                return Ok(Self { name, file, files, keep });
            }
        }
    }

    /// Adds octets to the file, which is made if need be.
    fn append(file: Option<Self>, spool: &Spool, octets: &[u8]) -> Result<Self, QueueError> {
        let mut file = match file {
            Some(file) => file,
            None => Self::create(spool)?,
        };
        file.write(octets)?;
        Ok(file)
    }

    fn write(&mut self, octets: &[u8]) -> Result<(), QueueError> {
        let path = self.file.path().to_owned();
        self.file.write_all(octets).map_err(|source| QueueError::File {
            doing: "write",
            path,
            source,
        })
    }

    fn sync(&self) -> Result<(), QueueError> {
        let path = self.file.path();
        let at = |doing| {
            move |source: io::Error| QueueError::File { doing, path: path.to_owned(), source }
        };
        self.file.sync().map_err(at("sync"))?;
        match path.parent() {
            Some(folder) => self.files.sync_dir(folder).map_err(at("sync the folder of")),
            None => Ok(()),
        }
    }
}

impl Drop for SpoolFile {
    fn drop(&mut self) {
        if self.keep.load(Ordering::Acquire) {
            return;
        }
        let (files, path) = (self.files.clone(), self.file.path().to_owned());
        // What fails here is an orphan, and the check's.
        let unlink = move || files.unlink(&path).map(|_| ());
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn_blocking(unlink)),
            Err(_) => drop(unlink()),
        }
    }
}

/// Where a content file of this name is.
pub(crate) fn spool_path(spool: &Path, name: &str) -> PathBuf {
    let first = name.get(..1).unwrap_or("_");
    spool.join(first).join(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn whoever_is_alone_needs_no_file() {
        let folder = tempfile::tempdir().unwrap();
        for letter in b'a'..=b'z' {
            std::fs::create_dir(folder.path().join(char::from(letter).to_string())).unwrap();
        }
        let spool = Arc::new(Spool {
            folder: folder.path().to_owned(),
            files: Files::real(),
            inline_limit: 10,
            inline_limit_alone: 20,
            taken: Arc::default(),
        });
        let sealed = async |octets: &[u8]| {
            let mut draft = Draft::new(spool.clone());
            draft.write(octets).await.unwrap();
            draft.seal().await.unwrap()
        };
        let first = sealed(&[b'x'; 20]).await;
        assert!(first.inline().is_some(), "alone");
        assert!(sealed(&[b'x'; 11]).await.file_name().is_some(), "beside another");
        assert!(sealed(&[b'x'; 10]).await.inline().is_some(), "small enough anyway");
        drop(first);
        assert!(sealed(&[b'x'; 20]).await.inline().is_some(), "alone again");
        assert!(sealed(&[b'x'; 21]).await.file_name().is_some(), "too large for all");
    }
}
