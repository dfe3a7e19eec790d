//! The ready file: for scripts and tests that have to know where everything listens.

use std::{
    collections::{BTreeMap, HashMap},
    fs::{self, File, OpenOptions},
    io::{self, Write},
    net::SocketAddr,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use agent_kit::{Agent, Listeners, Place};
use anyhow::Context;
use serde::Serialize;

use super::ports::Port;
use crate::demo::{Demo, Login};

/// Where it is written, and what does not change in it.
pub(super) struct ReadyFile {
    path: PathBuf,
    listeners: BTreeMap<&'static str, Vec<String>>,
    ca_certificate: Option<PathBuf>,
    accounts: Vec<Login>,
}

#[derive(Serialize)]
struct Content<'a> {
    listeners: &'a BTreeMap<&'static str, Vec<String>>,
    ca_certificate: Option<&'a Path>,
    processes: BTreeMap<&'static str, u32>,
    accounts: &'a [Login],
}

impl ReadyFile {
    /// Nothing is written yet, but it can be; what an earlier run has left is removed.
    pub(super) fn new(
        path: PathBuf,
        ports: &[Port],
        metrics: &Listeners,
        demo: Option<&Demo>,
    ) -> anyhow::Result<Self> {
        let names = Agent::ALL.into_iter().flat_map(Agent::listener_names);
        let mut listeners: BTreeMap<&'static str, Vec<String>> = names
            .filter(|name| **name != "submission-socket")
            .map(|name| (*name, vec![]))
            .collect();
        for port in ports {
            if let (Place::Tcp(address), Some(places)) = (&port.place, listeners.get_mut(port.name))
            {
                places.push(address.to_string());
            }
        }
        if let Some(places) = listeners.get_mut("metrics") {
            places.extend(metrics.addresses("metrics").iter().map(SocketAddr::to_string));
        }
        let ready = Self {
            path,
            listeners,
            ca_certificate: demo.map(Demo::ca_certificate),
            accounts: demo.map(Demo::logins).transpose()?.unwrap_or_default(),
        };
        // Said before any agent is started, not after all.
        ready.try_out().with_context(|| format!("cannot write {}", ready.path.display()))?;
        ready.remove();
        Ok(ready)
    }

    /// Writes it with the numbers of the agents' processes, in one step.
    pub(super) fn write(&self, pids: &HashMap<Agent, u32>) -> anyhow::Result<()> {
        let content = Content {
            listeners: &self.listeners,
            ca_certificate: self.ca_certificate.as_deref(),
            processes: pids.iter().map(|(agent, pid)| (agent.name(), *pid)).collect(),
            accounts: &self.accounts,
        };
        self.replace(&serde_json::to_vec_pretty(&content)?)
            .with_context(|| format!("cannot write {}", self.path.display()))
    }

    /// Whether it can be written, without a file of its name: whoever waits for one would read it.
    fn try_out(&self) -> io::Result<()> {
        if self.path.is_dir() {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        let (new, _) = self.beside()?;
        fs::remove_file(new)
    }

    fn replace(&self, content: &[u8]) -> io::Result<()> {
        let (new, mut file) = self.beside()?;
        file.write_all(content)?;
        fs::rename(&new, &self.path)
    }

    /// A new file beside it, to be renamed.
    fn beside(&self) -> io::Result<(PathBuf, File)> {
        let new = self.path.with_added_extension("new");
        // A leftover would keep its own mode; passwords are in here.
        let _ = fs::remove_file(&new);
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&new)?;
        Ok((new, file))
    }

    /// Removes it: nothing is ready any more.
    pub(super) fn remove(&self) {
        // It may not have been written at all.
        let _ = fs::remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn is_complete_and_private() {
        let folder = tempfile::tempdir().unwrap();
        let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let place = Place::Tcp(socket.local_addr().unwrap());
        let port = Port {
            agent: Agent::ImapServer,
            name: "imap",
            place: place.clone(),
            socket: socket.into(),
        };
        let path = folder.path().join("ready.json");
        fs::write(&path, "of an earlier run").unwrap();
        let ready = ReadyFile::new(path.clone(), &[port], &Listeners::default(), None).unwrap();
        assert_eq!(
            fs::read_dir(folder.path()).unwrap().count(),
            0,
            "nobody reads one that says nothing"
        );

        ready.write(&HashMap::from([(Agent::ImapServer, 42)])).unwrap();
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let value: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        assert_eq!(value["listeners"]["imap"][0], place.to_string());
        assert_eq!(value["listeners"].as_object().unwrap().len(), 10);
        assert_eq!(value["processes"]["imap-server"], 42);
        assert!(value["ca_certificate"].is_null());
    }

    #[test]
    fn what_cannot_be_written_is_said_at_once() {
        let folder = tempfile::tempdir().unwrap();
        for path in [folder.path().to_owned(), folder.path().join("missing/ready.json")] {
            let ready = ReadyFile::new(path.clone(), &[], &Listeners::default(), None);
            let error = ready.err().expect("an error").to_string();
            assert!(error.contains(path.to_str().unwrap()), "{error}");
        }
    }
}
