//! Mail that leaves in ways of its own: with international addresses, and through a smarthost that
//! wants a password.

use crate::stack::{
    PASSWORD, Plan, Stack,
    client::Client,
    dns::{Dns, Zone},
    wait_for,
};

#[test]
fn international_addresses_and_domains_travel() {
    // RFC 6531: both names and both domains; the domains go as A-labels.
    const FIRST: &str = "\u{cc98}\u{c74c}.test";
    let dns = Dns::start(Zone::default());
    let second = Stack::start(Plan::new("second.test", &["bob"]).at("127.0.0.6").dns(dns.address));
    let port = second.listener("smtp-relay").port();
    second.run_ok(&["domain", "add", "b\u{fc}cher.test"]);
    second.run_ok(&["alias", "add", "\u{bc25}@b\u{fc}cher.test", &second.address("bob")]);
    let plan = Plan::new("first.test", &["alice"]).dns(dns.address);
    let first = Stack::start(plan.set("relay.outbound", format!("port = {port}")));
    first.run_ok(&["domain", "add", FIRST]);
    let sender = format!("\u{c568}\u{b9ac}\u{c2a4}@{FIRST}");
    first.run_ok(&["alias", "add", &sender, &first.address("alice")]);
    dns.change(
        Zone::default()
            .mx("xn--bcher-kva.test", 10, "mx.second.test")
            .a("mx.second.test", "127.0.0.6"),
    );
    let alice = first.address("alice");
    let mut msa = Client::submission(first.listener("smtp-submission-tls"), &alice).unwrap();
    msa.expect(&format!("MAIL FROM:<{sender}> SMTPUTF8 BODY=8BITMIME"), "250");
    msa.expect("RCPT TO:<\u{bc25}@b\u{fc}cher.test>", "250");
    msa.expect("DATA", "354");
    let header =
        format!("From: {sender}\r\nSubject: gr\u{fc}n\r\nMessage-ID: <\u{fc}@first.test>\r\n");
    msa.send(format!("{header}\r\nGr\u{fc}\u{df}e\r\n.\r\n").as_bytes()).unwrap();
    assert!(msa.reply().unwrap().starts_with("250 2.0.0"));
    let mut imap = Client::imap(second.listener("imap-tls"), &second.address("bob")).unwrap();
    wait_for("the message at the second server", || (imap.imap_count("INBOX") == 1).then_some(()));
    let message = String::from_utf8(imap.imap_messages("INBOX").remove(0)).unwrap();
    assert!(message.starts_with("Return-Path: <\u{c568}\u{b9ac}\u{c2a4}@xn--"), "{message}");
    assert!(message.contains(" with UTF8SMTPS"), "{message}");
    assert!(message.contains("Subject: gr\u{fc}n\r\n") && message.contains("Gr\u{fc}\u{df}e\r\n"));
}

#[test]
fn a_smarthost_takes_mail_for_a_password() {
    let second = Stack::start(Plan::new("second.test", &["relay", "bob"]).at("127.0.0.7"));
    second.run_ok(&["account", "send-as", &second.address("relay"), "--grant", "@first.test"]);
    let secret = second.path("smarthost.password");
    std::fs::write(&secret, "not this one\n").expect("written");
    let submission = second.listener("smtp-submission-tls");
    let plan = Plan::new("first.test", &["alice"])
        .set("routes", format!("\"*\" = \"{submission}\""))
        .set("smarthosts.\"[127.0.0.7]\"", "tls = \"tls\"")
        .set("smarthosts.\"[127.0.0.7]\"", format!("user = \"{}\"", second.address("relay")))
        .set("smarthosts.\"[127.0.0.7]\"", format!("password_file = \"{}\"", secret.display()))
        .set(
            "relay.outbound",
            format!("authorities = \"{}\"", second.path("certificate.pem").display()),
        )
        .set("relay.outbound.retry", "first_retry = \"1s\"\nmax_retry = \"1s\"");
    let first = Stack::start(plan);
    let (alice, bob) = (first.address("alice"), second.address("bob"));
    let mut msa = Client::submission(first.listener("smtp-submission-tls"), &alice).unwrap();
    let message = format!("From: {alice}\r\nTo: {bob}\r\nSubject: out\r\n\r\nBody\r\n");
    let reply = msa.mail(&alice, &[&bob], message.as_bytes()).unwrap();
    assert!(reply.starts_with("250 2.0.0"), "{reply}");
    wait_for("the refusal of the wrong password", || {
        first.run_ok(&["queue", "list"]).contains("did not let us sign in").then_some(())
    });
    // The password is read anew.
    std::fs::write(&secret, format!("{PASSWORD}\n")).expect("written");
    let mut imap = Client::imap(second.listener("imap-tls"), &bob).unwrap();
    wait_for("the message at the second server", || (imap.imap_count("INBOX") == 1).then_some(()));
    let message = String::from_utf8(imap.imap_messages("INBOX").remove(0)).unwrap();
    assert!(message.contains(" with ESMTPSA"), "signed in: {message}");
    let journey = first.run_ok(&["trace", &alice]);
    assert!(journey.contains("certificate verified"), "{journey}");
    assert!(!first.log().contains(PASSWORD) && !first.log().contains("not this one"));
}
