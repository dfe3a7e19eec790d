//! What the ingress agents decide, seen from outside: who may send as whom, how much, from where,
//! and who is asked about what.

use crate::stack::{
    Plan, Stack,
    client::{Client, stuffed},
    messages::numbered,
    wait_for,
};

#[test]
fn a_jump_is_held_and_told_and_let_go() {
    let stack = Stack::start(
        Plan::new("policy.test", &["alice", "bob"])
            .set("routes", "\"*\" = \"discard\"")
            .set("submission.sending", "recipients_per_hour = 2\nmessages_per_hour = 10"),
    );
    let (alice, bob) = (stack.address("alice"), stack.address("bob"));
    stack.run_ok(&["alias", "add", &stack.address("postmaster"), &bob]);
    assert!(stack.run_ok(&["account", "sent-copy", &alice, "on"]).contains("Sent"));
    let mut msa = Client::submission(stack.listener("smtp-submission-tls"), &alice).unwrap();
    for number in 1..=4 {
        let message = numbered(&alice, "x@elsewhere.test", number);
        let reply = msa.mail(&alice, &["x@elsewhere.test"], &message).unwrap();
        assert!(reply.starts_with("250 2.0.0"), "{reply}");
    }
    let held = wait_for("two held messages", || {
        let held = stack.json(&["queue", "list", "--state", "held"]);
        (held.as_array()?.len() == 2).then(|| held.to_string())
    });
    assert!(held.contains("3 recipients in an hour, and the limit is 2"), "{held}");

    // Owner and postmaster hear of it once, and the owner's copies are in Sent all the same.
    for account in [&alice, &bob] {
        let mut imap = Client::imap(stack.listener("imap-tls"), account).unwrap();
        wait_for("the notice", || (imap.imap_count("INBOX") == 1).then_some(()));
        let notice = String::from_utf8(imap.imap_messages("INBOX").remove(0)).unwrap();
        assert!(notice.contains(&format!("Mail from {alice} is held")), "{notice}");
        assert!(notice.starts_with("Return-Path: <>\r\n"), "{notice}");
    }
    let mut imap = Client::imap(stack.listener("imap-tls"), &alice).unwrap();
    wait_for("the copies in Sent", || (imap.imap_count("Sent") == 4).then_some(()));
    imap.imap_ok("SELECT Sent");
    let flags = imap.imap_ok("FETCH 1:* (FLAGS)").join("\n");
    assert_eq!(flags.matches("\\Seen").count(), 4, "{flags}");

    // The notice says how it is let go.
    stack.run_ok(&["queue", "release", "--state", "held", "--from", &alice]);
    wait_for("an empty queue", || {
        (stack.json(&["queue", "list"]).as_array().is_some_and(Vec::is_empty)).then_some(())
    });
}

#[test]
fn senders_are_who_they_say_they_are_or_were_granted_to_be() {
    let stack = Stack::start(Plan::new("policy.test", &["alice", "bob"]).set(
        "submission.without_sign_in",
        "networks = \"127.0.0.0/8\"\nsenders = \"scanner@policy.test\"",
    ));
    let (alice, bob) = (stack.address("alice"), stack.address("bob"));
    let mut msa = Client::submission(stack.listener("smtp-submission-tls"), &alice).unwrap();
    let reply = msa.mail(&alice, &[&bob], &numbered(&bob, &bob, 1)).unwrap();
    assert!(reply.starts_with(&format!("550 5.7.1 You cannot write as {bob}")), "{reply}");
    msa.expect("VRFY bob", &format!("250 2.1.5 <{bob}>"));
    let granted = stack.run_ok(&["account", "send-as", &alice, "--grant", &bob]);
    assert!(granted.contains(&bob), "{granted}");
    let reply = msa.mail(&bob, &[&bob], &numbered(&bob, &bob, 2)).unwrap();
    assert!(reply.starts_with("250 2.0.0"), "{reply}");
    let list = stack.json(&["account", "send-as", &alice, "--revoke", &bob]);
    assert_eq!(list["send_as"].as_array().map(Vec::len), Some(0), "{list}");
    msa.expect(&format!("MAIL FROM:<{bob}>"), "553 5.7.1");

    // The printer on 587, with neither TLS nor password.
    let mut printer = Client::smtp(stack.listener("smtp-submission")).unwrap();
    printer.expect(&format!("MAIL FROM:<{alice}>"), "530 5.7.0");
    printer.expect("MAIL FROM:<scanner@policy.test>", "250");
    printer.expect(&format!("RCPT TO:<{bob}>"), "250");
    printer.expect("DATA", "354");
    printer.send(&stuffed(b"Subject: a scan\r\n\r\nscanned\r\n")).unwrap();
    assert!(printer.reply().unwrap().starts_with("250 2.0.0"));
    let mut imap = Client::imap(stack.listener("imap-tls"), &bob).unwrap();
    wait_for("both messages", || (imap.imap_count("INBOX") == 2).then_some(()));
}

/// What an account may have counts for the next message: at the door, and for IMAP to show.
#[test]
fn a_full_mailbox_takes_no_more_until_there_is_room() {
    let stack = Stack::start(Plan::new("policy.test", &["alice", "bob"]));
    let (alice, bob) = (stack.address("alice"), stack.address("bob"));
    let mut mta = Client::smtp(stack.listener("smtp-relay")).unwrap();
    let message = numbered("x@elsewhere.test", &bob, 1);
    assert!(mta.mail("x@elsewhere.test", &[&bob], &message).unwrap().starts_with("250"));
    let mut imap = Client::imap(stack.listener("imap-tls"), &bob).unwrap();
    wait_for("the message", || (imap.imap_count("INBOX") == 1).then_some(()));

    let shown = stack.run_ok(&["account", "quota", &bob, "100B"]);
    assert!(shown.contains("may have 100 B") && shown.contains("in 1 message"), "{shown}");
    wait_for("a full mailbox", || {
        let reply = mta.mail("x@elsewhere.test", &[&bob], &message).unwrap();
        reply.starts_with("452 4.2.2").then_some(())
    });
    assert!(mta.mail("x@elsewhere.test", &[&alice], &message).unwrap().starts_with("250"));
    let mut imap = Client::imap(stack.listener("imap-tls"), &bob).unwrap();
    let quota = imap.imap_ok("GETQUOTAROOT INBOX").join("\n");
    // The warning may have come by now.
    assert!(quota.contains("(STORAGE 1 1)") || quota.contains("(STORAGE 2 1)"), "{quota}");

    stack.run_ok(&["account", "quota", &bob, "none"]);
    wait_for("room", || {
        let reply = mta.mail("x@elsewhere.test", &[&bob], &message).unwrap();
        reply.starts_with("250").then_some(())
    });
}
