//! Every message of `tests/corpus` through everything that is done here.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use serde_json::Value;

use super::{Opened, Source, extract, lint, parts, show, tree};
use crate::{printer, terminal};

fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/corpus")
}

fn open(name: &str) -> Opened {
    Opened::read(Source::open(&corpus().join(name)).unwrap()).unwrap()
}

/// Each message with its name.
fn messages() -> impl Iterator<Item = (String, Opened)> {
    let manifest = fs::read_to_string(corpus().join("MANIFEST.tsv")).unwrap();
    let names: Vec<String> = manifest
        .lines()
        .skip(1)
        .filter_map(|line| line.split('\t').next().map(str::to_owned))
        .collect();
    assert!(names.len() > 500, "the manifest lists {} messages", names.len());
    names.into_iter().map(|name| {
        let opened = open(&name);
        (name, opened)
    })
}

fn json(value: &impl serde::Serialize) -> Value {
    serde_json::from_str(&printer::json_text(value).unwrap()).unwrap()
}

#[track_caller]
fn harmless(name: &str, text: &str) {
    let hidden = text.chars().find(|c| terminal::is_hidden(*c) && !matches!(c, '\n' | '\t'));
    assert_eq!(hidden, None, "{name}: {text}");
}

#[test]
fn nothing_that_a_terminal_obeys_is_ever_shown() {
    for (name, opened) in messages() {
        harmless(&name, &show::shown(&opened, false).unwrap());
        harmless(&name, &show::shown(&opened, true).unwrap());
        harmless(&name, &tree::drawn(&opened, false).join("\n"));
        harmless(&name, &tree::drawn(&opened, true).join("\n"));
        harmless(&name, &parts::table(&opened).unwrap().join("\n"));
        harmless(&name, &lint::report(&name, &lint::findings(&opened).unwrap()));
        harmless(&name, &printer::json_text(&show::value(&opened).unwrap()).unwrap());
        harmless(&name, &printer::json_text(&tree::value(&opened)).unwrap());
        harmless(&name, &printer::json_text(&parts::value(&opened).unwrap()).unwrap());
    }
}

#[test]
fn what_is_cut_off_anywhere_is_shown_too() {
    for (name, opened) in messages().step_by(7) {
        for part in 1..5 {
            let end = opened.source.size() * part / 5;
            let octets = opened.source.read(0..end, u64::MAX).unwrap();
            let cut = Opened::read(Source::of(octets)).unwrap();
            harmless(&name, &show::shown(&cut, true).unwrap());
            harmless(&name, &parts::table(&cut).unwrap().join("\n"));
        }
    }
}

/// The keys of an object, of which only those given may be there, the first of them always.
#[track_caller]
fn has_keys(name: &str, value: &Value, always: usize, keys: &[&str]) {
    let found: BTreeSet<&str> = value.as_object().expect(name).keys().map(String::as_str).collect();
    let allowed: BTreeSet<&str> = keys.iter().copied().collect();
    let always: BTreeSet<&str> = keys[..always].iter().copied().collect();
    assert!(found.is_subset(&allowed) && found.is_superset(&always), "{name}: {value}");
}

#[test]
fn json_has_the_documented_shape() {
    for (name, opened) in messages() {
        let shown = json(&show::value(&opened).unwrap());
        has_keys(&name, &shown, 1, &["headers", "text", "attachments", "defects"]);
        let people = ["from", "sender", "reply-to", "to", "cc", "bcc"];
        let keys = [&["subject", "date", "message-id"][..], &people].concat();
        has_keys(&name, &shown["headers"], 0, &keys);
        for key in people {
            for person in shown["headers"][key].as_array().into_iter().flatten() {
                has_keys(&name, person, 1, &["address", "name"]);
            }
        }
        if let Some(date) = shown["headers"]["date"].as_str() {
            assert!(date.parse::<jiff::Timestamp>().is_ok(), "{name}: {date}");
        }
        assert_ne!(shown["text"], "", "{name}");
        for attachment in shown["attachments"].as_array().into_iter().flatten() {
            has_keys(&name, attachment, 2, &["type", "size", "name"]);
            assert!(attachment["size"].is_u64());
        }
        let keys = ["code", "line", "offset", "what", "means", "part", "detail", "standard"];
        let keys = [&keys[..], &["more_like_it"]].concat();
        for defect in shown["defects"].as_array().into_iter().flatten() {
            has_keys(&name, defect, 5, &keys);
            assert!(defect["offset"].as_u64().unwrap() <= opened.source.size(), "{name}");
            assert_ne!(
                defect["code"], "structure",
                "{name}: mime-core tells what is not known here"
            );
        }
    }
}

#[test]
fn a_section_is_found_by_the_number_that_is_shown() {
    for (name, opened) in messages() {
        let listed = json(&parts::value(&opened).unwrap());
        for part in listed.as_array().unwrap() {
            let section = part["section"].as_str().unwrap();
            let piece = extract::piece(&opened, section).unwrap();
            assert_eq!(part["body"]["start"], piece.range.start, "{name} {section}");
            let size = opened.decoded(piece.range, piece.encoding, |_| Ok(())).unwrap();
            assert_eq!(part["decoded_size"], size, "{name} {section}");
        }
    }
}

#[test]
fn what_is_extracted_stays_in_its_folder_and_is_what_is_shown() {
    for (name, opened) in messages() {
        let around = tempfile::tempdir().unwrap();
        let folder = around.path().join("inside");
        let written = json(&extract::all(&opened, &folder).unwrap());
        let written = written.as_array().unwrap();
        let beside: Vec<_> = fs::read_dir(around.path()).unwrap().collect();
        assert_eq!(beside.len(), 1, "{name}");
        let files: Vec<_> = fs::read_dir(&folder).unwrap().map(|it| it.unwrap()).collect();
        assert_eq!(files.len(), written.len(), "{name}: {written:?}");
        for file in written {
            let path = Path::new(file["file"].as_str().unwrap());
            assert_eq!(path.parent(), Some(folder.as_path()), "{name}");
            assert_eq!(file["size"], fs::metadata(path).unwrap().len(), "{name}");
        }
        let is_body = |file: &&Value| {
            let path = Path::new(file["file"].as_str().unwrap());
            path.file_name().unwrap().to_str().unwrap().starts_with("body")
        };
        let sizes: Vec<_> =
            written.iter().filter(|it| !is_body(it)).map(|it| &it["size"]).collect();
        let shown = json(&show::value(&opened).unwrap());
        let attachments = shown["attachments"].as_array().into_iter().flatten();
        assert_eq!(sizes, attachments.map(|it| &it["size"]).collect::<Vec<_>>(), "{name}");
        let text = fs::read_to_string(folder.join("body.txt"));
        if let (Ok(text), false) = (text, folder.join("body.html").exists()) {
            assert_eq!(shown["text"].as_str().unwrap_or_default(), text, "{name}");
        }
    }
}

#[test]
fn korean_messages_read_as_they_should() {
    let expected = fs::read_to_string(corpus().join("made/EXPECTED-korean.tsv")).unwrap();
    let mut seen = 0;
    for line in expected.lines().skip(1) {
        let cells: Vec<&str> = line.split('\t').collect();
        let name = format!("made/{}", cells[0]);
        let shown = json(&show::value(&open(&name)).unwrap());
        let composed = |value: &Value| {
            use unicode_normalization::UnicodeNormalization as _;
            value.as_str().unwrap_or_default().nfc().collect::<String>()
        };
        assert_eq!(composed(&shown["headers"]["subject"]), cells[1], "{name}");
        // Some cells say more about the name than the name, or the address where there is none.
        let person = &shown["headers"]["from"][0];
        let right = match person.get("name").map(composed) {
            Some(found) => !found.is_empty() && cells[2].contains(&found),
            None => cells[2].is_empty() || person["address"] == cells[2],
        };
        assert!(right, "{name}: {person}");
        let text = composed(&shown["text"]);
        let first_line = cells[3].trim_start_matches("(HTML) ");
        assert_eq!(text.lines().next().unwrap_or_default(), first_line, "{name}");
        assert_eq!(composed(&shown["attachments"][0]["name"]), cells[4], "{name}");
        seen += 1;
    }
    assert!(seen > 30);
}

#[test]
fn many_times_the_same_is_told_a_few_times() {
    let message = [b"From: a@b.example\r\nDate: x\r\n".as_slice(), &b"no field\r\n".repeat(90)];
    let opened = Opened::read(Source::of(message.concat())).unwrap();
    let report = lint::report("m", &lint::findings(&opened).unwrap());
    assert!(report.starts_with("m: 91 defects\n"), "{report}");
    assert!(report.contains("(80 more like it)"), "{report}");
    assert_eq!(report.matches("[not-a-field]").count(), 10);
}
