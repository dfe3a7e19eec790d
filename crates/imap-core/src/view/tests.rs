//! The numbering, by table and against a client that counts along.

use super::*;

fn runs(numbers: &[u32]) -> UidRuns {
    numbers.iter().filter_map(|n| Uid::new(*n)).collect()
}

fn view(uids: &[u32]) -> View {
    View::new(runs(uids), UidRuns::new())
}

fn set(text: &str) -> SequenceSet {
    SequenceSet::parse(text.as_bytes()).unwrap()
}

#[test]
fn sequence_numbers() {
    let view = view(&[10, 20, 21, 22, 40]);
    let check = |text, expected: Option<&[u32]>| {
        let resolved = view.resolve(&set(text), Numbering::Sequence);
        assert_eq!(resolved.ok(), expected.map(runs), "{text}");
    };
    check("1", Some(&[10]));
    check("*", Some(&[40]));
    check("2:4", Some(&[20, 21, 22]));
    check("4:2,1", Some(&[10, 20, 21, 22]));
    check("1:*", Some(&[10, 20, 21, 22, 40]));
    // RFC 3501 §9: a number beyond the mailbox is BAD, in a range too.
    check("6", None);
    check("5:6", None);
    check("1,4294967295", None);
}

#[test]
fn uids() {
    let view = view(&[10, 20, 21, 22, 40]);
    let check = |text, expected: &[u32]| {
        assert_eq!(view.resolve(&set(text), Numbering::Uid), Ok(runs(expected)), "{text}");
    };
    check("20:30", &[20, 21, 22]);
    check("*", &[40]);
    check("1:9", &[]);
    // RFC 3501 §9 `seq-range`: n:* holds the last message even if n is greater.
    check("41:*", &[40]);
    check("4294967295", &[]);
}

#[test]
fn a_search_finds_what_there_is() {
    let full = view(&[10, 20, 21]);
    let check = |view: &View, text, expected: &[u32]| {
        assert_eq!(view.existing(&set(text), Numbering::Sequence), runs(expected), "{text}");
    };
    check(&full, "2:9", &[20, 21]);
    check(&full, "4", &[]);
    check(&full, "9:*", &[21]);
    check(&view(&[]), "1:*", &[]);
}

#[test]
fn an_empty_mailbox_has_no_largest_number() {
    let view = view(&[]);
    assert_eq!(view.resolve(&set("*"), Numbering::Sequence), Err(BeyondMailbox));
    assert_eq!(view.resolve(&set("1:*"), Numbering::Sequence), Err(BeyondMailbox));
    assert_eq!(view.resolve(&set("1:*"), Numbering::Uid), Ok(UidRuns::new()));
}

#[test]
fn what_vanished_keeps_its_number_until_it_is_told() {
    let mut view = view(&[1, 2, 3, 4, 5]);
    view.vanished(&runs(&[2, 4, 99]));
    assert_eq!(view.exists(), 5);
    assert_eq!(view.sequence_number(Uid::new(5).unwrap()).unwrap().number(), 5);
    assert!(view.is_vanished(Uid::new(4).unwrap()));
    let told: Vec<u32> = view.tell_vanished().into_iter().map(SeqNum::number).collect();
    assert_eq!(told, [4, 2]);
    assert_eq!(view.uids(), &runs(&[1, 3, 5]));
    assert!(view.tell_vanished().is_empty());
}

#[test]
fn what_arrived_has_no_number_until_it_is_told() {
    let mut view = view(&[1, 2]);
    view.arrived(&runs(&[2, 3, 4]), true);
    view.arrived(&runs(&[3]), false);
    assert_eq!(view.resolve(&set("1:*"), Numbering::Uid), Ok(runs(&[1, 2])));
    assert_eq!(view.tell_arrived(), Some(Size { exists: 4, recent: 2 }));
    assert_eq!(view.tell_arrived(), None);
    assert!(view.is_recent(Uid::new(3).unwrap()) && !view.is_recent(Uid::new(2).unwrap()));
}

#[test]
fn what_came_and_went_is_never_mentioned() {
    let mut view = view(&[1]);
    view.arrived(&runs(&[2, 3]), true);
    view.vanished(&runs(&[2]));
    assert!(view.tell_vanished().is_empty());
    assert_eq!(view.tell_arrived(), Some(Size { exists: 2, recent: 1 }));
    assert_eq!(view.uids(), &runs(&[1, 3]));
}

#[test]
fn old_news_does_not_bring_a_message_back() {
    let mut view = view(&[1, 2]);
    view.vanished(&runs(&[2]));
    view.tell_vanished();
    view.arrived(&runs(&[1, 2]), true);
    assert_eq!(view.tell_arrived(), None);
    view.arrived(&runs(&[3]), false);
    assert_eq!(view.tell_arrived(), Some(Size { exists: 2, recent: 0 }));
}

/// A client that keeps a list by the rules of RFC 3501 §7.4.1 ends with the same list.
#[test]
fn a_client_that_counts_along_stays_in_step() {
    proptest::proptest!(|(news in proptest::collection::vec((0u8..4, 1u32..40), 1..60))| {
        let mut view = view(&[1, 2, 3]);
        let mut client: Vec<u32> = vec![1, 2, 3];
        let mut next = 4;
        for (kind, number) in news {
            match kind {
                0 => {
                    view.arrived(&runs(&[next]), true);
                    next += 1;
                }
                1 => view.vanished(&runs(&[number])),
                2 => {
                    for told in view.tell_vanished() {
                        client.remove(told.number() as usize - 1);
                    }
                }
                _ => {
                    if let Some(size) = view.tell_arrived() {
                        assert!(size.exists as usize >= client.len());
                        let known = u32::try_from(client.len()).unwrap();
                        for place in known..size.exists {
                            client.push(view.uid(SeqNum::new(place + 1).unwrap()).unwrap().number());
                        }
                    }
                }
            }
            let seen: Vec<u32> = view.uids().iter().map(Uid::number).collect();
            assert_eq!(&seen, &client);
        }
    });
}
