//! What the store knows of messages beyond their octets: when they were saved, what they are called,
//! how they begin.

use crate::house::{House, small};

/// RFC 8514 §3: neither APPEND's date nor the date of a copied message is the save date.
#[tokio::test]
async fn when_a_message_was_saved() {
    let house = House::new().await;
    let mut client = house.open().await;
    let message = String::from_utf8(small("1")).unwrap();
    let date = "17-Jul-1996 02:44:25 +0000";
    let append = format!("APPEND INBOX \"{date}\" {{{}+}}\r\n{message}", message.len());
    client.run(append).await.is("OK [APPENDUID");
    let fetched = client.run("FETCH 1 (INTERNALDATE SAVEDATE)").await.ok().line("1 FETCH");
    assert!(fetched.contains(&format!("INTERNALDATE \"{date}\" SAVEDATE \"")), "{fetched}");
    assert_eq!(fetched.matches("-1996 ").count(), 1, "{fetched}");
    assert_eq!(client.run("SEARCH BEFORE 1-Jan-2000").await.ok().found(), [1]);
    assert!(client.run("SEARCH SAVEDBEFORE 1-Jan-2000").await.ok().found().is_empty());
    assert_eq!(client.run("SEARCH SAVEDSINCE 1-Jan-2000").await.ok().found(), [1]);
    assert_eq!(client.run("SEARCH SAVEDATESUPPORTED").await.ok().found(), [1]);
    let day = fetched.split("SAVEDATE \"").nth(1).unwrap().split_at(11).0.trim();
    assert_eq!(client.run(format!("SEARCH SAVEDON {day}")).await.ok().found(), [1]);
    client.run("MOVE 1 Trash").await.ok();
    client.run("SELECT Trash").await.ok();
    let moved = client.run("FETCH 1 SAVEDATE").await.ok().line("1 FETCH (SAVEDATE \"");
    assert!(!moved.contains("1996"), "{moved}");
}

/// RFC 8474 §4: a mailbox keeps its id when it is renamed, and none comes back.
#[tokio::test]
async fn what_mailboxes_are_called_for_ever() {
    let house = House::new().await;
    let mut client = house.sign_in().await;
    let id = |text: &str| text.split(['(', ')']).nth(1).unwrap().to_owned();
    let made = id(&client.run("CREATE foo").await.is("OK [MAILBOXID (F").tagged);
    let status = client.run("STATUS foo (MAILBOXID)").await.ok().line("STATUS");
    assert_eq!(status, format!("STATUS \"foo\" (MAILBOXID ({made}))"));
    client.run("RENAME foo bar").await.ok();
    let listed = client.run("LIST \"\" * RETURN (STATUS (MAILBOXID UNSEEN))").await.ok();
    listed.line(&format!("STATUS \"bar\" (MAILBOXID ({made}) UNSEEN 0)"));
    let mut ids: Vec<_> = listed.lines().into_iter().filter(|l| l.starts_with("STATUS")).collect();
    ids.iter_mut().for_each(|line| *line = line.split("MAILBOXID").nth(1).unwrap().to_owned());
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 7);
    client.run("SELECT bar").await.ok().line(&format!("OK [MAILBOXID ({made})]"));
    client.run("EXAMINE bar").await.ok().line(&format!("OK [MAILBOXID ({made})]"));
    client.run("CLOSE").await.ok();
    client.run("DELETE bar").await.ok();
    let again = id(&client.run("CREATE foo").await.is("OK [MAILBOXID (F").tagged);
    assert_ne!(again, made);
    // RFC 8474 §4: the messages of INBOX move, it stays what it is.
    let inbox = client.run("STATUS INBOX (MAILBOXID)").await.ok().line("STATUS");
    client.run("RENAME INBOX old").await.ok();
    assert_eq!(client.run("STATUS INBOX (MAILBOXID)").await.ok().line("STATUS"), inbox);
}

/// RFC 8474 §5, §6.
#[tokio::test]
async fn what_messages_are_called_wherever_they_are() {
    let house = House::new().await;
    let header = ["Message-ID: <1@a>", "Message-ID: <2@a>\r\nReferences: <1@a>", "Subject: x"];
    for header in header {
        house.put(format!("{header}\r\n\r\nbody\r\n").as_bytes()).await;
    }
    let mut client = house.open().await;
    let fetched = client.run("FETCH 1:3 (EMAILID THREADID)").await.ok().lines();
    let ids: Vec<(String, String)> = fetched
        .iter()
        .map(|line| {
            let mut parts = line.split(['(', ')']).skip(2).step_by(2).map(str::to_owned);
            (parts.next().unwrap(), parts.next().unwrap())
        })
        .collect();
    assert!(ids[0].0.starts_with('M') && ids[0].1.starts_with('T'), "{fetched:?}");
    assert!(ids[0].0 != ids[1].0 && ids[0].1 == ids[1].1 && ids[1].1 != ids[2].1, "{fetched:?}");
    let (email, thread) = &ids[1];
    assert_eq!(client.run(format!("SEARCH EMAILID {email}")).await.ok().found(), [2]);
    assert_eq!(client.run(format!("SEARCH THREADID {thread}")).await.ok().found(), [1, 2]);
    let both = format!("UID SEARCH NOT THREADID {thread} NOT EMAILID {email}");
    assert_eq!(client.run(both).await.ok().found(), [3]);
    let neither = format!("SEARCH OR EMAILID {} THREADID t", email.to_uppercase());
    assert!(client.run(neither).await.ok().found().is_empty());
    client.run("COPY 2 Trash").await.ok();
    client.run("MOVE 2 Archive").await.ok();
    for mailbox in ["Trash", "Archive"] {
        client.run(format!("SELECT {mailbox}")).await.ok();
        let found = client.run("FETCH 1 (EMAILID THREADID)").await.ok().line("1 FETCH");
        assert_eq!(found, format!("1 FETCH (EMAILID ({email}) THREADID ({thread}))"));
    }
}

/// RFC 8970 §3.
#[tokio::test]
async fn how_messages_begin() {
    let house = House::new().await;
    let korean = "Content-Type: text/html; charset=utf-8\r\n\r\n<p>\u{c548}<b>\u{b155}</b>";
    for message in ["\r\nHello,\r\n\r\n> quoted\r\nworld\r\n", korean, "\r\n"] {
        house.put(message.as_bytes()).await;
    }
    let mut client = house.open().await;
    for command in ["FETCH 1:3 PREVIEW", "FETCH 1:3 PREVIEW (LAZY)"] {
        assert_eq!(
            client.run(command).await.ok().lines(),
            [
                "1 FETCH (PREVIEW \"Hello, world\")",
                "2 FETCH (PREVIEW {6}\r\n\u{c548}\u{b155})",
                "3 FETCH (PREVIEW \"\")",
            ]
        );
    }
    let seen = client.run("FETCH 1 (UID PREVIEW FLAGS)").await.ok();
    assert_eq!(seen.lines(), ["1 FETCH (UID 1 PREVIEW \"Hello, world\" FLAGS (\\Recent))"]);
}
