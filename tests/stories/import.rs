//! Mail is taken over from other stores, and brought out again.

use std::fs;

use serde_json::Value;

use crate::stack::{PASSWORD, Plan, Stack, client::Client};

fn report<'r>(report: &'r Value, folder: &str) -> &'r Value {
    let folders = report["folders"].as_array().expect("folders");
    folders.iter().find(|one| one["folder"] == folder).expect("the folder")
}

fn put(stack: &Stack, path: &str, text: &str) {
    let path = stack.path(path);
    fs::create_dir_all(path.parent().expect("a folder")).expect("folders");
    fs::write(path, text).expect("a file");
}

#[test]
fn a_maildir_is_taken_over_once_and_comes_out_as_it_was() {
    let stack = Stack::start(Plan::new("import.test", &["alice", "bob"]));
    let alice = stack.address("alice");
    let message = |n: usize| format!("Subject: number {n}\r\n\r\nFrom here\r\n");
    put(&stack, "old/cur/1700000001.a.host:2,S", &message(1));
    put(&stack, "old/new/1700000002.b.host", "Subject: bare\n\nlines\n");
    put(&stack, "old/dovecot-uidlist", "3 V1390731053 N3\n2 :1700000001.a.host\n");
    put(&stack, "old/.Sent Items/cur/1700000003.c.host:2,RSa", &message(3));
    put(&stack, "old/.Sent Items/dovecot-keywords", "0 $Work\n");
    put(&stack, "old/.Lists.rust/cur/1700000004.d.host:2,", &message(4));
    let source = format!("maildir:{}", stack.path("old").display());
    let first = stack.json(&["import", &alice, &source]);
    assert_eq!(report(&first, "INBOX")["imported"], 2);
    assert_eq!(report(&first, "Sent Items")["mailbox"], "Sent", "by what it is for");
    let mut pop3 = Client::pop3(stack.listener("pop3-tls"), &alice).unwrap();
    assert!(pop3.pop3_ok("UIDL 1").contains("0000000252e4df2d"), "as POP3 knows it there");
    pop3.pop3_ok("QUIT");
    let mut imap = Client::imap(stack.listener("imap-tls"), &alice).unwrap();
    assert_eq!(imap.imap_messages("INBOX").len(), 2);
    assert_eq!(imap.imap_messages("Lists/rust"), [message(4).into_bytes()]);
    imap.imap_ok("SELECT Sent");
    let flags = imap.imap_ok("FETCH 1 (FLAGS)").join("\n");
    assert!(flags.contains("\\Answered") && flags.contains("$Work"), "{flags}");

    // Moved and removed here, changed and grown there: nothing comes twice, nothing comes back.
    imap.imap_ok("SELECT INBOX");
    imap.imap_ok("STORE 1 +FLAGS (\\Deleted)");
    imap.imap_ok("EXPUNGE");
    imap.imap_ok("MOVE 1 Archive");
    fs::rename(
        stack.path("old/new/1700000002.b.host"),
        stack.path("old/cur/1700000002.b.host:2,S"),
    )
    .unwrap();
    put(&stack, "old/new/1700000005.e.host", &message(5));
    let again = stack.json(&["import", &alice, &source]);
    let inbox = report(&again, "INBOX");
    assert_eq!((&inbox["imported"], &inbox["imported_before"]), (&1.into(), &2.into()));
    assert_eq!(imap.imap_messages("INBOX"), [message(5).into_bytes()]);

    for (form, bob_gets) in [("maildir", 4), ("mbox", 4)] {
        let out = format!("{form}:{}", stack.path(form).display());
        let told = stack.json(&["export", &alice, &out]);
        let count = |one: &Value| one["messages"].as_u64().expect("a number");
        assert_eq!(told.as_array().expect("mailboxes").iter().map(count).sum::<u64>(), bob_gets);
        let mut told = told.as_array().expect("mailboxes").iter();
        let rust = told.find(|one| one["mailbox"] == "Lists/rust").expect("the mailbox");
        assert_eq!(rust["digest"], report(&first, "Lists/rust")["digest"]);
        assert!(!stack.run(&["export", &alice, &out]).status.success(), "nothing is written over");
    }
    let bob = stack.address("bob");
    let out = format!("maildir:{}", stack.path("maildir").display());
    let told = stack.json(&["import", &bob, &out]);
    assert_eq!(report(&told, "Lists/rust")["digest"], report(&first, "Lists/rust")["digest"]);
    let mbox = format!("mbox:{}", stack.path("mbox").display());
    let told = stack.json(&["import", &bob, &mbox, "--into", "Old"]);
    assert_eq!(report(&told, "INBOX")["mailbox"], "Old");
    let mut imap = Client::imap(stack.listener("imap-tls"), &bob).unwrap();
    let text = String::from_utf8(imap.imap_messages("Old/Lists/rust").remove(0)).unwrap();
    assert!(text.ends_with("\r\n\r\nFrom here\r\n"), "quoted and unquoted: {text:?}");
}

#[test]
fn another_server_is_taken_over() {
    let stack = Stack::start(Plan::new("switch.test", &["alice", "bob"]));
    let (alice, bob) = (stack.address("alice"), stack.address("bob"));
    let mut imap = Client::imap(stack.listener("imap-tls"), &bob).unwrap();
    imap.imap_ok("CREATE \"a/Entw&APw-rfe\"");
    let large = format!("Subject: large\r\n\r\n{}", "0123456789abcdef\r\n".repeat(100_000));
    put(&stack, "old/cur/1700000001.a.host:2,FS", &large);
    put(&stack, "old/cur/1700000002.b.host:2,", "");
    for number in 0..300 {
        put(
            &stack,
            &format!("old/.a.Entw&APw-rfe/cur/1700{number:06}.c.host:2,S"),
            &format!("Subject: {number}\r\n\r\n"),
        );
    }
    let source = format!("maildir:{}", stack.path("old").display());
    let there = stack.json(&["import", &bob, &source]);
    let password = stack.path("password");
    fs::write(&password, format!("{PASSWORD}\n")).unwrap();
    let (server, ca) = (stack.listener("imap-tls").port(), stack.path("certificate.pem"));
    let remote = format!("imaps://localhost:{server}");
    let arguments = [
        "import",
        &alice,
        &remote,
        "--user",
        &bob,
        "--password-file",
        password.to_str().unwrap(),
        "--authorities",
        ca.to_str().unwrap(),
    ];
    let here = stack.json(&arguments);
    for folder in ["INBOX", "a/Entwürfe"] {
        let (here, there) = (report(&here, folder), report(&there, folder));
        assert_eq!(here["digest"], there["digest"], "{folder}");
        assert_eq!(here["imported"], there["imported"], "{folder}");
    }
    let again = stack.json(&arguments);
    assert_eq!(report(&again, "a/Entwürfe")["imported_before"], 300);
    assert_eq!(report(&again, "a/Entwürfe")["imported"], 0);
    let mut mine = Client::imap(stack.listener("imap-tls"), &alice).unwrap();
    mine.imap_ok("SELECT INBOX");
    let facts = mine.imap_ok("FETCH 1 (FLAGS INTERNALDATE RFC822.SIZE)").join("\n");
    assert!(facts.contains("\\Flagged") && facts.contains(&large.len().to_string()), "{facts}");
    // A wrong password is said, and nothing else happens.
    fs::write(&password, "wrong\n").unwrap();
    let refused = stack.run(&arguments);
    assert!(!refused.status.success());
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(said.contains("localhost") && said.contains("password is wrong"), "{said}");
    assert_eq!(mine.imap_messages("INBOX").len(), 2);
    assert_eq!(mine.imap_messages("a/Entw&APw-rfe").len(), 300);
}

#[test]
fn what_cannot_be_taken_is_said_and_nothing_leads_elsewhere() {
    let stack = Stack::start(Plan::new("careful.test", &["alice"]));
    let alice = stack.address("alice");
    put(&stack, "old/cur/1700000001.a.host:2,S", "Subject: good\r\n\r\n");
    put(&stack, "secret/cur/1700000002.b.host:2,S", "Subject: secret\r\n\r\n");
    let link = |to: &str, from: &str| {
        std::os::unix::fs::symlink(stack.path(to), stack.path(from)).expect("a link");
    };
    link("secret/cur/1700000002.b.host:2,S", "old/cur/1700000003.c.host:2,S");
    fs::create_dir(stack.path("old/.Secret")).expect("a folder");
    link("secret/cur", "old/.Secret/cur");
    let source = format!("maildir:{}", stack.path("old").display());
    let told = stack.run(&["import", &alice, &source, "--json"]);
    assert!(!told.status.success());
    let report: Value = serde_json::from_slice(&told.stdout).expect("a report");
    let folders = report["folders"].as_array().expect("folders");
    assert_eq!(folders.len(), 1, "{report}");
    assert_eq!((&folders[0]["imported"], &folders[0]["skipped"]), (&1.into(), &1.into()));

    // Equal messages of two files are two, whether they come together or not.
    for name in ["A", "B"] {
        let path = format!("boxes/{name}");
        put(&stack, &path, "From a@b Thu Jan  1 00:00:07 1970\nSubject: equal\n\n");
        let source = format!("mbox:{}", stack.path(&path).display());
        let told = stack.json(&["import", &alice, &source, "--into", name]);
        assert_eq!(report_of_all(&told), 1);
    }
    let together = format!("mbox:{}", stack.path("boxes").display());
    assert_eq!(report_of_all(&stack.json(&["import", &alice, &together])), 0, "come before");

    let mut imap = Client::imap(stack.listener("imap-tls"), &alice).unwrap();
    imap.imap_ok("CREATE \"../../outside\"");
    let out = format!("mbox:{}", stack.path("deep/er/out").display());
    stack.json(&["export", &alice, &out, "--only", "../../outside"]);
    assert!(!stack.path("deep/outside.mbox").exists());
    assert!(stack.path("deep/er/out/__/__/outside.mbox").exists());
    let typo = stack.run(&["export", &alice, &out, "--only", "Typo"]);
    assert!(String::from_utf8_lossy(&typo.stderr).contains("no mailbox Typo"));
    assert!(!typo.status.success());
}

fn report_of_all(report: &Value) -> u64 {
    let folders = report["folders"].as_array().expect("folders");
    folders.iter().map(|folder| folder["imported"].as_u64().expect("a number")).sum()
}
