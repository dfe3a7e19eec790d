//! The agent over real sockets, with a real directory and a real mail store.

#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

#[path = "pop3_server/client.rs"]
mod client;
#[path = "pop3_server/house.rs"]
mod house;

use house::House;

#[tokio::test]
async fn a_session_from_greeting_to_quit() {
    let house = House::new().await;
    house.put(b"Subject: one\r\n\r\nfirst\r\n").await;
    house.put(b"Subject: two\r\n\r\n.dot\r\nno end").await;
    let mut client = house.connect().await;
    assert!(client.greeting.starts_with("+OK mx.example.org"));
    assert_eq!(client.say("USER alice@example.org").await, "+OK Send the password");
    assert_eq!(client.say("PASS secret").await, "+OK 2 messages (51 octets)");
    assert_eq!(client.say("STAT").await, "+OK 2 51");
    assert_eq!(client.lines("LIST").await, ["1 23", "2 28"]);
    assert_eq!(client.content("RETR 1").await, "Subject: one\r\n\r\nfirst\r\n");
    assert_eq!(client.content("RETR 2").await, "Subject: two\r\n\r\n.dot\r\nno end\r\n");
    assert_eq!(client.content("TOP 2 0").await, "Subject: two\r\n\r\n");
    assert_eq!(client.say("QUIT").await, "+OK Bye");
    assert!(client.is_closed().await);
}

#[tokio::test]
async fn deletes_count_only_after_quit() {
    let house = House::new().await;
    for number in 0..3 {
        house.put(format!("Subject: {number}\r\n\r\n").as_bytes()).await;
    }
    let mut client = house.sign_in().await;
    assert_eq!(client.say("DELE 1").await, "+OK Message 1 marked");
    drop(client);
    // The lock goes with the connection, as soon as the agent notices.
    let mut client = house.sign_in_when_free().await;
    let ids = client.lines("UIDL").await;
    assert_eq!(ids.len(), 3, "a dropped connection deletes nothing");
    client.say("DELE 2").await;
    assert_eq!(client.say("QUIT").await, "+OK Bye");

    let mut client = house.sign_in().await;
    let left = client.lines("UIDL").await;
    let id = |line: &String| line.split_once(' ').unwrap().1.to_owned();
    let expected: Vec<String> = [&ids[0], &ids[2]].map(id).into();
    assert_eq!(left.iter().map(id).collect::<Vec<_>>(), expected, "unique-ids stay");
    assert_eq!(house.usage().await, 2, "what is left is published");
}

/// Otherwise an account that counts as full would stay so: it gets no delivery that says otherwise.
#[tokio::test]
async fn what_is_published_is_corrected_when_something_is_removed() {
    let house = House::new().await;
    for number in 0..2 {
        house.put(format!("Subject: {number}\r\n\r\n").as_bytes()).await;
    }
    house.publish_from_the_future().await;
    let mut client = house.sign_in().await;
    client.say("DELE 2").await;
    assert_eq!(client.say("QUIT").await, "+OK Bye");
    assert_eq!(house.usage().await, 1);
}

/// Who leaves mail on the server and moves here does not fetch it all again.
#[tokio::test]
async fn unique_ids_of_another_server_stay() {
    let house = House::new().await;
    house.put_all(&["one", "two", "three"].map(|body| format!("\r\n{body}\r\n"))).await;
    house.keep_unique_ids(&["0000000b5a6e1f10", "UID2-1.x"]).await;
    let mut client = house.sign_in().await;
    let told = client.lines("UIDL").await;
    assert_eq!(told[..2], ["1 0000000b5a6e1f10", "2 UID2-1.x"]);
    assert!(told[2].ends_with("00000003"), "{told:?}");
    assert_eq!(client.say("UIDL 2").await, "+OK 2 UID2-1.x");
    client.say("DELE 1").await;
    assert_eq!(client.say("QUIT").await, "+OK Bye");
    let mut client = house.sign_in().await;
    assert_eq!(client.lines("UIDL").await[0], "1 UID2-1.x");
}

#[tokio::test]
async fn one_session_at_a_time() {
    let house = House::new().await;
    let mut first = house.sign_in().await;
    let mut second = house.connect().await;
    second.say("USER alice").await;
    assert!(second.say("PASS secret").await.starts_with("-ERR [IN-USE]"));
    first.say("QUIT").await;
    house.sign_in().await;
}

#[tokio::test]
async fn wrong_passwords_are_refused_and_may_be_tried_again() {
    let house = House::new().await;
    let mut client = house.connect().await;
    client.say("USER alice").await;
    assert!(client.say("PASS wrong").await.starts_with("-ERR [AUTH]"));
    client.say("USER nobody").await;
    assert!(client.say("PASS secret").await.starts_with("-ERR [AUTH]"));
    // alice, secret
    assert_eq!(client.say("AUTH PLAIN").await, "+ ");
    assert_eq!(client.say("AGFsaWNlAHNlY3JldA==").await, "+OK 0 messages (0 octets)");
}

/// Messages that came since the maildrop was opened are not in it (RFC 1939 §5).
#[tokio::test]
async fn a_session_sees_the_maildrop_as_it_was_opened() {
    let house = House::new().await;
    house.put(b"Subject: one\r\n\r\n").await;
    let mut client = house.sign_in().await;
    house.put(b"Subject: two\r\n\r\n").await;
    assert_eq!(client.say("STAT").await, "+OK 1 16");
    house.remove_all().await;
    assert_eq!(client.say("RETR 1").await, "-ERR The message is gone");
}

/// Many messages in one pipelined batch, and one that is larger than all buffers.
#[tokio::test]
async fn batches_and_large_messages() {
    let house = House::new().await;
    let large = "x".repeat(998) + "\r\n";
    let large = format!("Subject: large\r\n\r\n{}", large.repeat(3000));
    house.put(large.as_bytes()).await;
    let small = |number| format!("Subject: {number}\r\n\r\nbody\r\n");
    house.put_all(&(0..200).map(small).collect::<Vec<_>>()).await;
    let mut client = house.sign_in().await;
    assert!(client.content("RETR 1").await == large);
    let batch: Vec<String> = (2..=201).map(|number| format!("RETR {number}")).collect();
    client.send(&batch).await;
    for number in 0..200 {
        let body = client.rest_of_content().await;
        assert_eq!(body, small(number));
    }
}

/// RFC 6856 §2.1: who has not said UTF8 gets no UTF-8 in a header, large messages included.
#[tokio::test]
async fn headers_in_utf8_and_clients_without() {
    let house = House::new().await;
    let small = "From: zoé@example.org\r\nSubject: Grüße\r\n\r\nß\r\n".to_owned();
    let large = format!("Subject: Grüße\r\n\r\n{}", ("ß".repeat(400) + "\r\n").repeat(1000));
    house.put_all(&[&small, &large]).await;
    let mut client = house.sign_in().await;
    let from = "=?UTF-8?Q?zo=C3=A9=40example=2Eorg?= <invalid@internationalized-address.invalid>";
    let shown = small.replace("zoé@example.org", from).replace("Grüße", "=?UTF-8?B?R3LDvMOfZQ==?=");
    assert_eq!(client.content("RETR 1").await, shown);
    assert_eq!(client.content("TOP 1 0").await, shown.replace("ß\r\n", ""));
    let shown = large.replace("Grüße", "=?UTF-8?B?R3LDvMOfZQ==?=");
    assert!(client.content("RETR 2").await == shown);
    assert_eq!(client.content("TOP 2 0").await, "Subject: =?UTF-8?B?R3LDvMOfZQ==?=\r\n\r\n");
    client.say("QUIT").await;
    let mut client = house.connect().await;
    client.say("UTF8").await;
    client.say("USER alice").await;
    client.say("PASS secret").await;
    assert_eq!(client.content("RETR 1").await, small);
    assert!(client.content("RETR 2").await == large);
}

/// What a client has fetched whole is read for IMAP as well; what TOP showed is not, and a
/// connection that breaks off changes nothing.
#[tokio::test]
async fn fetched_messages_are_seen() {
    let house = House::new().await;
    for number in 0..3 {
        house.put(format!("Subject: {number}\r\n\r\n").as_bytes()).await;
    }
    let mut client = house.sign_in().await;
    client.content("RETR 1").await;
    client.content("TOP 2 0").await;
    client.content("RETR 3").await;
    drop(client);
    let mut client = house.sign_in_when_free().await;
    assert_eq!(house.seen("INBOX").await, [false, false, false]);
    client.content("RETR 1").await;
    client.content("TOP 2 0").await;
    client.content("RETR 3").await;
    client.say("DELE 3").await;
    client.say("QUIT").await;
    assert_eq!(house.seen("INBOX").await, [true, false]);
}

#[tokio::test]
async fn another_mailbox_is_the_maildrop_and_dele_means_trash() {
    let house = House::with("pop3.mailbox = \"For POP\"\npop3.deleted = \"trash\"\n").await;
    house.put(b"Subject: elsewhere\r\n\r\n").await;
    house.put_old("For POP", 1, b"Subject: one\r\n\r\n").await;
    house.put_old("For POP", 1, b"Subject: two\r\n\r\n").await;
    let mut client = house.sign_in().await;
    assert_eq!(client.lines("LIST").await.len(), 2);
    client.say("DELE 1").await;
    assert_eq!(client.say("QUIT").await, "+OK Bye");
    assert_eq!(house.seen("For POP").await.len(), 1);
    assert_eq!(house.seen("Trash").await.len(), 1);
    assert_eq!(house.seen("INBOX").await.len(), 1);
}

/// A mailbox that is not there is no reason to say that the password is wrong.
#[tokio::test]
async fn a_maildrop_that_is_missing() {
    let house = House::with("pop3.mailbox = \"Nowhere\"\n").await;
    let mut client = house.connect().await;
    client.say("USER alice").await;
    let answer = client.say("PASS secret").await;
    assert!(answer.starts_with("-ERR [SYS/PERM]"), "{answer}");
}

#[tokio::test]
async fn old_messages_and_too_many_are_hidden_and_keep_their_ids() {
    let house = House::with("").await;
    for days in [40, 20, 3, 2] {
        house.put_old("INBOX", days, b"Subject: x\r\n\r\n").await;
    }
    let ids = |lines: Vec<String>| -> Vec<String> {
        lines.iter().map(|line| line.split_once(' ').unwrap().1.to_owned()).collect()
    };
    let all = ids(house.sign_in().await.lines("UIDL").await);
    let hidden = house.restarted("pop3.hide_older_than = \"30d\"\npop3.show_at_most = 2\n").await;
    let shown = ids(hidden.sign_in_when_free().await.lines("UIDL").await);
    assert_eq!((all.len(), &shown[..]), (4, &all[2..]));
}

/// What was read goes after its time; what nobody has read stays.
#[tokio::test]
async fn read_messages_go_after_their_time() {
    let house = House::with("pop3.keep_read_for = \"7d\"\n").await;
    house.put_old("INBOX", 10, b"Subject: unread\r\n\r\n").await;
    house.put_old("INBOX", 10, b"Subject: old\r\n\r\n").await;
    house.put_old("INBOX", 1, b"Subject: new\r\n\r\n").await;
    let mut client = house.sign_in().await;
    assert!(client.lines("CAPA").await.contains(&"EXPIRE 7".to_owned()));
    client.content("RETR 2").await;
    client.content("RETR 3").await;
    assert_eq!(client.say("QUIT").await, "+OK Bye");
    assert_eq!(house.seen("INBOX").await, [false, true, true], "not by who fetched it first");
    house.sign_in_when_free().await.say("QUIT").await;
    assert_eq!(house.seen("INBOX").await, [false, true]);
    assert_eq!(house.usage().await, 2);
}

/// RFC 2449 §8.1.1: a client that comes too often is told so, and not that its password is wrong.
#[tokio::test]
async fn who_signs_in_too_often_waits() {
    let house = House::with("pop3.sign_ins_per_minute = 3\n").await;
    for _ in 0..3 {
        house.sign_in_when_free().await.say("QUIT").await;
    }
    let mut client = house.connect().await;
    client.say("USER alice").await;
    let answer = client.say("PASS secret").await;
    assert!(answer.starts_with("-ERR [LOGIN-DELAY]"), "{answer}");
}
