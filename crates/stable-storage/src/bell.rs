//! "Look now", from one process to all that wait: datagrams to the sockets in a folder.
//!
//! Each listener has a socket of its own there, named after its process; ringing sends to all of
//! them and removes those whose listener is dead. Sockets can be used by owner and group, so a
//! bell inherits the group of what it speaks of.
//!
//! A ring may be lost; it then costs time only: each waiter also looks by itself, rarely. Where a
//! listener's queue is full (ten datagrams on many kernels) the ring is repeated a little later
//! with an empty payload, which means "look at everything".

use std::{
    io,
    os::unix::{fs::PermissionsExt, net::UnixDatagram},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use crate::reach::Folder;

/// The longest payload; longer ones are sent as "look at everything".
const PAYLOAD_MAX: usize = 1024;
/// How long after a full queue the ring is repeated.
const AGAIN_AFTER: Duration = Duration::from_millis(3);
/// How often it is repeated.
const AGAIN_MAX: usize = 100;

/// Tells listeners of one process apart.
static COUNTER: AtomicU64 = AtomicU64::new(0);

/// A bell to ring or listen to. A clone is the same one.
#[derive(Debug, Clone)]
pub struct Bell(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    path: PathBuf,
    repeating: AtomicBool,
}

impl Bell {
    /// The bell in this folder, which is made when somebody listens.
    pub fn at(folder: impl Into<PathBuf>) -> Self {
        Self(Arc::new(Inner { path: folder.into(), repeating: AtomicBool::new(false) }))
    }

    /// Where it is.
    pub fn folder(&self) -> &Path {
        &self.0.path
    }

    /// Rings. Never blocks, and never fails: whatever goes wrong, the listeners look by themselves
    /// in time.
    pub fn ring(&self, payload: &[u8]) {
        let payload = if payload.len() > PAYLOAD_MAX { &[] } else { payload };
        let heard = self.0.ring(payload).unwrap_or(true);
        if heard || self.0.repeating.swap(true, Ordering::AcqRel) {
            return;
        }
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            self.0.repeating.store(false, Ordering::Release);
            return;
        };
        let inner = self.0.clone();
        runtime.spawn(async move {
            for _ in 0..AGAIN_MAX {
                tokio::time::sleep(AGAIN_AFTER).await;
                // Cleared first: a ring that is lost from now on starts anew.
                inner.repeating.store(false, Ordering::Release);
                if inner.ring(&[]).unwrap_or(true) || inner.repeating.swap(true, Ordering::AcqRel) {
                    return;
                }
            }
            inner.repeating.store(false, Ordering::Release);
        });
    }

    /// Whether anybody listens, whoever it is.
    pub fn is_heard(&self) -> io::Result<bool> {
        let folder = Folder::open(&self.0.path)?;
        let caller = UnixDatagram::unbound()?;
        for entry in std::fs::read_dir(&self.0.path)? {
            // The dead ones' sockets refuse.
            if caller.connect(folder.path_of(entry?.file_name())).is_ok() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Begins to listen, from now on. Inside a tokio runtime.
    pub fn listen(&self) -> io::Result<BellListener> {
        let path = &self.0.path;
        if !path.is_dir() {
            match std::fs::create_dir(path) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
                _ => {}
            }
        }
        let folder = Folder::open(path)?;
        let number = COUNTER.fetch_add(1, Ordering::Relaxed);
        let name = format!("{}-{number}", std::process::id());
        let at = folder.path_of(&name);
        // A dead process may have had our number.
        let _ = std::fs::remove_file(&at);
        let socket = UnixDatagram::bind(&at)?;
        std::fs::set_permissions(&at, std::fs::Permissions::from_mode(0o660))?;
        socket.set_nonblocking(true)?;
        let socket = tokio::net::UnixDatagram::from_std(socket)?;
        Ok(BellListener { socket, folder, name })
    }
}

impl Inner {
    /// Whether each listener has got it.
    fn ring(&self, payload: &[u8]) -> io::Result<bool> {
        let folder = Folder::open(&self.path)?;
        let sender = UnixDatagram::unbound()?;
        sender.set_nonblocking(true)?;
        let mut heard = true;
        for entry in std::fs::read_dir(&self.path)? {
            let socket = folder.path_of(entry?.file_name());
            match sender.send_to(payload, &socket) {
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => heard = false,
                Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
                    let _ = std::fs::remove_file(&socket);
                }
                // Just gone, or not opened to the group yet.
                Err(_) => {}
            }
        }
        Ok(heard)
    }
}

/// One who listens; its socket goes with it.
#[derive(Debug)]
pub struct BellListener {
    socket: tokio::net::UnixDatagram,
    folder: Folder,
    name: String,
}

impl BellListener {
    /// Waits for the next ring; an empty payload means "look at everything". Rings that came while
    /// nobody waited are kept by the kernel, a few of them.
    pub async fn rung(&self) -> Vec<u8> {
        let mut payload = vec![0; PAYLOAD_MAX];
        match self.socket.recv(&mut payload).await {
            Ok(length) => payload.truncate(length),
            Err(error) => {
                // Never seen; then listening is as good as looking by itself, slowly.
                tracing::warn!(%error, "a bell cannot be heard");
                tokio::time::sleep(Duration::from_secs(1)).await;
                payload.clear();
            }
        }
        payload
    }

    /// A ring that is already there.
    pub fn try_rung(&self) -> Option<Vec<u8>> {
        let mut payload = vec![0; PAYLOAD_MAX];
        let length = self.socket.try_recv(&mut payload).ok()?;
        payload.truncate(length);
        Some(payload)
    }
}

impl Drop for BellListener {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(self.folder.path_of(&self.name));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn every_listener_hears_it_at_a_path_of_any_length() {
        let folder = tempfile::tempdir().unwrap();
        let deep = folder.path().join("a".repeat(200));
        std::fs::create_dir(&deep).unwrap();
        let bell = Bell::at(deep.join("bell"));
        bell.ring(b"nobody is there");
        assert!(bell.is_heard().is_err(), "no folder yet");
        let (one, other) = (bell.listen().unwrap(), bell.listen().unwrap());
        Bell::at(deep.join("bell")).ring(b"dinner");
        assert_eq!(one.rung().await, b"dinner");
        assert_eq!(other.rung().await, b"dinner");
        assert_eq!(one.try_rung(), None);
        drop(one);
        assert_eq!(std::fs::read_dir(bell.folder()).unwrap().count(), 1);
    }

    #[tokio::test]
    async fn a_dead_listener_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let bell = Bell::at(folder.path());
        drop(UnixDatagram::bind(folder.path().join("1-0")).unwrap());
        assert!(!bell.is_heard().unwrap());
        let listener = bell.listen().unwrap();
        assert!(bell.is_heard().unwrap());
        drop(listener);
        bell.ring(b"");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[tokio::test]
    async fn when_the_queue_is_full_everything_is_looked_at() {
        let folder = tempfile::tempdir().unwrap();
        let bell = Bell::at(folder.path());
        let listener = bell.listen().unwrap();
        for _ in 0..5000 {
            bell.ring(b"x");
        }
        while listener.rung().await != b"" {}
    }

    #[tokio::test]
    async fn a_payload_too_long_means_everything() {
        let folder = tempfile::tempdir().unwrap();
        let bell = Bell::at(folder.path());
        let listener = bell.listen().unwrap();
        bell.ring(&[b'x'; PAYLOAD_MAX + 1]);
        assert_eq!(listener.rung().await, b"");
    }
}
