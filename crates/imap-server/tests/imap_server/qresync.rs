//! Quick resynchronisation (RFC 7162 §3.2): a cache that comes back and must end up right.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    client::{Answer, Client},
    house::{House, small},
};

/// What a client keeps of a mailbox.
#[derive(Default)]
struct Cache {
    validity: u64,
    highest: u64,
    flags: BTreeMap<u32, BTreeSet<String>>,
}

impl Cache {
    /// Opens the mailbox with what is known, and takes in what is told.
    async fn come_back(&mut self, client: &mut Client, more: &str) -> Answer {
        let known = format!("{} {}{more}", self.validity.max(1), self.highest);
        let answer = client.run(format!("SELECT INBOX (QRESYNC ({known}))")).await.ok();
        for line in answer.lines() {
            if let Some(uids) = line.strip_prefix("VANISHED (EARLIER) ") {
                numbers(uids).iter().for_each(|uid| drop(self.flags.remove(uid)));
            } else if line.contains(" FETCH (UID ") {
                let uid = word_behind(&line, "UID ").parse().unwrap();
                let (_, flags) = line.split_once("FLAGS (").unwrap();
                let (flags, _) = flags.split_once(')').unwrap();
                self.flags.insert(uid, flags_of(flags));
            }
        }
        self.validity =
            word_behind(&answer.line("OK [UIDVALIDITY"), "UIDVALIDITY ").parse().unwrap();
        self.highest =
            word_behind(&answer.line("OK [HIGHESTMODSEQ"), "HIGHESTMODSEQ ").parse().unwrap();
        answer
    }

    /// Compares it with what a plain FETCH says.
    async fn assert_right(&self, client: &mut Client) {
        let mut all = BTreeMap::new();
        for line in client.run("UID FETCH 1:* (FLAGS)").await.ok().lines() {
            let (_, flags) = line.split_once("FLAGS (").unwrap();
            let flags = flags_of(flags.trim_end_matches(')'));
            all.insert(word_behind(&line, "UID ").parse().unwrap(), flags);
        }
        assert_eq!(self.flags, all);
    }
}

fn flags_of(list: &str) -> BTreeSet<String> {
    let flags = list.split(' ').filter(|flag| !flag.is_empty() && *flag != "\\Recent");
    flags.map(str::to_owned).collect()
}

fn word_behind<'l>(line: &'l str, word: &str) -> &'l str {
    let (_, rest) = line.split_once(word).unwrap_or_else(|| panic!("no {word} in {line}"));
    rest.split([' ', ']', ')']).next().unwrap()
}

fn numbers(set: &str) -> Vec<u32> {
    set.split(',')
        .flat_map(|range| {
            let (first, last) = range.split_once(':').unwrap_or((range, range));
            first.parse().unwrap()..=last.parse().unwrap()
        })
        .collect()
}

async fn house_with(count: u32) -> House {
    let house = House::new().await;
    let messages: Vec<_> = (1..=count).map(|number| small(&number.to_string())).collect();
    house.put_all(&messages).await;
    house
}

#[tokio::test]
async fn a_cache_that_comes_back_is_right_again() {
    let house = house_with(40).await;
    let mut other = house.open().await;
    let mut client = house.sign_in().await;
    client.run("ENABLE QRESYNC").await.ok().line("ENABLED QRESYNC");
    let mut cache = Cache::default();
    // In an epoch that it does not know, it hears nothing.
    let first = cache.come_back(&mut client, "").await;
    assert!(!first.lines().iter().any(|line| line.contains("FETCH") || line.contains("VANISHED")));
    cache.highest = 0;
    for (round, changes) in [
        "STORE 1 +FLAGS (\\Seen)",
        "UID STORE 2:5 +FLAGS.SILENT (\\Deleted);EXPUNGE;UID STORE 7 +FLAGS (late)",
        "UID MOVE 9:12,20 Trash;UID STORE 1 FLAGS ()",
        "UID STORE 39:* +FLAGS (\\Deleted);UID EXPUNGE 40;UID STORE 39 -FLAGS (\\Deleted)",
        "NOOP",
    ]
    .into_iter()
    .enumerate()
    {
        for command in changes.split(';') {
            other.run(command).await.ok();
        }
        house.put(&small("new")).await;
        other.run("NOOP").await.ok();
        let top = 40 + u32::try_from(round).unwrap() + 1;
        // With all the ways to say what is known.
        for more in [String::new(), format!(" 1:{top}"), format!(" 1:{top} (1 1)")] {
            let (highest, flags) = (cache.highest, cache.flags.clone());
            cache.come_back(&mut client, &more).await;
            cache.assert_right(&mut client).await;
            if more.len() < 10 {
                (cache.highest, cache.flags) = (highest, flags);
            }
        }
        let quiet = cache.come_back(&mut client, "").await;
        let news = |line: &&String| line.contains("FETCH") || line.contains("VANISHED");
        assert_eq!(quiet.lines().iter().find(news), None, "nothing is told twice");
    }
}

/// RFC 7162 §3.2.6: from before the log begins, all that is not there is told.
#[tokio::test]
async fn what_the_log_does_not_reach() {
    let house = house_with(6).await;
    let mut client = house.sign_in().await;
    client.run("ENABLE QRESYNC").await.ok();
    client.run("SELECT INBOX").await.ok();
    client.run("UID STORE 2,4:5 +FLAGS.SILENT (\\Deleted)").await.ok();
    let gone = client.run("EXPUNGE").await.is("OK [HIGHESTMODSEQ ");
    assert_eq!(gone.lines(), ["VANISHED 2,4:5"]);
    for (since, expected) in [("0", "2,4:5"), ("1", "2,4:5")] {
        let command = format!("UID FETCH 1:600 (FLAGS) (CHANGEDSINCE {since} VANISHED)");
        let told = client.run(command).await.ok();
        assert_eq!(told.lines()[0], format!("VANISHED (EARLIER) {expected}"));
        assert_eq!(told.lines().len(), 4);
    }
    let far = client.run("UID FETCH 1:600 (FLAGS) (CHANGEDSINCE 999999999 VANISHED)").await.ok();
    assert!(far.untagged.is_empty());
    client
        .run("UID FETCH 4 (FLAGS) (CHANGEDSINCE 1 VANISHED)")
        .await
        .ok()
        .line("VANISHED (EARLIER) 4");
}

/// RFC 7162 §3.2.10.2: what others remove comes as UIDs, and not while numbers have a meaning.
#[tokio::test]
async fn what_others_remove() {
    let house = house_with(4).await;
    let mut client = house.sign_in().await;
    client.run("ENABLE QRESYNC").await.ok();
    client.run("SELECT INBOX").await.ok();
    let mut other = house.open().await;
    other.run("STORE 2:3 +FLAGS (\\Deleted)").await.ok();
    assert_eq!(other.run("EXPUNGE").await.ok().lines(), ["3 EXPUNGE", "2 EXPUNGE"]);
    let searched = client.run("UID SEARCH 1:4").await.ok();
    assert_eq!(searched.line("SEARCH"), "SEARCH 1 4");
    assert!(!searched.lines().iter().any(|line| line.starts_with("VANISHED")));
    // It has a number still, so it did not vanish earlier.
    let fetched = client.run("UID FETCH 1:* (UID) (CHANGEDSINCE 999999 VANISHED)").await.ok();
    assert_eq!(fetched.lines().first().map(String::as_str), Some("VANISHED 2:3"));
    assert_eq!(client.run("FETCH 2 (UID)").await.ok().lines(), ["2 FETCH (UID 4)"]);
    let moved = client.run("MOVE 1 Trash").await.is("OK [HIGHESTMODSEQ ");
    assert_eq!(moved.line("VANISHED"), "VANISHED 1");
    client.run("STORE 1 +FLAGS.SILENT (\\Deleted)").await.ok();
    assert!(client.run("CLOSE").await.is("OK Closed").untagged.is_empty());
}

/// RFC 3501 §7.2.6: also a keyword that came while the client was told what it had missed is known
/// before the message that has it.
#[tokio::test]
async fn a_keyword_that_comes_meanwhile() {
    const COUNT: u32 = 3000;
    let house = House::new().await;
    house.fill_inbox(COUNT);
    let mut other = house.open().await;
    // 4 KB a message: more than the kernel holds for who does not read.
    let long = |number: u32| format!("${}{number:02}", "k".repeat(240));
    let keywords: Vec<_> = (0..17).map(long).collect();
    other.run(format!("STORE 1:* +FLAGS.SILENT ({})", keywords.join(" "))).await.ok();

    let mut client = house.sign_in().await;
    client.run("ENABLE QRESYNC").await.ok();
    let status = client.run("STATUS INBOX (UIDVALIDITY)").await.ok().line("STATUS");
    let validity = word_behind(&status, "UIDVALIDITY ");
    let tag = client.send(format!("SELECT INBOX (QRESYNC ({validity} 1))")).await;
    let mut told = client.line().await;
    while !told.contains(" FETCH (UID 1 ") {
        assert!(!told.contains("$new"), "{told}");
        told = client.line().await;
    }
    other.run(format!("STORE {COUNT} +FLAGS.SILENT ($new)")).await.ok();
    let rest = client.answer(&tag).await.ok().lines();
    let first = |what: &str| rest.iter().position(|line| line.contains(what)).unwrap();
    let shown = first("$new");
    assert!(rest[shown].starts_with("FLAGS ("), "{}", rest[shown]);
    assert!(rest[first(&format!(" FETCH (UID {COUNT} "))].contains(" $new"));
}
