//! Who may send as whom, how much, and what becomes of it.

use directory::AliasName;
use mail_types::{Address, Flag, FlagSet};
use message_queue::Consumes;

use crate::{SIGN_IN, house::House};

/// Signed in as alice on 465.
fn signed_in(script: &str) -> String {
    format!(
        "@tls\nS: 220\nC: EHLO client.example\nS: 250 AUTH\nC: {SIGN_IN}\nS: 235\n{script}C: QUIT\nS: 221\n"
    )
}

fn mail(from: &str, to: &str, header: &str, reply: &str) -> String {
    let header: String = header.split('\n').map(|line| format!("C: {line}\n")).collect();
    format!(
        "C: MAIL FROM:<{from}>\nS: 250\nC: RCPT TO:<{to}>\nS: 250\nC: DATA\nS: 354\n\
         {header}C: \nC: text\nC: .\nS: {reply}\n"
    )
}

#[tokio::test]
async fn the_author_has_to_be_ones_own() {
    let house = House::build("").await;
    let (editor, alice) = (house.editor(), Address::parse("alice@example.org").unwrap());
    for name in ["sales@example.net", "@partner.example"] {
        editor.grant_send_as(&alice, &name.parse::<AliasName>().unwrap()).await.unwrap();
    }
    let mut script = String::new();
    for (header, reply) in [
        ("From: Alice <ALICE@example.org>", "250"),
        ("From: alice+list@example.org", "250"),
        ("From: all@example.org", "250"),
        ("From: Sales <sales@example.net>", "250"),
        ("From: anybody@partner.example", "250"),
        ("From: alice@example.org\nSender: sales@example.net", "250"),
        ("From: bob@example.org", "550 5.7.1 You cannot write as bob@example.org"),
        ("From: alice@example.org, bob@example.org", "550 5.7.1"),
        ("From: eve@example.com\nSender: bob@example.org", "550 5.7.1"),
        ("From: bob@example.org\nResent-From: alice@example.org", "550 5.7.1"),
    ] {
        script.push_str(&mail("alice@example.org", "bob@example.org", header, reply));
    }
    // The envelope follows the same rule.
    script.push_str(&mail("sales@example.net", "bob@example.org", "Subject: x", "250"));
    script.push_str("C: MAIL FROM:<eve@example.com>\nS: 553 5.7.1\n");
    house.play("smtp-submission-tls", &signed_in(&script)).await;
    let queued = house.queued(Consumes::Local).await;
    assert_eq!(queued.len(), 7);
    assert!(queued.iter().all(|message| !message.content.contains("\r\nSender: alice")));
    assert!(queued[6].content.contains("From: sales@example.net\r\n"), "RFC 5322 §3.6");
    house.close().await;
}

/// RFC 6409 §8.1: who writes as somebody elsewhere is named beside.
#[tokio::test]
async fn a_foreign_author_gets_a_sender_beside() {
    let house = House::build("").await;
    let cases = [
        ("From: alice@example.com", true),
        ("From: alice@example.org, eve@example.com", true),
        ("From: the boss", true),
        ("From: eve@example.com\nResent-From: carol@example.com", true),
        ("Subject: no author", false),
        ("From: eve@example.com\nSender: carol@example.com", false),
        ("From: eve@example.com\nResent-From: alice@example.org", false),
    ];
    let scripts =
        cases.map(|(header, _)| mail("alice@example.org", "bob@example.org", header, "250"));
    house.play("smtp-submission-tls", &signed_in(&scripts.concat())).await;
    let queued = house.queued(Consumes::Local).await;
    assert_eq!(queued.len(), cases.len());
    for ((header, added), message) in cases.iter().zip(&queued) {
        let found = message.content.contains("\r\nSender: alice@example.org\r\n");
        assert_eq!(found, *added, "{header}: {}", message.content);
    }
    house.close().await;
}

#[tokio::test]
async fn a_message_without_destination_gets_one() {
    let house = House::build("").await;
    let from = "From: alice@example.org";
    let mut script = String::new();
    for header in ["Bcc: bob@example.org", "To: x@example.com", "Cc: x@example.com"] {
        let header = format!("{from}\n{header}");
        script.push_str(&mail("alice@example.org", "bob@example.org", &header, "250"));
    }
    house.play("smtp-submission-tls", &signed_in(&script)).await;
    let queued = house.queued(Consumes::Local).await;
    let has = |number: usize| queued[number].content.contains("To: undisclosed-recipients:;\r\n");
    assert_eq!([has(0), has(1), has(2)], [true, false, false]);
    assert!(!queued[0].content.contains("Bcc"), "RFC 5322 §3.6.3");
    house.close().await;
}

#[tokio::test]
async fn what_is_too_much_is_held_and_told_and_then_refused() {
    let house = House::build(
        "[submission.sending]\nrecipients_per_hour = 2\njump_from = 0\n\
         [sendmail]\n0 = \"root@example.org\"\n",
    )
    .await;
    let out =
        |reply| mail("alice@example.org", "carol@example.net", "From: alice@example.org", reply);
    let home = mail("alice@example.org", "bob@example.org", "From: alice@example.org", "250");
    let script = [out("250"), out("250"), out("250"), out("250"), out("450 4.7.1"), home].concat();
    house.play("smtp-submission-tls", &signed_in(&script)).await;
    let why = "the account sends too much: 3 recipients in an hour, and the limit is 2";
    let mut rows = house.rows().await;
    rows.retain(|row| row.contains("example.net"));
    assert_eq!(rows[..2], ["waiting carol@example.net: ", "waiting carol@example.net: "]);
    assert_eq!(rows[2], format!("held carol@example.net: {why}"));
    assert!(rows[3].starts_with("held") && rows.len() == 4, "{rows:?}");

    let local = house.queued(Consumes::Local).await;
    assert_eq!(local.len(), 2, "one notice, and what stays here is not counted");
    let notice = &local[0].content;
    assert!(notice.contains("Subject: Mail from alice@example.org is held\r\n"), "{notice}");
    assert!(notice.contains("3 recipients in an hour"), "{notice}");
    assert!(notice.contains("queue release --state held --from"), "{notice}");
    assert!(notice.contains("Auto-Submitted: auto-generated\r\n"), "RFC 3834 §5: {notice}");
    assert_eq!(local[0].lease.entry.reverse_path.to_string(), "");
    // The oldest account answers for the postmaster, and that is the owner.
    let to: Vec<_> = local[0].lease.recipients.iter().map(|r| r.address.to_string()).collect();
    assert_eq!(to, ["alice@example.org"]);
    house.close().await;
}

#[tokio::test]
async fn a_copy_is_left_in_sent_for_those_who_want_that() {
    let house = House::build("").await;
    let alice = Address::parse("alice@example.org").unwrap();
    let message = mail("alice@example.org", "carol@example.net", "From: alice@example.org", "250");
    house.play("smtp-submission-tls", &signed_in(&message)).await;
    assert!(house.queued(Consumes::Local).await.is_empty(), "nobody asked for it");
    house.editor().set_sent_copy(&alice, true).await.unwrap();
    let receipt = mail("", "carol@example.net", "From: alice@example.org", "250");
    house.play("smtp-submission-tls", &signed_in(&format!("{message}{receipt}"))).await;
    let local = house.queued(Consumes::Local).await;
    assert_eq!(local.len(), 1, "notifications that mail clients send are not kept");
    let copy = &local[0].lease.recipients[0];
    assert_eq!(copy.address, alice);
    let file_into = copy.file_into.as_ref().unwrap();
    assert_eq!(file_into.mailbox.to_string(), "Sent");
    assert_eq!(file_into.flags, FlagSet::from_iter([Flag::Seen]));
    assert_eq!(copy.notify, mail_types::Notify::NEVER);
    house.close().await;
}

#[tokio::test]
async fn a_device_submits_without_a_sign_in_on_587_only_and_as_few() {
    let house = House::build(
        "[submission.without_sign_in]\nnetworks = [\"127.0.0.0/8\"]\n\
         senders = [\"scanner@example.org\", \"@printers.example\"]\n",
    )
    .await;
    let from =
        |sender: &str, header: &str, reply: &str| mail(sender, "carol@example.net", header, reply);
    let script = [
        from("scanner@example.org", "Subject: a scan", "250"),
        from("Two@printers.example", "From: <two@printers.example>", "250"),
        from("scanner@example.org", "From: alice@example.org", "550 5.7.1"),
        from("scanner@example.org", "From: eve@example.com", "550 5.7.1"),
        from("scanner@example.org", "From: Scanner", "250"),
        "C: MAIL FROM:<alice@example.org>\nS: 530 5.7.0\nC: MAIL FROM:<>\nS: 530 5.7.0\n"
            .to_owned(),
        "C: STARTTLS\nS: 220\n@tls\nC: EHLO client.example\nS: 250 AUTH\n".to_owned(),
        format!("C: {SIGN_IN}\nS: 235\n"),
        from("alice@example.org", "From: alice@example.org", "250"),
        "C: MAIL FROM:<scanner@example.org>\nS: 553 5.7.1\n".to_owned(),
    ]
    .concat();
    let hello = "S: 220\nC: EHLO [127.0.0.1]\nS: 250 STARTTLS\n";
    house.play("smtp-submission", &format!("{hello}{script}C: QUIT\nS: 221\n")).await;
    house
        .play(
            "smtp-submission-tls",
            "@tls\nS: 220\nC: EHLO [127.0.0.1]\nS: 250 AUTH\n\
             C: MAIL FROM:<scanner@example.org>\nS: 530 5.7.0\nC: QUIT\nS: 221\n",
        )
        .await;
    let queued = house.queued(Consumes::Remote).await;
    assert_eq!(queued.len(), 4);
    // Senders take turns.
    let with = |text: &str| queued.iter().find(|message| message.content.contains(text)).unwrap();
    assert!(
        with("From: Scanner").content.contains("Sender: scanner@example.org\r\n"),
        "RFC 6409 §8.1"
    );
    let scan = with("Subject: a scan");
    assert!(scan.content.contains("From: scanner@example.org\r\n"), "RFC 5322 §3.6");
    assert!(scan.lease.entry.account.is_none());
    house.close().await;
}

#[tokio::test]
async fn our_own_people_may_ask_about_addresses() {
    let house = House::build("").await;
    let script = signed_in(
        "C: VRFY alice@example.org\nS: 250 2.1.5 <alice@example.org>\n\
         C: VRFY Bob\nS: 250 2.1.5 <bob@example.org>\n\
         C: VRFY all\nS: 250 2.1.5 <all@example.org>\n\
         C: VRFY nobody@example.org\nS: 550 5.1.1\n\
         C: VRFY nobody\nS: 550 5.1.1\n\
         C: VRFY carol@example.net\nS: 252\n\
         C: EXPN all@example.org\nS: 250-2.1.5 <alice@example.org>\nS: 250 2.1.5 <bob@example.org>\n\
         C: EXPN all\nS: 250-2.1.5 <alice@example.org>\nS: 250 2.1.5 <bob@example.org>\n\
         C: EXPN bob@example.org\nS: 250 2.1.5 <bob@example.org>\n\
         C: EXPN nobody\nS: 550 5.1.1\n",
    );
    house.play("smtp-submission-tls", &script).await;
    house
        .play(
            "smtp-submission-tls",
            "@tls\nS: 220\nC: EHLO [127.0.0.1]\nS: 250 AUTH\nC: VRFY alice@example.org\nS: 252\n\
             C: VRFY nobody@example.org\nS: 252\nC: QUIT\nS: 221\n",
        )
        .await;
    house.close().await;
}

/// What the client says about its content is not believed: what leaves is 7-bit clean (RFC 6152 §3),
/// whether it was announced as 7-bit, as 8-bit, or with SMTPUTF8 that nothing in it needs.
#[tokio::test]
async fn eight_bits_are_repaired_whatever_was_declared() {
    let house = House::build("").await;
    let header = "From: alice@example.org\nMIME-Version: 1.0\n\
                  Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 7bit";
    let mut script = String::new();
    for parameters in ["", " BODY=7BIT", " BODY=8BITMIME", " BODY=8BITMIME SMTPUTF8"] {
        let said = mail("alice@example.org", "carol@example.net", header, "250");
        let said = said
            .replace("FROM:<alice@example.org>", &format!("FROM:<alice@example.org>{parameters}"));
        script.push_str(
            &said.replace("C: text", "C: Gr\u{fc}\u{df}e from the other side of the sea"),
        );
    }
    house.play("smtp-submission-tls", &signed_in(&script)).await;
    let queued = house.queued(Consumes::Remote).await;
    assert_eq!(queued.len(), 4);
    for message in queued {
        assert!(message.content.is_ascii(), "{}", message.content);
        assert!(message.content.contains("Gr=C3=BC=C3=9Fe"), "{}", message.content);
        assert_eq!(message.lease.entry.body, mail_types::BodyKind::SevenBit);
        assert!(!message.lease.entry.smtputf8);
    }
    house.close().await;
}
