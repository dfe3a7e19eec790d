//! UPDATE and `kill -9`: what a POP3 client has marked is all gone or all there, never a part
//! (RFC 1939 §6), whenever the process dies; after `+OK Bye` it is gone.

use std::{sync::Barrier, thread, time::Duration};

use crate::stack::{PASSWORD, Plan, Stack, client::Client, messages::numbered, wait_for};

const MESSAGES: usize = 30;
/// So often at least the process has to die on each side of the removal.
const EACH: u32 = 6;
const ROUNDS_MAX: u32 = 200;
/// By so many microseconds a round moves the stroke towards the other side.
const STEP: i64 = 300;

#[test]
fn kill_9_in_update_removes_all_that_is_marked_or_nothing() {
    let plan = Plan::new("update.test", &["alice", "bob"])
        .set("supervisor", "max_restart_pause = \"100ms\"")
        .set("pop3", "sign_ins_per_minute = 10000");
    let stack = Stack::start(plan);
    let (alice, bob) = (stack.address("alice"), stack.address("bob"));
    let (mut before, mut after, mut lag) = (0, 0, 0);
    for round in 0.. {
        if before >= EACH && after >= EACH {
            break;
        }
        assert!(round < ROUNDS_MAX, "{before} before the removal, {after} after it");
        let there = fill(&stack, &alice, &bob);
        let mut session = sign_in(&stack, &bob);
        let marked: Vec<usize> = (1..=there).filter(|number| number % 3 != 0).collect();
        for number in &marked {
            session.pop3_ok(&format!("DELE {number}"));
        }
        let said_bye = quit_and_kill(&stack, session, lag);

        let left = count(&stack, &bob);
        let gone = there - marked.len();
        assert!(
            left == there || left == gone,
            "round {round}: {left} of {there}, marked {marked:?}"
        );
        assert!(!said_bye || left == gone, "round {round}: it said that they are gone");
        let mut imap = Client::imap(stack.listener("imap-tls"), &bob).expect("a sign-in");
        assert_eq!(imap.imap_count("INBOX"), left, "IMAP sees the same");
        if left == there {
            before += 1;
            lag += STEP;
        } else {
            after += 1;
            lag -= STEP;
        }
    }
}

#[test]
fn an_open_imap_session_sees_what_pop3_deletes() {
    let stack = Stack::start(Plan::new("watched.test", &["alice", "bob"]));
    let (alice, bob) = (stack.address("alice"), stack.address("bob"));
    assert_eq!(fill(&stack, &alice, &bob), MESSAGES);
    let mut imap = Client::imap(stack.listener("imap-tls"), &bob).expect("a sign-in");
    imap.imap_ok("SELECT INBOX");
    imap.send(b"i IDLE\r\n").expect("sent");
    assert!(imap.imap_line().expect("a line").starts_with(b"+"));
    let mut pop3 = sign_in(&stack, &bob);
    pop3.pop3_ok("DELE 7");
    // Another session of POP3 has to wait; that of IMAP does not, and hears only of the end.
    pop3.pop3_ok("QUIT");
    assert_eq!(imap.imap_line().expect("a line"), b"* 7 EXPUNGE");
    imap.send(b"DONE\r\n").expect("sent");
}

/// Kills the server so many microseconds after QUIT is sent, or before; answers whether the client
/// was told that all is done.
fn quit_and_kill(stack: &Stack, mut session: Client, lag: i64) -> bool {
    let start = Barrier::new(2);
    let pause =
        |micros: i64| thread::sleep(Duration::from_micros(u64::try_from(micros).unwrap_or(0)));
    thread::scope(|scope| {
        let killer = scope.spawn(|| {
            start.wait();
            pause(lag);
            stack.kill("pop3-server");
        });
        start.wait();
        pause(-lag);
        let answer = session.send(b"QUIT\r\n").and_then(|()| session.line());
        killer.join().expect("the killer");
        answer.is_ok_and(|line| line.starts_with("+OK"))
    })
}

/// Brings bob's inbox to the full number again; answers how many there are.
fn fill(stack: &Stack, alice: &str, bob: &str) -> usize {
    let there = count(stack, bob);
    let mut client = Client::smtp(stack.listener("smtp-relay")).expect("a connection");
    for number in there..MESSAGES {
        let reply = client.mail(alice, &[bob], &numbered(alice, bob, number)).expect("a reply");
        assert!(reply.starts_with("250"), "{reply}");
    }
    wait_for("a full inbox", || (count(stack, bob) == MESSAGES).then_some(MESSAGES))
}

/// How many messages POP3 shows.
fn count(stack: &Stack, bob: &str) -> usize {
    let mut session = sign_in(stack, bob);
    let stat = session.pop3_ok("STAT");
    session.pop3_ok("QUIT");
    stat.split(' ').nth(1).and_then(|count| count.parse().ok()).expect("a count")
}

/// Signs in once the server is back. Nobody else wants the maildrop: its being in use would be the
/// lock of a session that was killed, and fails the test.
fn sign_in(stack: &Stack, bob: &str) -> Client {
    wait_for("a POP3 server", || {
        let mut client = Client::connect_tls(stack.listener("pop3-tls")).ok()?;
        let greeting = client.line().ok()?;
        client.send(format!("USER {bob}\r\nPASS {PASSWORD}\r\n").as_bytes()).ok()?;
        let answers = [client.line().ok()?, client.line().ok()?];
        assert!(answers.iter().all(|line| line.starts_with("+OK")), "{greeting} {answers:?}");
        Some(client)
    })
}
