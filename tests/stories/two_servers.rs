//! Two servers with a domain each find one another through DNS and MX.

use crate::stack::{
    Plan, Stack,
    client::Client,
    dns::{Dns, Zone},
    messages::numbered,
    wait_for,
};

/// The port on which the second server of a story takes mail, on an address of its own.
fn pair(second_ip: &'static str, settings: &[(&'static str, &str)]) -> (Stack, Stack, Dns) {
    let dns = Dns::start(Zone::default());
    let second = Stack::start(Plan::new("second.test", &["bob"]).at(second_ip).dns(dns.address));
    let port = second.listener("smtp-relay").port();
    let mut plan = Plan::new("first.test", &["alice"])
        .dns(dns.address)
        .set("relay.outbound", format!("port = {port}"));
    for (section, line) in settings {
        plan = plan.set(section, *line);
    }
    let first = Stack::start(plan);
    dns.change(
        Zone::default().mx("second.test", 10, "mx.second.test").a("mx.second.test", second_ip),
    );
    (first, second, dns)
}

fn submit(first: &Stack, number: usize, to: &str) -> String {
    let alice = first.address("alice");
    let mut msa = Client::submission(first.listener("smtp-submission-tls"), &alice).unwrap();
    let reply = msa.mail(&alice, &[to], &numbered(&alice, to, number)).unwrap();
    assert!(reply.starts_with("250 2.0.0"), "{reply}");
    reply.split_whitespace().find(|word| word.len() == 16).expect("the queue id").to_owned()
}

#[test]
fn mail_travels_by_mx_over_tls() {
    let (first, second, _dns) = pair("127.0.0.2", &[]);
    let bob = second.address("bob");
    let id = submit(&first, 1, &bob);
    let mut imap = Client::imap(second.listener("imap-tls"), &bob).unwrap();
    wait_for("the message at the second server", || (imap.imap_count("INBOX") == 1).then_some(()));
    let message = String::from_utf8(imap.imap_messages("INBOX").remove(0)).unwrap();
    assert!(message.contains(" with ESMTPS\r\n"), "over TLS: {message}");
    let journey = wait_for("the end of the journey", || {
        let text = first.run_ok(&["trace", &id]);
        text.contains("delivered").then_some(text)
    });
    assert!(journey.contains("mx.second.test") && journey.contains("250 2.0.0"), "{journey}");
    // And the other server's own journey of the same message, found by its Message-ID.
    assert!(second.run_ok(&["trace", "<story-1@client.example>"]).contains("smtp-relay"));
}

#[test]
fn mail_waits_for_a_server_that_is_down() {
    let retry = [("relay.outbound.retry", "first_retry = \"1s\"\nmax_retry = \"1s\"")];
    let (first, mut second, _dns) = pair("127.0.0.3", &retry);
    let bob = second.address("bob");
    second.down();
    let id = submit(&first, 2, &bob);
    let waiting = wait_for("a reason in the queue's list", || {
        let list = first.json(&["queue", "list"]);
        let text = list.to_string();
        (text.contains(&id) && text.contains("refused")).then_some(text)
    });
    assert!(waiting.contains("second.test"), "{waiting}");
    assert!(first.run_ok(&["queue", "show", &id]).contains("refused"));
    second.up();
    let mut imap = Client::imap(second.listener("imap-tls"), &bob).unwrap();
    wait_for("the message at the second server", || (imap.imap_count("INBOX") == 1).then_some(()));
}

#[test]
fn a_sender_is_told_when_mail_cannot_go() {
    let give_up = [(
        "relay.outbound.retry",
        "first_retry = \"1s\"\nmax_retry = \"1s\"\ngive_up_after = \"3s\"",
    )];
    let (first, mut second, _dns) = pair("127.0.0.4", &give_up);
    let bob = second.address("bob");
    let alice = first.address("alice");
    // At once, for a recipient that the other server does not know.
    submit(&first, 3, "nobody@second.test");
    let mut imap = Client::imap(first.listener("imap-tls"), &alice).unwrap();
    wait_for("the first notification", || (imap.imap_count("INBOX") == 1).then_some(()));
    // After the give-up time, for a server that does not answer.
    second.down();
    submit(&first, 4, &bob);
    wait_for("the second notification", || (imap.imap_count("INBOX") == 2).then_some(()));
    let reports: Vec<String> =
        imap.imap_messages("INBOX").into_iter().map(|m| String::from_utf8(m).unwrap()).collect();
    for (report, recipient, status) in [
        (&reports[0], "nobody@second.test", "Status: 5.1.1"),
        (&reports[1], bob.as_str(), "Status: 5.4.7"),
    ] {
        assert!(report.starts_with("Return-Path: <>\r\n"), "{report}");
        for needle in [
            "report-type=delivery-status",
            "Content-Type: message/delivery-status",
            "Action: failed",
            status,
        ] {
            assert!(report.contains(needle), "{needle} in {report}");
        }
        assert!(
            report.contains(&format!("Final-Recipient: rfc822;{recipient}"))
                || report.contains(&format!("Final-Recipient: rfc822; {recipient}")),
            "{report}"
        );
        assert!(report.contains("Auto-Submitted: auto-replied"), "{report}");
    }
    // A mail client shows it as the parts it has.
    imap.imap_ok("SELECT INBOX");
    let structure = imap.imap_ok("FETCH 1 (BODYSTRUCTURE)").join("");
    assert!(
        structure.contains("\"delivery-status\"") || structure.contains("\"DELIVERY-STATUS\""),
        "{structure}"
    );
    // Nothing is left waiting.
    wait_for("an empty queue", || {
        first.json(&["queue", "list"]).as_array().is_some_and(Vec::is_empty).then_some(())
    });
}

#[test]
fn dead_dns_only_delays() {
    let retry = [("relay.outbound.retry", "first_retry = \"1s\"\nmax_retry = \"1s\"")];
    let (first, second, dns) = pair("127.0.0.5", &retry);
    let bob = second.address("bob");
    dns.change(Zone::default().broken("second.test"));
    let id = submit(&first, 5, &bob);
    wait_for("a DNS reason in the queue's list", || {
        let text = first.run_ok(&["queue", "show", &id]);
        text.contains("4.4.3").then_some(())
    });
    dns.change(
        Zone::default().mx("second.test", 10, "mx.second.test").a("mx.second.test", "127.0.0.5"),
    );
    let mut imap = Client::imap(second.listener("imap-tls"), &bob).unwrap();
    wait_for("the message at the second server", || (imap.imap_count("INBOX") == 1).then_some(()));
}
