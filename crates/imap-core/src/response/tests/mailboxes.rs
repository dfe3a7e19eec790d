//! Names of mailboxes, wherever they stand.

use mail_types::{AnnotationName, MailboxName, Rights};
use testkit::Random;

use super::{
    SEEDS, data, from_codec, line,
    reader::{Value, atom, read},
};
use crate::{ObjectId, command::StatusItem, response::*, utf7};

/// Names in any script, with whatever a name may have.
fn mailbox(r: &mut Random) -> MailboxName {
    loop {
        const LETTERS: [char; 14] = [
            'a',
            'B',
            ' ',
            '&',
            '-',
            '"',
            '\\',
            '/',
            '\u{e9}',
            '\u{53f0}',
            '\u{1f600}',
            '~',
            '{',
            ',',
        ];
        let length = if r.percent(2) { 400 } else { 1 + r.below(8) };
        let name: String = (0..length).map(|_| LETTERS[r.place(LETTERS.len())]).collect();
        if let Ok(name) = MailboxName::parse(&name) {
            return name;
        }
    }
}

/// What a client makes of a name.
fn name_read(value: &Value, spelling: Spelling) -> String {
    let Value::Text(octets) = value else { panic!("{value:?}") };
    let text = String::from_utf8(octets.clone()).unwrap();
    match spelling {
        Spelling::Utf8 => text,
        Spelling::Utf7 => {
            assert!(text.bytes().all(|octet| matches!(octet, b' '..=b'~')), "{text:?}");
            utf7::decode(&text).unwrap()
        }
    }
}

#[test]
fn names_of_mailboxes() {
    for seed in 0..SEEDS {
        let r = &mut Random::new(seed);
        let (name, old) = (mailbox(r), mailbox(r));
        let entry = AnnotationName::parse("/private/comment").unwrap();
        let value = r.percent(80).then(|| data::octets(r));
        let count = r.bits();
        for spelling in [Spelling::Utf7, Spelling::Utf8] {
            let utf8 = spelling == Spelling::Utf8;
            let list = ListLine {
                attributes: vec!["\\HasNoChildren", "\\Sent"],
                name: name.as_str(),
                child_info: if r.percent(50) { vec!["SUBSCRIBED"] } else { vec![] },
            };
            let statuses = [
                StatusValue::Number(StatusItem::Messages, count),
                StatusValue::MailboxId(ObjectId::of_mailbox([1, 2, 3])),
            ];
            let lines = [
                (3, line(|out| list_line(out, &list, spelling))),
                (3, line(|out| lsub_line(out, &list, spelling))),
                (1, line(|out| status_line(out, &name, &statuses, spelling))),
                (1, line(|out| quota_root(out, &name, Some("a b"), spelling))),
                (1, line(|out| my_rights(out, &name, Rights::ALL, spelling))),
                (1, line(|out| acl(out, &name, &[("-a b".to_owned(), Rights::NONE)], spelling))),
                (1, line(|out| list_rights(out, &name, "é", Rights::NONE, spelling))),
                (
                    1,
                    line(|out| metadata(out, Some(&name), &[(&entry, value.as_deref())], spelling)),
                ),
                (1, line(|out| metadata_changed(out, Some(&name), &[&entry], spelling))),
            ];
            for (nth, (place, out)) in lines.iter().enumerate() {
                let values = read(out, utf8).unwrap_or_else(|why| panic!("seed {seed}: {why}"));
                let at = 1 + place;
                assert_eq!(name_read(&values[at], spelling), name.as_str(), "seed {seed}, {nth}");
            }
            let metadata = read(&lines[7].1, utf8).unwrap();
            let told = value.as_deref().map_or(Value::Nil, |value| Value::Text(value.to_vec()));
            assert_eq!(metadata[3], Value::List(vec![atom("/private/comment"), told]));
            let status = read(&lines[2].1, utf8).unwrap();
            let Value::List(items) = &status[3] else { panic!("{status:?}") };
            assert_eq!(items[..2], [atom("MESSAGES"), atom(count)]);
            let renamed = line(|out| renamed_line(out, &list, &old, spelling));
            let values = read(&renamed, utf8).unwrap_or_else(|why| panic!("seed {seed}: {why}"));
            assert_eq!(name_read(&values[4], spelling), name.as_str());
            let Some(Value::List(extended)) = values.last() else { panic!("{values:?}") };
            let [Value::Text(item), Value::List(olds)] = &extended[..] else {
                panic!("{values:?}")
            };
            assert_eq!(
                (&item[..], name_read(&olds[0], spelling).as_str()),
                (&b"OLDNAME"[..], old.as_str())
            );
        }
    }
}

/// imap-codec has the numbers of RFC 3501, and no CHILDINFO.
#[test]
fn names_as_imap_codec_reads_them() {
    for seed in 0..SEEDS {
        let r = &mut Random::new(seed);
        let name = mailbox(r);
        let wire = utf7::encode(name.as_str());
        let list = ListLine {
            attributes: vec!["\\HasNoChildren", "\\Sent"],
            name: name.as_str(),
            child_info: vec![],
        };
        let attributes = "\\HasNoChildren \\Sent".to_owned();
        let out = line(|out| list_line(out, &list, Spelling::Utf7));
        assert_eq!(from_codec::mailbox(&out), (wire.clone(), attributes.clone()), "seed {seed}");
        let out = line(|out| lsub_line(out, &list, Spelling::Utf7));
        assert_eq!(from_codec::mailbox(&out), (wire.clone(), attributes), "seed {seed}");
        let number = u32::try_from(r.below(u32::MAX.into())).unwrap();
        let values = [
            StatusValue::Number(StatusItem::Messages, number.into()),
            StatusValue::Number(StatusItem::UidNext, u64::from(number) + 1),
            StatusValue::Number(StatusItem::Deleted, 0),
        ];
        let out = line(|out| status_line(out, &name, &values, Spelling::Utf7));
        let told = format!("[Messages({number}), UidNext({}), Deleted(0)]", number + 1);
        assert_eq!(from_codec::mailbox(&out), (wire, told), "seed {seed}");
    }
}
