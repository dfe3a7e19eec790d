//! Backups of a house that works: what comes back is what was there, and what is damaged is said.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Stdio,
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use serde_json::Value;
use testkit::small_disk;

use crate::stack::{
    PATIENCE, Plan, Stack,
    client::Client,
    dns::{Dns, Zone},
    messages::numbered,
    signal, wait_for,
};

/// What a mail client sees of an account: each mailbox with its UIDVALIDITY and its messages, by
/// UID.
type Seen = BTreeMap<String, (u64, Vec<(String, Vec<u8>)>)>;

fn see(stack: &Stack, account: &str) -> Seen {
    let mut imap = Client::imap(stack.listener("imap-tls"), &stack.address(account)).unwrap();
    let mut seen = Seen::new();
    let listed = imap.imap_ok("LIST \"\" *");
    for name in listed.iter().filter_map(|line| line.rsplit_once(" \"/\" ")) {
        let name = name.1.trim_matches('"').to_owned();
        let selected = imap.imap_ok(&format!("EXAMINE \"{name}\"")).join("\n");
        let epoch = selected.split("[UIDVALIDITY ").nth(1).unwrap().split(']').next().unwrap();
        let facts = imap.imap_ok("UID FETCH 1:* (UID FLAGS INTERNALDATE RFC822.SIZE)");
        let facts = facts.iter().filter_map(|line| line.split_once(" FETCH "));
        let facts: Vec<_> = facts.map(|(_, facts)| without_recent(facts)).collect();
        let bodies = imap.imap_messages(&name);
        assert_eq!(facts.len(), bodies.len());
        seen.insert(name, (epoch.parse().unwrap(), facts.into_iter().zip(bodies).collect()));
    }
    seen
}

/// What is recent is one session's, and no fact of the message.
fn without_recent(facts: &str) -> String {
    facts.replace("\\Recent ", "").replace(" \\Recent", "").replace("\\Recent", "")
}

/// The same without the epochs.
fn messages(seen: &Seen) -> BTreeMap<&String, &Vec<(String, Vec<u8>)>> {
    seen.iter().map(|(name, (_, messages))| (name, messages)).collect()
}

/// What POP3 calls the first message.
fn unique_id(stack: &Stack, account: &str) -> String {
    let mut pop3 = Client::pop3(stack.listener("pop3-tls"), &stack.address(account)).unwrap();
    let id = pop3.pop3_ok("UIDL 1");
    pop3.pop3_ok("QUIT");
    id
}

/// A Maildir of messages, brought in by `import`.
fn furnish(stack: &Stack, account: &str, count: usize) {
    let old = stack.path(&format!("old-{account}"));
    for folder in ["cur", "new", ".Work.2026/cur"] {
        fs::create_dir_all(old.join(folder)).unwrap();
    }
    fs::write(old.join("dovecot-keywords"), "0 $Work\n1 blau\n").unwrap();
    for number in 0..count {
        let folder = if number % 3 == 0 { ".Work.2026/cur" } else { "cur" };
        let flags = ["", "S", "FS", "Sa", "RSab"][number % 5];
        let flags = if folder == "cur" { flags.to_owned() } else { flags.replace(['a', 'b'], "") };
        let path =
            old.join(folder).join(format!("{}.{number}.host:2,{flags}", 1_700_000_000 + number));
        let text = if number == 7 {
            [&numbered("a@x", "b@y", number)[..], &b"0123456789abcdef\r\n".repeat(30_000)].concat()
        } else {
            numbered("a@x", "b@y", number)
        };
        fs::write(path, text).unwrap();
    }
    let source = format!("maildir:{}", old.display());
    stack.run_ok(&["import", &stack.address(account), &source]);
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn create(stack: &Stack, repository: &Path) -> Value {
    stack.json(&["backup", "create", text(repository)])
}

fn verify(stack: &Stack, repository: &Path) -> (bool, Value) {
    let output = stack.run(&["backup", "verify", text(repository), "--json"]);
    let report = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"));
    (output.status.success(), report)
}

fn contents(repository: &Path) -> Vec<PathBuf> {
    let folders = fs::read_dir(repository.join("files")).unwrap();
    let files = folders.flat_map(|folder| fs::read_dir(folder.unwrap().path()).unwrap());
    files.map(|file| file.unwrap().path()).collect()
}

#[test]
fn a_house_comes_back_as_it_was_when_the_backup_was_made() {
    let zone = Zone::default().broken("later.test");
    let dns = Dns::start(zone);
    let plan = || Plan::new("backup.test", &["alice", "bob"]).dns(dns.address);
    let mut stack = Stack::start(plan());
    let repository = stack.path("repository");
    let (alice, bob) = (stack.address("alice"), stack.address("bob"));
    furnish(&stack, "alice", 60);

    // Mail comes, is read, moved and expunged, while backups are made.
    let stop = AtomicBool::new(false);
    let first = thread::scope(|scope| {
        scope.spawn(|| {
            let mut smtp =
                Client::submission(stack.listener("smtp-submission-tls"), &alice).unwrap();
            for number in 1000.. {
                let to: &[&str] =
                    if number % 10 == 0 { &["x@later.test"] } else { &[&bob, &alice] };
                let content = numbered(&alice, to[0], number);
                let more = b"0123456789abcdef\r\n".repeat(number % 7 * 500);
                let reply = smtp.mail(&alice, to, &[content, more].concat()).unwrap();
                assert!(reply.starts_with("250"), "{reply}");
                if stop.load(Ordering::Relaxed) && number >= 1020 {
                    return;
                }
            }
        });
        scope.spawn(|| {
            let mut imap = Client::imap(stack.listener("imap-tls"), &bob).unwrap();
            while !stop.load(Ordering::Relaxed) {
                imap.imap_ok("SELECT INBOX");
                imap.imap_ok("UID STORE 1:* +FLAGS (\\Seen $Read)");
                let _ = imap.imap_command("MOVE 2:3 Archive");
                let _ = imap.imap_command("COPY 1 Junk");
                let _ = imap.imap_command("STORE 1 +FLAGS (\\Deleted)");
                imap.imap_ok("EXPUNGE");
            }
        });
        let made: Vec<Value> = (0..4).map(|_| create(&stack, &repository)).collect();
        stop.store(true, Ordering::Relaxed);
        made
    });
    for made in &first {
        assert_eq!(made["missing"], Value::Array(vec![]), "{made}");
    }
    let waits = |stack: &Stack, state: &str| {
        let listed = stack.json(&["queue", "list", "--state", state]);
        listed.as_array().map_or(0, Vec::len)
    };
    wait_for("all own mail to be delivered", || {
        let stats = stack.json(&["queue", "list"]);
        let all = stats.as_array().unwrap();
        all.iter().all(|entry| entry.to_string().contains("later.test")).then_some(())
    });

    let seen = (see(&stack, "alice"), see(&stack, "bob"));
    let known_as = unique_id(&stack, "alice");
    let waiting = waits(&stack, "waiting");
    assert!(waiting >= 2, "mail waits for another server");
    let with_secrets = stack.json(&["backup", "create", text(&repository), "--with-secrets"]);
    assert_eq!(with_secrets["missing"], Value::Array(vec![]));
    // What happens after the backup is not in it.
    let mut imap = Client::imap(stack.listener("imap-tls"), &alice).unwrap();
    imap.imap_ok("SELECT INBOX");
    imap.imap_ok("STORE 1:* +FLAGS (\\Deleted)");
    imap.imap_ok("EXPUNGE");
    imap.imap_ok("DELETE Work/2026");
    drop(imap);
    let (whole, report) = verify(&stack, &repository);
    assert!(whole, "{report}");
    stack.down();

    // Onto an empty machine: the configuration comes back too.
    let mut again = Stack::empty(plan());
    let told = again.json(&["backup", "restore", text(&repository)]);
    assert!(again.path("config.toml").exists() && again.path("key.pem").exists(), "{told}");
    assert_eq!(
        (&told["damaged"], &told["missing_secrets"]),
        (&serde_json::json!([]), &serde_json::json!([]))
    );
    assert!(told["held"].as_u64().unwrap() >= 2, "{told}");
    again.up();
    let back = (see(&again, "alice"), see(&again, "bob"));
    assert_eq!(messages(&back.0), messages(&seen.0));
    assert_eq!(messages(&back.1), messages(&seen.1));
    for (name, (epoch, _)) in &back.0 {
        assert!(*epoch > seen.0[name].0, "{name}: UIDs may have been given since");
    }
    assert_eq!(unique_id(&again, "alice"), known_as, "POP3 clients know their messages");
    assert_eq!((waits(&again, "held"), waits(&again, "waiting")), (waiting, 0));
    // It works on: mail comes, and gets the next UIDs.
    let mut smtp = Client::submission(again.listener("smtp-submission-tls"), &alice).unwrap();
    assert!(smtp.mail(&alice, &[&bob], &numbered(&alice, &bob, 1)).unwrap().starts_with("250"));
    let mut imap = Client::imap(again.listener("imap-tls"), &bob).unwrap();
    let before = seen.1["INBOX"].1.len();
    wait_for("new mail", || (imap.imap_count("INBOX") > before).then_some(()));
    again.down();
    let refused = again.run(&["backup", "restore", text(&repository)]);
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && said.contains("not empty"), "{said}");

    // An earlier one, made while mail moved: each row has its file, and nobody is in between.
    let id = first[1]["backup"].as_str().unwrap();
    let args = ["backup", "restore", text(&repository), id, "--replace", "--same-uids"];
    let told = again.json(&args);
    assert!(again.path("data").join(Path::new(told["moved_to"].as_str().unwrap())).is_dir());
    again.up();
    for account in ["alice", "bob"] {
        for (_, (_, all)) in see(&again, account) {
            for (facts, message) in all {
                let subject = String::from_utf8_lossy(&message).into_owned();
                let number = subject.split("Subject: number ").nth(1).unwrap();
                let number = number.split('\r').next().unwrap();
                assert!(subject.contains(&format!("This is message {number}.")), "{facts}");
                assert!(facts.contains(&format!("RFC822.SIZE {}", message.len())), "{facts}");
            }
        }
    }
    assert_eq!(see(&again, "alice")["Work/2026"], seen.0["Work/2026"], "the epoch too");
}

#[test]
fn a_kill_leaves_no_backup_and_damage_is_named() {
    let stack = Stack::start(Plan::new("damage.test", &["alice"]));
    let repository = stack.path("repository");
    furnish(&stack, "alice", 40);
    let first = create(&stack, &repository);
    assert!(first["new_files"].as_u64().unwrap() >= 40, "{first}");

    // Killed in the middle: a file of holes takes long to copy.
    let tls_results = stack.path("data/queue/tls-results");
    fs::create_dir_all(&tls_results).unwrap();
    fs::write(tls_results.join("1"), "small").unwrap();
    fs::File::create(tls_results.join("2")).unwrap().set_len(2 << 30).unwrap();
    for round in 0..2 {
        let mut killed = stack
            .command(&["backup", "create", text(&repository)])
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        wait_for("an unfinished backup", || {
            let files = fs::read_dir(repository.join("tmp")).unwrap().flatten();
            let begun = files.flat_map(|file| file.metadata()).any(|facts| facts.len() > 1 << 20);
            (begun || killed.try_wait().unwrap().is_some()).then_some(())
        });
        signal(killed.id(), "KILL");
        let ended = killed.wait().unwrap();
        assert!(!ended.success(), "round {round}: it was done before it was killed");
    }
    let listed = stack.json(&["backup", "list", text(&repository)]);
    assert_eq!(listed.as_array().unwrap().len(), 1, "{listed}");
    fs::remove_dir_all(&tls_results).unwrap();
    let second = create(&stack, &repository);
    assert_eq!(second["removed_unfinished"], true);
    assert_eq!(fs::read_dir(repository.join("tmp")).unwrap().count(), 0);
    assert!(verify(&stack, &repository).0);

    // What was copied before is neither read nor copied again.
    let mut smtp = Client::smtp(stack.listener("smtp-relay")).unwrap();
    let alice = stack.address("alice");
    let sent = smtp.mail("a@client.example", &[&alice], &numbered("a@client.example", &alice, 500));
    assert!(sent.unwrap().starts_with("250"));
    let mut imap = Client::imap(stack.listener("imap-tls"), &alice).unwrap();
    wait_for("the message", || (imap.imap_count("INBOX") == 27).then_some(()));
    let third = create(&stack, &repository);
    let (read, new) = (third["files_read"].as_u64().unwrap(), third["new_files"].as_u64().unwrap());
    assert!(read < 36 && new < 16, "of more than 40 messages one is new: {third}");
    assert_eq!(third["messages"], 41);
    let fourth = create(&stack, &repository);
    assert!(fourth["new_files"].as_u64().unwrap() <= 6, "nothing happened: {fourth}");

    // A byte of a message.
    let message = contents(&repository).into_iter().find(|path| {
        let content = fs::read(path).unwrap();
        content.starts_with(b"From: <a@x>") && content.len() < 1000
    });
    let message = message.unwrap();
    let mut content = fs::read(&message).unwrap();
    content[30] ^= 1;
    fs::write(&message, &content).unwrap();
    let (whole, report) = verify(&stack, &repository);
    assert!(!whole);
    let name = message.file_name().unwrap().to_str().unwrap();
    assert_eq!(report["damaged"][0]["sha256"], name, "{report}");
    assert_eq!(report["hurt"].as_array().unwrap().len(), 4, "all backups have it: {report}");
    assert!(report["hurt"][0]["some"][0].as_str().unwrap().starts_with("mail/1/"), "{report}");
    // Out of the way: the original is there still.
    stack.run(&["backup", "verify", text(&repository), "--set-aside"]);
    assert!(!message.exists());
    create(&stack, &repository);
    assert!(message.exists() && verify(&stack, &repository).0);

    // Backups go, and with them what no other one has.
    let before = contents(&repository).len();
    imap.imap_ok("SELECT INBOX");
    imap.imap_ok("STORE 1:* +FLAGS (\\Deleted)");
    imap.imap_ok("EXPUNGE");
    create(&stack, &repository);
    stack.run_ok(&["backup", "prune", text(&repository), "--keep-last", "1"]);
    assert!(contents(&repository).len() + 25 < before, "{before}");
    assert_eq!(stack.json(&["backup", "list", text(&repository)]).as_array().unwrap().len(), 1);
    assert!(verify(&stack, &repository).0);
}

#[test]
fn a_message_comes_back_into_a_mailbox_that_is_in_use() {
    let stack = Stack::start(Plan::new("message.test", &["alice", "bob"]));
    let (repository, alice) = (stack.path("repository"), stack.address("alice"));
    furnish(&stack, "alice", 12);
    stack.run_ok(&["backup", "create", text(&repository), "--account", &alice]);
    let before = see(&stack, "alice");
    let mut imap = Client::imap(stack.listener("imap-tls"), &alice).unwrap();
    imap.imap_ok("SELECT INBOX");
    imap.imap_ok("UID STORE 2,4 +FLAGS (\\Deleted)");
    imap.imap_ok("EXPUNGE");
    imap.imap_ok("UID MOVE 3 Archive");
    imap.imap_ok("DELETE Work/2026");

    // A session that idles sees it arrive.
    imap.send(b"i IDLE\r\n").unwrap();
    assert!(imap.imap_line().unwrap().starts_with(b"+"));
    let restore = |more: &[&str]| {
        let args = [&["backup", "restore", text(&repository), "--account", &alice], more].concat();
        stack.json(&args)
    };
    let told = restore(&["--message-id", "story-2@client.example"]);
    assert_eq!(told["mailboxes"][0]["restored"], 1, "{told}");
    let start = std::time::Instant::now();
    while !imap.imap_line().unwrap().ends_with(b"EXISTS") {
        assert!(start.elapsed() < PATIENCE);
    }
    imap.send(b"DONE\r\n").unwrap();
    while !imap.imap_line().unwrap().starts_with(b"i OK") {}
    let told = restore(&["--message-id", "<story-2@client.example>"]);
    let first = &told["mailboxes"][0];
    assert_eq!((&first["restored"], &first["there"]), (&0.into(), &1.into()), "it is there");
    let none = stack.run(&[
        "backup",
        "restore",
        text(&repository),
        "--account",
        &alice,
        "--message-id",
        "no",
    ]);
    assert!(!none.status.success());

    // All of it: what is there, moved or not, does not come twice.
    let told = restore(&[]);
    let of = |name: &str| {
        let all = told["mailboxes"].as_array().unwrap();
        let one = all.iter().find(|one| one["mailbox"] == name).unwrap();
        (one["restored"].as_u64().unwrap(), one["there"].as_u64().unwrap())
    };
    assert_eq!((of("INBOX"), of("Work/2026")), ((1, 7), (4, 0)), "{told}");
    let after = see(&stack, "alice");
    let plain = |seen: &Seen, names: &[&str]| {
        let mut all: Vec<_> = names.iter().flat_map(|name| seen[*name].1.clone()).collect();
        for (facts, _) in &mut all {
            // Flags, date and size are what they were; UIDs are new.
            *facts = facts.replace("(UID ", "").split_once(' ').unwrap().1.to_owned();
        }
        all.sort_by(|one, other| one.1.cmp(&other.1));
        all
    };
    assert_eq!(plain(&after, &["INBOX", "Archive"]), plain(&before, &["INBOX", "Archive"]));
    assert_eq!(plain(&after, &["Work/2026"]), plain(&before, &["Work/2026"]));
    assert!(after["Work/2026"].0 > before["Work/2026"].0, "another mailbox of that name");

    let bob = stack.address("bob");
    let wrong = stack.run(&["backup", "restore", text(&repository), "--account", &bob]);
    let said = String::from_utf8_lossy(&wrong.stderr).into_owned();
    assert!(!wrong.status.success() && said.contains(&alice), "{said}");
    let told = restore(&["--mailbox", "INBOX", "--uid", "1", "--into", "Again", "--again"]);
    assert_eq!(told["mailboxes"][0]["restored"], 1, "{told}");
    assert_eq!(see(&stack, "alice")["Again"].1.len(), 1);
}

#[test]
fn a_full_disk_leaves_earlier_backups_whole() {
    small_disk::run("stories::backup::child_with_backups_on_a_small_disk", 24 * 1024);
}

/// Not a test by itself: runs on the small disk.
#[test]
fn child_with_backups_on_a_small_disk() {
    let Some(disk) = small_disk::here() else { return };
    let elsewhere = tempfile::tempdir().unwrap();
    let stack = Stack::prepare_in(elsewhere.path(), Plan::new("full.test", &["alice"]));
    furnish(&stack, "alice", 20);
    let repository = disk.join("repository");
    create(&stack, &repository);
    let results = stack.path("data/queue/tls-results");
    fs::create_dir_all(&results).unwrap();
    fs::File::create(results.join("1")).unwrap().set_len(64 << 20).unwrap();
    let refused = stack.run(&["backup", "create", text(&repository)]);
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success());
    assert!(said.contains("No space left") && said.contains("earlier backups are whole"), "{said}");
    let (whole, report) = verify(&stack, &repository);
    assert!(whole && report["backups"] == 1, "{report}");
    fs::remove_dir_all(&results).unwrap();
    assert_eq!(create(&stack, &repository)["removed_unfinished"], true);
    assert!(verify(&stack, &repository).0);
}
