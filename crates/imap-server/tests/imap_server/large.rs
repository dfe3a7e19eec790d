//! Large mailboxes, large messages, clients that are slow or leave.

use std::time::{Duration, Instant};

use crate::house::House;

/// A mailbox as large as some people's inbox.
#[tokio::test]
async fn twenty_thousand_messages() {
    const COUNT: u32 = 20_000;
    let house = House::new().await;
    house.fill_inbox(COUNT);
    let mut client = house.sign_in().await;
    // The first look builds the index from the files.
    client
        .run("STATUS INBOX (MESSAGES)")
        .await
        .ok()
        .line(&format!("STATUS \"INBOX\" (MESSAGES {COUNT}"));
    let started = Instant::now();
    client.run("SELECT INBOX").await.ok().line(&format!("{COUNT} EXISTS"));
    println!("SELECT {:?}", started.elapsed());
    let started = Instant::now();
    let flags = client.run("UID FETCH 1:* (FLAGS)").await.ok();
    println!("UID FETCH 1:* (FLAGS) {:?}", started.elapsed());
    assert_eq!(flags.untagged.len(), COUNT as usize);
    assert!(flags.untagged[9].starts_with(b"10 FETCH (UID 10 FLAGS ("));
    let started = Instant::now();
    client.run(format!("STORE 1:{COUNT} +FLAGS.SILENT (\\Deleted)")).await.ok();
    println!("STORE {:?}", started.elapsed());
    let started = Instant::now();
    assert_eq!(client.run("SEARCH DELETED").await.ok().found().len(), COUNT as usize);
    println!("SEARCH {:?}", started.elapsed());
    assert_eq!(client.run("NOOP").await.ok().untagged.len(), 0);
    let started = Instant::now();
    assert_eq!(client.run("EXPUNGE").await.ok().untagged.len(), COUNT as usize);
    println!("EXPUNGE {:?}", started.elapsed());
}

fn large_message(octets: usize) -> Vec<u8> {
    let line = "x".repeat(998) + "\r\n";
    format!("Subject: large\r\n\r\n{}", line.repeat(octets / 1000)).into_bytes()
}

/// What is not read is not held in memory either.
#[tokio::test]
async fn a_slow_reader_costs_no_memory() {
    const OCTETS: usize = 40_000_000;
    let house = House::new().await;
    house.put(&large_message(OCTETS)).await;
    let mut client = house.open().await;
    let before = resident_octets();
    for _ in 0..5 {
        client.send("FETCH 1 BODY.PEEK[]").await;
    }
    let mut most = 0;
    for _ in 0..5 * OCTETS / 1_000_000 {
        client.skip(1_000_000).await;
        most = most.max(resident_octets());
    }
    assert!(most < before + OCTETS, "{before} octets became {most}");
}

/// An answer ends when nobody is there to read it.
#[tokio::test]
async fn a_client_that_leaves_ends_its_fetch() {
    let house = House::new().await;
    house.put(&large_message(20_000_000)).await;
    let mut client = house.open().await;
    for _ in 0..3 {
        client.send("FETCH 1 BODY.PEEK[]").await;
    }
    client.skip(1_000_000).await;
    assert!(house.has_message_open());
    drop(client);
    let started = Instant::now();
    while house.has_message_open() {
        assert!(started.elapsed() < Duration::from_secs(30), "it is still being read");
        tokio::task::yield_now().await;
    }
}

fn resident_octets() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap() * 1024
}
