//! What grows old goes by itself.

use std::time::Duration;

use mail_store::{AccountMailboxes, MailStore, NewMessage, StoreOptions, UidSet};
use mail_types::{FlagSet, MailboxName};
use stable_storage::Files;

use crate::house::House;

const DAY: Duration = Duration::from_secs(24 * 3600);

async fn append(account: &AccountMailboxes, mailbox: &str, subject: &str, age: Duration) {
    let id = account.mailbox(&MailboxName::parse(mailbox).unwrap()).await.unwrap().id;
    let mut incoming = account.incoming(agent_kit::now().minus(age)).unwrap();
    incoming.write(format!("Subject: {subject}\r\n\r\n").as_bytes()).await.unwrap();
    let written = incoming.finish().await.unwrap();
    account.append(id, vec![NewMessage { written, flags: FlagSet::new() }]).await.unwrap();
}

/// Age counts from when a message came into the mailbox, not from its date; and only in the
/// mailboxes that the configuration names.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn old_messages_leave_trash_and_junk() {
    let settings = "[storage]\ntrash_kept = \"30d\"\njunk_kept = \"7d\"\nremoved_kept = \"1d\"\n";
    let house = House::build_with(settings).await;
    let id = house.account("bob@example.org").await;
    let options = StoreOptions {
        clock: || agent_kit::now().minus(10 * DAY),
        removed_kept: DAY,
        ..StoreOptions::new(house.config.folders().mail, agent_kit::now)
    };
    let earlier = MailStore::open(options, Files::real()).await.unwrap();
    for mailbox in ["Trash", "Junk", "INBOX"] {
        append(&earlier.account(id), mailbox, "ten days", DAY).await;
    }
    // It was removed ten days ago, and could be brought back for a day.
    append(&earlier.account(id), "INBOX", "gone", DAY).await;
    let inbox = earlier.account(id).mailbox(&MailboxName::inbox()).await.unwrap();
    let last = UidSet::from(mail_types::Uid::new(inbox.uid_next.number() - 1).unwrap());
    earlier.account(id).remove(inbox.id, &last).await.unwrap();
    earlier.close().await;
    let bob = house.store.account(id);
    assert_eq!(bob.removed().await.unwrap().len(), 1);
    append(&bob, "Junk", "now", 300 * DAY).await;

    let junk = bob.mailbox(&MailboxName::parse("Junk").unwrap()).await.unwrap().id;
    let mut watch = bob.watch(junk);
    let running = house.start();
    while house.messages(&bob, "Junk").await.len() != 1 {
        watch.changed().await;
    }
    assert!(house.messages(&bob, "Junk").await[0].contains("Subject: now"));
    assert_eq!(house.messages(&bob, "Trash").await.len(), 1);
    assert_eq!(house.messages(&bob, "INBOX").await.len(), 1);
    let removed = bob.removed().await.unwrap();
    assert!(removed.iter().all(|message| message.mailbox != MailboxName::inbox()), "{removed:?}");
    running.stop().await;
    assert_eq!(bob.removed().await.unwrap().len(), 1, "what went now can be brought back");
}
