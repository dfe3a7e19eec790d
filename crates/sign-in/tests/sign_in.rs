//! Claims over a real directory.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may stop at the first surprise")]

#[path = "sign_in/mechanisms.rs"]
mod mechanisms;
#[path = "sign_in/protection.rs"]
mod protection;

use std::time::{Duration, Instant};

use config::Config;
use directory::{Editor, NewAccount};
use mail_types::{Address, Domain, Secret, Timestamp};
use sasl_core::{Claim, Cost, PasswordVerifier};
use sign_in::{Origin, Protocol, SignIn, SignInOptions, SignInRecords, SignInResult};
use stable_storage::Files;

struct House {
    folder: tempfile::TempDir,
    editor: Editor,
    options: SignInOptions,
    sign_in: SignIn,
}

const NOW: Timestamp = Timestamp::from_secs(1_700_000_000);

fn address(name: &str) -> Address {
    Address::parse(&format!("{name}@example.org")).unwrap()
}

fn verifier(password: &str, cost: Cost) -> PasswordVerifier {
    PasswordVerifier::new(&Secret::new(password), [7; 16], cost).unwrap()
}

impl House {
    /// Alice's password is `alice`, Bob's `bob`.
    async fn new(cost: Cost, max_delay: Duration) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().to_owned();
        let editor = Editor::open(&path, &path, Files::real());
        editor.migrate().await.unwrap();
        sign_in::migrate(&path).await.unwrap();
        editor.add_domain(&Domain::parse("example.org").unwrap()).await.unwrap();
        for name in ["alice", "bob"] {
            let verifier = verifier(name, cost);
            let new = NewAccount { address: address(name), verifier, quota_bytes: None, now: NOW };
            editor.add_account(new).await.unwrap();
        }
        let options = SignInOptions {
            directory: path.clone(),
            credentials: path.clone(),
            sign_ins: path.clone(),
            key_file: path.join("secret.key"),
            max_delay,
            ..SignInOptions::from_config(&Config::default())
        };
        let sign_in = SignIn::open(options.clone()).await.unwrap();
        Self { folder, editor, options, sign_in }
    }

    async fn try_as(&self, act_as: Option<&str>, name: &str, password: &str) -> Option<String> {
        let claim = Claim::password(act_as, name, &Secret::new(password)).unwrap();
        let origin =
            Origin { protocol: Protocol::Imap, address: "192.0.2.1".parse().unwrap(), tls: true };
        match self.sign_in.verify(claim, origin).await {
            SignInResult::Welcome { account, .. } => {
                Some(account.address.local().as_str().to_owned())
            }
            SignInResult::Blocked { .. } => Some("blocked".to_owned()),
            SignInResult::Rejected => None,
            SignInResult::Unavailable => Some("unavailable".to_owned()),
        }
    }

    async fn sign_in(&self, name: &str, password: &str) -> Option<String> {
        self.try_as(None, name, password).await
    }
}

#[tokio::test]
async fn who_is_let_in() {
    let house = House::new(Cost::LOWEST, Duration::ZERO).await;
    for (act_as, name, password, expected) in [
        (None, "alice@example.org", "alice", Some("alice")),
        (None, "ALICE@Example.org", "alice", Some("alice")),
        (None, "alice", "alice", Some("alice")),
        (None, "bob", "bob", Some("bob")),
        (None, "alice", "bob", None),
        (None, "alice", "ALICE", None),
        (None, "nobody", "alice", None),
        (None, "alice@example.net", "alice", None),
        (Some("alice"), "alice", "alice", Some("alice")),
        // RFC 4616 §2: not as somebody else.
        (Some("bob"), "alice", "alice", None),
        (Some("nobody"), "alice", "alice", None),
    ] {
        let found = house.try_as(act_as, name, password).await;
        assert_eq!(found.as_deref(), expected, "{act_as:?} {name} {password}");
    }
}

#[tokio::test]
async fn changes_count_from_the_next_sign_in_on() {
    let house = House::new(Cost::LOWEST, Duration::ZERO).await;
    let alice = address("alice");
    assert!(house.sign_in("alice", "alice").await.is_some());
    house.editor.set_password(&alice, &verifier("new", Cost::LOWEST), NOW).await.unwrap();
    assert!(house.sign_in("alice", "alice").await.is_none(), "a remembered proof must not count");
    assert!(house.sign_in("alice", "new").await.is_some());
    house.editor.set_disabled(&alice, true).await.unwrap();
    assert!(house.sign_in("alice", "new").await.is_none());
    house.editor.set_disabled(&alice, false).await.unwrap();
    assert!(house.sign_in("alice", "new").await.is_some());
    house.editor.remove_account(&alice).await.unwrap();
    assert!(house.sign_in("alice", "new").await.is_none());
}

/// A repeated sign-in is answered from memory; a wrong password and an unknown account both cost
/// a check.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_an_answer_costs() {
    let dear = Cost { memory_kib: 19 * 1024, passes: 2 };
    let house = House::new(dear, Duration::ZERO).await;
    let timed = async |name: &str, password: &str| {
        let start = Instant::now();
        house.sign_in(name, password).await;
        start.elapsed()
    };
    let first = timed("alice", "alice").await;
    let again = timed("alice", "alice").await;
    assert!(again * 3 < first, "first {first:?}, again {again:?}");
    let mut wrong = Duration::MAX;
    let mut unknown = Duration::MAX;
    for n in 0..12 {
        wrong = wrong.min(timed("bob", &format!("wrong{n}")).await);
        unknown = unknown.min(timed("nobody", &format!("wrong{n}")).await);
    }
    // That both cost one hash is proved elsewhere by counting; this leaves room for a busy machine.
    assert!(wrong < unknown * 3 && unknown < wrong * 3, "wrong {wrong:?}, unknown {unknown:?}");
}

#[tokio::test]
async fn refusals_wait() {
    let pause = Duration::from_millis(60);
    let house = House::new(Cost::LOWEST, pause).await;
    let start = Instant::now();
    house.sign_in("alice", "wrong").await;
    assert!(start.elapsed() >= pause);
}

/// Connections in parallel guess no faster than one.
#[tokio::test]
async fn pauses_hold_across_connections() {
    let pause = Duration::from_millis(60);
    let house = House::new(Cost::LOWEST, pause).await;
    let start = Instant::now();
    let (a, b, c, right) = tokio::join!(
        house.sign_in("alice", "wrong a"),
        house.sign_in("bob", "wrong b"),
        house.sign_in("nobody", "wrong c"),
        house.sign_in("alice", "alice"),
    );
    assert_eq!((a, b, c), (None, None, None));
    assert_eq!(right.as_deref(), Some("alice"), "it waits, and is not refused");
    assert!(start.elapsed() >= 3 * pause, "{:?}", start.elapsed());
    // A proof from memory waits for nobody.
    let (wrong, start) = (house.sign_in("bob", "wrong d"), Instant::now());
    let right = async {
        tokio::task::yield_now().await;
        house.sign_in("alice", "alice").await;
        start.elapsed()
    };
    let (_, elapsed) = tokio::join!(wrong, right);
    assert!(elapsed < pause, "{elapsed:?}");
}

#[tokio::test]
async fn what_happened_is_written_down_without_secrets() {
    let house = House::new(Cost::LOWEST, Duration::ZERO).await;
    house.sign_in("alice", "alice").await;
    house.sign_in("alice", "hunter2").await;
    house.sign_in("hunter3", "x").await;
    let records = SignInRecords::open(house.folder.path()).await.unwrap();
    // Written by a task of its own.
    let failures = loop {
        let failures = records.failures(10).await.unwrap();
        if failures.len() == 2 {
            break failures;
        }
        tokio::task::yield_now().await;
    };
    assert_eq!(
        (failures[1].name.as_str(), failures[1].cause.as_str()),
        ("alice@example.org", "wrong password")
    );
    assert_eq!((failures[0].name.as_str(), failures[0].address.as_str()), ("?", "192.0.2.1"));
    assert!(!format!("{failures:?}").contains("hunter"));
    let alice = directory::Directory::open(house.folder.path());
    let alice = alice.account_at(&address("alice")).await.unwrap().unwrap();
    let last = records.last_sign_ins(alice.id).await.unwrap();
    assert_eq!((last.len(), last[0].protocol.as_str()), (1, "imap"));
}
