//! Starting one agent: as its user, with its sockets, bound to our life.

use std::{
    io,
    mem::ManuallyDrop,
    os::fd::{AsFd, FromRawFd, OwnedFd},
    path::{Path, PathBuf},
    process::Stdio,
    sync::Arc,
};

use agent_kit::Agent;
use anyhow::Context;
use config::Config;
use rustix::process::{Pid, Signal, getpid, getppid, set_parent_process_death_signal};
use tokio::process::{Child, Command};

use super::{descriptors, ports::Port};
use crate::owner::User;

/// All that is needed to start an agent, as often as it takes.
pub(super) struct Launch {
    pub(super) agent: Agent,
    program: PathBuf,
    config: PathBuf,
    /// Where it reports, see [`super::keeper`].
    pub(super) notify: PathBuf,
    names: String,
    sockets: Arc<[OwnedFd]>,
    pub(super) user: Option<Arc<User>>,
}

impl Launch {
    pub(super) fn new(
        agent: Agent,
        config_file: &Path,
        config: &Config,
        ports: &[Port],
        user: Option<Arc<User>>,
    ) -> anyhow::Result<Self> {
        let own = || ports.iter().filter(|port| port.agent == agent);
        let sockets = own().map(|port| port.socket.try_clone()).collect::<io::Result<_>>()?;
        Ok(Self {
            agent,
            program: std::env::current_exe().context("cannot tell which program this is")?,
            config: config_file.to_owned(),
            notify: notify_socket(&config.data_dir, agent),
            names: own().map(|port| port.name).collect::<Vec<_>>().join(":"),
            sockets,
            user,
        })
    }

    /// Another program in the agent's place, without sockets.
    #[cfg(test)]
    pub(super) fn of_program(agent: Agent, program: PathBuf, folder: &Path) -> Self {
        Self {
            agent,
            program,
            config: folder.join("config.toml"),
            notify: folder.join("notify"),
            names: String::new(),
            sockets: Arc::new([]),
            user: None,
        }
    }

    /// Starts the agent.
    pub(super) fn start(&self) -> io::Result<Child> {
        let mut command = Command::new(&self.program);
        command
            .args(["run", self.agent.name(), "--config"])
            .arg(&self.config)
            .stdin(Stdio::null())
            // Ctrl-C is for the supervisor, who stops all in order.
            .process_group(0)
            .env("NOTIFY_SOCKET", &self.notify)
            .env("LISTEN_FDS", self.sockets.len().to_string())
            .env("LISTEN_FDNAMES", &self.names)
            // The number of a process that does not exist yet; see the agents' side.
            .env_remove("LISTEN_PID")
            // Each arena keeps memory of its own, and an agent has few threads.
            .env("MALLOC_ARENA_MAX", "2");
        let (sockets, user, supervisor) = (self.sockets.clone(), self.user.clone(), getpid());
        let prepare = move || prepare(&sockets, user.as_deref(), supervisor);
        #[expect(unsafe_code, reason = "no safe way passes sockets to a process under set numbers")]
        // SAFETY: between fork and exec only what is async-signal-safe may be done: `prepare`
        // makes system calls on values made before, and allocates nothing unless it fails.
        unsafe {
            command.pre_exec(prepare);
        }
        command.spawn()
    }
}

/// Where an agent reports to.
pub(super) fn notify_socket(data_dir: &Path, agent: Agent) -> PathBuf {
    config::Folders::under(data_dir).run.join(format!("{agent}.notify"))
}

/// In the new process, before it becomes the agent.
fn prepare(sockets: &[OwnedFd], user: Option<&User>, supervisor: Pid) -> io::Result<()> {
    for (socket, number) in sockets.iter().zip(descriptors::FIRST..descriptors::END) {
        #[expect(unsafe_code, reason = "the number is given by sd_listen_fds(3)")]
        // SAFETY: the supervisor has reserved this number, or something it does not know of has
        // it; either way nothing in the new process uses it, and it is not closed here.
        let mut target = ManuallyDrop::new(unsafe { OwnedFd::from_raw_fd(number) });
        // The duplicate is not closed at exec; the original, above the reserved ones, is.
        rustix::io::dup2(socket.as_fd(), &mut target)?;
    }
    if let Some(user) = user {
        user.become_now()?;
    }
    // After the change of user, which would reset it.
    set_parent_process_death_signal(Some(Signal::KILL))?;
    if getppid() != Some(supervisor) {
        // It died before that.
        return Err(io::ErrorKind::BrokenPipe.into());
    }
    Ok(())
}
