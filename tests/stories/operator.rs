//! What an operator does and sees: bad starts in one clear line, reloads, restarts, the queue by
//! hand, accounts that come and go while all runs.

use std::{
    fs,
    net::TcpListener,
    os::unix::fs::PermissionsExt as _,
    process::{Command, Output, Stdio},
};

use crate::stack::{
    PASSWORD, Plan, Stack,
    client::{Client, plain_token},
    messages::numbered,
    signal, wait_for,
};

/// Starts a stack that cannot start, and gives its one line of complaint.
fn complaint(stack: &Stack) -> String {
    let output = stack.run(&["up"]);
    assert!(!output.status.success(), "it started: {output:?}");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn what_prevents_a_start_is_said_clearly() {
    let stack = Stack::prepare(Plan::new("operator.test", &[]));
    let config = fs::read_to_string(stack.path("config.toml")).unwrap();
    let with = |text: String| fs::write(stack.path("config.toml"), text).unwrap();

    with(config.replace("[imap]", "[imap]\nlisten_tsl = []"));
    let said = complaint(&stack);
    assert!(
        said.contains("listen_tsl") && said.contains("listen_tls") && said.contains("config.toml:"),
        "{said}"
    );

    let address = stack.kept_port("imap").to_string();
    let taken = TcpListener::bind(&address).unwrap();
    with(config.clone());
    let said = complaint(&stack);
    assert!(said.contains(&address) && said.to_lowercase().contains("in use"), "{said}");

    drop(taken);
    with(config.replace(&address, &stack.kept_port("pop3").to_string()));
    let said = complaint(&stack);
    assert!(said.contains("cannot both listen on"), "{said}");

    with(config.replace("key.pem", "nowhere.pem"));
    let said = complaint(&stack);
    assert!(said.contains("nowhere.pem"), "{said}");

    fs::write(stack.path("broken.pem"), "not a key").unwrap();
    with(config.replace("key.pem", "broken.pem"));
    let said = complaint(&stack);
    assert!(said.contains("broken.pem"), "{said}");

    with(config.replace("\"data\"", &format!("\"{}\"", "long/".repeat(30))));
    let said = complaint(&stack);
    assert!(said.contains("too long for the Unix sockets"), "{said}");

    with(config.clone());
    let output = stack.run(&["up", "--ready-file", "/nowhere/ready.json"]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("/nowhere/ready.json"), "{said}");
    assert!(!said.contains("started"), "before any agent: {said}");

    assert!(stack.run(&["check-config"]).status.success());
}

#[test]
fn accounts_come_and_go_while_everything_runs() {
    let stack = Stack::start(Plan::new("operator.test", &["alice"]));
    let alice = stack.address("alice");
    let carol = stack.address("carol");
    let output =
        stack.run_with_input(&["account", "add", &carol, "--password-stdin"], PASSWORD.as_bytes());
    assert!(output.status.success(), "{output:?}");
    stack.run_ok(&["alias", "add", &stack.address("team"), &alice, &carol]);
    let mut mta = Client::smtp(stack.listener("smtp-relay")).unwrap();
    let reply = mta
        .mail(
            "x@elsewhere.test",
            &[&stack.address("team")],
            &numbered("x@elsewhere.test", "team", 1),
        )
        .unwrap();
    assert!(reply.starts_with("250"), "{reply}");
    for account in [&alice, &carol] {
        let mut imap = Client::imap(stack.listener("imap-tls"), account).unwrap();
        wait_for("the message", || (imap.imap_count("INBOX") == 1).then_some(()));
        let folders = imap.imap_ok("LIST \"\" \"*\"").join("\n");
        for folder in ["INBOX", "Sent", "Drafts", "Trash", "Junk", "Archive"] {
            assert!(folders.contains(folder), "{folder} in {folders}");
        }
    }
    stack.run_ok(&["account", "disable", &carol]);
    wait_for("an end to carol's sign-ins", || {
        let mut client = Client::connect_tls(stack.listener("smtp-submission-tls")).ok()?;
        client.reply().ok()?;
        client.command("EHLO x").ok()?;
        client
            .command(&format!("AUTH PLAIN {}", plain_token(&carol)))
            .ok()?
            .starts_with('5')
            .then_some(())
    });
    let list = stack.json(&["account", "list"]).to_string();
    assert!(list.contains(&alice) && list.contains(&carol), "{list}");
    assert!(stack.json(&["domain", "list"]).to_string().contains("operator.test"));
    assert!(stack.json(&["alias", "list"]).to_string().contains("team@operator.test"));
    stack.run_ok(&["status"]);
}

#[test]
fn the_queue_is_moved_by_hand() {
    let stack = Stack::start(
        Plan::new("operator.test", &["alice"]).set("routes", "\"*\" = \"hold: not today\""),
    );
    let alice = stack.address("alice");
    let mut msa = Client::submission(stack.listener("smtp-submission-tls"), &alice).unwrap();
    let reply = msa.mail(&alice, &["someone@elsewhere.test"], &numbered(&alice, "x", 1)).unwrap();
    let id = reply.split_whitespace().find(|word| word.len() == 16).expect("an id").to_owned();
    wait_for("the hold", || {
        stack.run_ok(&["queue", "show", &id]).contains("not today").then_some(())
    });
    let again = stack.run(&["queue", "hold", &id]);
    assert!(!again.status.success());
    assert!(String::from_utf8_lossy(&again.stderr).contains("is waiting"), "{again:?}");
    let journey = stack.run_ok(&["trace", &id]);
    assert!(!journey.contains("deferred"), "a hold is no deferral: {journey}");
    what_is_asked_for_oddly_says_what_would_help(&stack, &id);
    // What can be done is done, and what was not there is said.
    let some = stack.run(&["queue", "remove", &id, GONE, "--yes"]);
    let said = String::from_utf8_lossy(&some.stderr).into_owned();
    assert_eq!(String::from_utf8_lossy(&some.stdout), "1 recipient removed\n", "{said}");
    assert!(some.status.code() == Some(1) && said.contains(GONE), "{said}");
    assert_eq!(stack.json(&["queue", "list"]).as_array().map(Vec::len), Some(0));
    assert!(stack.run_ok(&["trace", &id]).contains("removed"));
}

/// A queue id that nothing has.
const GONE: &str = "0000000000000000";

/// Each with the words that are to be found in what it says; all fail, with 2 if the command itself
/// cannot be understood.
fn what_is_asked_for_oddly_says_what_would_help(stack: &Stack, id: &str) {
    let rows: &[(&[&str], i32, &str)] = &[
        (&["show", GONE], 1, "postrider trace 0000000000000000"),
        (&["cat", GONE], 1, "postrider trace 0000000000000000"),
        (&["show", "what"], 2, "'what'"),
        (&["retry"], 1, "Name queue ids, --domain,"),
        (&["retry", id], 1, "is waiting"),
        (&["hold", "--domain", "nobody.test"], 1, "see postrider queue list"),
        (&["release", "--to", "nobody"], 2, "neither an address nor @DOMAIN"),
        (&["remove", "--from", "@", "--yes"], 2, "neither an address nor @DOMAIN"),
        (&["remove", "--all", id], 2, "cannot be used with"),
        (&["remove", id], 1, "say --yes"),
        (&["hold", "--older-than", "soon"], 2, "such as 30m"),
        (&["list", "--state", "lost"], 2, "the states are waiting, leased"),
        (&["redirect", id, "--deliver-to", "nobody@operator.test", "--yes"], 1, "nobody would get"),
        (&["redirect", id, "--deliver-to", "nobody"], 2, "--deliver-to"),
        (&["bounce", GONE, "--yes"], 1, "see postrider queue list"),
        (&["resume", "nobody.test"], 1, "postrider queue pause --list"),
        (&["pause"], 2, "<DESTINATION"),
        (&["pause", "a b"], 2, "'a b'"),
        (&["stats", id, GONE], 1, "one queue id at most"),
    ];
    for (args, code, words) in rows {
        let output = stack.run(&[&["queue"], *args].concat());
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(*code), "{args:?}: {said}");
        assert!(said.contains(words), "{args:?}: {said}");
    }
    let nothing = stack.run(&["queue", "list", "--domain", "nobody.test"]);
    assert!(nothing.status.success() && nothing.stdout.is_empty(), "{nothing:?}");
}

#[test]
fn status_tells_who_serves() {
    let mut stack = Stack::start(Plan::new("operator.test", &["alice"]));
    assert_eq!(stack.run(&["status"]).status.code(), Some(0));

    // The supervisor's socket still accepts for a process that has stopped answering.
    let imap = stack.process("imap-server");
    signal(imap, "STOP");
    let output = stack.run(&["status"]);
    signal(imap, "CONT");
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(said.contains("accepts, but does not answer"), "{said}");

    stack.down();
    let output = stack.run(&["status", "--json"]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let facts: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    for served in ["listeners", "consumers"].into_iter().flat_map(|kind| facts[kind].as_array()) {
        assert!(served.iter().all(|one| one["serves"] == false), "{facts:#}");
    }
}

#[test]
fn a_new_certificate_is_shown_without_a_restart() {
    let stack = Stack::start(Plan::new("operator.test", &["alice"]));
    let shown = || fs::read_to_string(stack.path("certificate.pem")).unwrap();
    let before = shown();
    let made = rcgen::generate_simple_self_signed(vec!["renewed.operator.test".into()]).unwrap();
    fs::write(stack.path("key.pem"), made.signing_key.serialize_pem()).unwrap();
    fs::write(stack.path("certificate.pem"), made.cert.pem()).unwrap();
    assert_ne!(before, shown());
    wait_for("the new certificate", || {
        let der = Client::certificate(stack.listener("imap-tls")).ok()?;
        (der == made.cert.der().as_ref()).then_some(())
    });
}

#[test]
fn the_demo_needs_nothing_and_is_found_again() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("demo");
    let start = || {
        let ready = folder.path().join("ready.json");
        let _ = fs::remove_file(&ready);
        let output = fs::File::create(folder.path().join("printed")).unwrap();
        let mut up = Command::new(env!("CARGO_BIN_EXE_postrider"))
            .args([
                "up",
                "--data-dir",
                &data.display().to_string(),
                "--ready-file",
                &ready.display().to_string(),
            ])
            .stdin(Stdio::null())
            .stdout(output.try_clone().unwrap())
            .stderr(output)
            .spawn()
            .unwrap();
        wait_for("the demo", || {
            assert!(
                up.try_wait().unwrap().is_none(),
                "{}",
                fs::read_to_string(folder.path().join("printed")).unwrap()
            );
            ready.exists().then_some(())
        });
        assert_eq!(fs::metadata(&ready).unwrap().permissions().mode() & 0o777, 0o600);
        let facts: serde_json::Value = serde_json::from_slice(&fs::read(&ready).unwrap()).unwrap();
        let printed = wait_for("what to type", || {
            let printed = fs::read_to_string(folder.path().join("printed")).unwrap();
            printed.contains("curl").then_some(printed)
        });
        signal(up.id(), "TERM");
        wait_for("the demo's end", || up.try_wait().unwrap());
        (facts, printed)
    };
    let (first, printed) = start();
    let (second, _) = start();
    assert_eq!(first["accounts"], second["accounts"]);
    assert_eq!(first["listeners"], second["listeners"]);
    assert_eq!(first["accounts"].as_array().map(Vec::len), Some(2));
    for account in first["accounts"].as_array().unwrap() {
        assert!(printed.contains(account["address"].as_str().unwrap()), "{printed}");
        assert!(printed.contains(account["password"].as_str().unwrap()), "{printed}");
    }
    let ca = first["ca_certificate"].as_str().expect("the demo has a CA of its own");
    assert!(fs::read_to_string(ca).unwrap().contains("BEGIN CERTIFICATE"));
}

/// A key of sign-ins that is lost is asked for, not replaced: its copy must still open what it made.
#[test]
fn a_lost_key_is_not_replaced_unasked() {
    let stack = Stack::prepare(Plan::new("operator.test", &["alice"]));
    let alice = stack.address("alice");
    let add = |label: &'static str| stack.run(&["account", "app-password", "add", &alice, label]);
    let said = |output: &Output| String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(add("phone").status.success());
    let key = stack.path("data/credentials/secret.key");
    fs::rename(&key, key.with_extension("copy")).unwrap();

    let migrated = stack.run(&["migrate"]);
    assert!(migrated.status.success() && said(&migrated).contains("put the copy"), "{migrated:?}");
    assert!(!key.exists());
    let refused = add("tablet");
    assert!(!refused.status.success() && said(&refused).contains("put the copy"), "{refused:?}");
    fs::rename(key.with_extension("copy"), &key).unwrap();
    assert!(add("tablet").status.success());

    fs::remove_file(&key).unwrap();
    stack.run_ok(&["migrate", "--new-key"]);
    assert!(key.exists() && add("laptop").status.success());
}
