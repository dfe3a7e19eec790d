//! What mime-core makes of each message of the corpus, beside what was recorded and reviewed.
//!
//! One file a set in `tests/expected`, a paragraph a message. `UPDATE_EXPECT=1` rewrites them; then
//! read the diff, and run `tests/peers/run email dovecot`, which lays them beside what Python and
//! Dovecot make of the same messages; each difference is listed there with its reason.

use std::{collections::BTreeMap, env, fs, path::PathBuf};

use crate::{corpus::messages, rendering::render};

#[test]
fn the_corpus_reads_as_recorded() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/expected");
    let mut sets: BTreeMap<String, String> = BTreeMap::new();
    for message in messages() {
        let (set, _) = message.name.split_once('/').unwrap();
        let text = sets.entry(set.to_owned()).or_default();
        text.push_str(&render(&message.name, &message.octets));
        text.push('\n');
    }
    let update = env::var_os("UPDATE_EXPECT").is_some_and(|value| value == "1");
    let mut wrong = Vec::new();
    for (set, found) in &sets {
        let path = folder.join(format!("{set}.txt"));
        if update {
            fs::write(&path, found).unwrap();
            continue;
        }
        let expected = fs::read_to_string(&path).unwrap_or_default();
        wrong.extend(differences(&expected, found));
    }
    assert!(
        wrong.is_empty(),
        "{} messages read otherwise than recorded (UPDATE_EXPECT=1 records):\n{}",
        wrong.len(),
        wrong.into_iter().take(5).collect::<Vec<_>>().join("\n")
    );
}

/// The paragraphs that differ, with the first line that does.
fn differences(expected: &str, found: &str) -> Vec<String> {
    let paragraphs = |text: &str| -> BTreeMap<String, String> {
        let named = |paragraph: &str| {
            let name = paragraph.lines().next().unwrap_or_default().to_owned();
            (name, paragraph.to_owned())
        };
        text.split("\n\n").filter(|it| !it.is_empty()).map(named).collect()
    };
    let (expected, found) = (paragraphs(expected), paragraphs(found));
    let mut wrong = Vec::new();
    for name in expected.keys().chain(found.keys().filter(|name| !expected.contains_key(*name))) {
        let (was, is) = (expected.get(name), found.get(name));
        if was == is {
            continue;
        }
        let (was, is) = (was.map_or("", String::as_str), is.map_or("", String::as_str));
        let mut was = was.lines();
        let line = is.lines().find(|line| was.next() != Some(line)).unwrap_or_default();
        wrong.push(format!("{name}: now {line:?}"));
    }
    wrong
}
