//! A stop at every file operation, of the process or of the machine; then a new start.

use std::sync::Arc;

use mail_store::{
    AccountMailboxes, AnnotationChange, AnnotationLimits, FlagChange, Gathering, Grantee,
    MailStore, NewMessage, RightsChange, SpecialUse, StoreError, UidSet,
};
use mail_types::{AccountId, AnnotationName, Rights};
use testkit::BreakingFiles;

use crate::{
    once,
    world::{
        ALICE, NOW, World, append, deliver, flags, mailbox, message, name, see, subjects, uid,
    },
};

const BOB: AccountId = AccountId(8);
const LIMITS: AnnotationLimits = AnnotationLimits { value_octets: 1024, entries: 10 };

/// Two annotations.
fn notes() -> Vec<AnnotationChange> {
    let note = |text| AnnotationName::parse(text).unwrap();
    [note("/shared/comment"), note("/private/comment")]
        .map(|name| AnnotationChange { name, value: Some(b"x".to_vec()) })
        .to_vec()
}

#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) enum Stop {
    Process,
    /// Nothing is left of what was not synced.
    Machine,
    /// Names are left, but no bytes of files that were not synced.
    MachineButNames,
    /// And the lengths of those files.
    MachineButLengths,
}

impl Stop {
    /// What the stop takes back.
    pub(crate) fn lose(self, breaking: &BreakingFiles) {
        match self {
            Self::Process => {}
            Self::Machine => breaking.lose_unsynced().unwrap(),
            Self::MachineButNames => breaking.lose_unsynced_bytes().unwrap(),
            Self::MachineButLengths => breaking.lose_unsynced_bytes_but_lengths().unwrap(),
        }
    }
}

#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) enum Story {
    Deliver,
    /// What is to be filed once.
    DeliverOnce,
    /// What was filed already, and is to be once.
    DeliverCopy,
    Append,
    AppendTwo,
    Replace,
    Flags,
    Expunge,
    Move,
    Copy,
    Create,
    Rename,
    Delete,
    Share,
    Annotate,
    Assign,
}

impl Story {
    pub(crate) async fn tell(self, account: &AccountMailboxes) -> Result<(), StoreError> {
        let inbox = account.mailbox(&name("INBOX")).await?.id;
        let work = account.mailbox(&name("Work")).await?.id;
        match self {
            Self::Deliver => deliver(account, 9, "new").await.map(drop),
            Self::DeliverOnce => once::deliver(account, &[(9, "a")], None).await.map(drop),
            Self::DeliverCopy => once::deliver(account, &[(10, "a")], None).await.map(drop),
            Self::Append => append(account, inbox, "new", flags(&["k"]), NOW).await.map(drop),
            Self::AppendTwo => {
                let mut gathering = Gathering::default();
                for subject in ["new", "newer"] {
                    let mut incoming = account.incoming(NOW)?;
                    incoming.write(&message(subject)).await?;
                    gathering.add(incoming, flags(&["k"])).await?;
                }
                account.append(inbox, gathering.finish().await?).await.map(drop)
            }
            Self::Replace => {
                let mut incoming = account.incoming(NOW)?;
                incoming.write(&message("new")).await?;
                let new = NewMessage { written: incoming.finish().await?, flags: flags(&[]) };
                account.replace(inbox, uid(2), work, new).await.map(drop)
            }
            Self::Flags => {
                let add = FlagChange::Add(flags(&["\\Seen", "word"]));
                account.store_flags(inbox, &uid(1).into(), add, None).await.map(drop)
            }
            Self::Expunge => account.remove(inbox, &uid(2).into()).await.map(drop),
            Self::Move => account.move_messages(inbox, &UidSet::all(), work).await.map(drop),
            Self::Copy => account.copy(inbox, &UidSet::all(), work).await.map(drop),
            Self::Create => account.create(&name("New/Below"), None).await.map(drop),
            Self::Rename => account.rename(&name("Work"), &name("Play/Games")).await,
            Self::Delete => account.delete(&name("Work")).await,
            Self::Share => {
                let all = RightsChange::Replace(Rights::ALL);
                account.change_access(inbox, Grantee::Account(BOB), false, all).await
            }
            Self::Annotate => account.annotate(Some(inbox), ALICE, notes(), LIMITS).await,
            Self::Assign => account.assign(&name("Work"), Some(SpecialUse::Archive)).await,
        }
    }

    /// What must be true after the next start; `done` if the story was told to its end.
    async fn check(self, world: &World, account: &AccountMailboxes, done: bool) {
        let all = see(world, account).await;
        let count = |subject: &str| {
            all.values().flatten().filter(|message| message.subject == subject).count()
        };
        let copies = [count("m1"), count("m2"), count("work")];
        match self {
            Self::Deliver => {
                let before = count("new");
                assert!(before <= 1 && (before == 1 || !done));
                deliver(account, 9, "new").await.unwrap();
                let again = see(world, account).await;
                assert_eq!(subjects(&again, "INBOX"), ["m1", "m2", "new"], "exactly once");
            }
            Self::DeliverOnce => once::first_was_stopped(world, account, done).await,
            Self::DeliverCopy => once::copy_was_stopped(world, account).await,
            Self::Append => assert!(count("new") <= 1 && (count("new") == 1 || !done)),
            Self::AppendTwo => {
                let found = [count("new"), count("newer")];
                let once = found.iter().all(|count| *count <= 1);
                assert!(once && (found == [1, 1] || !done), "{found:?}");
            }
            Self::Replace => {
                let (old, new) = (copies[1], count("new"));
                assert!(old <= 1 && new <= 1 && old + new >= 1, "one of the two is always there");
                assert!(!done || (old, new) == (0, 1));
            }
            Self::Flags => {
                let found = all["INBOX"][0].flags.as_str();
                assert!(found == "\\Seen word" || !done && found.is_empty(), "{found}");
            }
            Self::Expunge => {
                assert!(copies == [1, 0, 1] || !done && copies == [1, 1, 1], "{copies:?}");
            }
            Self::Move => {
                assert_eq!(copies, [1, 1, 1], "in exactly one place");
                assert!(!done || subjects(&all, "INBOX").is_empty());
            }
            Self::Copy => {
                assert!(copies.iter().all(|n| (1..=2).contains(n)), "{copies:?}");
                assert!(!done || copies == [2, 2, 1]);
            }
            Self::Create => assert!(all.contains_key("New/Below") || !done),
            Self::Rename => {
                let (old, new) = (all.contains_key("Work"), all.contains_key("Play/Games"));
                let below = all.contains_key("Play/Games/Sub");
                assert!(old != new && new == below && (new || !done), "all of it or nothing");
                assert_eq!(copies, [1, 1, 1]);
            }
            Self::Delete => {
                assert!(all.contains_key("Work") == (copies[2] == 1));
                assert!(!all.contains_key("Work") || !done);
                assert!(all.contains_key("Work/Sub"));
            }
            Self::Share => {
                let inbox = mailbox(account, "INBOX").await.id;
                let rights = account.access(inbox).await.unwrap().rights_of(BOB);
                assert!(rights == Rights::ALL || !done && rights.is_empty(), "{rights}");
                let store = world.open().await;
                let found = store.shared_with(BOB).await.unwrap();
                assert!(rights.is_empty() || found == [(ALICE, inbox)], "who has rights finds it");
                store.close().await;
            }
            Self::Annotate => {
                let inbox = mailbox(account, "INBOX").await.id;
                let there = account.annotations(inbox, ALICE).await.unwrap().len();
                assert!(there == 2 || !done && there == 0, "all or none: {there}");
            }
            Self::Assign => assigned(world, account, done).await,
        }
    }
}

/// What the mailbox is for is the same in the index and in its folder's file.
async fn assigned(world: &World, account: &AccountMailboxes, done: bool) {
    let now = mailbox(account, "Work").await.special_use;
    assert!(now == Some(SpecialUse::Archive) || !done && now.is_none(), "{now:?}");
    let facts = std::fs::read_to_string(world.maildir().join(".Work/postrider-folder")).unwrap();
    assert_eq!(facts.contains("special-use \\Archive"), now.is_some(), "{facts}");
}

pub(crate) async fn furnish(world: &World, story: Story) {
    let store = world.open().await;
    let account = store.account(ALICE);
    if story == Story::DeliverCopy {
        once::deliver(&account, &[(9, "a")], None).await.unwrap();
    }
    deliver(&account, 1, "m1").await.unwrap();
    deliver(&account, 2, "m2").await.unwrap();
    account.create(&name("Work/Sub"), None).await.unwrap();
    let work = mailbox(&account, "Work").await.id;
    append(&account, work, "work", flags(&[]), NOW).await.unwrap();
    store.close().await;
}

/// A new start after a stop finds what must be true.
pub(crate) async fn start_anew(story: Story, stop: Stop, world: &World, done: bool) {
    let store = world.open_again(stop != Stop::Process).await;
    let account = store.account(ALICE);
    // What a session does when it opens a mailbox.
    for state in account.states().await.unwrap() {
        let _ = account.refresh(state.id).await;
    }
    // Files of expunged messages go within seconds, or now.
    store.close().await;
    let store = world.open_again(stop != Stop::Process).await;
    story.check(world, &store.account(ALICE), done).await;
    store.close().await;
    let left = std::fs::read_dir(world.maildir()).unwrap().flatten();
    let left: Vec<_> = left.map(|e| e.file_name().into_string().unwrap()).collect();
    assert!(left.iter().all(|name| !name.starts_with("..gone")), "{left:?}");
}

/// Tells a story with a stop at each operation in turn, and looks at what a new start finds.
async fn stop_everywhere(story: Story, stop: Stop) {
    for n in 0.. {
        assert!(n < 300, "the story ends");
        let world = World::new();
        furnish(&world, story).await;
        let kept = tempfile::tempdir_in(world.folder.path()).unwrap();
        let breaking: Arc<BreakingFiles> = BreakingFiles::stopping_at(n, kept.path());
        let mut told = Err(StoreError::Closing);
        if let Ok(store) = MailStore::open(world.options(), breaking.files()).await {
            told = story.tell(&store.account(ALICE)).await;
            store.close().await;
        }
        let finished = !breaking.stopped();
        stop.lose(&breaking);
        start_anew(story, stop, &world, told.is_ok()).await;
        if finished {
            assert!(told.is_ok(), "{told:?}");
            assert!(n > 0);
            return;
        }
    }
}

macro_rules! stories {
    ($($test:ident, $machine:ident, $names:ident: $story:ident;)*) => {$(
        #[tokio::test]
        async fn $test() {
            stop_everywhere(Story::$story, Stop::Process).await;
        }

        #[tokio::test]
        async fn $machine() {
            stop_everywhere(Story::$story, Stop::Machine).await;
        }

        #[tokio::test]
        async fn $names() {
            stop_everywhere(Story::$story, Stop::MachineButNames).await;
            stop_everywhere(Story::$story, Stop::MachineButLengths).await;
        }
    )*};
}

stories! {
    deliver_and_the_process_stops, deliver_and_the_machine_stops, deliver_and_only_names_are_left: Deliver;
    append_and_the_process_stops, append_and_the_machine_stops, append_and_only_names_are_left: Append;
    append_two_and_the_process_stops, append_two_and_the_machine_stops, append_two_and_only_names_are_left: AppendTwo;
    replace_and_the_process_stops, replace_and_the_machine_stops, replace_and_only_names_are_left: Replace;
    flags_and_the_process_stops, flags_and_the_machine_stops, flags_and_only_names_are_left: Flags;
    expunge_and_the_process_stops, expunge_and_the_machine_stops, expunge_and_only_names_are_left: Expunge;
    move_and_the_process_stops, move_and_the_machine_stops, move_and_only_names_are_left: Move;
    copy_and_the_process_stops, copy_and_the_machine_stops, copy_and_only_names_are_left: Copy;
    create_and_the_process_stops, create_and_the_machine_stops, create_and_only_names_are_left: Create;
    rename_and_the_process_stops, rename_and_the_machine_stops, rename_and_only_names_are_left: Rename;
    delete_and_the_process_stops, delete_and_the_machine_stops, delete_and_only_names_are_left: Delete;
    share_and_the_process_stops, share_and_the_machine_stops, share_and_only_names_are_left: Share;
    annotate_and_the_process_stops, annotate_and_the_machine_stops, annotate_and_only_names_are_left: Annotate;
    assign_and_the_process_stops, assign_and_the_machine_stops, assign_and_only_names_are_left: Assign;
}
