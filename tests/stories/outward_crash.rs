//! Killing the agent that brings mail to other servers, again and again while it does: every
//! message arrives, and none twice unless its outcome died with the agent.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Instant,
};

use crate::stack::{
    Plan, Stack,
    client::Client,
    dns::{Dns, Zone},
    keeper::Keeper,
    messages::{numbered, subject},
    wait_for,
};

const MESSAGES: usize = 200;
const KILLS_MIN: usize = 6;

#[test]
fn kill_9_of_the_way_out_loses_nothing_and_doubles_only_what_died_with_it() {
    let keeper = Keeper::start("127.0.0.9");
    let hosts = Zone::default().a("mx.sink.test", "127.0.0.9");
    let zone = (0..4).fold(hosts, |zone, n| zone.mx(&format!("d{n}.test"), 10, "mx.sink.test"));
    let dns = Dns::start(zone);
    let stack = Plan::new("first.test", &["alice"])
        .dns(dns.address)
        .set("relay.outbound", format!("port = {}", keeper.address.port()))
        .set("relay.outbound.retry", "first_retry = \"1s\"\nmax_retry = \"1s\"");
    let stack = Arc::new(Stack::start(stack));
    let alice = stack.address("alice");

    let sending = Arc::new(AtomicBool::new(true));
    let killer = {
        let (stack, sending) = (Arc::clone(&stack), Arc::clone(&sending));
        thread::spawn(move || {
            let mut kills = Vec::new();
            while sending.load(Ordering::SeqCst) || kills.len() < KILLS_MIN {
                kills.push(Instant::now());
                stack.kill("smtp-relay");
            }
            kills
        })
    };
    let mut msa = Client::submission(stack.listener("smtp-submission-tls"), &alice).unwrap();
    let mut ids = Vec::new();
    for number in 0..MESSAGES {
        let to = format!("r@d{}.test", number % 4);
        let reply = msa.mail(&alice, &[&to], &numbered(&alice, &to, number)).unwrap();
        assert!(reply.starts_with("250"), "{reply}");
        ids.push(reply.split_whitespace().find(|word| word.len() == 16).unwrap().to_owned());
    }
    sending.store(false, Ordering::SeqCst);
    let kills = killer.join().expect("the killer");

    wait_for("an empty queue", || {
        stack.json(&["queue", "list"]).as_array().is_some_and(Vec::is_empty).then_some(())
    });
    let mut copies: HashMap<usize, Vec<Instant>> = HashMap::new();
    for taken in keeper.taken() {
        let number = subject(&taken.content).trim_start_matches("number ").parse().unwrap();
        copies.entry(number).or_default().push(taken.at);
    }
    for (number, id) in ids.iter().enumerate() {
        let copies = copies.get(&number).map(Vec::as_slice).unwrap_or_default();
        assert!(!copies.is_empty(), "message {number} was acknowledged, and never arrived");
        for two in copies.windows(2) {
            let died = kills.iter().any(|kill| two[0] <= *kill + GRACE && *kill <= two[1]);
            assert!(died, "message {number} was sent twice by one that lived");
        }
        if copies.len() > 1 {
            let journey = stack.run_ok(&["trace", id]);
            assert_eq!(journey.matches(" delivered ").count(), 1, "settled once: {journey}");
        }
    }
}

/// From the decision to kill until the last word of the dying: a signal takes its time.
const GRACE: std::time::Duration = std::time::Duration::from_secs(5);
