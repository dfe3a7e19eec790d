//! Users: whose the data is, and how root becomes that user.
//!
//! Commands that touch data drop root's rights for those of the data's owner before they open
//! anything, so that no file ends up unreadable for the agents. Users and groups are read from
//! `/etc/passwd` and `/etc/group` themselves: those that matter here are made by deploy/.

use std::{
    fs, io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use anyhow::{Context, bail};
use rustix::{
    fs::{Access, access},
    io::Errno,
    process::{Gid, Uid, geteuid},
    thread::{set_thread_groups, set_thread_res_gid, set_thread_res_uid},
};

/// A user with all its groups.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct User {
    pub(crate) uid: u32,
    gid: u32,
    groups: Vec<u32>,
}

impl User {
    /// The user of this name, if there is one.
    pub(crate) fn named(name: &str) -> io::Result<Option<Self>> {
        let passwd = fs::read_to_string("/etc/passwd")?;
        let groups = fs::read_to_string("/etc/group")?;
        Ok(parse(&passwd, &groups, |its_name, _| its_name == name))
    }

    /// The user that owns a file or folder, or the closest folder above it that exists.
    pub(crate) fn owning(path: &Path) -> io::Result<Self> {
        let metadata = existing_above(path).metadata()?;
        let (uid, gid) = (metadata.uid(), metadata.gid());
        let passwd = fs::read_to_string("/etc/passwd").unwrap_or_default();
        let groups = fs::read_to_string("/etc/group").unwrap_or_default();
        let known = parse(&passwd, &groups, |_, its_uid| its_uid == uid);
        Ok(known.unwrap_or(Self { uid, gid, groups: vec![gid] }))
    }

    /// Becomes this user, for ever. Only the calling thread does: call it while there is no other.
    /// Allocates nothing, so that it may be called between fork and exec.
    pub(crate) fn become_now(&self) -> io::Result<()> {
        let (uid, gid) = (Uid::from_raw(self.uid), Gid::from_raw(self.gid));
        // As many as the kernel guarantees (NGROUPS_MAX was 32 of old); ours are seven.
        let mut groups = [gid; 32];
        let count = self.groups.len().min(groups.len());
        for (slot, group) in groups.iter_mut().zip(&self.groups) {
            *slot = Gid::from_raw(*group);
        }
        set_thread_groups(groups.get(..count).unwrap_or_default())?;
        set_thread_res_gid(gid, gid, gid)?;
        set_thread_res_uid(uid, uid, uid)?;
        Ok(())
    }
}

/// Whether this process may do anything.
pub(crate) fn is_root() -> bool {
    geteuid().is_root()
}

/// The name of a user, or its number.
pub(crate) fn name_of(uid: u32) -> String {
    let passwd = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let name = passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)?.parse() == Ok(uid)).then(|| name.to_owned())
    });
    name.unwrap_or_else(|| uid.to_string())
}

/// If we are root: becomes the owner of the data. Refuses whoever else cannot get at it. To be
/// called while there is one thread only.
pub(crate) fn become_owner_of(data_dir: &Path) -> anyhow::Result<()> {
    if !is_root() {
        return check_access(data_dir);
    }
    let owner = User::owning(data_dir)
        .with_context(|| format!("cannot tell who owns {}", data_dir.display()))?;
    if owner.uid == 0 {
        return Ok(());
    }
    owner.become_now().with_context(|| format!("cannot become user {}", name_of(owner.uid)))
}

/// Whether we may work on the data; what is not there yet is no obstacle.
fn check_access(data_dir: &Path) -> anyhow::Result<()> {
    let folders = config::Folders::under(data_dir);
    for folder in [data_dir, &folders.directory, &folders.credentials, &folders.queue] {
        if access(folder, Access::READ_OK | Access::EXEC_OK) == Err(Errno::ACCESS) {
            let owner = User::owning(data_dir).map(|owner| name_of(owner.uid));
            bail!(
                "{} is not open to you: do this as root, or as {}",
                folder.display(),
                owner.as_deref().unwrap_or("its owner")
            );
        }
    }
    Ok(())
}

fn existing_above(path: &Path) -> PathBuf {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let existing = absolute.ancestors().find(|folder| folder.exists());
    existing.unwrap_or(Path::new("/")).to_owned()
}

fn parse(passwd: &str, groups: &str, wanted: impl Fn(&str, u32) -> bool) -> Option<User> {
    let (name, uid, gid) = passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        let (name, _password) = (fields.next()?, fields.next()?);
        let (uid, gid) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
        wanted(name, uid).then_some((name, uid, gid))
    })?;
    let member_of = groups.lines().filter_map(|line| {
        let mut fields = line.split(':').skip(2);
        let group: u32 = fields.next()?.parse().ok()?;
        fields.next()?.split(',').any(|member| member == name).then_some(group)
    });
    let mut groups = vec![gid];
    groups.extend(member_of.filter(|group| *group != gid));
    Some(User { uid, gid, groups })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_has_its_own_group_and_those_that_list_it() {
        let passwd = "root:x:0:0:root:/root:/bin/sh\nmail:x:8:12::/:/bin/false\nbroken\n";
        let groups = "root:x:0:\nqueue:x:20:other,mail\nmail:x:12:mail\nemail:x:21:mail2\n";
        let user = parse(passwd, groups, |name, _| name == "mail");
        assert_eq!(user, Some(User { uid: 8, gid: 12, groups: vec![12, 20] }));
        assert_eq!(parse(passwd, groups, |_, uid| uid == 5), None);
    }

    #[test]
    fn the_owner_of_what_does_not_exist_yet_is_that_of_the_folder_above() {
        let folder = tempfile::tempdir().unwrap();
        let owner = User::owning(&folder.path().join("not/yet")).unwrap();
        assert_eq!(owner.uid, folder.path().metadata().unwrap().uid());
    }
}
