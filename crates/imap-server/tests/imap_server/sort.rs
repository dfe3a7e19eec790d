//! SORT and THREAD (RFC 5256) over the real store.

use crate::house::House;

async fn house() -> House {
    let house = House::new().await;
    for header in [
        "Date: 3 Feb 2020 10:00:00 +0000\r\nFrom: zoe@a\r\nSubject: Plan\r\nMessage-ID: <1@a>",
        "Date: 1 Feb 2020 10:30:00 +0100\r\nFrom: yan@a\r\nSubject: b\r\nReferences: <1@a>",
        "Date: 2 Feb 2020 10:00:00 +0000\r\nFrom: Bert@x\r\nSubject: c\r\nReferences: <7@a> <8@a>",
        "Date: 5 Feb 2020 10:00:00 +0000\r\nFrom: carl@x\r\nSubject: re: plan\r\nReferences: <7@a>",
    ] {
        house.put(format!("{header}\r\n\r\nbody\r\n").as_bytes()).await;
    }
    house
}

#[tokio::test]
async fn what_is_found_is_sorted() {
    let house = house().await;
    let mut client = house.open().await;
    for (command, expected) in [
        ("SORT (DATE) UTF-8 ALL", "SORT 2 3 1 4"),
        ("SORT (REVERSE DATE) UTF-8 ALL", "SORT 4 1 3 2"),
        ("SORT (SUBJECT REVERSE DATE) US-ASCII 1:3", "SORT 2 3 1"),
        ("UID SORT (FROM) UTF-8 NOT FROM carl", "SORT 3 2 1"),
        ("SORT (ARRIVAL) UTF-8 DELETED", "SORT"),
        ("SORT RETURN (MIN COUNT) (FROM) UTF-8 ALL", "ESEARCH (TAG \"a8\") MIN 3 COUNT 4"),
        ("THREAD ORDEREDSUBJECT UTF-8 ALL", "THREAD (2)(3)(1 4)"),
        ("THREAD REFERENCES UTF-8 ALL", "THREAD ((3)(4))(1 2)"),
        ("UID THREAD REFERENCES UTF-8 SUBJECT plan", "THREAD (1 4)"),
        ("THREAD REFERENCES UTF-8 DELETED", "THREAD"),
    ] {
        let answer = client.run(command).await.ok();
        let name = expected.split(' ').next().unwrap();
        assert_eq!(answer.line(name), expected, "{command}");
    }
}

/// RFC 7162 §3.1.6: the mod-sequence of what was found, by the order in which it is told.
#[tokio::test]
async fn mod_sequences_of_a_sort() {
    let house = house().await;
    let mut client = house.open().await;
    client.run("ENABLE CONDSTORE").await.ok();
    client.run("STORE 2 +FLAGS (\\Flagged)").await.ok();
    let status = client.run("STATUS INBOX (HIGHESTMODSEQ)").await.ok().line("STATUS");
    let (_, highest) = status.split_once("HIGHESTMODSEQ ").unwrap();
    let highest = highest.trim_end_matches(')');
    let sorted = client.run(format!("SORT (REVERSE DATE) UTF-8 MODSEQ {highest}")).await.ok();
    assert_eq!(sorted.line("SORT"), format!("SORT 2 (MODSEQ {highest})"));
    let sorted = client.run("SORT RETURN (MAX) (REVERSE DATE) UTF-8 MODSEQ 1").await.ok();
    assert!(sorted.line("ESEARCH").ends_with(&format!("MAX 2 MODSEQ {highest}")));
}
