//! A Postrider of real processes in a temporary folder, started by `postrider up` as an operator
//! would, with what a story needs beside it: a DNS server on loopback, small clients, the command
//! line.

pub(crate) mod client;
pub(crate) mod dns;
pub(crate) mod keeper;
pub(crate) mod messages;
pub(crate) mod ports;
pub(crate) mod sink;

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    thread,
    time::{Duration, Instant},
};

use ports::Ports;
use serde_json::Value;

/// How long anything in a story may take before it counts as never.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// The password of every account of a story.
pub(crate) const PASSWORD: &str = "correct horse battery";

/// Waits until `probe` gives something; the clock only bounds how long we look.
pub(crate) fn wait_for<T>(what: &str, mut probe: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = probe() {
            return found;
        }
        assert!(start.elapsed() < PATIENCE, "never happened: {what}");
        thread::sleep(Duration::from_millis(20));
    }
}

/// What a stack is made of, before it starts.
pub(crate) struct Plan {
    pub(crate) domain: &'static str,
    pub(crate) accounts: &'static [&'static str],
    /// Where it listens; the ports are kept for it.
    pub(crate) ip: &'static str,
    /// The DNS server it asks.
    pub(crate) dns: Option<SocketAddr>,
    /// Lines added to a section of the configuration: `("relay.outbound", "port = 2525")`.
    pub(crate) settings: Vec<(&'static str, String)>,
}

impl Plan {
    pub(crate) fn new(domain: &'static str, accounts: &'static [&'static str]) -> Self {
        Self { domain, accounts, ip: "127.0.0.1", dns: None, settings: Vec::new() }
    }

    pub(crate) fn at(mut self, ip: &'static str) -> Self {
        self.ip = ip;
        self
    }

    pub(crate) fn dns(mut self, server: SocketAddr) -> Self {
        self.dns = Some(server);
        self
    }

    pub(crate) fn set(mut self, section: &'static str, line: impl Into<String>) -> Self {
        self.settings.push((section, line.into()));
        self
    }

    /// The configuration file's text.
    fn config(&self, ports: &Ports) -> String {
        let listen = |name: &str| format!("\"{}\"", ports.of(name));
        let mut sections: Vec<(&str, String)> = vec![
            ("", format!("hostname = \"mail.{}\"\ndata_dir = \"data\"\n", self.domain)),
            ("tls", "certificate = \"certificate.pem\"\nkey = \"key.pem\"\n".into()),
            (
                "submission",
                format!(
                    "listen = [{}]\nlisten_tls = [{}]\n",
                    listen("smtp-submission"),
                    listen("smtp-submission-tls")
                ),
            ),
            ("relay", format!("listen = [{}]\n", listen("smtp-relay"))),
            (
                "imap",
                format!("listen = [{}]\nlisten_tls = [{}]\n", listen("imap"), listen("imap-tls")),
            ),
            (
                "pop3",
                format!("listen = [{}]\nlisten_tls = [{}]\n", listen("pop3"), listen("pop3-tls")),
            ),
        ];
        if let Some(server) = self.dns {
            sections.push(("dns", format!("servers = [\"{server}\"]\n")));
        }
        for (section, line) in &self.settings {
            match sections.iter_mut().find(|(name, _)| name == section) {
                Some((_, text)) => *text += &format!("{line}\n"),
                None => sections.push((section, format!("{line}\n"))),
            }
        }
        sections
            .into_iter()
            .map(|(name, text)| if name.is_empty() { text } else { format!("\n[{name}]\n{text}") })
            .collect()
    }
}

/// A running stack; stopped when dropped.
pub(crate) struct Stack {
    folder: tempfile::TempDir,
    plan: Plan,
    /// Each start takes the same ports, however long after the last.
    ports: Ports,
    up: Option<Child>,
}

impl Stack {
    /// Makes the folder, the certificate, the domain and its accounts, and starts everything.
    pub(crate) fn start(plan: Plan) -> Self {
        Self::start_in(&std::env::temp_dir(), plan)
    }

    /// The same in this folder.
    pub(crate) fn start_in(place: &Path, plan: Plan) -> Self {
        let mut stack = Self::prepare_in(place, plan);
        stack.up();
        stack
    }

    /// All that [`Stack::start`] does except starting.
    pub(crate) fn prepare(plan: Plan) -> Self {
        Self::prepare_in(&std::env::temp_dir(), plan)
    }

    /// A folder with nothing in it: what is to come out of a backup, with the ports of the stack
    /// that it was made of.
    pub(crate) fn empty(plan: Plan) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        Self { folder, plan, ports: Ports::default(), up: None }
    }

    /// The same in this folder.
    pub(crate) fn prepare_in(place: &Path, plan: Plan) -> Self {
        let folder = tempfile::tempdir_in(place).expect("a temporary folder");
        certificate(folder.path(), plan.domain, plan.ip);
        let ports = Ports::keep(plan.ip);
        fs::write(folder.path().join("config.toml"), plan.config(&ports))
            .expect("the configuration is written");
        let stack = Self { folder, plan, ports, up: None };
        stack.run_ok(&["migrate"]);
        stack.run_ok(&["domain", "add", stack.plan.domain]);
        for account in stack.plan.accounts {
            let address = format!("{account}@{}", stack.plan.domain);
            let output = stack.run_with_input(
                &["account", "add", &address, "--password-stdin"],
                PASSWORD.as_bytes(),
            );
            assert!(output.status.success(), "account add: {output:?}");
        }
        stack
    }

    /// Starts all agents and waits until every listener accepts.
    pub(crate) fn up(&mut self) {
        let ready = self.path("ready.json");
        let _ = fs::remove_file(&ready);
        let log = fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.path("log"))
            .expect("a log file");
        let child = self
            .command(&["up", "--ready-file", &ready.display().to_string()])
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("the log file twice"))
            .stderr(log)
            .spawn()
            .expect("postrider starts");
        self.up = Some(child);
        wait_for("the ready file", || {
            if let Some(status) =
                self.up.as_mut().and_then(|up| up.try_wait().expect("a child can be waited for"))
            {
                panic!("postrider up ended with {status}:\n{}", self.end_of_log());
            }
            ready.exists().then_some(())
        });
    }

    /// Stops all agents as an operator would, and waits for the end.
    pub(crate) fn down(&mut self) {
        if let Some(mut up) = self.up.take() {
            signal(up.id(), "TERM");
            wait_for("the end of postrider up", || {
                up.try_wait().expect("a child can be waited for")
            });
        }
    }

    /// The content of the ready file.
    pub(crate) fn ready(&self) -> Value {
        let text = fs::read(self.path("ready.json")).expect("the ready file");
        serde_json::from_slice(&text).expect("the ready file is JSON")
    }

    /// The first address of a listener.
    pub(crate) fn listener(&self, name: &str) -> SocketAddr {
        let ready = self.ready();
        let address = ready["listeners"][name][0]
            .as_str()
            .unwrap_or_else(|| panic!("no listener {name}: {ready}"));
        address.parse().expect("an address")
    }

    /// The process id of an agent.
    pub(crate) fn process(&self, agent: &str) -> u32 {
        let pid = self.ready()["processes"][agent]
            .as_u64()
            .unwrap_or_else(|| panic!("no process {agent}"));
        u32::try_from(pid).expect("a process id")
    }

    /// Kills an agent without a chance to tidy up, and waits until the supervisor has a new one.
    pub(crate) fn kill(&self, agent: &str) {
        let before = self.process(agent);
        signal(before, "KILL");
        wait_for("the agent's successor", || (self.process(agent) != before).then_some(()));
    }

    /// A file below the stack's folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Everything that was logged.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.path("log")).unwrap_or_default()
    }

    /// Its last lines, each with the name of the stack.
    fn end_of_log(&self) -> String {
        let log = self.log();
        let lines: Vec<&str> = log.lines().collect();
        let end = lines.len().saturating_sub(60);
        lines[end..].iter().map(|line| format!("{}: {line}\n", self.plan.domain)).collect()
    }

    /// Where a listener listens while the stack runs.
    pub(crate) fn kept_port(&self, name: &str) -> SocketAddr {
        self.ports.of(name)
    }

    /// `postrider ARGS --config ...`, not started yet.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_postrider"));
        command
            .args(args)
            .arg("--config")
            .arg(self.path("config.toml"))
            .env_remove("NOTIFY_SOCKET");
        command
    }

    /// Runs a command of the command line to its end.
    pub(crate) fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().expect("postrider starts")
    }

    /// Runs a command that must succeed, and gives what it printed.
    pub(crate) fn run_ok(&self, args: &[&str]) -> String {
        let output = self.run(args);
        assert!(output.status.success(), "{args:?}: {output:?}");
        String::from_utf8(output.stdout).expect("printed text is UTF-8")
    }

    /// Runs a `--json` command.
    pub(crate) fn json(&self, args: &[&str]) -> Value {
        let text = self.run_ok(&[args, &["--json"]].concat());
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{args:?}: {error}: {text}"))
    }

    /// Runs a command with something on its standard input.
    pub(crate) fn run_with_input(&self, args: &[&str], input: &[u8]) -> Output {
        use std::io::Write as _;
        let mut child = self
            .command(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("postrider starts");
        child.stdin.take().expect("a pipe").write_all(input).expect("the input is taken");
        child.wait_with_output().expect("postrider ends")
    }

    /// An address of this stack's domain.
    pub(crate) fn address(&self, local: &str) -> String {
        format!("{local}@{}", self.plan.domain)
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        if let Some(up) = &mut self.up {
            signal(up.id(), "TERM");
            let _ = up.wait();
        }
        if thread::panicking() {
            eprint!("{}", self.end_of_log());
        }
    }
}

/// Sends a signal to a process that a story started. Every shell has `kill` built in; the program
/// of that name is missing on small systems.
pub(crate) fn signal(pid: u32, name: &str) {
    let status = Command::new("sh").args(["-c", &format!("kill -{name} {pid}")]).status();
    assert!(status.is_ok(), "there is no shell");
}

/// A self-signed certificate for the host, as files that the configuration names.
fn certificate(folder: &Path, domain: &str, ip: &str) {
    let names = vec![format!("mail.{domain}"), "localhost".into(), ip.to_owned()];
    let made = rcgen::generate_simple_self_signed(names).expect("a certificate");
    fs::write(folder.join("certificate.pem"), made.cert.pem()).expect("written");
    fs::write(folder.join("key.pem"), made.signing_key.serialize_pem()).expect("written");
}
