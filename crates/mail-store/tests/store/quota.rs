//! No two who bring something in are given the same room.

use mail_store::{Clock, Delivery, MailStore, NewMessage, StoreError, StoreOptions, UidSet};
use mail_types::{FlagSet, Over, Quota, RecipientNumber, Timestamp};
use stable_storage::Files;
use tokio::task::JoinSet;

use crate::world::{ALICE, NOW, World, append, flags, mailbox, message, queue_id};

/// Two stores, as two processes have them, and many who deliver, append and copy at once: what fits
/// gets in, to the last octet, and not one message more.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_last_octet_is_given_once() {
    let world = World::new();
    // Not the clock of other tests, which is ahead: to an account that is opened anew meanwhile, what
    // the other process has in `tmp` would look old.
    let clock: Clock = || Timestamp::from(std::time::SystemTime::now());
    let open = || MailStore::open(StoreOptions { clock, ..world.options() }, Files::real());
    let stores = [open().await.unwrap(), open().await.unwrap()];
    let first = stores[0].account(ALICE);
    let inbox = mailbox(&first, "INBOX").await.id;
    append(&first, inbox, "m00", flags(&[]), NOW).await.unwrap();
    let size = message("m00").len() as u64;
    for quota in [
        Quota { octets: Some(size * 10), messages: None },
        Quota { octets: Some(size * 100), messages: Some(20) },
    ] {
        let fitting = quota.messages.unwrap_or(10);
        let mut tasks = JoinSet::new();
        for number in 0..40_u8 {
            let account = stores[usize::from(number % 2)].account(ALICE).within(quota);
            tasks.spawn(async move {
                let text = format!("m{number:02}");
                match number % 4 {
                    0 | 1 => append(&account, inbox, &text, flags(&[]), NOW).await.map(drop),
                    2 => {
                        let (entry, recipient) = (queue_id(number), RecipientNumber(0));
                        let mut incoming = account.incoming_delivery(entry, recipient, NOW);
                        incoming.write(&message(&text)).await?;
                        let delivery = Delivery {
                            queue_id: entry,
                            recipient,
                            written: incoming.finish().await?,
                            file_into: None,
                            or_inbox: false,
                            flags: FlagSet::new(),
                        };
                        account.deliver(vec![delivery]).await.map(drop)
                    }
                    _ => {
                        let one = UidSet::from(mail_types::Uid::MIN);
                        account.copy(inbox, &one, inbox).await.map(drop)
                    }
                }
            });
        }
        let mut refused = 0;
        while let Some(ended) = tasks.join_next().await {
            match ended.unwrap() {
                Ok(()) => {}
                Err(StoreError::OverQuota(_)) => refused += 1,
                Err(error) => panic!("{error}"),
            }
        }
        assert!(refused > 0);
        let totals = first.totals().await.unwrap();
        assert_eq!(totals.messages, fitting);
        assert_eq!(totals.octets, fitting * size);
        let tmp = std::fs::read_dir(world.maildir().join("tmp")).unwrap();
        assert_eq!(tmp.count(), 0, "what had no room leaves nothing");
    }
}

/// All of an APPEND or none; what was delivered before needs no room, nor does a MOVE.
#[tokio::test]
async fn what_takes_no_room_is_never_refused() {
    let world = World::new();
    let store = MailStore::open(world.options(), Files::real()).await.unwrap();
    let account = store.account(ALICE).within(Quota { octets: None, messages: Some(1) });
    let inbox = mailbox(&account, "INBOX").await.id;
    let deliver = async || {
        let mut incoming = account.incoming_delivery(queue_id(1), RecipientNumber(0), NOW);
        incoming.write(&message("m1")).await?;
        let delivery = Delivery {
            queue_id: queue_id(1),
            recipient: RecipientNumber(0),
            written: incoming.finish().await?,
            file_into: None,
            or_inbox: false,
            flags: FlagSet::new(),
        };
        account.deliver(vec![delivery]).await
    };
    let mut two = Vec::new();
    for text in ["a", "b"] {
        let mut incoming = account.incoming(NOW).unwrap();
        incoming.write(&message(text)).await.unwrap();
        let written = incoming.finish().await.unwrap();
        two.push(NewMessage { written, flags: FlagSet::new() });
    }
    let refused = account.append(inbox, two).await;
    assert!(matches!(refused, Err(StoreError::OverQuota(Over::Messages))), "{refused:?}");
    assert_eq!(account.totals().await.unwrap().messages, 0);
    let first = deliver().await.unwrap().delivered.remove(0);
    let again = deliver().await.unwrap().delivered.remove(0);
    assert!(!first.before && again.before && first.uid == again.uid);
    let trash = mailbox(&account, "Trash").await.id;
    account.move_messages(inbox, &UidSet::all(), trash).await.unwrap();
    let copied = account.copy(trash, &UidSet::all(), inbox).await;
    assert!(matches!(copied, Err(StoreError::OverQuota(Over::Messages))), "{copied:?}");
}
