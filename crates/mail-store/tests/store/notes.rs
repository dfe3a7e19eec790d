//! What stands beside the mail: annotations, and to whom a mailbox is open.

use mail_store::{
    AccountMailboxes, AnnotationChange, AnnotationLimits, Grantee, KeyedMailbox, MailStore,
    RightsChange, StoreError,
};
use mail_types::{AccountId, AnnotationName, Rights};

use crate::world::{ALICE, World, mailbox, name};

const BOB: AccountId = AccountId(8);
const LIMITS: AnnotationLimits = AnnotationLimits { value_octets: 1024, entries: 10 };

fn note(entry: &str, value: Option<&str>) -> AnnotationChange {
    let name = AnnotationName::parse(entry).unwrap();
    AnnotationChange { name, value: value.map(|value| value.as_bytes().to_vec()) }
}

async fn notes(store: &MailStore, of: &str, reader: AccountId) -> Vec<String> {
    let account = store.account(ALICE);
    let id = mailbox(&account, of).await.id;
    let seen = account.annotations(id, reader).await.unwrap();
    let there = seen.into_iter().filter_map(|a| Some((a.name, a.value?)));
    there.map(|(name, value)| format!("{name}={}", String::from_utf8_lossy(&value))).collect()
}

fn grant(rights: &str) -> RightsChange {
    RightsChange::Replace(Rights::parse(rights).unwrap())
}

async fn keyed(account: &AccountMailboxes, of: &str) -> KeyedMailbox {
    let state = mailbox(account, of).await;
    KeyedMailbox { owner: account.id(), mailbox: state.id, uid_validity: state.uid_validity }
}

/// With each new key, those of mailboxes that are gone go.
#[tokio::test]
async fn keys_of_mailboxes_that_are_gone() {
    let world = World::new();
    let store = world.open().await;
    let (account, other) = (store.account(ALICE), store.account(BOB));
    account.create(&name("work"), None).await.unwrap();
    account.create(&name("play"), None).await.unwrap();
    let (work, play) = (keyed(&account, "work").await, keyed(&account, "play").await);
    let bobs = keyed(&other, "INBOX").await;
    for mailbox in [work, bobs] {
        account.make_url_key(mailbox).await.unwrap();
    }
    account.rename(&name("work"), &name("old")).await.unwrap();
    let is_there = async |mailbox| account.url_keys().await.unwrap().key(Some(mailbox)).is_some();
    account.make_url_key(play).await.unwrap();
    assert!(is_there(work).await && is_there(play).await);
    for change in ["make", "reset"] {
        let gone = if change == "make" { ("old", work) } else { ("play", play) };
        account.delete(&name(gone.0)).await.unwrap();
        assert!(is_there(gone.1).await);
        let inbox = keyed(&account, "INBOX").await;
        match change {
            "make" => drop(account.make_url_key(inbox).await.unwrap()),
            _ => account.reset_url_key(inbox).await.unwrap(),
        }
        assert!(!is_there(gone.1).await && is_there(inbox).await && is_there(bobs).await);
    }
}

#[tokio::test]
async fn keys_of_mailboxes() {
    let world = World::new();
    let store = world.open().await;
    let account = store.account(ALICE);
    let (one, two) = (keyed(&account, "INBOX").await, keyed(&account, "Sent").await);
    assert!(account.url_keys().await.unwrap().key(Some(one)).is_none());
    let first = account.make_url_key(one).await.unwrap().token(b"x");
    let second = account.make_url_key(two).await.unwrap().token(b"x");
    assert_ne!(first, second);
    assert_eq!(account.make_url_key(one).await.unwrap().token(b"x"), first);
    store.close().await;

    // The index is lost.
    for suffix in ["", "-wal", "-shm"] {
        let _ = std::fs::remove_file(world.maildir().join(format!("postrider-index.db{suffix}")));
    }
    let store = world.open().await;
    let account = store.account(ALICE);
    let proves = async |mailbox: KeyedMailbox, token: &str| {
        let keys = account.url_keys().await.unwrap();
        keys.key(Some(mailbox)).is_some_and(|key| key.proves(b"x", token))
    };
    assert!(proves(one, &first).await);
    account.reset_url_key(one).await.unwrap();
    assert!(!proves(one, &first).await);
    assert!(proves(two, &second).await);
    assert!(store.account(BOB).url_keys().await.unwrap().key(Some(two)).is_none());
    account.forget_url_keys().await.unwrap();
    assert!(!proves(two, &second).await);

    // What can't be read can be thrown away.
    let file = world.maildir().join("postrider-url-keys");
    std::fs::write(&file, "damaged").unwrap();
    assert!(account.url_keys().await.is_err());
    assert!(account.make_url_key(one).await.is_err());
    account.forget_url_keys().await.unwrap();
    account.make_url_key(one).await.unwrap();
}

#[tokio::test]
async fn they_go_where_the_mailbox_goes() {
    let world = World::new();
    let store = world.open().await;
    let account = store.account(ALICE);
    let id = account.create(&name("work"), None).await.unwrap().id;
    let changes = vec![note("/shared/comment", Some("ours")), note("/private/comment", Some("x"))];
    account.annotate(Some(id), ALICE, changes, LIMITS).await.unwrap();
    let bobs = vec![note("/private/comment", Some("bob's"))];
    account.annotate(Some(id), BOB, bobs, LIMITS).await.unwrap();
    account.change_access(id, Grantee::Account(BOB), false, grant("lr")).await.unwrap();
    let expected = ["/private/comment=x", "/shared/comment=ours"];
    assert_eq!(notes(&store, "work", ALICE).await, expected);
    account.rename(&name("work"), &name("play")).await.unwrap();
    store.close().await;

    // The index is lost.
    for suffix in ["", "-wal", "-shm"] {
        let _ = std::fs::remove_file(world.maildir().join(format!("postrider-index.db{suffix}")));
    }
    let store = world.open().await;
    let account = store.account(ALICE);
    assert_eq!(notes(&store, "play", ALICE).await, expected);
    assert_eq!(
        notes(&store, "play", BOB).await,
        ["/private/comment=bob's", "/shared/comment=ours"]
    );
    assert_eq!(account.access(id).await.unwrap().rights_of(BOB).to_string(), "lr");
    assert_eq!(store.shared_with(BOB).await.unwrap(), [(ALICE, id)]);

    account.delete(&name("play")).await.unwrap();
    account.create(&name("play"), None).await.unwrap();
    assert!(notes(&store, "play", ALICE).await.is_empty());
    assert!(store.shared_with(BOB).await.unwrap().is_empty());
}

#[tokio::test]
async fn all_or_none_within_the_limits() {
    let world = World::new();
    let store = world.open().await;
    let account = store.account(ALICE);
    let inbox = mailbox(&account, "INBOX").await.id;
    let large = "x".repeat(LIMITS.value_octets + 1);
    let changes = vec![note("/shared/a", Some("a")), note("/shared/b", Some(&large))];
    let refused = account.annotate(Some(inbox), ALICE, changes, LIMITS).await.unwrap_err();
    assert!(matches!(refused, StoreError::AnnotationTooLarge(1024)), "{refused:?}");
    let many: Vec<_> = (0..11).map(|n| note(&format!("/shared/{n}"), Some("x"))).collect();
    let refused = account.annotate(Some(inbox), ALICE, many.clone(), LIMITS).await.unwrap_err();
    assert!(matches!(refused, StoreError::TooManyAnnotations), "{refused:?}");
    assert!(notes(&store, "INBOX", ALICE).await.is_empty());
    let ten = many.iter().take(10).cloned().collect();
    account.annotate(Some(inbox), ALICE, ten, LIMITS).await.unwrap();
    let other = vec![note("/shared/0", Some("other")), note("/shared/never", None)];
    account.annotate(Some(inbox), ALICE, other, LIMITS).await.unwrap();
    let two = AnnotationLimits { entries: 2, ..LIMITS };
    let fewer = vec![note("/shared/1", None)];
    account.annotate(Some(inbox), ALICE, fewer, two).await.unwrap();
    assert_eq!(notes(&store, "INBOX", ALICE).await.len(), 9);

    account.annotate(None, ALICE, vec![note("/private/x", Some("y"))], LIMITS).await.unwrap();
    let server = account.server_annotations().await.unwrap();
    assert_eq!(server[0].value.as_deref(), Some(&b"y"[..]));
}

/// RFC 5464 §4.1: both have them.
#[tokio::test]
async fn a_renamed_inbox_keeps_its_annotations() {
    let world = World::new();
    let store = world.open().await;
    let account = store.account(ALICE);
    let inbox = mailbox(&account, "INBOX").await.id;
    let comment = vec![note("/shared/comment", Some("mine"))];
    account.annotate(Some(inbox), ALICE, comment, LIMITS).await.unwrap();
    account.rename(&name("INBOX"), &name("old")).await.unwrap();
    for of in ["INBOX", "old"] {
        assert_eq!(notes(&store, of, ALICE).await, ["/shared/comment=mine"]);
    }
}

/// What is lost beside the accounts is made from what stands in them.
#[tokio::test]
async fn who_shares_with_whom_is_found_again() {
    let world = World::new();
    let store = world.open().await;
    let account = store.account(ALICE);
    assert!(store.shared_with(BOB).await.unwrap().is_empty());
    let inbox = mailbox(&account, "INBOX").await.id;
    let below = account.create(&name("a/b"), None).await.unwrap().id;
    let bob = Grantee::Account(BOB);
    account.change_access(inbox, bob, false, grant("lr")).await.unwrap();
    account.inherit_access(below, inbox).await.unwrap();
    account.change_access(below, Grantee::Anyone, false, grant("l")).await.unwrap();
    account.change_access(below, bob, true, grant("r")).await.unwrap();
    let (of_bob, of_carol) = ([(ALICE, inbox), (ALICE, below)], [(ALICE, below)]);
    let check = async |store: &MailStore| {
        assert_eq!(store.shared_with(BOB).await.unwrap(), of_bob);
        assert_eq!(store.shared_with(AccountId(9)).await.unwrap(), of_carol);
        assert!(store.shared_with(ALICE).await.unwrap().is_empty(), "what is one's own");
    };
    check(&store).await;
    assert_eq!(account.access(below).await.unwrap().rights_of(BOB).to_string(), "l");
    std::fs::remove_dir_all(world.folder.path().join("mail/shared")).unwrap();
    check(&store).await;
    // An account that came out of a backup has lists that nobody has read.
    std::fs::remove_file(world.folder.path().join("mail/shared/8")).unwrap();
    account.begin_restored(None).await.unwrap();
    check(&store).await;
    account.change_access(inbox, bob, false, RightsChange::Remove(Rights::ALL)).await.unwrap();
    assert_eq!(store.shared_with(BOB).await.unwrap(), of_carol);
}

/// One list that can't be read takes nothing from others, nor away what is known of it.
#[tokio::test]
async fn a_list_that_cannot_be_read_is_passed_over() {
    let world = World::new();
    let store = world.open().await;
    let account = store.account(ALICE);
    let inbox = mailbox(&account, "INBOX").await.id;
    let work = account.create(&name("work"), None).await.unwrap().id;
    for id in [inbox, work] {
        account.change_access(id, Grantee::Account(BOB), false, grant("lr")).await.unwrap();
    }
    let list = world.maildir().join(".work/postrider-access");
    let good = std::fs::read(&list).unwrap();
    std::fs::write(&list, "damaged").unwrap();
    let shared = world.folder.path().join("mail/shared");
    let _ = std::fs::remove_file(shared.join("complete"));
    assert_eq!(store.shared_with(BOB).await.unwrap(), [(ALICE, inbox), (ALICE, work)]);
    std::fs::remove_dir_all(&shared).unwrap();
    for _ in 0..2 {
        assert_eq!(store.shared_with(BOB).await.unwrap(), [(ALICE, inbox)]);
    }
    std::fs::write(&list, good).unwrap();
    assert_eq!(store.shared_with(BOB).await.unwrap(), [(ALICE, inbox), (ALICE, work)]);
}
