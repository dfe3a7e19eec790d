//! Where the files of a backup may go that are not at home below the data's folder.
//!
//! They are written as whoever calls, mostly root, and their paths stand in a list that the owner of
//! the data could have changed. So they go where root's own files say: to what a configuration names
//! that was on this host before, and below the configuration's folder. A configuration that may have
//! come out of the same backup names nothing here.

use std::{
    fs,
    path::{Component, Path, PathBuf},
};

use anyhow::Context as _;
use config::Config;

use super::{
    hash::Hash,
    secrets::{Elsewhere, Secrets, below},
};

/// See the module.
#[derive(Debug)]
pub(crate) struct Bounds {
    /// The configuration's folder.
    folder: PathBuf,
    data_dir: PathBuf,
    named: Vec<PathBuf>,
}

impl Bounds {
    /// The bounds beside this file; `config` is what it says.
    pub(crate) fn of(file: &Path, config: &Config, elsewhere: &Elsewhere) -> anyhow::Result<Self> {
        let now = fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
        // Restored just now, or by a run before this one that was not finished.
        let is_restored =
            elsewhere.settings.as_ref().is_some_and(|line| line.sha256 == Hash::of(&now));
        let named = if is_restored { Vec::new() } else { Secrets::of(config)?.all() };
        let folder = file.parent().unwrap_or(Path::new("/")).to_owned();
        Ok(Self { folder, data_dir: config.data_dir.clone(), named })
    }

    /// Whether a file may be made there.
    pub(super) fn allow(&self, to: &Path) -> bool {
        let plain = |part| matches!(part, Component::RootDir | Component::Normal(_));
        // Its owner makes folders and links there as he likes, and what is at home goes another way.
        if !to.components().all(plain) || to.starts_with(&self.data_dir) {
            return false;
        }
        self.named.iter().any(|named| named == to) || self.is_beside(to)
    }

    /// Below the configuration's folder, if that is one of its own: `/etc` is everybody's, and so is
    /// a home's hidden part.
    fn is_beside(&self, to: &Path) -> bool {
        let own = self.folder.components().count() > 2;
        let beside = to.strip_prefix(&self.folder).ok().and_then(Path::to_str);
        let inside = beside.filter(|beside| below(&self.folder, beside).is_some());
        let hidden = |beside: &str| beside.split('/').any(|part| part.starts_with('.'));
        own && inside.is_some_and(|beside| !hidden(beside))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_plants_nothing_for_root() {
        let check = |folder: &str, to: &str, expected: bool| {
            let bounds = Bounds {
                folder: folder.into(),
                data_dir: "/var/lib/postrider".into(),
                named: vec!["/srv/tls/key.pem".into(), "/var/lib/postrider/keys/key.pem".into()],
            };
            assert_eq!(bounds.allow(Path::new(to)), expected, "{folder} {to}");
        };
        for (to, expected) in [
            ("/etc/postrider/tls/key.pem", true),
            ("/srv/tls/key.pem", true),
            ("/srv/tls/other.pem", false),
            ("/etc/cron.d/x", false),
            ("/etc/postrider/../cron.d/x", false),
            ("/etc/postrider-x/key.pem", false),
            ("/etc/postrider/.ssh/authorized_keys", false),
            ("/var/lib/postrider/keys/key.pem", false),
            ("key.pem", false),
        ] {
            check("/etc/postrider", to, expected);
        }
        check("/etc", "/etc/cron.d/x", false);
        check("/etc", "/srv/tls/key.pem", true);
        check("/var/lib/postrider", "/var/lib/postrider/key.pem", false);
    }
}
