//! Other tools change the Maildir.

use std::{
    fs, io,
    sync::Arc,
    time::{Duration, SystemTime},
};

use mail_store::{
    Clock, DropEntry, FlagChange, MailStore, MessageRow, ReadWhole, StoreError, StoreOptions,
    UidSet, Want,
};
use mail_types::{Flag, Timestamp};
use stable_storage::{Files, Operation, Watch};

use crate::world::{
    ALICE, NOW, World, deliver, files_on_disk, flags, mailbox, name, see, subjects, uid, until,
};

#[tokio::test]
async fn what_mutt_and_rsync_do_is_taken_over() {
    let world = World::new();
    let store = world.open().await;
    let account = store.account(ALICE);
    let root = world.maildir();
    for entry in 1..=3 {
        deliver(&account, entry, &format!("m{entry}")).await.unwrap();
    }
    let inbox = mailbox(&account, "INBOX").await.id;
    assert!(!account.refresh(inbox).await.unwrap(), "nobody was there");
    let before = account.state(inbox).await.unwrap();

    let files = files_on_disk(&world);
    let named = |part: &str| files.iter().find(|f| f.contains(part)).unwrap().clone();
    // Read and flagged by mutt; removed; added with LF line ends and a flag.
    let base = named(",U=1,").trim_start_matches("new/").to_owned();
    fs::rename(root.join(named(",U=1,")), root.join(format!("cur/{base}:2,FS"))).unwrap();
    fs::remove_file(root.join(named(",U=2,"))).unwrap();
    fs::write(root.join("cur/1700.M1P2.other:2,S"), "Subject: foreign\n\nThis is\nforeign\n")
        .unwrap();
    // Ours changes a flag meanwhile.
    let add = FlagChange::Add(flags(&["work"]));
    account.store_flags(inbox, &uid(1).into(), add, None).await.unwrap();

    assert!(account.refresh(inbox).await.unwrap());
    let changes = account.changes(inbox, before.highest_modseq).await.unwrap();
    assert_eq!(changes.expunged, [uid(2)]);
    let all = see(&world, &account).await;
    let shown: Vec<_> =
        all["INBOX"].iter().map(|m| (m.uid, m.subject.as_str(), m.flags.as_str())).collect();
    assert_eq!(
        shown,
        [(1, "m1", "\\Flagged \\Seen work"), (3, "m3", ""), (4, "foreign", "\\Seen")]
    );
    let rows = account.fetch(inbox, &uid(4).into(), Want::Facts).await.unwrap();
    let content = account.read(&rows[0].file).await.unwrap().read_at(0, 99).await.unwrap();
    assert_eq!(content, b"Subject: foreign\r\n\r\nThis is\r\nforeign\r\n");
    let named = "cur/1700.M1P2.other,U=4,S=34,T=1800000000:2,S";
    assert!(files_on_disk(&world).contains(&named.to_owned()));
    assert_eq!(rows[0].saved, NOW, "it came into this mailbox just now");
    assert!(!account.refresh(inbox).await.unwrap(), "all is known now");
}

#[tokio::test]
async fn what_was_renamed_before_it_was_expunged_stays_gone() {
    for kept in [Duration::ZERO, Duration::from_secs(100)] {
        let world = World::new();
        let options = StoreOptions { removed_kept: kept, ..world.options() };
        let store = MailStore::open(options, Files::real()).await.unwrap();
        let account = store.account(ALICE);
        for entry in 1..=2 {
            deliver(&account, entry, &format!("m{entry}")).await.unwrap();
        }
        let inbox = mailbox(&account, "INBOX").await.id;
        let new = files_on_disk(&world).into_iter().find(|file| file.contains(",U=1,")).unwrap();
        let read = format!("{}:2,S", new.replace("new/", "cur/"));
        fs::rename(world.maildir().join(new), world.maildir().join(&read)).unwrap();
        account.remove(inbox, &uid(1).into()).await.unwrap();
        account.refresh(inbox).await.unwrap();
        assert_eq!(account.state(inbox).await.unwrap().messages, 1);
        store.close().await;
        let account = world.open().await.account(ALICE);
        account.refresh(inbox).await.unwrap();
        assert_eq!(subjects(&see(&world, &account).await, "INBOX"), ["m2"]);
        assert!(!world.maildir().join(read).exists(), "its file has gone too");
    }
}

#[tokio::test]
async fn a_file_that_was_renamed_since_the_query_is_still_read() {
    let world = World::new();
    let account = world.open().await.account(ALICE);
    deliver(&account, 1, "one").await.unwrap();
    deliver(&account, 2, "two").await.unwrap();
    let inbox = mailbox(&account, "INBOX").await.id;
    let rows = account.fetch(inbox, &UidSet::all(), Want::Facts).await.unwrap();
    let root = world.maildir();
    for file in files_on_disk(&world) {
        if file.contains(",U=1,") {
            fs::rename(root.join(&file), root.join(format!("cur/{}:2,S", &file[4..]))).unwrap();
        } else {
            fs::remove_file(root.join(&file)).unwrap();
        }
    }
    assert!(account.read(&rows[0].file).await.is_ok());
    assert!(matches!(account.read(&rows[1].file).await, Err(StoreError::MessageGone)));
    assert_eq!(subjects(&see(&world, &account).await, "INBOX"), ["one"]);
}

#[tokio::test]
async fn folders_come_and_go() {
    let world = World::new();
    let account = world.open().await.account(ALICE);
    let inbox = mailbox(&account, "INBOX").await.id;
    let root = world.maildir();
    for part in ["cur", "new", "tmp"] {
        fs::create_dir_all(root.join(".Lists.&vBvHQA-").join(part)).unwrap();
        fs::create_dir_all(root.join(".a..b").join(part)).unwrap();
    }
    fs::write(root.join(".Lists.&vBvHQA-/new/1.M2.x"), "Subject: s\r\n\r\n").unwrap();
    fs::remove_dir_all(root.join(".Junk")).unwrap();
    assert!(account.refresh(inbox).await.unwrap());
    assert_eq!(subjects(&see(&world, &account).await, "Lists/받은"), ["s"]);
    assert!(account.mailbox(&name("Junk")).await.is_err());
    // A folder moved by hand keeps its mailbox.
    let lists = mailbox(&account, "Lists/받은").await;
    fs::rename(root.join(".Lists.&vBvHQA-"), root.join(".Moved")).unwrap();
    account.refresh(inbox).await.unwrap();
    let moved = mailbox(&account, "Moved").await;
    assert_eq!((moved.id, moved.uid_validity), (lists.id, lists.uid_validity));
    assert_eq!(subjects(&see(&world, &account).await, "Moved"), ["s"]);
}

#[tokio::test]
async fn an_old_maildir_becomes_an_account() {
    let world = World::new();
    let root = world.maildir();
    for part in ["cur", "new", "tmp", ".Sent/cur", ".Sent/new", ".Sent/tmp"] {
        fs::create_dir_all(root.join(part)).unwrap();
    }
    fs::write(root.join("cur/2.b.host,S=5,W=6:2,RS"), "Subject: b\n\n").unwrap();
    fs::write(root.join("new/1.a.host"), "Subject: a\n\n").unwrap();
    fs::write(root.join(".Sent/cur/3.c.host:2,S"), "Subject: c\n\n").unwrap();
    let account = world.open().await.account(ALICE);
    let all = see(&world, &account).await;
    assert_eq!(subjects(&all, "INBOX"), ["a", "b"]);
    assert_eq!(all["INBOX"][1].flags, "\\Answered \\Seen");
    assert_eq!(subjects(&all, "Sent"), ["c"]);
    assert_eq!(mailbox(&account, "Sent").await.special_use, Some(mail_store::SpecialUse::Sent));
}

/// What is read several at a time ends where one has to be looked for or converted, or is too much.
#[tokio::test]
async fn whole_messages_up_to_the_first_that_needs_care() {
    let world = World::new();
    let account = world.open().await.account(ALICE);
    for entry in 1..=3 {
        deliver(&account, entry, &format!("m{entry}")).await.unwrap();
    }
    let root = world.maildir();
    fs::write(root.join("cur/1700.M1P2.other:2,S"), "Subject: foreign\n\n").unwrap();
    let inbox = mailbox(&account, "INBOX").await.id;
    account.refresh(inbox).await.unwrap();
    let rows = account.fetch(inbox, &UidSet::all(), Want::Facts).await.unwrap();
    let files: Vec<_> = rows.iter().map(|row| row.file.clone()).collect();
    let sizes: Vec<usize> = rows.iter().map(|row| usize::try_from(row.size).unwrap()).collect();
    let read = async |most| -> Vec<usize> {
        let mut read = account.read_whole(&files, most, ReadWhole::default()).await.unwrap();
        std::iter::from_fn(|| read.take().map(<[u8]>::len)).collect()
    };
    assert_eq!(read(1 << 20).await, sizes[..3], "the fourth has LF line ends");
    let two = u64::try_from(sizes[0] + sizes[1]).unwrap();
    assert_eq!(read(two).await, sizes[..2]);
    assert_eq!(read(two - 1).await, sizes[..1]);

    let second = files_on_disk(&world).into_iter().find(|file| file.contains(",U=2,")).unwrap();
    fs::remove_file(root.join(second)).unwrap();
    assert_eq!(read(1 << 20).await, sizes[..1]);
}

/// What a POP3 session asks for agrees with what an IMAP session is told, whatever a file is called.
#[tokio::test]
async fn a_maildrops_listing_and_its_files() {
    let world = World::new();
    let account = world.open().await.account(ALICE);
    for entry in 1..=3 {
        deliver(&account, entry, &format!("m{entry}")).await.unwrap();
    }
    fs::write(world.maildir().join("cur/1700.M1 P2.a, b:2,S"), "Subject: foreign\n\n").unwrap();
    let inbox = mailbox(&account, "INBOX").await.id;
    account.refresh(inbox).await.unwrap();
    account.remove(inbox, &UidSet::from(uid(2))).await.unwrap();
    let rows = account.fetch(inbox, &UidSet::all(), Want::Facts).await.unwrap();

    let listed = account.drop_entries(inbox).await.unwrap();
    let entry = |row: &MessageRow| DropEntry {
        uid: row.uid,
        size: row.size,
        internal_date: row.internal_date,
        seen: row.flags.contains(&Flag::Seen),
    };
    let expected: Vec<DropEntry> = rows.iter().map(entry).collect();
    assert_eq!(listed, expected);
    let seen: Vec<bool> = listed.iter().map(|entry| entry.seen).collect();
    assert_eq!(seen, [false, false, true]);

    let all: Vec<_> = rows.iter().map(|row| row.file.clone()).collect();
    assert_eq!(account.files_from(inbox, uid(1), 10).await.unwrap(), all);
    assert_eq!(account.files_from(inbox, uid(2), 1).await.unwrap(), all[1..2]);
    assert_eq!(account.files_from(inbox, uid(5), 10).await.unwrap(), []);
    let sent = mailbox(&account, "Sent").await.id;
    assert_eq!(account.drop_entries(sent).await.unwrap(), []);
    assert_eq!(account.files_from(sent, uid(1), 10).await.unwrap(), []);
}

/// Ten minutes after a change of ours its folder is looked at once more: its times can't tell what
/// another tool did at the same moment. With many messages that is done beside everything else.
#[tokio::test]
async fn a_large_folder_is_looked_at_once_more() {
    let clock: Clock = || Timestamp::from(SystemTime::now());
    let later: Clock = || Timestamp::from(SystemTime::now()).plus(Duration::from_secs(660));
    for other_tool in [false, true] {
        let world = World::new();
        let open = async |clock, follow_after| {
            let options = StoreOptions { clock, follow_after, ..world.options() };
            MailStore::open(options, Files::real()).await.unwrap()
        };
        let store = open(clock, Duration::from_secs(3600)).await;
        let account = store.account(ALICE);
        deliver(&account, 1, "m1").await.unwrap();
        let inbox = mailbox(&account, "INBOX").await.id;
        let archive = mailbox(&account, "Archive").await.id;
        account.copy(inbox, &UidSet::all(), archive).await.unwrap();
        for _ in 0..10 {
            account.copy(archive, &UidSet::all(), archive).await.unwrap();
        }
        account.remove(archive, &uid(7).into()).await.unwrap();
        store.close().await;
        // A folder that another tool took away because nothing was in it.
        fs::remove_dir(world.maildir().join(".Archive/new")).unwrap();
        let cur = fs::File::open(world.maildir().join(".Archive/cur")).unwrap();
        let index = rusqlite::Connection::open(world.maildir().join("postrider-index.db")).unwrap();
        index.execute("update mailboxes set new_time = 0 where name = 'Archive'", []).unwrap();
        let changed = cur.metadata().unwrap().modified().unwrap();
        if other_tool {
            let path = world.maildir().join(".Archive/cur/1700.M1P2.other:2,S");
            fs::write(path, "Subject: x\n\n").unwrap();
            cur.set_modified(changed).unwrap();
        }
        let store = open(later, Duration::from_millis(1)).await;
        let account = store.account(ALICE);
        let began = later().millis();
        // Nobody waits for it.
        assert!(!account.refresh(archive).await.unwrap());
        let sql = "select compared from mailboxes where name = 'Archive'";
        let mut compared = 0;
        until("the look at the folder", async || {
            compared = index.query_row(sql, [], |row| row.get(0)).unwrap();
            compared >= began - 1000
        })
        .await;
        let state = account.state(archive).await.unwrap();
        assert_eq!(state.messages, 1023 + u32::from(other_tool));
        assert!(compared < began + 60_000, "the time of a look is that of its beginning");
        store.close().await;
    }
}

/// Files that a tool put into a folder.
const MANY: u32 = 1500;

/// Tells when the first message is taken over.
#[derive(Debug)]
struct FirstRename(tokio::sync::Notify);

impl Watch for FirstRename {
    fn before(&self, operation: &Operation<'_>) -> io::Result<()> {
        if let Operation::Rename { to, .. } = operation
            && to.to_str().is_some_and(|to| to.contains(".other,U="))
        {
            self.0.notify_one();
        }
        Ok(())
    }

    fn after(&self, _operation: &Operation<'_>) {}
}

/// What another tool did to very many messages keeps no delivery waiting to its end.
#[tokio::test]
async fn deliveries_get_their_turn_while_much_is_taken_over() {
    let world = World::new();
    let first = Arc::new(FirstRename(tokio::sync::Notify::new()));
    let store = MailStore::open(world.options(), Files::watched(first.clone())).await.unwrap();
    let account = store.account(ALICE);
    let inbox = mailbox(&account, "INBOX").await.id;
    for number in 0..MANY {
        let path = format!("cur/17{number:08}.M1P2.other:2,S");
        fs::write(world.maildir().join(path), format!("Subject: {number}\n\n")).unwrap();
    }
    let refreshing = account.refresh(inbox);
    let delivering = async {
        first.0.notified().await;
        let mut uids = Vec::new();
        for entry in 1..=3 {
            uids.push(deliver(&account, entry, &format!("m{entry}")).await.unwrap().number());
        }
        uids
    };
    let (refreshed, uids) = tokio::join!(refreshing, delivering);
    assert!(refreshed.unwrap());
    let state = account.state(inbox).await.unwrap();
    assert_eq!(state.messages, MANY + 3);
    assert!(uids[0] < MANY, "the first delivery came after all of them: {uids:?}");
    // In the order in which they came, but for what was delivered meanwhile.
    let all = see(&world, &account).await;
    let numbers = subjects(&all, "INBOX").into_iter().filter(|subject| !subject.starts_with('m'));
    assert!(numbers.eq((0..MANY).map(|number| number.to_string())));
    assert!(!account.refresh(inbox).await.unwrap(), "all is known");

    // Other letters, and fewer files, by a tool that knows nothing of portions.
    let before = state.highest_modseq;
    for file in files_on_disk(&world).iter().filter(|file| file.contains(".other")) {
        let path = world.maildir().join(file);
        let uid: u32 =
            file.split(",U=").nth(1).unwrap().split(',').next().unwrap().parse().unwrap();
        match uid % 3 {
            0 => fs::remove_file(path).unwrap(),
            1 => fs::rename(&path, path.to_str().unwrap().replace(":2,S", ":2,FS")).unwrap(),
            _ => {}
        }
    }
    assert!(account.refresh(inbox).await.unwrap());
    let changes = account.changes(inbox, before).await.unwrap();
    let all = see(&world, &account).await;
    let is_foreign = |uid: &u32| !uids.contains(uid);
    let gone = (1..=MANY + 3).filter(|uid| is_foreign(uid) && uid % 3 == 0);
    assert!(changes.expunged.iter().map(|uid| uid.number()).eq(gone));
    for seen in all["INBOX"].iter().filter(|seen| is_foreign(&seen.uid)) {
        let expected = if seen.uid % 3 == 1 { "\\Flagged \\Seen" } else { "\\Seen" };
        assert_eq!(seen.flags, expected, "{}", seen.uid);
    }
    assert!(!account.refresh(inbox).await.unwrap(), "all is known");
    store.close().await;
}

/// Puts a file into a folder when another one of it is taken over, and lets some milliseconds pass before
/// the folder is synced.
#[derive(Debug)]
struct Meanwhile;

impl Watch for Meanwhile {
    fn before(&self, operation: &Operation<'_>) -> io::Result<()> {
        match operation {
            Operation::Rename { to, .. }
                if to.to_str().is_some_and(|to| to.contains("first,U=")) =>
            {
                fs::write(to.with_file_name("second:2,S"), "Subject: 2\n\n")
            }
            Operation::SyncFolder(_) => {
                let began = SystemTime::now();
                while began.elapsed().is_ok_and(|passed| passed < Duration::from_millis(5)) {}
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn after(&self, _operation: &Operation<'_>) {}
}

/// What comes while a folder is compared does not show by its times, which are ours afterwards: it is
/// found when the folder is compared once more.
#[tokio::test]
async fn what_comes_while_a_folder_is_compared() {
    let clock: Clock = || Timestamp::from(SystemTime::now());
    let later: Clock = || Timestamp::from(SystemTime::now()).plus(Duration::from_secs(660));
    for large_folder in [1000, 0] {
        let world = World::new();
        world.open().await.close().await;
        let open = async |clock, files| {
            let options = StoreOptions { clock, large_folder, ..world.options() };
            MailStore::open(options, files).await.unwrap()
        };
        let store = open(clock, Files::watched(Arc::new(Meanwhile))).await;
        let account = store.account(ALICE);
        let inbox = mailbox(&account, "INBOX").await.id;
        fs::write(world.maildir().join("cur/first:2,S"), "Subject: 1\n\n").unwrap();
        assert!(account.refresh(inbox).await.unwrap());
        assert_eq!(account.state(inbox).await.unwrap().messages, 1);
        store.close().await;
        // Opened so late that all folders are compared that may have something new.
        let store = open(later, Files::real()).await;
        let account = store.account(ALICE);
        account.refresh(inbox).await.unwrap();
        let found = async || account.state(inbox).await.unwrap().messages == 2;
        until(&format!("the second message, {large_folder}"), found).await;
        store.close().await;
    }
}
