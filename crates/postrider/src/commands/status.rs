//! `postrider status`: is it running, and what does it hold?

use std::{
    io::{self, Read},
    net::{IpAddr, SocketAddr, TcpStream},
    os::unix::net::UnixStream,
    path::Path,
    process::ExitCode,
    time::Duration,
};

use agent_kit::{Agent, Endpoint, Place};
use message_queue::{
    Consumes,
    operator::{Counts, LaneCounts},
};
use serde_json::json;

use super::queue::{pause, why};
use crate::{
    installation::{Installation, runtime},
    printer, times,
};

/// Show whether the agents serve, and how much waits; fails if one does not serve
#[derive(clap::Args)]
pub(crate) struct Args {
    /// As JSON
    #[arg(long)]
    json: bool,
}

/// How long a listener may take to answer.
const PATIENCE: Duration = Duration::from_secs(2);

/// Who takes messages out of the queue, and whither.
const CONSUMERS: [(Agent, Consumes, &str); 2] = [
    (Agent::DeliveryAgent, Consumes::Local, "to mailboxes"),
    (Agent::SmtpRelay, Consumes::Remote, "to other servers"),
];

/// What one listener does.
struct Served {
    agent: Agent,
    name: &'static str,
    place: Place,
    /// The error otherwise; nothing is known where the kernel chose the port.
    serves: Option<Result<(), String>>,
}

pub(crate) fn run(args: Args, config: Option<&Path>) -> anyhow::Result<ExitCode> {
    let installation = Installation::find_as_owner(config)?;
    let served = served(&installation);
    runtime()?.block_on(async {
        let queue = installation.queue().await?;
        let (counts, paused) = (queue.counts().await?, queue.paused().await?);
        let conditions = queue.conditions().await?;
        let consumers = CONSUMERS.map(|(agent, lanes, to)| (agent, to, queue.is_consumed(lanes)));
        let directory = installation.directory();
        let (domains, accounts) = (directory.domains().await?, directory.accounts().await?);
        let free = stable_storage::free_space(&installation.config.data_dir).ok();
        if args.json {
            let listeners: Vec<_> = served.iter().map(value).collect();
            let consumers = consumers.map(
                |(agent, to, serves)| json!({"agent": agent.name(), "takes": to, "serves": serves}),
            );
            let (local, remote) = (lane(counts.local), lane(counts.remote));
            let oldest = counts.oldest.map(times::utc);
            printer::json(&json!({
                "listeners": listeners,
                "consumers": consumers,
                "queue": {
                    "local": local,
                    "remote": remote,
                    "oldest": oldest,
                    "paused": pause::values(&paused),
                    "conditions": why::conditions(&conditions),
                },
                "domains": domains.len(),
                "accounts": accounts.len(),
                "disk_free_bytes": free,
            }))?;
        } else {
            let mut rows: Vec<_> = served.iter().map(row).collect();
            rows.extend(consumers.map(|(agent, to, serves)| {
                let state = if serves { "serves" } else { "does not run" };
                [agent.name(), "queue", to, state].map(str::to_owned)
            }));
            printer::table(["agent", "listener", "at", "state"], &rows, "nothing listens");
            printer::line("");
            show_counts(&counts);
            why::matters(&queue).await?.iter().for_each(printer::line);
            let domains = printer::count(domains.len(), "domain");
            let accounts = printer::count(accounts.len(), "account");
            printer::line(format!("directory: {domains}, {accounts}"));
            if let Some(free) = free {
                printer::line(format!("disk: {} MiB free", free >> 20));
            }
        }
        let all = served.iter().all(|served| !matches!(served.serves, Some(Err(_))))
            && consumers.iter().all(|(_, _, serves)| *serves);
        Ok(if all { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    })
}

fn served(installation: &Installation) -> Vec<Served> {
    let config = &installation.config;
    let endpoints =
        |agent: Agent| agent.endpoints(config).into_iter().map(move |endpoint| (agent, endpoint));
    Agent::ALL
        .into_iter()
        .flat_map(endpoints)
        .filter(|(_, endpoint)| endpoint.name != "metrics")
        .map(|(agent, endpoint)| {
            let serves = serves(&endpoint);
            Served { agent, name: endpoint.name, place: endpoint.place, serves }
        })
        .collect()
}

/// Whether an agent is behind the listener. `postrider up` and systemd hold the sockets themselves,
/// so that a connection alone proves nothing: the agent must greet, except where TLS comes first.
fn serves(endpoint: &Endpoint) -> Option<Result<(), String>> {
    let greets = !endpoint.name.ends_with("-tls");
    let greeted = match &endpoint.place {
        Place::Tcp(address) if address.port() == 0 => return None,
        Place::Tcp(address) => {
            TcpStream::connect_timeout(&reachable(*address), PATIENCE).and_then(|stream| {
                stream.set_read_timeout(Some(PATIENCE))?;
                if greets { greeting(stream) } else { Ok(()) }
            })
        }
        Place::Unix(path) => UnixStream::connect(path).and_then(|stream| {
            stream.set_read_timeout(Some(PATIENCE))?;
            greeting(stream)
        }),
    };
    Some(greeted.map_err(|error| match error.kind() {
        io::ErrorKind::ConnectionRefused | io::ErrorKind::NotFound => "does not run".to_owned(),
        io::ErrorKind::WouldBlock => "accepts, but does not answer".to_owned(),
        _ => error.to_string(),
    }))
}

/// The first byte of a greeting is enough.
fn greeting(mut stream: impl Read) -> io::Result<()> {
    stream.read_exact(&mut [0])
}

/// What listens everywhere is reached on loopback.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::from([127, 0, 0, 1]),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::from([0, 0, 0, 0, 0, 0, 0, 1]),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

fn row(served: &Served) -> [String; 4] {
    let state = match &served.serves {
        None => "unknown: the port was to be any free one".to_owned(),
        Some(Ok(())) => "serves".to_owned(),
        Some(Err(error)) => error.clone(),
    };
    [served.agent.to_string(), served.name.to_owned(), served.place.to_string(), state]
}

fn value(served: &Served) -> serde_json::Value {
    json!({
        "agent": served.agent.name(),
        "listener": served.name,
        "at": served.place.to_string(),
        "serves": served.serves.as_ref().map(Result::is_ok),
    })
}

fn show_counts(counts: &Counts) {
    for (name, lane) in [("local", counts.local), ("other servers", counts.remote)] {
        let LaneCounts { waiting, leased, held, set_aside } = lane;
        printer::line(format!(
            "queue to {name}: {waiting} waiting, {leased} under way, {held} held, \
             {set_aside} set aside"
        ));
    }
    if let Some(oldest) = counts.oldest {
        printer::line(format!("oldest in the queue: {}", times::local(oldest)));
    }
}

fn lane(counts: LaneCounts) -> serde_json::Value {
    let LaneCounts { waiting, leased, held, set_aside } = counts;
    json!({"waiting": waiting, "leased": leased, "held": held, "set_aside": set_aside})
}
