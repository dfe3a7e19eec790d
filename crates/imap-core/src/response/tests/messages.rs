//! What FETCH tells of messages.

use mail_types::{Flag, FlagSet, Keyword, ModSeq, SeqNum, Timestamp};
use testkit::Random;

use super::{
    SEEDS, data, expected, from_codec, line, read_plain,
    reader::{Value, atom, read, text},
    uid,
};
use crate::{
    command::{FetchItem, FieldChoice, Partial, Section, SectionOf},
    response::FetchResponse,
};

/// The values behind `* n FETCH`.
fn fetched(out: &[u8]) -> Vec<Value> {
    match read_plain(out).as_slice() {
        [star, number, fetch, Value::List(items)] => {
            assert_eq!((star, number, fetch), (&atom("*"), &atom(7), &atom("FETCH")));
            items.clone()
        }
        other => panic!("{other:?}"),
    }
}

fn begin(out: &mut Vec<u8>, rev2: bool) -> FetchResponse {
    FetchResponse::begin(out, SeqNum::new(7).unwrap()).for_rev2(rev2)
}

#[test]
fn envelopes_and_structures() {
    for seed in 0..SEEDS {
        let r = &mut Random::new(seed);
        let (envelope, structure) = (data::envelope(r), data::structure(r));
        for rev2 in [false, true] {
            let out = line(|out| {
                let mut response = begin(out, rev2);
                response.envelope(out, &envelope);
                response.body(out, &structure);
                response.body_structure(out, &structure);
                response.end(out);
            });
            let parts = [false, true].map(|whole| expected::body(&structure.root, whole, rev2));
            let [body, whole] = parts;
            let envelope = expected::envelope(&envelope);
            let expected =
                [atom("ENVELOPE"), envelope, atom("BODY"), body, atom("BODYSTRUCTURE"), whole];
            assert_eq!(fetched(&out), expected, "seed {seed}");
        }
    }
}

/// imap-codec reads the same; it speaks RFC 3501, and not of things that lie deeper than this.
#[test]
fn envelopes_and_structures_as_imap_codec_reads_them() {
    for seed in 0..SEEDS {
        let r = &mut Random::new(seed);
        let (envelope, structure) = (data::envelope(r), data::structure(r));
        let out = line(|out| {
            let mut response = begin(out, false);
            response.envelope(out, &envelope);
            response.body(out, &structure);
            response.body_structure(out, &structure);
            response.end(out);
        });
        let [body, whole] = [false, true].map(|all| expected::body(&structure.root, all, false));
        let expected = [expected::envelope(&envelope), body, whole];
        assert_eq!(from_codec::fetched(&out), expected, "seed {seed}: {}", out.escape_ascii());
    }
}

#[test]
fn flags_dates_and_numbers() {
    for seed in 0..SEEDS {
        let r = &mut Random::new(seed);
        let mut flags: FlagSet = Flag::SYSTEM.into_iter().filter(|_| r.percent(50)).collect();
        let keywords = ["a", "$Forwarded", "x+y", "a[b", "~", "#1", "&"];
        for keyword in keywords.iter().filter(|_| r.percent(30)) {
            flags.insert(Flag::Keyword(Keyword::parse(keyword).unwrap()));
        }
        let (recent, size, at) = (r.percent(50), r.bits(), r.below(4_000_000_000));
        let at = Timestamp::from_secs(i64::try_from(at).unwrap());
        let (mod_seq, number) =
            (ModSeq(r.bits() >> 1), uid(1 + u32::try_from(r.below(9)).unwrap()));
        let out = line(|out| {
            let mut response = begin(out, true);
            response.uid(out, number);
            response.flags(out, &flags, recent);
            response.mod_seq(out, mod_seq);
            response.internal_date(out, at);
            response.save_date(out, at);
            response.size(out, size);
            response.email_id(out, "M1");
            response.preview(out, r.percent(50).then_some("caf\u{e9} \"\\ \r\n"));
            response.end(out);
        });
        let mut names: Vec<Value> = flags.iter().map(|flag| atom(flag.as_str())).collect();
        names.extend(recent.then(|| atom("\\Recent")));
        let items = fetched(&out);
        let facts = [
            (0, "UID", atom(number.number())),
            (2, "FLAGS", Value::List(names)),
            (4, "MODSEQ", Value::List(vec![atom(mod_seq.0)])),
            (10, "RFC822.SIZE", atom(size)),
            (12, "EMAILID", Value::List(vec![atom("M1")])),
        ];
        for (place, name, value) in facts {
            assert_eq!(items[place..place + 2], [atom(name), value], "seed {seed}");
        }
        for place in [6, 8] {
            let Value::Text(date) = &items[place + 1] else { panic!("{items:?}") };
            assert_eq!(crate::parse::internal_date(date), Some(at), "seed {seed}");
        }
        let preview = [Value::Nil, text("caf\u{e9} \"\\ \r\n".as_bytes())];
        assert!(preview.contains(&items[15]), "{:?}", items[15]);
    }
}

#[test]
fn contents_with_their_sections() {
    for seed in 0..SEEDS {
        let r = &mut Random::new(seed);
        let path: Vec<u32> =
            (0..r.below(3)).map(|_| 1 + u32::try_from(r.below(9)).unwrap()).collect();
        // Names of fields are what the client has sent: text without NUL.
        let names: Vec<Box<str>> = (0..=r.below(2))
            .map(|_| String::from_utf8_lossy(&data::octets(r)).replace('\0', "").into())
            .collect();
        let not = r.percent(50);
        let choice = if not { FieldChoice::NotNamed } else { FieldChoice::Named };
        let (section, of) = match r.below(3) {
            0 => (None, SectionOf::Content),
            1 => (Some("HEADER"), SectionOf::Header),
            _ => {
                let word = if not { "HEADER.FIELDS.NOT" } else { "HEADER.FIELDS" };
                (Some(word), SectionOf::HeaderFields(names.clone(), choice))
            }
        };
        let partial = r.percent(50).then(|| Partial { origin: r.bits() >> 1, length: 5 });
        let has_names = matches!(of, SectionOf::HeaderFields(..));
        let item =
            FetchItem::Section { section: Section { path: path.clone(), of }, partial, peek: true };
        let content = data::octets(r);
        let out = line(|out| {
            let mut response = begin(out, false);
            response.content(out, &item, content.len() as u64);
            out.extend(content.iter().map(|octet| (*octet).max(1)));
            response.end(out);
        });
        let mut words: Vec<String> = path.iter().map(ToString::to_string).collect();
        words.extend(section.map(str::to_owned));
        let mut inside: Vec<Value> = Vec::new();
        inside.extend((!words.is_empty()).then(|| atom(words.join("."))));
        let items = fetched(&out);
        let [Value::Section { name, inside: read, origin }, Value::Text(body)] = items.as_slice()
        else {
            panic!("{items:?}");
        };
        assert_eq!((name.as_str(), body.len()), ("BODY", content.len()), "seed {seed}");
        assert_eq!(origin.clone(), partial.map(|partial| partial.origin.to_string()));
        if has_names {
            let told = |value: &Value| match value {
                Value::Atom(bare) => bare.clone(),
                Value::Text(text) => String::from_utf8(text.clone()).unwrap(),
                other => panic!("{other:?}"),
            };
            let Some(Value::List(fields)) = read.get(1) else { panic!("{read:?}") };
            let fields: Vec<String> = fields.iter().map(told).collect();
            assert_eq!(fields, names.iter().map(|name| name.to_string()).collect::<Vec<_>>());
        }
        assert_eq!(read[..inside.len()], inside, "seed {seed}");
    }
}

/// A part that has NULs is a literal8, and only for those who asked for a decoded part.
#[test]
fn decoded_parts_with_nul() {
    let section = Section { path: vec![1], of: SectionOf::Content };
    let item = FetchItem::Binary { part: section, partial: None, peek: true };
    let content = b"a\0\r\n)";
    let written = |has_nul| {
        line(|out| {
            let mut response = begin(out, false);
            response.binary(out, &item, content.len() as u64, has_nul);
            out.extend_from_slice(content);
            response.end(out);
        })
    };
    assert_eq!(fetched(&written(true)).pop(), Some(Value::Text(content.to_vec())));
    assert!(read(&written(false), false).is_err());
}
