//! Mailboxes are limited, checked, mended, and give back what was removed, while clients use them.

use std::{fs, path::PathBuf};

use serde_json::Value;

use crate::stack::{Plan, Stack, client::Client, wait_for};

/// The message files of an account's inbox.
fn files(stack: &Stack, id: &Value) -> Vec<PathBuf> {
    let root = stack.path("data/mail").join(id.to_string());
    let parts = ["new", "cur"].map(|part| root.join(part));
    let listed = parts.iter().filter_map(|part| fs::read_dir(part).ok());
    listed.flatten().map(|entry| entry.expect("an entry").path()).collect()
}

fn import(stack: &Stack, whom: &str, count: usize) {
    for n in 1..=count {
        let path = stack.path(&format!("some/{n}.eml"));
        fs::create_dir_all(path.parent().expect("a folder")).expect("folders");
        fs::write(path, format!("Message-ID: <{n}@x>\r\nSubject: n{n}\r\n\r\ntext\r\n"))
            .expect("a file");
    }
    stack.json(&["import", whom, &format!("eml:{}", stack.path("some").display())]);
}

#[test]
fn what_was_removed_comes_back_and_what_is_damaged_is_mended() {
    let stack = Stack::start(Plan::new("mailboxes.test", &["alice"]));
    let alice = stack.address("alice");
    import(&stack, &alice, 4);
    let accounts = stack.json(&["account", "list"]);
    let id = &accounts[0]["id"];
    let mut imap = Client::imap(stack.listener("imap-tls"), &alice).unwrap();
    imap.imap_ok("SELECT INBOX");
    assert!(stack.run(&["store", "check", "--deep"]).status.success());

    // Removed by a client, brought back beside it.
    imap.imap_ok("STORE 1 +FLAGS (\\Deleted \\Flagged)");
    imap.imap_ok("EXPUNGE");
    wait_for("the message is kept", || {
        let kept = stack.json(&["store", "undelete", &alice, "--list"]);
        (kept.as_array().expect("messages").len() == 1).then_some(())
    });
    assert!(!stack.run(&["store", "undelete", &alice]).status.success(), "which?");
    let none = stack.json(&["store", "undelete", &alice, "--message-id", "other@x"]);
    assert_eq!(none.as_array().expect("messages").len(), 0);
    let back = stack.json(&["store", "undelete", &alice, "--since", "1h"]);
    assert_eq!(back[0]["mailbox"], "INBOX");
    let told = imap.imap_ok("NOOP").join("\n");
    assert!(told.contains("4 EXISTS"), "{told}");
    let flags = imap.imap_ok("FETCH 4 (FLAGS)").join("\n");
    assert!(flags.contains("\\Flagged") && !flags.contains("\\Deleted"), "{flags}");

    // A limit counts at once, in octets and in messages.
    let told = stack.json(&["account", "quota", &alice, "1MiB", "--messages", "10"]);
    assert_eq!((&told["messages"], &told["quota_messages"]), (&4.into(), &10.into()));
    let told = imap.imap_ok("GETQUOTAROOT INBOX").join("\n");
    assert!(told.contains("MESSAGE 4 10"), "{told}");
    let told =
        stack.json(&["account", "quota", &alice, "none", "--messages", "none", "--recalculate"]);
    assert_eq!((&told["messages"], &told["quota_messages"]), (&4.into(), &Value::Null));

    // Somebody makes a mess of the files, under an open session.
    let file = files(&stack, id).remove(0);
    let broken = file.with_file_name("lost");
    std::os::unix::fs::symlink("lost", &broken).expect("a link to itself");
    let mut content = fs::read(&file).expect("a message");
    content.extend_from_slice(b"more\r\n");
    fs::write(&file, content).expect("a message");
    let output = stack.run(&["store", "check", &alice]);
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(said.contains("content-differs") && said.contains("unreadable"), "{said}");
    let mended = stack.run(&["store", "repair", &alice]);
    let said = String::from_utf8_lossy(&mended.stdout).into_owned();
    assert!(mended.status.success(), "{said}");
    assert!(said.contains("set aside: ") && said.contains("postrider-set-aside"), "{said}");
    assert!(stack.run(&["store", "check", "--deep", &alice]).status.success());
    imap.imap_ok("NOOP");
    assert_eq!(imap.imap_messages("INBOX").len(), 4);

    // The index is built anew, and the session goes on.
    stack.json(&["store", "reindex", &alice]);
    imap.imap_ok("NOOP");
    assert_eq!(imap.imap_messages("INBOX").len(), 4);
    assert!(stack.run(&["store", "check", "--deep", &alice]).status.success());
}

#[test]
fn what_cannot_be_read_keeps_nothing_else_from_being_saved() {
    let stack = Stack::start(Plan::new("salvage.test", &["alice"]));
    let alice = stack.address("alice");
    import(&stack, &alice, 3);
    let accounts = stack.json(&["account", "list"]);
    let file = files(&stack, &accounts[0]["id"]).remove(1);
    fs::remove_file(&file).expect("a message");
    std::os::unix::fs::symlink(file.file_name().expect("a name"), &file).expect("a link to itself");
    let out = format!("maildir:{}", stack.path("saved").display());
    let output = stack.run(&["export", &alice, &out, "--json"]);
    assert_eq!(output.status.code(), Some(1));
    let told: Value = serde_json::from_slice(&output.stdout).expect("a report");
    let inbox = told.as_array().expect("mailboxes").iter().find(|one| one["mailbox"] == "INBOX");
    let inbox = inbox.expect("INBOX");
    assert_eq!(inbox["messages"], 2);
    assert_eq!(inbox["skipped"].as_array().expect("a list").len(), 1);
}
