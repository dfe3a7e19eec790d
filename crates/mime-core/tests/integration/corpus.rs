//! The messages of `tests/corpus`, and what holds for each of them.

use std::{fs, path::PathBuf};

use mime_core::{
    BodyStructure, Envelope,
    body_structure::{Content, Part},
    structure::{Limits, Parser, Structure},
};

/// A message of the corpus.
pub(crate) struct Sample {
    pub(crate) name: String,
    pub(crate) octets: Vec<u8>,
}

/// All messages that the manifest lists.
pub(crate) fn samples() -> Vec<Sample> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/corpus");
    let manifest = fs::read_to_string(folder.join("MANIFEST.tsv")).unwrap();
    let samples: Vec<_> = manifest
        .lines()
        .skip(1)
        .filter_map(|line| line.split('\t').next())
        .map(|name| Sample { name: name.to_owned(), octets: fs::read(folder.join(name)).unwrap() })
        .collect();
    assert!(samples.len() > 500, "the manifest lists {} messages", samples.len());
    samples
}

/// The messages one by one: a mailbox in mbox form has several, as `name#1` and so on.
pub(crate) fn messages() -> Vec<Sample> {
    let is_mailbox = |name: &str| name.ends_with(".mbox") || name.ends_with("/mbox-0");
    samples()
        .into_iter()
        .flat_map(|sample| match is_mailbox(&sample.name) {
            true => from_mailbox(&sample),
            false => vec![sample],
        })
        .collect()
}

/// A line `From ` behind a blank one, or at the beginning, separates messages and is not of them.
fn from_mailbox(mailbox: &Sample) -> Vec<Sample> {
    let mut messages: Vec<Sample> = Vec::new();
    let mut blank = true;
    for line in mailbox.octets.split_inclusive(|octet| *octet == b'\n') {
        if blank && line.starts_with(b"From ") {
            let name = format!("{}#{}", mailbox.name, messages.len() + 1);
            messages.push(Sample { name, octets: Vec::new() });
        } else if let Some(message) = messages.last_mut() {
            message.octets.extend_from_slice(line);
        }
        blank = line.trim_ascii().is_empty();
    }
    messages
}

/// With every line end CRLF, as messages are stored.
pub(crate) fn with_crlf(octets: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(octets.len());
    for line in octets.split_inclusive(|octet| *octet == b'\n') {
        match line.strip_suffix(b"\n") {
            Some(text) => {
                out.extend_from_slice(text.strip_suffix(b"\r").unwrap_or(text));
                out.extend_from_slice(b"\r\n");
            }
            None => out.extend_from_slice(line),
        }
    }
    out
}

/// The structure of a message fed in pieces of this size.
pub(crate) fn in_pieces(octets: &[u8], size: usize) -> Structure {
    let mut parser = Parser::new(Limits::default());
    octets.chunks(size).for_each(|piece| parser.push(piece));
    parser.finish()
}

#[test]
fn every_cut_gives_the_same() {
    for sample in samples() {
        let whole = Structure::of(&sample.octets);
        for size in [1, 2, 3, 7, 64, 1000, 4096] {
            assert_eq!(in_pieces(&sample.octets, size), whole, "{} by {size}", sample.name);
        }
    }
}

#[test]
fn ranges_lie_in_each_other_and_stored_values_come_back() {
    for sample in samples() {
        for octets in [sample.octets.clone(), with_crlf(&sample.octets)] {
            let structure = Structure::of(&octets);
            check_ranges(&structure, &octets, &sample.name);
            let stored = structure.body.encode();
            assert_eq!(
                BodyStructure::decode(&stored).as_ref(),
                Ok(&structure.body),
                "{}",
                sample.name
            );
            let stored = structure.envelope.encode();
            assert_eq!(
                Envelope::decode(&stored).as_ref(),
                Ok(&structure.envelope),
                "{}",
                sample.name
            );
        }
    }
}

#[test]
fn line_ends_change_nothing_but_places() {
    for sample in samples() {
        let before = Structure::of(&sample.octets);
        let after = Structure::of(&with_crlf(&sample.octets));
        assert_eq!(after.envelope, before.envelope, "{}", sample.name);
        assert_eq!(shape(&after.body.root), shape(&before.body.root), "{}", sample.name);
    }
}

/// The tree without its offsets.
fn shape(part: &Part) -> String {
    let media_type = &part.media_type;
    let inside = match &part.content {
        Content::Leaf => String::new(),
        Content::Message(message) => format!("<{}>", shape(&message.part)),
        Content::Multipart(parts) => {
            format!("({})", parts.iter().map(shape).collect::<Vec<_>>().join(" "))
        }
    };
    format!("{:?} {:?} {} {inside}", media_type, part.disposition, part.lines)
}

pub(crate) fn check_ranges(structure: &Structure, octets: &[u8], name: &str) {
    let size = u64::try_from(octets.len()).unwrap();
    let root = &structure.body.root;
    assert_eq!(structure.size, size, "{name}");
    assert_eq!((root.header.start, root.body.end), (0, size), "{name}");
    check_part(root, octets, name);
}

fn check_part(part: &Part, octets: &[u8], name: &str) {
    assert!(part.header.start <= part.header.end, "{name}: {part:?}");
    assert_eq!(part.header.end, part.body.start, "{name}: {part:?}");
    assert!(part.body.start <= part.body.end, "{name}: {part:?}");
    let body = slice(octets, part.body.clone());
    let line_ends = body.iter().filter(|octet| **octet == b'\n').count();
    assert_eq!(part.lines, u64::try_from(line_ends).unwrap(), "{name}: {part:?}");
    assert_eq!(part.octets.eight_bit, !body.is_ascii(), "{name}: {part:?}");
    assert_eq!(part.octets.nul, body.contains(&0), "{name}: {part:?}");
    assert_eq!(
        part.octets.eight_bit_header,
        !slice(octets, part.header.clone()).is_ascii(),
        "{name}: {part:?}"
    );
    match &part.content {
        Content::Leaf => {}
        Content::Message(message) => {
            let inner = &message.part;
            assert_eq!(
                (inner.header.start, inner.body.end),
                (part.body.start, part.body.end),
                "{name}: {part:?}"
            );
            check_part(inner, octets, name);
        }
        Content::Multipart(parts) => {
            assert!(!parts.is_empty());
            let mut from = part.body.start;
            for child in parts {
                assert!(from <= child.header.start, "{name}: {child:?}");
                assert!(child.body.end <= part.body.end, "{name}: {child:?}");
                from = child.body.end;
                check_part(child, octets, name);
            }
        }
    }
}

pub(crate) fn slice(octets: &[u8], range: std::ops::Range<u64>) -> &[u8] {
    &octets[usize::try_from(range.start).unwrap()..usize::try_from(range.end).unwrap()]
}
