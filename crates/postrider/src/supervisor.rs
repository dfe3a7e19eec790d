//! The supervisor: every agent as a process of its own, kept alive.
//!
//! It does for one terminal what systemd does for a machine: binds the ports and passes them on
//! (`sd_listen_fds(3)`), hears when an agent is ready (`sd_notify(3)`), starts one that has died
//! again, and stops all together. It reads no mail and holds no database open. If it is killed
//! itself, the kernel kills the agents with it.

mod descriptors;
mod keeper;
mod launch;
mod lock;
mod ports;
mod ready_file;
mod restart;
mod users;

use std::{
    collections::HashMap,
    io::{IsTerminal, stderr},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
    sync::Arc,
    thread,
};

use agent_kit::{
    Agent, Endpoint, Listeners, Place, SOCKET_PATH_MAX, Stop, metrics, tls::ServerTls,
};
use anyhow::{Context, bail};
use config::Config;
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::{mpsc, watch},
    task::JoinSet,
};

use crate::{
    demo::Demo,
    installation::{Installation, runtime},
    printer,
};
use keeper::{Event, Keeper, Orders};
use launch::Launch;
pub(crate) use lock::{Lock, lock_file};
use ready_file::ReadyFile;

/// What to supervise.
pub(crate) struct Order {
    pub(crate) installation: Installation,
    pub(crate) ready_file: Option<PathBuf>,
    pub(crate) demo: Option<Demo>,
    /// Held as long as this supervisor lives.
    pub(crate) lock: Lock,
}

/// Starts all agents and keeps them running until SIGTERM or SIGINT.
pub(crate) fn run(order: Order) -> anyhow::Result<ExitCode> {
    // On a thread of its own for the name in its log lines. The agents' lives hang on this thread,
    // and the process ends with it.
    let living = thread::Builder::new().name("supervisor".to_owned());
    match living.spawn(move || supervise(order))?.join() {
        Ok(ended) => ended.map(|()| ExitCode::SUCCESS),
        Err(_) => bail!("the supervisor stopped by a mistake of its own"),
    }
}

fn supervise(order: Order) -> anyhow::Result<()> {
    let Order { installation, ready_file, demo, lock } = order;
    let Installation { config, file } = installation;
    agent_kit::logging::start(&config.log);
    let reserved = descriptors::reserve()?;
    check(&config)?;
    // systemd waits for it; the agents report to us instead.
    let up = agent_kit::Readiness::from_environment(std::iter::empty())?;
    let ports = ports::bind_all(&config)?;
    let runtime = runtime()?;
    let metrics = {
        let _within = runtime.enter();
        Listeners::bind(&Endpoint::of_metrics(&config))?
    };
    let users = users::choose(&config, demo.is_some())?;
    let ready_file =
        ready_file.map(|path| ReadyFile::new(path, &ports, &metrics, demo.as_ref())).transpose()?;

    let mut launches = Vec::new();
    for agent in Agent::ALL {
        launches.push(Launch::new(agent, &file, &config, &ports, users.get(&agent).cloned())?);
    }
    let instructions = demo.as_ref().map(|demo| demo.instructions(&config)).transpose()?;
    let readiness = Readiness::new(ready_file, instructions, up);
    let supervision = Supervision { config, launches, readiness, metrics };
    let ended = runtime.block_on(supervision.live());
    drop((reserved, lock));
    ended
}

/// What would make an agent fail at its start is said here, once and before any is started.
fn check(config: &Config) -> anyhow::Result<()> {
    check_places(config)?;
    if let (Some(certificate), Some(key)) = (&config.tls.certificate, &config.tls.key) {
        ServerTls::load(certificate, key)?;
    }
    if !has_resolver(config) {
        tracing::warn!(
            "no /etc/resolv.conf and no [dns] servers: mail to other servers waits until there is one"
        );
    }
    Ok(())
}

/// Whether the paths of our Unix sockets fit into a socket's address.
pub(crate) fn check_paths(data_dir: &Path) -> anyhow::Result<()> {
    let metrics = config::Folders::under(data_dir);
    let longest = Agent::ALL.into_iter().flat_map(|agent| {
        [launch::notify_socket(data_dir, agent), metrics.metrics_socket(agent.name())]
    });
    let longest = longest.map(|path| path.as_os_str().len()).max().unwrap_or_default();
    if let Some(excess @ 1..) = longest.checked_sub(SOCKET_PATH_MAX) {
        bail!(
            "the path {} is {excess} bytes too long for the Unix sockets in it: choose a shorter one",
            data_dir.display()
        );
    }
    Ok(())
}

/// Whether no two listeners are to have the same address.
pub(crate) fn check_places(config: &Config) -> anyhow::Result<()> {
    let endpoints = Agent::ALL.into_iter().flat_map(|agent| agent.endpoints(config));
    let endpoints = endpoints.chain(Endpoint::of_metrics(config));
    let mut taken: HashMap<SocketAddr, &str> = HashMap::new();
    for endpoint in endpoints {
        if let Place::Tcp(address) = endpoint.place
            && address.port() != 0
            && let Some(other) = taken.insert(address, endpoint.name)
        {
            bail!("{other} and {} cannot both listen on {address}", endpoint.name);
        }
    }
    Ok(())
}

/// Whether name servers are known.
pub(crate) fn has_resolver(config: &Config) -> bool {
    !config.dns.servers.is_empty() || Path::new("/etc/resolv.conf").exists()
}

/// Whether this machine has IPv6.
pub(crate) fn has_ipv6() -> bool {
    std::net::TcpListener::bind("[::1]:0").is_ok()
}

/// Runs a command of our own to its end, as another process; its words become ours.
pub(crate) fn run_command<'a>(words: impl IntoIterator<Item = &'a Path>) -> anyhow::Result<()> {
    let program = std::env::current_exe().context("cannot tell which program this is")?;
    let output = Command::new(program)
        .args(words)
        .output()
        .context("cannot start another process of this program")?;
    let said = String::from_utf8_lossy(&output.stderr);
    let mut lines = said.lines().map(|line| line.strip_prefix("postrider: ").unwrap_or(line));
    if !output.status.success() {
        bail!("{}", lines.next_back().unwrap_or("a command of our own failed without a word"));
    }
    lines.for_each(printer::note);
    Ok(())
}

struct Supervision {
    config: Config,
    launches: Vec<Launch>,
    readiness: Readiness,
    /// Where the numbers of all agents are asked for.
    metrics: Listeners,
}

impl Supervision {
    async fn live(mut self) -> anyhow::Result<()> {
        let watched = Arc::new(self.config.clone());
        tokio::spawn(metrics::serve(self.metrics.take_all(), Stop::source().stop(), move || {
            let config = watched.clone();
            async move { metrics::collect(&config).await }
        }));
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut hangup = signal(SignalKind::hangup())?;
        let on_terminal = stderr().is_terminal();
        let (orders, _) = watch::channel(Orders::default());
        let (events, mut happened) = mpsc::channel(16);
        let mut keepers = JoinSet::new();
        for launch in self.launches {
            let keeper =
                Keeper::new(launch, &self.config.supervisor, events.clone(), orders.subscribe())?;
            keepers.spawn(keeper.live());
        }

        let mut watch = self.readiness;
        let ended = loop {
            tokio::select! {
                _ = terminate.recv() => break Ok(()),
                _ = interrupt.recv() => break Ok(()),
                _ = hangup.recv() => {
                    // A terminal that was closed tells so by the same signal.
                    if on_terminal && !stderr().is_terminal() {
                        break Ok(());
                    }
                    orders.send_modify(|orders| orders.hangups += 1);
                }
                event = happened.recv() => match event {
                    Some(Event::Ready { agent, pid }) => watch.ready(agent, pid)?,
                    Some(Event::Died { agent }) => watch.died(agent),
                    Some(Event::NeverReady { agent, how }) => {
                        break Err(anyhow::anyhow!("{agent} could not start: {how}"));
                    }
                    None => break Ok(()),
                },
            }
        };
        tracing::info!("stopping");
        watch.up.stopping();
        orders.send_modify(|orders| orders.stop = true);
        // Nobody takes the events of the last moments.
        drop(happened);
        while keepers.join_next().await.is_some() {}
        watch.ended();
        ended
    }
}

/// Which agents serve, and who is told when all do.
struct Readiness {
    pids: HashMap<Agent, u32>,
    file: Option<ReadyFile>,
    instructions: Option<String>,
    /// Whoever started us.
    up: agent_kit::Readiness,
}

impl Readiness {
    fn new(
        file: Option<ReadyFile>,
        instructions: Option<String>,
        up: agent_kit::Readiness,
    ) -> Self {
        Self { pids: HashMap::new(), file, instructions, up }
    }

    fn ready(&mut self, agent: Agent, pid: u32) -> anyhow::Result<()> {
        tracing::info!(%agent, pid, "ready");
        self.pids.insert(agent, pid);
        if self.pids.len() < Agent::ALL.len() {
            return Ok(());
        }
        if let Some(file) = &self.file {
            file.write(&self.pids)?;
        }
        self.up.ready();
        // The first time only.
        match self.instructions.take() {
            Some(instructions) => printer::line(instructions),
            None => tracing::info!("all agents serve"),
        }
        Ok(())
    }

    fn died(&mut self, agent: Agent) {
        self.pids.remove(&agent);
    }

    fn ended(&self) {
        if let Some(file) = &self.file {
            file.remove();
        }
    }
}
