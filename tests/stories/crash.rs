//! Killing every process, again and again, while messages are on their way: what was acknowledged
//! arrives, and in a local mailbox exactly once.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
};

use crate::stack::{
    Plan, Stack,
    client::Client,
    messages::{numbered, subject},
    wait_for,
};

const MESSAGES: usize = 500;
const AGENTS: [&str; 5] =
    ["smtp-submission", "smtp-relay", "delivery-agent", "imap-server", "pop3-server"];

/// What a sender knows of each message: how often its 250 was seen, and how often it was sent
/// without a 250 coming back.
#[derive(Default)]
struct Ledger {
    seen: HashMap<usize, usize>,
    unsure: HashMap<usize, usize>,
}

#[test]
fn kill_9_of_every_process_loses_nothing_and_doubles_nothing() {
    let stack = Arc::new(Stack::start(Plan::new("crash.test", &["alice", "bob"])));
    let (alice, bob) = (stack.address("alice"), stack.address("bob"));
    let ledger = Arc::new(Mutex::new(Ledger::default()));
    let next = Arc::new(AtomicUsize::new(0));
    let sending = Arc::new(AtomicBool::new(true));

    let senders: Vec<_> = (0..4)
        .map(|sender| {
            let (stack, ledger, next) =
                (Arc::clone(&stack), Arc::clone(&ledger), Arc::clone(&next));
            let (alice, bob) = (alice.clone(), bob.clone());
            thread::spawn(move || {
                let mut client: Option<Client> = None;
                loop {
                    let number = next.fetch_add(1, Ordering::SeqCst);
                    if number >= MESSAGES {
                        return;
                    }
                    send_until_seen(
                        &stack,
                        &mut client,
                        sender % 2 == 0,
                        &alice,
                        &bob,
                        number,
                        &ledger,
                    );
                }
            })
        })
        .collect();

    let killer = {
        let (stack, sending) = (Arc::clone(&stack), Arc::clone(&sending));
        thread::spawn(move || {
            let mut kills = 0;
            while sending.load(Ordering::SeqCst) || kills < 2 * AGENTS.len() {
                stack.kill(AGENTS[kills % AGENTS.len()]);
                kills += 1;
            }
            kills
        })
    };
    for sender in senders {
        sender.join().expect("a sender");
    }
    sending.store(false, Ordering::SeqCst);
    let kills = killer.join().expect("the killer");
    assert!(kills >= 2 * AGENTS.len(), "only {kills} kills");

    wait_for("an empty queue", || {
        stack.json(&["queue", "list"]).as_array().is_some_and(Vec::is_empty).then_some(())
    });
    let mut imap = wait_for("a sign-in", || Client::imap(stack.listener("imap-tls"), &bob).ok());
    let mut found: HashMap<usize, usize> = HashMap::new();
    for message in imap.imap_messages("INBOX") {
        let number =
            subject(&message).trim_start_matches("number ").parse().expect("a numbered subject");
        *found.entry(number).or_default() += 1;
    }
    let ledger = ledger.lock().expect("no poison");
    for number in 0..MESSAGES {
        let seen = ledger.seen.get(&number).copied().unwrap_or(0);
        let unsure = ledger.unsure.get(&number).copied().unwrap_or(0);
        let copies = found.get(&number).copied().unwrap_or(0);
        assert!(copies >= seen, "message {number}: {seen} acknowledged, {copies} arrived");
        assert!(
            copies <= seen + unsure,
            "message {number}: {copies} copies of {seen} acknowledged and {unsure} unsure"
        );
        if copies > 1 {
            // The doubles are told apart: each copy has an id and a journey of its own.
            let journeys = stack.json(&["trace", &format!("<story-{number}@client.example>")]);
            assert!(
                journeys["journeys"].as_array().is_some_and(|list| list.len() == copies),
                "{journeys}"
            );
        }
    }
    // Index and files agree: what the index shows is what a plain Maildir reader finds.
    let listed = imap.imap_count("INBOX");
    let files: usize =
        ["cur", "new"].iter().map(|sub| walk_count(&stack.path("data/mail"), sub)).sum();
    assert_eq!(listed, files, "a message is never stored and invisible");
}

/// Sends one message until a 250 is seen, as a client that retries does.
fn send_until_seen(
    stack: &Stack,
    client: &mut Option<Client>,
    submit: bool,
    alice: &str,
    bob: &str,
    number: usize,
    ledger: &Mutex<Ledger>,
) {
    wait_for("an acknowledgement", || {
        if client.is_none() {
            *client = if submit {
                Client::submission(stack.listener("smtp-submission-tls"), alice).ok()
            } else {
                Client::smtp(stack.listener("smtp-relay")).ok()
            };
        }
        let reply = client.as_mut()?.mail(alice, &[bob], &numbered(alice, bob, number));
        match reply {
            Ok(reply) if reply.starts_with("250") => {
                *ledger.lock().expect("no poison").seen.entry(number).or_default() += 1;
                Some(())
            }
            Ok(reply) => {
                assert!(reply.starts_with('4'), "message {number}: {reply}");
                *client = None;
                None
            }
            Err(_) => {
                *ledger.lock().expect("no poison").unsure.entry(number).or_default() += 1;
                *client = None;
                None
            }
        }
    });
}

/// Messages in all folders called `sub` directly below an account's Maildir.
fn walk_count(mail: &std::path::Path, sub: &str) -> usize {
    let accounts = std::fs::read_dir(mail).expect("the mail folder");
    accounts
        .filter_map(|account| std::fs::read_dir(account.expect("an entry").path().join(sub)).ok())
        .map(Iterator::count)
        .sum()
}
