//! The agents under users of their own, with the folders and groups that deploy/ installs: mail
//! still goes the whole way, and each agent can open what it needs and nothing else.

use std::{
    collections::BTreeMap,
    fs,
    net::SocketAddr,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use crate::stack::{PASSWORD, client::Client, messages::numbered, ports::Ports, signal, wait_for};

/// Agent, its user in deploy/sysusers.conf.
const AGENTS: [(&str, &str); 5] = [
    ("smtp-submission", "postrider-submission"),
    ("smtp-relay", "postrider-relay"),
    ("delivery-agent", "postrider-delivery"),
    ("imap-server", "postrider-imap"),
    ("pop3-server", "postrider-pop3"),
];

/// What, and how each agent of [`AGENTS`] may open it: `r`ead, read and `w`rite, or not (`-`).
const MAY: [(&str, &str); 7] = [
    ("data/directory/directory.db", "rrrrr"),
    ("data/credentials/credentials.db", "r--rr"),
    ("data/queue/queue.db", "www--"),
    ("data/mail/ACCOUNT/cur", "--www"),
    ("data/usage/usage.db", "-wwww"),
    ("data/sign-ins/sign-ins.db", "w--ww"),
    ("tls/key.pem", "rr-rr"),
];

#[test]
fn each_agent_opens_only_what_it_needs() {
    if fs::metadata("/proc/self").map_or(1, |m| m.uid()) != 0
        || Command::new("setpriv").arg("--version").output().is_err()
    {
        assert!(
            std::env::var_os("POSTRIDER_NO_SKIP").is_none(),
            "this test needs root and setpriv"
        );
        println!("skipped: the test of users and modes needs root and setpriv (util-linux)");
        return;
    }
    let house = House::build();
    house.admin(&["migrate"], b"");
    house.admin(&["domain", "add", "users.test"], b"");
    for account in ["alice@users.test", "bob@users.test"] {
        house.admin(&["account", "add", account, "--password-stdin"], PASSWORD.as_bytes());
    }
    let _agents: Vec<Agent> = AGENTS.iter().map(|(agent, user)| house.run(agent, user)).collect();
    let mut msa = wait_for("submission", || {
        Client::submission(house.port("smtp-submission-tls"), "alice@users.test").ok()
    });
    let reply = msa
        .mail(
            "alice@users.test",
            &["bob@users.test"],
            &numbered("alice@users.test", "bob@users.test", 1),
        )
        .unwrap();
    assert!(reply.starts_with("250"), "{reply}\n{}", house.log());
    let mut imap = wait_for("IMAP", || Client::imap(house.port("imap-tls"), "bob@users.test").ok());
    wait_for("the message", || (imap.imap_count("INBOX") == 1).then_some(()));
    let mut pop3 = wait_for("POP3", || Client::pop3(house.port("pop3-tls"), "bob@users.test").ok());
    assert!(pop3.pop3_ok("STAT").starts_with("+OK 1 "));
    wait_for("the relay", || Client::smtp(house.port("smtp-relay")).ok());

    let account = fs::read_dir(house.path("data/mail"))
        .expect("the mail folder")
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
        .find(|name| name.bytes().all(|b| b.is_ascii_digit()))
        .expect("an account's folder");
    let mut findings = Vec::new();
    for (what, modes) in MAY {
        let path = house.path(&what.replace("ACCOUNT", &account));
        assert!(path.exists(), "{} is not there", path.display());
        for ((agent, user), mode) in AGENTS.iter().zip(modes.chars()) {
            let can = (house.test(user, "-r", &path), house.test(user, "-w", &path));
            let may = (mode != '-', mode == 'w');
            if can != may {
                findings.push(format!(
                    "{agent} and {what}: (read, write) is {can:?} and should be {may:?}"
                ));
            }
        }
    }
    assert!(findings.is_empty(), "{}", findings.join("\n"));
}

/// The installation: folders as deploy/tmpfiles.conf says, under numbers for the users of
/// deploy/sysusers.conf, which need not exist on this machine.
struct House {
    folder: tempfile::TempDir,
    /// Users and groups by name; a user's own group has its name.
    ids: BTreeMap<String, u32>,
    /// The groups that a user is in.
    members: BTreeMap<String, Vec<String>>,
    ports: Ports,
}

impl House {
    fn build() -> Self {
        let deploy = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy");
        let lines = |name: &str| -> Vec<Vec<String>> {
            fs::read_to_string(deploy.join(name))
                .expect("deploy/ is there")
                .lines()
                .filter(|line| !line.starts_with('#') && !line.trim().is_empty())
                .map(|line| line.split_whitespace().map(str::to_owned).collect())
                .collect()
        };
        let (mut ids, mut members) =
            (BTreeMap::from([("root".to_owned(), 0)]), BTreeMap::<String, Vec<String>>::new());
        for line in lines("sysusers.conf") {
            let next = 64_100 + u32::try_from(ids.len()).expect("few users");
            match line[0].as_str() {
                "u" | "g" => drop(ids.entry(line[1].clone()).or_insert(next)),
                "m" => members.entry(line[1].clone()).or_default().push(line[2].clone()),
                other => panic!("sysusers.conf has a line of kind {other}"),
            }
        }
        let folder = tempfile::tempdir().expect("a temporary folder");
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).expect("a mode");
        for line in lines("tmpfiles.conf") {
            let place = match line[1].strip_prefix("/var/lib/postrider") {
                Some(rest) => format!("data{rest}"),
                None => line[1].replace("/etc/postrider/", "").replace("/etc/postrider", "etc"),
            };
            let path = folder.path().join(place);
            fs::create_dir_all(&path).expect("a folder");
            std::os::unix::fs::chown(&path, Some(ids[&line[3]]), Some(ids[&line[4]]))
                .expect("an owner");
            let mode = u32::from_str_radix(&line[2], 8).expect("a mode");
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("a mode");
        }
        fs::copy(env!("CARGO_BIN_EXE_postrider"), folder.path().join("postrider"))
            .expect("the executable");
        let house = Self { folder, ids, members, ports: Ports::keep("127.0.0.1") };
        house.write_config();
        house
    }

    fn write_config(&self) {
        let made =
            rcgen::generate_simple_self_signed(vec!["localhost".into()]).expect("a certificate");
        fs::write(self.path("tls/certificate.pem"), made.cert.pem()).expect("written");
        let key = self.path("tls/key.pem");
        fs::write(&key, made.signing_key.serialize_pem()).expect("written");
        // As deploy/README.md tells the operator to.
        std::os::unix::fs::chown(&key, None, Some(self.ids["postrider-tls"])).expect("a group");
        fs::set_permissions(&key, fs::Permissions::from_mode(0o640)).expect("a mode");
        // Every agent reads its configuration first; only those that speak TLS come to the rest.
        let certificate = self.path("tls/certificate.pem");
        let p = |name: &str| self.ports.of(name);
        let text = format!(
            "hostname = \"mail.users.test\"\ndata_dir = \"data\"\n[tls]\ncertificate = \"{}\"\nkey = \"{}\"\n[submission]\nlisten = [\"{}\"]\nlisten_tls = [\"{}\"]\n[relay]\nlisten = [\"{}\"]\n[imap]\nlisten = [\"{}\"]\nlisten_tls = [\"{}\"]\n[pop3]\nlisten = [\"{}\"]\nlisten_tls = [\"{}\"]\n",
            certificate.display(),
            key.display(),
            p("smtp-submission"),
            p("smtp-submission-tls"),
            p("smtp-relay"),
            p("imap"),
            p("imap-tls"),
            p("pop3"),
            p("pop3-tls"),
        );
        fs::write(self.path("config.toml"), text).expect("written");
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn port(&self, listener: &str) -> SocketAddr {
        self.ports.of(listener)
    }

    fn log(&self) -> String {
        fs::read_to_string(self.path("log")).unwrap_or_default()
    }

    /// A command of the operator, who is root.
    fn admin(&self, args: &[&str], input: &[u8]) {
        use std::io::Write as _;
        let mut child = Command::new(self.path("postrider"))
            .args(args)
            .arg("--config")
            .arg(self.path("config.toml"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("postrider starts");
        child.stdin.take().expect("a pipe").write_all(input).expect("the input is taken");
        let output = child.wait_with_output().expect("postrider ends");
        assert!(output.status.success(), "{args:?}: {output:?}");
    }

    /// A command under a user and its groups.
    fn under(&self, user: &str, program: &Path) -> Command {
        let groups: Vec<String> = self
            .members
            .get(user)
            .into_iter()
            .flatten()
            .map(|group| self.ids[group].to_string())
            .collect();
        let mut command = Command::new("setpriv");
        let id = self.ids[user].to_string();
        command.args([
            "--reuid",
            &id,
            "--regid",
            &id,
            "--groups",
            &groups.join(","),
            "--inh-caps=-all",
        ]);
        // The unit files set UMask=0007.
        command.args(["--", "/bin/sh", "-c", "umask 0007; exec \"$0\" \"$@\""]).arg(program);
        command
    }

    fn run(&self, agent: &str, user: &str) -> Agent {
        let log =
            fs::OpenOptions::new().create(true).append(true).open(self.path("log")).expect("a log");
        let child = self
            .under(user, &self.path("postrider"))
            .args(["run", agent, "--config"])
            .arg(self.path("config.toml"))
            .stdout(log.try_clone().expect("the log twice"))
            .stderr(log)
            .spawn()
            .expect("setpriv starts");
        Agent(child)
    }

    fn test(&self, user: &str, how: &str, path: &Path) -> bool {
        self.under(user, Path::new("test"))
            .arg(how)
            .arg(path)
            .status()
            .expect("test runs")
            .success()
    }
}

/// A running agent; ends with the test.
struct Agent(Child);

impl Drop for Agent {
    fn drop(&mut self) {
        signal(self.0.id(), "TERM");
        let _ = self.0.wait();
    }
}
