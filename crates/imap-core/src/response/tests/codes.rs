//! Completions, and the codes in them.

use mail_types::ModSeq;
use testkit::Random;

use super::{
    SEEDS, data, line,
    reader::{Value, atom, read_status, text},
};
use crate::{Language, response::*};

/// RFC 4469 §5: `url-resp-text` has something in it.
#[test]
fn a_url_of_nothing() {
    let out = line(|out| untagged_no(out, &Code::BadUrl("".into()), "So"));
    assert_eq!(out, b"* NO [BADURL \"\"] So\r\n");
}

#[test]
fn completions_with_their_codes() {
    let words = |text: &str| text.split(' ').map(atom).collect::<Vec<_>>();
    for seed in 0..SEEDS {
        let r = &mut Random::new(seed);
        let said = format!("x{}", String::from_utf8_lossy(&data::octets(r)));
        let number = u32::try_from(r.below(u32::MAX.into())).unwrap();
        let tag: Box<str> = ["a1", "x]y", "0"][r.place(3)].into();
        let some_tag = r.percent(50).then(|| tag.clone());
        let told_tag = some_tag.as_ref().map_or(Value::Nil, |tag| text(tag.as_bytes()));
        let progress = vec![told_tag, atom(number), Value::Nil];
        let codes = [
            (Code::BadUrl(said.as_str().into()), None),
            (
                Code::Capability("IMAP4rev2 AUTH=PLAIN".to_owned()),
                Some(words("CAPABILITY IMAP4rev2 AUTH=PLAIN")),
            ),
            (
                Code::HighestModSeq(ModSeq(number.into())),
                Some(vec![atom("HIGHESTMODSEQ"), atom(number)]),
            ),
            (
                Code::InProgress { tag: some_tag, done: number, goal: None },
                Some(vec![atom("INPROGRESS"), Value::List(progress)]),
            ),
            (Code::NoUpdate(tag.clone()), Some(vec![atom("NOUPDATE"), text(tag.as_bytes())])),
            (Code::Unseen(number), Some(vec![atom("UNSEEN"), atom(number)])),
            (
                Code::MetadataLongEntries(number.into()),
                Some(words(&format!("METADATA LONGENTRIES {number}"))),
            ),
            (Code::TryCreate, Some(words("TRYCREATE"))),
        ];
        for (code, expected) in codes {
            let completion = Completion::no(code, format!("So: {said}"));
            let out = line(|out| tagged(out, Some("t"), &completion, Language::English));
            let (head, code, shown) =
                read_status(&out).unwrap_or_else(|why| panic!("{seed}: {why}"));
            assert_eq!(head, [atom("t"), atom("NO")]);
            assert_eq!(shown, format!("So: {}", said.replace(['\r', '\n', '\0'], " ")));
            match expected {
                Some(expected) => assert_eq!(code, expected, "seed {seed}"),
                None => {
                    let [word, Value::Atom(url)] = &code[..] else { panic!("{code:?}") };
                    assert!(*word == atom("BADURL") && !url.is_empty(), "seed {seed}");
                    assert!(url.bytes().all(|octet| octet.is_ascii_graphic() && octet != b'\\'));
                }
            }
        }
    }
}
