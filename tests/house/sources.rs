//! Files: their length, their header, their names; the top level; no loose ends.

use std::{collections::BTreeSet, fs};

use super::{report, root, sources};

/// Lines of a source file without its unit tests.
const LONGEST_FILE: usize = 600;
/// Lines of a crate's lib.rs.
const LONGEST_LIB: usize = 80;
/// Files and folders at the top level.
const TOP_LEVEL: [&str; 20] = [
    ".cargo",
    ".ci",
    ".git",
    ".gitattributes",
    ".gitignore",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE-APACHE",
    "LICENSE-MIT",
    "README.md",
    "clippy.toml",
    "config.example.toml",
    "crates",
    "deploy",
    "docs",
    "rustfmt.toml",
    "target",
    "tests",
];

#[test]
fn files_are_short() {
    let mut findings = Vec::new();
    for source in sources(false) {
        let lines = source.without_tests().lines().count();
        if lines > LONGEST_FILE {
            findings.push(format!("{} has {lines} lines", source.path));
        }
        if source.path.ends_with("src/lib.rs") && lines > LONGEST_LIB {
            findings.push(format!(
                "{} has {lines} lines: lib.rs says what the crate is and what it exports",
                source.path
            ));
        }
    }
    report(
        "A file aims at 150 lines, asks a question at 400 and stops at 600: find the second subject in it.",
        &findings,
    );
}

#[test]
fn files_say_what_they_are_for() {
    let findings: Vec<String> = sources(true)
        .iter()
        .filter(|s| !s.text.starts_with("//!"))
        .map(|s| s.path.clone())
        .collect();
    report(
        "Every file opens with //!: its purpose, its invariants, what it refuses to know.",
        &findings,
    );
}

#[test]
fn modules_are_named_after_what_they_hold() {
    let banned =
        ["utils", "util", "common", "helpers", "helper", "misc", "types", "manager", "ctx"];
    let findings: Vec<String> = sources(true)
        .iter()
        .filter(|source| {
            let stem = source.path.trim_end_matches("/mod.rs").trim_end_matches(".rs");
            banned.contains(&stem.rsplit('/').next().unwrap_or_default())
        })
        .map(|source| source.path.clone())
        .collect();
    report("A module's name says what is in it.", &findings);
}

#[test]
fn nothing_is_left_for_later_in_the_code() {
    let mut findings = Vec::new();
    for source in sources(true) {
        for (number, line) in source.text.lines().enumerate() {
            // Spelled in two halves, so that this file is none of its own findings.
            for mark in [
                concat!("TO", "DO"),
                concat!("FIX", "ME"),
                concat!("XX", "X:"),
                concat!("#[ig", "nore"),
                concat!("unimpl", "emented!("),
            ] {
                if line.contains(mark) {
                    findings.push(format!("{}:{}: {}", source.path, number + 1, line.trim()));
                }
            }
        }
    }
    report(
        "What is not done is an issue or a line in the README's limits, not a mark in the code.",
        &findings,
    );
}

#[test]
fn the_top_level_has_what_it_may_have() {
    let allowed: BTreeSet<&str> = TOP_LEVEL.into();
    let findings: Vec<String> = fs::read_dir(root())
        .expect("the root can be listed")
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
        .filter(|name| !allowed.contains(name.as_str()) && name != "postrider-demo")
        .collect();
    report("Nothing else stands at the top level.", &findings);
}
