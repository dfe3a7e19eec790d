//! Completions, and the codes in them.

use mail_types::{ModSeq, Uid, UidValidity};
use testkit::Random;

use super::{
    SEEDS, data, from_codec, line,
    reader::{Value, atom, read_status, text},
};
use crate::{Language, UidRuns, response::*};

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

#[test]
fn codes_as_imap_codec_reads_them() {
    let number = 4_294_967_294;
    let uid = Uid::new(number).unwrap();
    let validity = UidValidity::new(7).unwrap();
    let uids: UidRuns = [1, 2, 3, 7].into_iter().filter_map(Uid::new).collect();
    let codes = [
        (Code::Alert, "Alert".to_owned()),
        (Code::Parse, "Parse".to_owned()),
        (Code::ReadOnly, "ReadOnly".to_owned()),
        (Code::ReadWrite, "ReadWrite".to_owned()),
        (Code::TryCreate, "TryCreate".to_owned()),
        (Code::UidNext(uid), format!("UidNext({number})")),
        (Code::UidValidity(validity), "UidValidity(7)".to_owned()),
        (Code::Unseen(number), format!("Unseen({number})")),
        (Code::BadCharset, "BadCharset".to_owned()),
        (Code::Capability("IMAP4rev1 AUTH=PLAIN".to_owned()), "Capability".to_owned()),
        // What it does not know it takes as it is.
        (Code::AppendUid(validity, uids), "Other(".to_owned()),
        (Code::OverQuota, "OverQuota".to_owned()),
        (Code::BadUrl("a b]\\".into()), "Other(".to_owned()),
    ];
    for (code, expected) in codes {
        let completion = Completion::no(code, "So");
        let out = line(|out| tagged(out, Some("t"), &completion, Language::English));
        let told = format!("{:?}", from_codec::code(&out).unwrap());
        assert!(told.starts_with(&expected), "{told} is not {expected}");
    }
}
