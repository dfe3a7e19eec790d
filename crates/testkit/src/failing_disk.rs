//! A disk that fails: a file system that the kernel makes read-only while it is in use, as it does
//! when a disk is ill, seen by one child process alone.
//!
//! The child is the test's own executable, which runs one of its tests inside a mount namespace of
//! its own; the disk is a file behind a loop device. Root only.

use std::{
    io,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// Where the child finds its disk.
const DISK: &str = "POSTRIDER_TEST_FAILING_DISK";

/// The disk, in the child.
#[derive(Debug)]
pub struct FailingDisk {
    /// Where it is mounted.
    pub path: PathBuf,
    image: PathBuf,
}

/// The disk, in the child; nothing in any other process.
pub fn here() -> Option<FailingDisk> {
    let folder = PathBuf::from(std::env::var_os(DISK)?);
    Some(FailingDisk { path: folder.join("disk"), image: folder.join("image") })
}

/// Runs `test` (its full path) in a child with a disk of so many MiB, where temporary files are.
///
/// Skipped with a word where such a disk is not to be had, unless `POSTRIDER_NO_SKIP` is set.
///
/// # Panics
/// When the child's test fails.
#[expect(
    clippy::print_stdout,
    reason = "whoever reads a test's output is told that it was skipped"
)]
pub fn run(test: &str, mib: u32) {
    let folder = std::env::temp_dir().join(format!("postrider-ill-disk-{}", std::process::id()));
    let made = std::fs::create_dir_all(folder.join("disk"));
    assert!(made.is_ok(), "{made:?}");
    let within = |script: &str| -> io::Result<std::process::Output> {
        let script = format!("cd \"$1\" && {MOUNT} && {script}");
        let mut command = Command::new("unshare");
        command.args(["--mount", "sh", "-c", &script, "sh"]).arg(&folder);
        command.arg(std::env::current_exe()?).arg(test).env(DISK, &folder);
        command.env("TMPDIR", folder.join("disk")).output()
    };
    // No journal: what matters is what the programs make of it, and it can be mended at once.
    let image = format!("truncate -s {mib}M image && mkfs.ext4 -q -O ^has_journal image");
    let mut make = Command::new("sh");
    make.args(["-c", &image]).current_dir(&folder).stdout(Stdio::null()).stderr(Stdio::null());
    let made = make.status().is_ok_and(|status| status.success());
    if !made || !within("test -w \"$TRIGGER\"").is_ok_and(|output| output.status.success()) {
        let _ = std::fs::remove_dir_all(&folder);
        assert!(
            std::env::var_os("POSTRIDER_NO_SKIP").is_none(),
            "this test needs root, unshare, mkfs.ext4 and loop devices"
        );
        println!("skipped: the test of an ill disk needs root, mkfs.ext4 and loop devices");
        return;
    }
    let ran = within("exec \"$2\" --exact \"$3\" --nocapture --test-threads=1");
    let _ = std::fs::remove_dir_all(&folder);
    let told = ran.as_ref().map(|output| {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (text(&output.stdout), text(&output.stderr))
    });
    let good = ran.as_ref().is_ok_and(|output| output.status.success())
        && told.as_ref().is_ok_and(|(out, _)| out.contains("1 passed"));
    assert!(good, "on an ill disk: {told:?}");
}

/// The device goes with its last mount.
const MOUNT: &str = "mount -o loop,errors=remount-ro image disk && chmod 1777 disk \
     && TRIGGER=/sys/fs/ext4/$(basename $(findmnt -n -o SOURCE \"$1/disk\"))/trigger_fs_error";

impl FailingDisk {
    /// Writes out whatever was written so far.
    pub fn sync(&self) -> io::Result<()> {
        sh(&self.path, "sync -f .")
    }

    /// From now on nothing can be written, and what was not synced is lost.
    pub fn fail(&self) -> io::Result<()> {
        sh(
            &self.path,
            "echo test > /sys/fs/ext4/$(basename $(findmnt -n -o SOURCE \"$PWD\"))/trigger_fs_error",
        )
    }

    /// The operator checks it and mounts it again; nobody may use it meanwhile.
    pub fn mend(&self) -> io::Result<()> {
        let folder = self.image.parent().unwrap_or(&self.image);
        sh(
            folder,
            "umount disk && { e2fsck -fy image || test $? -le 2; } \
             && mount -o loop,errors=remount-ro image disk",
        )
    }
}

fn sh(folder: &Path, script: &str) -> io::Result<()> {
    let output = Command::new("sh").args(["-c", script]).current_dir(folder).output()?;
    match output.status.success() {
        true => Ok(()),
        false => Err(io::Error::other(String::from_utf8_lossy(&output.stderr).into_owned())),
    }
}
