//! The queue in its operator's hands: destinations that rest, messages that go elsewhere or back,
//! what is counted, the view that moves.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    process::Stdio,
};

use crate::stack::{
    Plan, Stack,
    client::Client,
    dns::{Dns, Zone},
    messages::numbered,
    sink::Sink,
    wait_for,
};

/// A stack whose mail to other servers goes to a sink, and its DNS.
fn with_sink(accounts: &'static [&'static str], ip: &str) -> (Stack, Sink, Dns) {
    let sink = Sink::start(ip);
    let zone = ["x.test", "y.test"]
        .into_iter()
        .fold(Zone::default().a("mx.test", ip), |zone, name| zone.mx(name, 10, "mx.test"));
    let dns = Dns::start(zone);
    let plan = Plan::new("queue.test", accounts)
        .dns(dns.address)
        .set("relay.outbound", format!("port = {}", sink.address.port()))
        .set("relay.outbound.retry", "first_retry = \"1h\"")
        .set("metrics", "listen = [\"127.0.0.1:0\"]");
    (Stack::start(plan), sink, dns)
}

/// Submits a message and gives its queue id.
fn submit(stack: &Stack, to: &[&str]) -> String {
    let alice = stack.address("alice");
    let mut msa = Client::submission(stack.listener("smtp-submission-tls"), &alice).unwrap();
    let reply = msa.mail(&alice, to, &numbered(&alice, to[0], 1)).unwrap();
    reply.split_whitespace().find(|word| word.len() == 16).expect("an id").to_owned()
}

#[test]
fn a_destination_rests_and_goes_on() {
    let (stack, sink, _dns) = with_sink(&["alice"], "127.0.0.41");
    let said = stack.run_ok(&["queue", "pause", "x.test", "--reason", "they asked for it"]);
    assert!(
        said.contains("mail to x.test is paused since ") && said.contains(": they asked"),
        "{said}"
    );
    let id = submit(&stack, &["a@x.test"]);
    submit(&stack, &["b@y.test"]);
    wait_for("the mail to the others", || (sink.taken() == ["b@y.test"]).then_some(()));

    // Everywhere one looks.
    let list = stack.run_ok(&["queue", "list"]);
    assert!(list.contains("paused") && list.contains("they asked for it"), "{list}");
    assert!(stack.run_ok(&["queue", "show", &id]).contains("`postrider queue resume`"));
    assert!(
        stack.run_ok(&["trace", &id]).contains("now: a@x.test waits: mail to x.test is paused")
    );
    assert!(stack.run_ok(&["status"]).contains("mail to x.test is paused"));
    let stats = stack.json(&["queue", "stats"]);
    assert_eq!(stats["groups"][0]["destination"], "@x.test", "{stats}");
    assert_eq!(stats["groups"][0]["state"], "paused");
    assert_eq!(stats["paused"][0]["reason"], "they asked for it");
    assert_eq!(
        stack.json(&["queue", "list"])[0]["recipients"][0]["paused"]["reason"],
        "they asked for it"
    );
    // A retry is no way around it.
    stack.run(&["queue", "retry", "--all"]);
    assert_eq!(sink.taken(), ["b@y.test"]);

    // Nobody waits for a clock: the bell says that it goes on.
    stack.run_ok(&["queue", "resume", "x.test"]);
    wait_for("the mail that was kept", || (sink.taken() == ["b@y.test", "a@x.test"]).then_some(()));
    assert!(!stack.run(&["queue", "resume", "x.test"]).status.success(), "it is not paused");
}

#[test]
fn messages_go_elsewhere_or_back() {
    let (stack, sink, _dns) = with_sink(&["alice", "bob"], "127.0.0.42");
    sink.says(Some("450 4.7.1 Greylisted, come again"));
    let [one, two] = [submit(&stack, &["a@x.test"]), submit(&stack, &["b@x.test", "c@y.test"])];
    wait_for("three attempts", || {
        (stack.json(&["queue", "list", "--why", "greylisted"]).as_array()?.len() == 2
            && stack.run_ok(&["queue", "list"]).matches("Greylisted").count() == 3)
            .then_some(())
    });
    assert!(stack.run_ok(&["queue", "show", &one]).contains("was tried once; next attempt in "));
    assert!(
        stack.run_ok(&["trace", &one]).contains("now: a@x.test was tried once; next attempt in ")
    );
    let stats = stack.json(&["queue", "stats", "--by", "reason"]);
    assert!(stats["groups"][0]["reason"].as_str().unwrap().contains("Greylisted"), "{stats}");

    // The content, as it is.
    let content = stack.run(&["queue", "cat", &one]).stdout;
    let head = stack.run(&["queue", "cat", &one, "--headers"]).stdout;
    assert!(content.starts_with(&head) && head.ends_with(b"\r\n\r\n"));
    assert_eq!(stack.json(&["queue", "show", &one])["size"], content.len());

    // Nothing happens without a yes.
    let asked = stack.run(&["queue", "remove", "--domain", "x.test"]);
    let said = String::from_utf8_lossy(&asked.stderr).into_owned();
    assert!(!asked.status.success() && said.contains("2 messages is thrown away"), "{said}");
    assert!(said.contains("b@x.test"), "what is meant is shown: {said}");
    let tried = stack.run(&["queue", "bounce", "--all", "--dry-run"]);
    assert!(
        String::from_utf8_lossy(&tried.stderr).contains("2 messages meant; nothing was changed")
    );
    assert_eq!(stack.json(&["queue", "list"]).as_array().map(Vec::len), Some(2));

    let said =
        stack.run_ok(&["queue", "redirect", &one, "--deliver-to", &stack.address("bob"), "--yes"]);
    assert_eq!(said, format!("1 recipient redirected to {}\n", stack.address("bob")));
    let mut bob = Client::imap(stack.listener("imap-tls"), &stack.address("bob")).unwrap();
    wait_for("the message at bob's", || (bob.imap_count("INBOX") == 1).then_some(()));
    let journey = stack.run_ok(&["trace", "a@x.test"]);
    assert!(journey.contains("redirected  a@x.test: redirected to bob@queue.test"), "{journey}");
    let nobody =
        stack.run(&["queue", "redirect", "--all", "--deliver-to", "no@queue.test", "--yes"]);
    assert!(String::from_utf8_lossy(&nobody.stderr).contains("there is no such mailbox"));

    let said = stack.run_ok(&[
        "queue",
        "bounce",
        "--domain",
        "x.test",
        "--reason",
        "they are gone for good",
        "--yes",
    ]);
    assert_eq!(said, "1 recipient given up, 1 notification queued\n");
    let mut alice = Client::imap(stack.listener("imap-tls"), &stack.address("alice")).unwrap();
    wait_for("the notification", || (alice.imap_count("INBOX") == 1).then_some(()));
    let text = String::from_utf8(alice.imap_messages("INBOX").remove(0)).unwrap();
    assert!(text.contains("they are gone for good") && text.contains("b@x.test"), "{text}");
    let left = stack.json(&["queue", "list"]);
    assert_eq!(left.as_array().map(Vec::len), Some(1), "{left}");
    let journey = stack.run_ok(&["trace", &two]);
    assert!(journey.contains("failed      b@x.test: 5.0.0 returned by the operator"), "{journey}");

    sink.says(None);
    stack.run_ok(&["queue", "retry", "--to", "@y.test", "--older-than", "0s"]);
    wait_for("the last one", || (sink.taken() == ["c@y.test"]).then_some(()));
}

#[test]
fn a_blocked_port_is_told_wherever_one_looks() {
    const WORDS: &str = "it looks as if the provider of this machine blocked it";
    const CURE: &str = "a smarthost";
    let sink = Sink::start("127.0.0.46");
    // No way leads to a group of hosts by TCP: the connect fails at once, and nobody has answered.
    let names = ["one.test", "two.test", "three.test", "four.test"];
    let zone = (1..).zip(names).fold(Zone::default(), |zone, (number, name)| {
        zone.mx(name, 10, name).a(name, &format!("224.{number}.{number}.{number}"))
    });
    let dns = Dns::start(zone.mx("x.test", 10, "mx.test").a("mx.test", "127.0.0.46"));
    let plan = Plan::new("queue.test", &["alice"])
        .dns(dns.address)
        .set("relay.outbound", format!("port = {}", sink.address.port()))
        .set("relay.outbound.retry", "first_retry = \"1h\"");
    let stack = Stack::start(plan);
    let output = |command: &[&str]| {
        let output = stack.run(command);
        String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
    };
    for name in names.iter().take(3) {
        submit(&stack, &[&format!("a@{name}")]);
    }
    wait_for("three that nobody answers for", || {
        let waiting = output(&["queue", "list"]).matches("cannot connect").count();
        (waiting == 3).then_some(())
    });
    assert!(!output(&["queue", "list"]).contains(WORDS), "three dead servers prove nothing");
    submit(&stack, &["a@four.test"]);
    wait_for("the suspicion", || output(&["queue", "list"]).contains(WORDS).then_some(()));
    for said in [output(&["queue", "list"]), output(&["status"]), stack.log()] {
        assert!(said.contains(WORDS) && said.contains(CURE), "{said}");
    }
    // Somebody answers.
    submit(&stack, &["b@x.test"]);
    wait_for("the mail", || (sink.taken() == ["b@x.test"]).then_some(()));
    wait_for("the end of it", || (!output(&["queue", "list"]).contains(WORDS)).then_some(()));
    assert!(!output(&["status"]).contains(WORDS));
    assert!(stack.log().contains("other servers answer on port"));
}

#[test]
fn one_target_has_the_numbers_of_all_agents() {
    let (stack, sink, _dns) = with_sink(&["alice"], "127.0.0.43");
    submit(&stack, &["a@x.test"]);
    wait_for("the delivery", || (sink.taken().len() == 1).then_some(()));
    stack.run_ok(&["queue", "pause", "y.test"]);
    submit(&stack, &["b@y.test"]);
    let scrape = || {
        let mut stream = TcpStream::connect(stack.listener("metrics")).unwrap();
        stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, page) = answer.split_once("\r\n\r\n").expect("a head");
        assert!(
            head.starts_with("HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4"),
            "{head}"
        );
        page.to_owned()
    };
    let value = |page: &str, series: &str| -> f64 {
        let line = page.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        line.unwrap_or_else(|| panic!("no {series} in {page}")).parse().expect("a number")
    };
    let relay = "{agent=\"smtp-relay\"";
    let page = wait_for("the count of the delivery", || {
        let page = scrape();
        (value(&page, &format!("postrider_attempts_total{relay},result=\"delivered\"}}")) == 1.0)
            .then_some(page)
    });
    for agent in ["smtp-submission", "smtp-relay", "delivery-agent", "imap-server", "pop3-server"] {
        assert_eq!(value(&page, &format!("postrider_up{{agent=\"{agent}\"}}")), 1.0);
        let memory = format!("process_resident_memory_bytes{{agent=\"{agent}\"}}");
        assert!(value(&page, &memory) > 1e6);
    }
    assert_eq!(value(&page, &format!("postrider_replies_total{relay},class=\"2xx\"}}")), 1.0);
    let submission = "{agent=\"smtp-submission\"";
    assert_eq!(value(&page, &format!("postrider_messages_accepted_total{submission}}}")), 2.0);
    assert_eq!(value(&page, &format!("postrider_sign_ins_total{submission},result=\"ok\"}}")), 2.0);
    let introduced = page.lines().filter(|line| line.starts_with("# TYPE "));
    let introduced: Vec<&str> = introduced.collect();
    let distinct: std::collections::BTreeSet<&&str> = introduced.iter().collect();
    assert_eq!(introduced.len(), distinct.len(), "each family once");
    assert_eq!(stack.run_ok(&["metrics"]).lines().count(), page.lines().count());

    // An agent that is gone is told of.
    crate::stack::signal(stack.process("pop3-server"), "STOP");
    let page = scrape();
    crate::stack::signal(stack.process("pop3-server"), "CONT");
    assert_eq!(value(&page, "postrider_up{agent=\"pop3-server\"}"), 0.0);
    assert_eq!(value(&page, "postrider_up{agent=\"imap-server\"}"), 1.0);
}

#[test]
fn the_view_opens_and_quits_and_leaves_the_terminal_clean() {
    let stack = Stack::prepare(Plan::new("queue.test", &["alice"]));
    let output = stack.run(&["queue", "top"]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && said.contains("wants a terminal"), "{said}");

    // A terminal of its own (script is in every Debian's base system).
    let words = [env!("CARGO_BIN_EXE_postrider"), "queue", "top", "--config"];
    let config = stack.path("config.toml").display().to_string();
    for key in ["q", "\u{3}"] {
        let command = format!("stty rows 24 cols 100; {} '{config}'", words.join(" "));
        let mut script = std::process::Command::new("script")
            .args(["-q", "-e", "-c", &command, "/dev/null"])
            .env("TERM", "xterm")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("script of util-linux");
        let mut shown = Vec::new();
        let mut screen = script.stdout.take().expect("a pipe");
        let find =
            |shown: &[u8], what: &str| shown.windows(what.len()).any(|at| at == what.as_bytes());
        let mut read_until = |what: &str, shown: &mut Vec<u8>| {
            let mut piece = [0; 4096];
            while !find(shown, what) {
                let count = screen.read(&mut piece).expect("the terminal is read");
                assert!(count > 0, "{what:?} never came: {}", String::from_utf8_lossy(shown));
                shown.extend_from_slice(&piece[..count]);
            }
        };
        // Blanks are not written, the cursor goes over them: only words are found.
        read_until("pause/resume", &mut shown);
        assert!(find(&shown, "\u{1b}[?1049h"), "a screen of its own");
        assert!(find(&shown, "smtp-relay"), "it does not run, which is to be known");
        // Kept open: to script, the end of its input is the end of everything.
        let mut typed = script.stdin.take().expect("a pipe");
        typed.write_all(key.as_bytes()).unwrap();
        read_until("\u{1b}[?1049l", &mut shown);
        read_until("\u{1b}[?25h", &mut shown);
        assert!(script.wait().unwrap().success());
    }
}
