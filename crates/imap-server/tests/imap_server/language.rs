//! LANGUAGE (RFC 5255): every text that people read is there in every language.

use std::{fs, path::Path};

use imap_core::Language;

use crate::house::House;

/// Literals of a source file that are no bytes, outside of comments and of its tests.
fn literals(source: &str) -> Vec<String> {
    let source = source.split("#[cfg(test)]").next().unwrap();
    let (mut literals, mut rest) = (Vec::new(), source);
    while let Some(at) = rest.find(['"', '/', '\'']) {
        let (before, found) = rest.split_at(at);
        rest = if found.starts_with("//") {
            found.split_once('\n').map_or("", |(_, rest)| rest)
        } else if let Some(behind) =
            ["'\"'", "'/'", "'\\''"].iter().find_map(|it| found.strip_prefix(it))
        {
            behind
        } else if let Some(inside) = found.strip_prefix('"') {
            let mut escaped = false;
            let end = inside.find(|c| {
                let ends = c == '"' && !escaped;
                escaped = c == '\\' && !escaped;
                ends
            });
            let (literal, behind) = inside.split_at(end.unwrap());
            if !before.ends_with('b') {
                literals.push(unescaped(literal));
            }
            &behind[1..]
        } else {
            &found[1..]
        };
    }
    literals
}

fn unescaped(literal: &str) -> String {
    let mut joined = String::new();
    for (place, line) in literal.split("\\\n").enumerate() {
        joined.push_str(if place == 0 { line } else { line.trim_start() });
    }
    joined.replace("\\\"", "\"").replace("\\\\", "\\")
}

fn sources(folder: &Path, found: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.to_string_lossy().into_owned();
        // Not the client's side, not the table itself, no tests.
        if ["/client", "/language", "tests"].iter().any(|other| name.contains(other)) {
            continue;
        }
        if path.is_dir() {
            sources(&path, found);
        } else {
            found.push((name, fs::read_to_string(&path).unwrap()));
        }
    }
}

/// Whether it is said to people: a sentence, and not a line of the protocol.
fn is_said(file: &str, text: &str) -> bool {
    let is_word = |word: &str| word.len() > 1 && word.chars().all(|c| c.is_ascii_lowercase());
    let words: Vec<&str> = text.split(' ').collect();
    let sentence = text.starts_with(|c: char| c.is_ascii_uppercase())
        && words.iter().skip(1).any(|word| is_word(word));
    // What the parser expects has no capital letter.
    let expected = file.contains("/imap-core/src/parse") && words.len() > 1;
    (sentence || expected) && !text.contains("{what}")
}

#[test]
fn every_text_is_there_in_every_language() {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut files = Vec::new();
    for source in ["imap-core/src", "imap-server/src"] {
        sources(&crates.join(source), &mut files);
    }
    let (mut said, mut missing) = (0, Vec::new());
    for (file, source) in files {
        for text in literals(&source).into_iter().filter(|text| is_said(&file, text)) {
            said += 1;
            let expected =
                Language::Korean.say(&format!("Expected {text}")) != format!("Expected {text}");
            if Language::Korean.say(&text) == text && !expected {
                missing.push(format!("{file}: {text:?}"));
            }
        }
    }
    assert!(said > 150, "{said}");
    assert!(missing.is_empty(), "not in imap-core/src/language/korean.rs:\n{}", missing.join("\n"));
}

#[tokio::test]
async fn a_refusal_in_korean() {
    let house = House::new().await;
    let mut client = house.sign_in().await;
    let answer = client.run("LANGUAGE ko").await.ok();
    assert_eq!(answer.line("LANGUAGE"), "LANGUAGE (ko)");
    client.run("SELECT Nowhere").await.is("NO [NONEXISTENT] 그런 메일함이 없습니다");
    client.run("CREATE INBOX").await.is("NO [ALREADYEXISTS] 그런 메일함이 이미 있습니다");
    client.run("DELETE INBOX").await.is("NO [CANNOT] INBOX는 지울 수 없습니다");
    client.run("CREATE a//b").await.is("NO [CANNOT] 메일함 이름에 빈 단계가 있습니다");
    client.run("LANGUAGE en").await.ok();
    client.run("SELECT Nowhere").await.is("NO [NONEXISTENT] There is no such mailbox");
}
