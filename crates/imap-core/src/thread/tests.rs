//! The steps of RFC 5256 §3, the examples that its words make, and what holds for any messages.

use proptest::prelude::*;

use super::*;

/// `number sent subject id refs..`; ids are small numbers, 0 for none.
fn message(text: &str) -> Message {
    let mut words = text.split(' ');
    let mut number = || words.next().unwrap().parse::<u64>().unwrap();
    let (number, sent) = (number(), number());
    let subject = words.next().unwrap();
    let base = subject.strip_prefix("re:").unwrap_or(subject);
    let id = words.next().map_or(0, |id| id.parse().unwrap());
    Message {
        number: number.try_into().unwrap(),
        sent: sent.try_into().unwrap(),
        subject: if base == "-" { String::new() } else { base.to_owned() },
        is_reply_or_forward: base != subject,
        id: Some(id).filter(|id| *id > 0),
        references: words.map(|id| id.parse().unwrap()).collect(),
    }
}

fn rendered(threads: &Threads) -> String {
    let mut out = Vec::new();
    (0..threads.len()).for_each(|thread| threads.render(&mut out, thread));
    String::from_utf8(out).unwrap()
}

fn check(messages: &[&str], expected: &str) {
    let messages: Vec<Message> = messages.iter().map(|text| message(text)).collect();
    assert_eq!(rendered(&by_references(&messages)), expected, "{messages:?}");
}

#[test]
fn ordered_subject() {
    let messages = ["1 5 a", "2 3 b", "3 4 a", "4 9 b", "5 9 a", "6 1 c", "7 2 -", "8 8 -"];
    let messages: Vec<Message> = messages.iter().map(|text| message(text)).collect();
    assert_eq!(rendered(&by_subject(&messages)), "(6)(7 8)(2 4)(3 (1)(5))");
    assert!(by_subject(&[]).is_empty());
}

/// RFC 5256 §3, steps 1 to 4.
#[test]
fn references_link() {
    check(&[], "");
    check(&["1 1 a 1", "2 2 b 2 1", "3 3 c 3 1 2"], "(1 2 3)");
    check(&["1 1 a 1", "2 2 b 2 1", "3 3 c 3 1"], "(1 (2)(3))");
    // The reply came before what it replies to.
    check(&["1 5 a 2 1", "2 3 b 1"], "(2 1)");
    // Siblings by the sent date, then in the order of the mailbox.
    check(&["1 1 a 1", "2 9 b 2 1", "3 3 c 3 1", "4 3 d 4 1"], "(1 (3)(4)(2))");
    // What is not there holds together what is; alone it holds nothing.
    check(&["1 1 a 2 1", "2 2 b 3 1"], "((1)(2))");
    check(&["1 1 a 2 1"], "(1)");
    check(&["1 1 a 3 1 2", "2 2 b 4 1 5"], "((1)(2))");
    // A dummy between two messages goes.
    check(&["1 1 a 1", "2 2 b 3 1 2", "3 3 c 4 1 2"], "(1 (2)(3))");
    // The same id twice: it belongs to the first.
    check(&["1 1 a 1", "2 2 b 1", "3 3 c 3 1"], "(1 3)(2)");
    // The list was cut: what the message itself says holds.
    check(&["1 1 a 1", "2 2 b 2 1", "3 3 c 3 2", "4 4 d 4 1 3"], "(1 2 3 4)");
    check(&["1 1 a 4 3", "2 2 b 3 2", "3 3 c 2 1", "4 4 d 1"], "(4 3 2 1)");
    // Loops.
    check(&["1 1 a 1 1"], "(1)");
    check(&["1 1 a 1 2", "2 2 b 2 1"], "(2 1)");
    check(&["1 1 a 1 2 3 1", "2 2 b 2 3", "3 3 c 3 1"], "(1 3)(2)");
}

/// RFC 5256 §3, step 5.
#[test]
fn subjects_gather() {
    // A reply goes below what is none, in whichever order they come.
    check(&["1 1 s 1", "2 2 re:s 2"], "(1 2)");
    check(&["1 1 re:s 1", "2 2 s 2"], "(2 1)");
    // Two that are none, or two replies, below a dummy.
    check(&["1 1 s 1", "2 2 s 2"], "((1)(2))");
    check(&["1 1 re:s 1", "2 2 re:s 2", "3 3 re:s 3"], "((1)(2)(3))");
    check(&["1 1 s 1", "2 2 re:s 2", "3 3 s 3"], "((1 2)(3))");
    // Without a subject there is nothing to gather by.
    check(&["1 1 - 1", "2 2 - 2", "3 3 re:- 3"], "(1)(2)(3)");
    // With dummies: their children come together; a message joins them.
    check(&["1 1 s 2 1", "2 2 s 3 1", "3 3 s 5 4", "4 4 s 6 4"], "((1)(2)(3)(4))");
    check(&["1 1 s 2 1", "2 2 s 3 1", "3 3 s 9"], "((1)(2)(3))");
    check(&["1 3 s 9", "2 1 s 2 1", "3 2 s 3 1"], "((2)(3)(1))");
    // A message below is not looked at.
    check(&["1 1 s 1", "2 2 t 2 1", "3 3 t 3"], "(1 2)(3)");
}

#[test]
fn long_chains_end() {
    // In order, in reverse, and such as hang one long chain below another.
    let number = |n: u32| u64::from(n);
    let chain = |of: &mut dyn FnMut(u32) -> (u64, Vec<u64>)| -> Vec<Message> {
        (1..=20_000)
            .map(|n| {
                let (id, references) = of(n);
                let subject = format!("{n}");
                let (sent, id) = (i64::from(n), Some(id));
                Message { number: n, sent, subject, is_reply_or_forward: false, id, references }
            })
            .collect()
    };
    let forward = chain(&mut |n| (number(n), vec![number(n - 1)]));
    let threads = by_references(&forward);
    assert_eq!(threads.len(), 1);
    assert!(rendered(&threads).starts_with("(1 2 3 4 "));
    let reverse = chain(&mut |n| (number(n), vec![number(n + 1)]));
    assert_eq!(by_references(&reverse).len(), 1);
    let mut hostile =
        chain(&mut |n| (number(n), if n < 10_000 { vec![number(n + 1)] } else { vec![] }));
    for (place, message) in hostile.iter_mut().enumerate().skip(10_000) {
        message.references =
            vec![1, u64::try_from(place).unwrap() + 50_000, number(message.number)];
    }
    let _ = rendered(&by_references(&hostile));
}

proptest! {
    /// Every message stands in the response once, whatever the references say.
    #[test]
    fn nothing_is_lost(
        list in proptest::collection::vec(
            (0i64..5, 0u8..4, any::<bool>(), 0u64..8, proptest::collection::vec(1u64..10, 0..4)),
            0..12,
        )
    ) {
        let messages: Vec<Message> = (1..)
            .zip(list)
            .map(|(number, (sent, subject, is_reply_or_forward, id, references))| Message {
                number,
                sent,
                subject: ["", "a", "b", "c"][usize::from(subject)].to_owned(),
                is_reply_or_forward,
                id: Some(id).filter(|id| *id > 0),
                references,
            })
            .collect();
        for threads in [by_references(&messages), by_subject(&messages)] {
            let text = rendered(&threads);
            let mut numbers: Vec<u32> = text
                .split(|c: char| !c.is_ascii_digit())
                .filter_map(|digits| digits.parse().ok())
                .collect();
            numbers.sort_unstable();
            prop_assert_eq!(numbers, messages.iter().map(|m| m.number).collect::<Vec<_>>(), "{}", text);
            prop_assert!(!text.contains("()") && !text.contains(" )"), "{}", text);
        }
    }
}
