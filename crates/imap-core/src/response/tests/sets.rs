//! Sets of numbers: VANISHED, ESEARCH, and codes.

use mail_types::UidValidity;
use testkit::Random;

use super::{
    SEEDS, line, read_plain,
    reader::{Value, atom, read_status, text},
    uid,
};
use crate::{UidRuns, command::SearchReturn, response::*};

/// The numbers of a set, which is written as ascending ranges that do not touch.
fn numbers(set: &Value) -> Vec<u32> {
    let Value::Atom(set) = set else { panic!("{set:?}") };
    let mut all = Vec::new();
    for range in set.split(',') {
        let (first, last) = range.split_once(':').unwrap_or((range, range));
        let number = |digits: &str| {
            assert!(!digits.starts_with('0') && !digits.starts_with('+'), "{set}");
            digits.parse::<u32>().unwrap()
        };
        let (first, last) = (number(first), number(last));
        assert!(first <= last && all.last().is_none_or(|before| before + 1 < first), "{set}");
        all.extend(first..=last);
    }
    all
}

fn some_uids(r: &mut Random) -> Vec<u32> {
    let end = if r.percent(5) { 4000 } else { 40 };
    let few = 10 + r.below(80);
    let offset = if r.percent(10) { u32::MAX - 5000 } else { 0 };
    (1..=end).filter(|_| r.percent(few)).map(|number| number + offset).collect()
}

#[test]
fn sets_of_numbers() {
    for seed in 0..SEEDS {
        let r = &mut Random::new(seed);
        let all = some_uids(r);
        let runs: UidRuns = all.iter().copied().map(uid).collect();
        let ranges: Vec<_> = runs.ranges().map(|(a, b)| (a.number(), b.number())).collect();
        // VANISHED, in as many lines as it takes.
        let earlier = r.percent(50);
        let out = line(|out| vanished(out, &runs, earlier));
        let mut gone = Vec::new();
        for line in out.split_inclusive(|octet| *octet == b'\n') {
            let mut values = read_plain(line);
            gone.extend(numbers(&values.pop().unwrap()));
            let head = [atom("*"), atom("VANISHED"), Value::List(vec![atom("EARLIER")])];
            assert_eq!(values, head[..if earlier { 3 } else { 2 }], "seed {seed}");
        }
        assert_eq!(gone, all, "seed {seed}");
        if all.is_empty() {
            continue;
        }
        // ESEARCH: all that is told of a result.
        let wanted = SearchReturn {
            min: true,
            max: true,
            all: true,
            count: true,
            ..SearchReturn::default()
        };
        let correlator = Correlator { tag: "a]\\1", by_uid: true, mailbox: None };
        let extended = Extended { correlator, wanted, found: &ranges, mod_seqs: None };
        let values = read_plain(&line(|out| extended.render(out)));
        let tag = Value::List(vec![atom("TAG"), text(b"a]\\1")]);
        assert_eq!(values[1..4], [atom("ESEARCH"), tag, atom("UID")], "seed {seed}");
        let (first, last) = (all[0], all[all.len() - 1]);
        assert_eq!(values[4..8], [atom("MIN"), atom(first), atom("MAX"), atom(last)]);
        assert_eq!(numbers(&values[9]), all, "seed {seed}");
        assert_eq!(values[10..], [atom("COUNT"), atom(all.len())], "seed {seed}");
        // Codes with sets.
        let validity = UidValidity::new(1 + u32::try_from(r.below(9)).unwrap()).unwrap();
        let from = runs.clone();
        let code = Code::CopyUid { validity, from, to: runs.clone() };
        let (_, code, _) = read_status(&line(|out| untagged_ok(out, &code, "So"))).unwrap();
        assert_eq!(code[..2], [atom("COPYUID"), atom(validity)]);
        assert_eq!((numbers(&code[2]), numbers(&code[3])), (all.clone(), all.clone()));
        let code = Code::Modified(ranges);
        let (_, code, _) = read_status(&line(|out| untagged_ok(out, &code, "So"))).unwrap();
        assert_eq!(numbers(&code[1]), all);
    }
}
