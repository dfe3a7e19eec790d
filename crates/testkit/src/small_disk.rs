//! A disk that gets full: a small file system in memory, seen by one child process alone.
//!
//! The child is the test's own executable, which runs one of its tests inside. The file system is
//! mounted in a mount namespace of the child's own (root needs nothing for that, others need user
//! namespaces), so nothing of it is left when the child ends, however it ends.

use std::{
    path::PathBuf,
    process::{Command, Output},
    sync::atomic::{AtomicU32, Ordering},
};

/// Places that were made.
static PLACES: AtomicU32 = AtomicU32::new(0);

/// Where the child finds its disk.
const DISK: &str = "POSTRIDER_TEST_SMALL_DISK";

/// The disk, in the child; nothing in any other process.
pub fn here() -> Option<PathBuf> {
    std::env::var_os(DISK).map(PathBuf::from)
}

/// Runs `test` (its full path) in a child with a disk of so many KiB.
///
/// Skipped with a word where namespaces are not to be had, unless `POSTRIDER_NO_SKIP` is set.
///
/// # Panics
/// When the child's test fails.
#[expect(
    clippy::print_stdout,
    reason = "whoever reads a test's output is told that it was skipped"
)]
pub fn run(test: &str, kib: u32) {
    let root = is_root();
    // A place of its own: to remove one that somebody else has a disk at would take that away.
    // Short, for there will be sockets below it.
    let place = PLACES.fetch_add(1, Ordering::Relaxed);
    let name = format!("postrider-disk-{}-{place}", std::process::id());
    let place = std::env::temp_dir().join(name);
    let made = std::fs::create_dir_all(&place);
    assert!(made.is_ok(), "{made:?}");
    let within = |script: &str| -> std::io::Result<Output> {
        let mut command = Command::new("unshare");
        if !root {
            command.args(["--user", "--map-root-user"]);
        }
        command.args(["--mount", "sh", "-c", script, "sh"]);
        command.arg(&place).arg(format!("size={kib}k"));
        command.arg(std::env::current_exe()?).arg(test).env(DISK, &place).output()
    };
    let mount = "mount -t tmpfs -o \"$2\" none \"$1\"";
    if !within(mount).is_ok_and(|output| output.status.success()) {
        assert!(
            std::env::var_os("POSTRIDER_NO_SKIP").is_none(),
            "this test needs unshare, and the right to mount in a namespace"
        );
        println!("skipped: the test of a full disk needs unshare and the right to mount");
        return;
    }
    let inside = "exec \"$3\" --exact \"$4\" --nocapture --test-threads=1";
    let ran = within(&format!("{mount} && {inside}"));
    let _ = std::fs::remove_dir(&place);
    let told = ran.as_ref().map(|output| {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (text(&output.stdout), text(&output.stderr))
    });
    let good = ran.as_ref().is_ok_and(|output| output.status.success())
        && told.as_ref().is_ok_and(|(out, _)| out.contains("1 passed"));
    assert!(good, "on a small disk: {told:?}");
}

fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata("/proc/self").is_ok_and(|facts| facts.uid() == 0)
}
