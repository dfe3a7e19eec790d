//! What identifies messages wherever they lie (RFC 8474 §5), and their first words (RFC 8970).

use mail_store::{AccountMailboxes, NewMessage, UidSet};
use mail_types::{MailboxId, Timestamp, Uid};
use sqlx::{Connection, SqliteConnection};

use crate::world::{ALICE, World, flags, mailbox, uid};

const MESSAGES: [&str; 4] = [
    "Message-ID: <1@a>\r\nSubject: a\r\n\r\nFirst words.\r\n",
    "Message-ID: <2@a>\r\nReferences: <1@a>\r\n\r\n> First words.\r\nMore.\r\n",
    "Message-ID: <3@a>\r\nIn-Reply-To: <2@a>\r\nContent-Type: image/png\r\n\r\nabc\r\n",
    "Content-Type: text/html\r\n\r\n<p>Some <b>words</b></p>\r\n",
];

async fn append(account: &AccountMailboxes, mailbox: MailboxId, message: &[u8], seconds: i64) {
    let mut incoming = account.incoming(Timestamp::from_secs(seconds)).unwrap();
    for piece in message.chunks(300_000) {
        incoming.write(piece).await.unwrap();
    }
    let written = incoming.finish().await.unwrap();
    account.append(mailbox, vec![NewMessage { written, flags: flags(&[]) }]).await.unwrap();
}

/// For each message its ids, shortened, and its words.
async fn seen(account: &AccountMailboxes, mailbox: MailboxId) -> Vec<(String, String, String)> {
    let ids = account.object_ids(mailbox, &UidSet::all()).await.unwrap();
    let words = account.previews(mailbox, &UidSet::all(), false).await.unwrap();
    let both = ids.iter().zip(words);
    both.map(|(ids, (uid, words))| {
        assert_eq!(uid, ids.uid);
        (ids.email.to_string(), ids.thread.to_string(), words.unwrap())
    })
    .collect()
}

#[tokio::test]
async fn copies_are_the_same_message() {
    let world = World::new();
    let account = world.open().await.account(ALICE);
    let inbox = mailbox(&account, "INBOX").await.id;
    let trash = mailbox(&account, "Trash").await.id;
    for message in MESSAGES {
        append(&account, inbox, message.as_bytes(), 5).await;
    }
    let first = seen(&account, inbox).await;
    let words: Vec<&str> = first.iter().map(|(_, _, words)| words.as_str()).collect();
    assert_eq!(words, ["First words.", "More.", "", "Some words"]);
    let threads: Vec<&String> = first.iter().map(|(_, thread, _)| thread).collect();
    assert_eq!(threads[0], threads[1]);
    // Of an answer to an answer, whose header tells no more, the first ancestor is another one.
    assert!(threads[2] != threads[1] && threads[3] != threads[2]);
    account.copy(inbox, &UidSet::all(), trash).await.unwrap();
    account.move_messages(inbox, &uid(1).into(), trash).await.unwrap();
    let mut expected = first.clone();
    expected.push(first[0].clone());
    assert_eq!(seen(&account, trash).await, expected);
    // The same octets are the same message only with the same internal date.
    append(&account, trash, MESSAGES[0].as_bytes(), 5).await;
    append(&account, trash, MESSAGES[0].as_bytes(), 6).await;
    let all = seen(&account, trash).await;
    assert_eq!(all[5], first[0]);
    assert_ne!(all[6].0, first[0].0);
    assert_eq!(all[6].1, first[0].1);
}

/// One that is written in steps, whose words stand behind what is in memory.
#[tokio::test]
async fn words_of_a_large_message() {
    let world = World::new();
    let store = world.open().await;
    let account = store.account(ALICE);
    let inbox = mailbox(&account, "INBOX").await.id;
    let message = format!(
        "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: image/png\n\n{}\n\
         --b\n\nHello from below.\n--b--\n",
        "x".repeat(70).as_str().to_owned() + &"\nyyyyyyyyyyyyyyyyyyyy".repeat(40_000)
    );
    append(&account, inbox, message.as_bytes(), 5).await;
    let first = seen(&account, inbox).await;
    assert_eq!(first[0].2, "Hello from below.");
    store.close().await;
    // As another tool leaves it, with the line ends that it had.
    let path = world.maildir().join("cur/5.x.other:2,S");
    std::fs::write(&path, &message).unwrap();
    let time = std::time::UNIX_EPOCH + std::time::Duration::from_secs(5);
    std::fs::File::options().write(true).open(&path).unwrap().set_modified(time).unwrap();
    let account = world.open().await.account(ALICE);
    assert!(account.refresh(inbox).await.unwrap());
    let all = seen(&account, inbox).await;
    assert_eq!(all[1], first[0]);
}

/// Messages from before any of this was kept get it when it is asked for, and what their copies
/// have got meanwhile is the same.
#[tokio::test]
async fn what_was_not_kept_is_made_up_for() {
    let world = World::new();
    let store = world.open().await;
    let account = store.account(ALICE);
    let inbox = mailbox(&account, "INBOX").await.id;
    for message in MESSAGES {
        append(&account, inbox, message.as_bytes(), 5).await;
    }
    let expected = seen(&account, inbox).await;
    store.close().await;
    let path = world.maildir().join("postrider-index.db");
    let url = format!("sqlite://{}", path.display());
    let mut index = SqliteConnection::connect(&url).await.unwrap();
    for sql in ["update details set email_id = null, preview = null", "delete from sort_keys"] {
        sqlx::query(sql).execute(&mut index).await.unwrap();
    }
    index.close().await.unwrap();

    let store = world.open().await;
    let account = store.account(ALICE);
    let sent = mailbox(&account, "Sent").await.id;
    account.copy(inbox, &UidSet::all(), sent).await.unwrap();
    let lazily = account.previews(inbox, &UidSet::all(), true).await.unwrap();
    assert_eq!(lazily, [1, 2, 3, 4].map(|number| (uid(number), None)));
    assert_eq!(seen(&account, inbox).await, expected);
    assert_eq!(seen(&account, sent).await, expected);
    let lazily = account.previews(inbox, &UidSet::all(), true).await.unwrap();
    assert!(lazily.iter().all(|(_, words)| words.is_some()));
    // A message whose file is gone has no ids, and the others have theirs.
    assert_eq!(account.object_ids(inbox, &Uid::MAX.into()).await.unwrap(), []);
}
