//! Real processes that are killed while they deliver, mark, move and expunge: what they said is
//! true, the index says what the files say, and nothing is there twice. At any moment, and at each
//! file operation in turn.
//!
//! The children are this test's own executable, told by the environment what to be.

use std::{
    collections::BTreeMap,
    io::{self, BufRead, BufReader},
    path::PathBuf,
    process::{Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use mail_store::{FlagChange, MailStore, StoreOptions, UidSet};
use stable_storage::{Files, Operation, Watch};

use crate::{
    crash::{self, Stop, Story},
    world::{ALICE, NOW, World, deliver, flags, mailbox, see},
};

const FOLDER: &str = "POSTRIDER_TEST_STORE_KILL_FOLDER";
const FIRST: &str = "POSTRIDER_TEST_STORE_KILL_FIRST";
const STORY: &str = "POSTRIDER_TEST_STORE_KILL_STORY";
const AT: &str = "POSTRIDER_TEST_STORE_KILL_AT";

/// The stories whose teller is killed at each operation.
const STORIES: [Story; 7] = [
    Story::Deliver,
    Story::DeliverOnce,
    Story::DeliverCopy,
    Story::AppendTwo,
    Story::Move,
    Story::Rename,
    Story::Expunge,
];

fn options(folder: PathBuf) -> StoreOptions {
    let options = StoreOptions::new(folder, || NOW);
    StoreOptions { open_accounts_max: 4, boot: "first".into(), ..options }
}

/// Not a test by itself: the child that works until it is killed, and says what it has done.
#[tokio::test]
async fn child_works() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let first: u8 = std::env::var(FIRST).unwrap().parse().unwrap();
    let store = MailStore::open(options(folder.into()), Files::real()).await.unwrap();
    let account = store.account(ALICE);
    let (inbox, trash) = (mailbox(&account, "INBOX").await.id, mailbox(&account, "Trash").await.id);
    for entry in first..=u8::MAX {
        let new = deliver(&account, entry, &format!("m{entry}")).await.unwrap();
        println!("delivered {entry}");
        let mark = FlagChange::Add(flags(&["\\Flagged", "word"]));
        account.store_flags(inbox, &new.into(), mark, None).await.unwrap();
        match entry % 3 {
            0 => {
                account.remove(inbox, &new.into()).await.unwrap();
                println!("removed {entry}");
            }
            1 => {
                account.move_messages(inbox, &UidSet::all(), trash).await.unwrap();
                println!("moved {entry}");
            }
            _ => {}
        }
    }
}

/// Kills a child that has said `count` lines; answers what it said last of each entry.
fn kill_after(world: &World, first: u8, count: usize) -> BTreeMap<u8, String> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "kill::child_works", "--nocapture", "--test-threads=1"])
        .env(FOLDER, world.folder.path().join("mail"))
        .env(FIRST, first.to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut said = BTreeMap::new();
    let mut lines = 0;
    for line in BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok) {
        let mut words = line.split(' ').rev();
        if let (Some(Ok(entry)), Some(what)) = (words.next().map(str::parse), words.next()) {
            said.insert(entry, what.to_owned());
            lines += 1;
        }
        if lines == count {
            child.kill().unwrap();
        }
    }
    child.wait().unwrap();
    said
}

#[tokio::test]
async fn kill_9_leaves_an_index_that_says_what_the_files_say() {
    let world = World::new();
    let mut said = BTreeMap::new();
    let mut first = 1;
    for count in [1, 2, 3, 4, 7, 12, 25] {
        let more = kill_after(&world, first, count);
        assert!(!more.is_empty(), "the child said nothing");
        // The delivery that was on its way comes again.
        first = more.keys().max().unwrap() + 1;
        said.extend(more);

        let store = world.open_again(false).await;
        let account = store.account(ALICE);
        deliver(&account, first, &format!("m{first}")).await.unwrap();
        said.insert(first, "delivered".to_owned());
        first += 1;
        for state in account.states().await.unwrap() {
            account.refresh(state.id).await.unwrap();
        }
        store.close().await;
        let store = world.open_again(false).await;
        let all = see(&world, &store.account(ALICE)).await;
        let copies = |entry: u8| {
            let subject = format!("m{entry}");
            all.values().flatten().filter(|seen| seen.subject == subject).count()
        };
        for (entry, what) in &said {
            let may_be_gone = entry % 3 == 0;
            match (what.as_str(), copies(*entry)) {
                ("removed", 0) | ("delivered" | "moved", 1) => {}
                ("delivered", 0) if may_be_gone => {}
                (what, copies) => panic!("{what} {entry}: there are {copies}"),
            }
        }
        store.close().await;
    }
}

/// Says that the n-th operation is about to be done, and does not do it.
#[derive(Debug)]
struct WaitingAt {
    n: usize,
    operations: AtomicUsize,
}

impl Watch for WaitingAt {
    #[expect(clippy::print_stdout, reason = "whoever is to kill this process reads it")]
    fn before(&self, _operation: &Operation<'_>) -> io::Result<()> {
        if self.operations.fetch_add(1, Ordering::SeqCst) == self.n {
            println!("\nwaiting");
            loop {
                std::thread::park();
            }
        }
        Ok(())
    }

    fn after(&self, _operation: &Operation<'_>) {}
}

/// Not a test by itself: the child that tells a story up to an operation.
#[tokio::test]
async fn child_tells() {
    let Ok(wanted) = std::env::var(STORY) else { return };
    let story = STORIES.into_iter().find(|story| format!("{story:?}") == wanted).unwrap();
    let n = std::env::var(AT).unwrap().parse().unwrap();
    let files = Files::watched(Arc::new(WaitingAt { n, operations: AtomicUsize::new(0) }));
    let folder = PathBuf::from(std::env::var_os(FOLDER).unwrap());
    let store = MailStore::open(options(folder), files).await.unwrap();
    story.tell(&store.account(ALICE)).await.unwrap();
    println!("\ntold");
    store.close().await;
    println!("\nclosed");
}

/// Kills the teller of a story when it comes to an operation; answers how far it came.
fn kill_at(world: &World, story: Story, n: usize) -> Vec<String> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "kill::child_tells", "--nocapture", "--test-threads=1"])
        .env(FOLDER, world.folder.path().join("mail"))
        .env(STORY, format!("{story:?}"))
        .env(AT, n.to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut said = Vec::new();
    for line in BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok) {
        if line == "waiting" {
            child.kill().unwrap();
        }
        said.push(line);
    }
    child.wait().unwrap();
    said
}

#[tokio::test]
async fn kill_9_at_each_file_operation_loses_nothing_and_doubles_nothing() {
    for story in STORIES {
        for n in 0.. {
            let world = World::new();
            crash::furnish(&world, story).await;
            let said = kill_at(&world, story, n);
            let has_said = |what: &str| said.iter().any(|line| line == what);
            assert_ne!(has_said("waiting"), has_said("closed"), "{story:?} {n}: {said:?}");
            crash::start_anew(story, Stop::Process, &world, has_said("told")).await;
            if has_said("closed") {
                assert!(n > 1, "{story:?} has {n} operations");
                break;
            }
        }
    }
}
