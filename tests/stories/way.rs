//! The first story: a message goes from one client, through every process, to another.

use crate::stack::{
    PASSWORD, Plan, Stack,
    client::{Client, plain_token},
    messages::{below_trace, numbered},
    wait_for,
};

fn stack() -> Stack {
    Stack::start(Plan::new("way.test", &["alice", "bob"]))
}

#[test]
fn submitted_mail_is_read_over_imap_and_pop3() {
    let stack = stack();
    let (alice, bob) = (stack.address("alice"), stack.address("bob"));
    let message = numbered(&alice, &bob, 1);

    // The client idles while the message comes, and hears of it by itself.
    let mut imap = Client::imap(stack.listener("imap-tls"), &bob).unwrap();
    imap.imap_ok("SELECT INBOX");
    imap.send(b"i IDLE\r\n").unwrap();
    assert!(imap.line().unwrap().starts_with('+'));

    let mut msa = Client::submission(stack.listener("smtp-submission-tls"), &alice).unwrap();
    let reply = msa.mail(&alice, &[&bob], &message).unwrap();
    assert!(reply.starts_with("250 2.0.0"), "{reply}");
    let id = reply
        .split_whitespace()
        .find(|word| word.len() == 16)
        .expect("the queue id in the reply")
        .to_owned();

    let told = imap.line().unwrap();
    assert_eq!(told, "* 1 EXISTS");
    // A RECENT may stand between.
    imap.send(b"DONE\r\n").unwrap();
    wait_for("the end of IDLE", || imap.line().unwrap().starts_with("i OK").then_some(()));

    let messages = imap.imap_messages("INBOX");
    assert_eq!(messages.len(), 1);
    assert_eq!(
        String::from_utf8_lossy(below_trace(&messages[0])),
        String::from_utf8_lossy(&message)
    );
    let head = String::from_utf8_lossy(&messages[0]).into_owned();
    assert!(head.starts_with(&format!("Return-Path: <{alice}>\r\n")), "{head}");
    assert!(head.contains(&format!("Delivered-To: {bob}\r\n")), "{head}");
    assert!(head.contains(" with ESMTPSA") && head.contains(&id), "{head}");

    let mut pop3 = Client::pop3(stack.listener("pop3-tls"), &bob).unwrap();
    assert!(pop3.pop3_ok("STAT").starts_with("+OK 1 "));
    pop3.pop3_ok("RETR 1");
    assert_eq!(pop3.pop3_body(), messages[0], "POP3 and IMAP show the same bytes");
    pop3.pop3_ok("QUIT");

    // The journey, across the processes.
    let journey = wait_for("the end of the journey", || {
        let text = stack.run_ok(&["trace", &id]);
        text.contains("delivered").then_some(text)
    });
    for word in ["smtp-submission", "delivery-agent", &bob] {
        assert!(journey.contains(word), "{word} in {journey}");
    }
    assert!(stack.run_ok(&["trace", "<story-1@client.example>"]).contains(&id));
    assert!(stack.run_ok(&["trace", &bob]).contains(&id));
    wait_for("an empty queue", || {
        (stack.json(&["queue", "list"]).as_array().is_some_and(Vec::is_empty)).then_some(())
    });
}

#[test]
fn port_25_takes_mail_for_its_own_and_nothing_else() {
    let stack = stack();
    let bob = stack.address("bob");
    let mut mta = Client::smtp(stack.listener("smtp-relay")).unwrap();
    mta.expect("MAIL FROM:<someone@elsewhere.test>", "250 2.1.0");
    mta.expect("RCPT TO:<nobody@way.test>", "550 5.1.1");
    mta.expect("RCPT TO:<someone@elsewhere.test>", "550 5.7.1");
    mta.expect("RCPT TO:<someone%elsewhere.test@way.test>", "550 5.1.1");
    mta.expect("RSET", "250 2.0.0");
    let reply = mta.expect(&format!("AUTH PLAIN {}", plain_token(&bob)), "502 5.5.1");
    assert!(reply.contains("587") && reply.contains("465"), "{reply}");
    let reply = mta
        .mail("someone@elsewhere.test", &[&bob], &numbered("someone@elsewhere.test", &bob, 2))
        .unwrap();
    assert!(reply.starts_with("250 2.0.0"), "{reply}");
    let mut imap = Client::imap(stack.listener("imap-tls"), &bob).unwrap();
    wait_for("the message in the mailbox", || (imap.imap_count("INBOX") == 1).then_some(()));
}

#[test]
fn submission_wants_tls_a_password_and_an_own_sender() {
    let stack = stack();
    let (alice, bob) = (stack.address("alice"), stack.address("bob"));
    let mut client = Client::connect(stack.listener("smtp-submission")).unwrap();
    client.reply().unwrap();
    let ehlo = client.expect("EHLO [127.0.0.1]", "250");
    assert!(ehlo.contains("STARTTLS") && !ehlo.contains("AUTH"), "{ehlo}");
    client.expect(&format!("AUTH PLAIN {}", plain_token(&alice)), "538 5.7.11");
    client.expect(&format!("MAIL FROM:<{alice}>"), "530");
    client.expect("STARTTLS", "220");
    let mut client = client.into_tls();
    let ehlo = client.expect("EHLO [127.0.0.1]", "250");
    assert!(
        ehlo.contains("AUTH") && ehlo.contains("PLAIN") && !ehlo.contains("STARTTLS"),
        "{ehlo}"
    );
    client.expect(&format!("MAIL FROM:<{alice}>"), "530 5.7.0");
    client.expect("AUTH PLAIN AHdyb25nAHdyb25n", "535 5.7.8");
    client.expect(&format!("AUTH PLAIN {}", plain_token(&alice)), "235 2.7.0");
    client.expect(&format!("MAIL FROM:<{bob}>"), "553 5.7.1");
    client.expect(&format!("MAIL FROM:<{alice}> SIZE=999999999999"), "552 5.3.4");
    client.expect(&format!("MAIL FROM:<{alice}>"), "250 2.1.0");
    client.expect("RCPT TO:<nobody@way.test>", "550 5.1.1");
    // What was missing is added; what must not be seen is removed.
    let reply = client
        .mail(
            &alice,
            &[&bob],
            b"From: <alice@way.test>\r\nBcc: <secret@way.test>\r\nSubject: bare\r\n\r\nbody\r\n",
        )
        .unwrap();
    assert!(
        reply.starts_with('5') || reply.starts_with("503"),
        "MAIL inside a transaction: {reply}"
    );
    let reply = client
        .mail(
            &alice,
            &[&bob],
            b"From: <alice@way.test>\r\nBcc: <secret@way.test>\r\nSubject: bare\r\n\r\nbody\r\n",
        )
        .unwrap();
    assert!(reply.starts_with("250 2.0.0"), "{reply}");
    let mut imap = Client::imap(stack.listener("imap-tls"), &bob).unwrap();
    wait_for("the message in the mailbox", || (imap.imap_count("INBOX") == 1).then_some(()));
    let message = String::from_utf8(imap.imap_messages("INBOX").remove(0)).unwrap();
    assert!(message.contains("\r\nDate: ") && message.contains("\r\nMessage-ID: <"), "{message}");
    assert!(!message.contains("secret@"), "{message}");
}

#[test]
fn sendmail_hands_over_what_local_programs_write() {
    let stack = Stack::start(
        Plan::new("way.test", &["alice", "bob"])
            .set("sendmail", format!("{} = \"alice@way.test\"", uid())),
    );
    let bob = stack.address("bob");
    let output = stack.run_with_input(
        &["sendmail", "-t", "-i"],
        format!("To: {bob}\nSubject: from a script\n\n.\nline\n").as_bytes(),
    );
    assert!(output.status.success(), "{output:?}");
    let mut imap = Client::imap(stack.listener("imap-tls"), &bob).unwrap();
    wait_for("the message in the mailbox", || (imap.imap_count("INBOX") == 1).then_some(()));
    let message = String::from_utf8(imap.imap_messages("INBOX").remove(0)).unwrap();
    assert!(
        message.contains("Return-Path: <alice@way.test>")
            && message.ends_with("\r\n\r\n.\r\nline\r\n"),
        "{message}"
    );
}

#[test]
fn sendmail_says_try_again_when_submission_is_down() {
    let stack = Stack::prepare(Plan::new("way.test", &["bob"]));
    let output = stack.run_with_input(&["sendmail", "-i", "bob@way.test"], b"Subject: x\n\nx\n");
    // EX_TEMPFAIL of sysexits.h: cron and its like keep the mail.
    assert_eq!(output.status.code(), Some(75), "{output:?}");
}

#[test]
fn everything_is_found_again_after_a_restart() {
    let mut stack = stack();
    let (alice, bob) = (stack.address("alice"), stack.address("bob"));
    let mut msa = Client::submission(stack.listener("smtp-submission-tls"), &alice).unwrap();
    msa.mail(&alice, &[&bob], &numbered(&alice, &bob, 3)).unwrap();
    let mut imap = Client::imap(stack.listener("imap-tls"), &bob).unwrap();
    wait_for("the message in the mailbox", || (imap.imap_count("INBOX") == 1).then_some(()));
    imap.imap_ok("SELECT INBOX");
    imap.imap_ok("STORE 1 +FLAGS (\\Flagged $label1)");
    let before = imap.imap_ok("UID FETCH 1:* (FLAGS)");
    let epoch = imap.imap_ok("STATUS INBOX (UIDVALIDITY UIDNEXT)");
    stack.down();
    stack.up();
    let mut imap = Client::imap(stack.listener("imap-tls"), &bob).unwrap();
    assert_eq!(imap.imap_ok("STATUS INBOX (UIDVALIDITY UIDNEXT)"), epoch);
    imap.imap_ok("SELECT INBOX");
    let plain = |lines: Vec<String>| {
        lines
            .iter()
            .map(|l| l.replace(" \\Recent", "").replace("\\Recent ", ""))
            .collect::<Vec<_>>()
    };
    assert_eq!(plain(imap.imap_ok("UID FETCH 1:* (FLAGS)")), plain(before));
    assert_ne!(PASSWORD, "");
}

/// The user that the tests run as.
fn uid() -> u32 {
    use std::os::unix::fs::MetadataExt as _;
    std::fs::metadata("/proc/self").expect("a Linux system").uid()
}
