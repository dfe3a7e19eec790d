//! Which crate imports which: the table in docs/ARCHITECTURE.md is complete and true.

use std::{
    collections::{BTreeMap, BTreeSet},
    process::Command,
};

use super::{read, report, root};

/// The rows `| floor | `crate` | sentence | imports |` of the table of crates.
fn table() -> BTreeMap<String, (String, BTreeSet<String>)> {
    let mut rows = BTreeMap::new();
    for line in read("docs/ARCHITECTURE.md").lines().filter(|line| line.starts_with("| ")) {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let [floor, names, _, imports] = cells[..] else { continue };
        let names = ticked(names);
        for name in names {
            rows.insert(name, (floor.to_owned(), ticked(imports)));
        }
    }
    rows
}

/// The words between backticks.
fn ticked(cell: &str) -> BTreeSet<String> {
    cell.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

/// Crate by crate: ours that it imports in normal builds, and all normal imports.
fn metadata() -> BTreeMap<String, (BTreeSet<String>, BTreeSet<String>)> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(root())
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "cargo metadata: {}", String::from_utf8_lossy(&output.stderr));
    let json: serde_json::Value =
        serde_json::from_slice(&output.stdout).expect("cargo prints JSON");
    let packages = json["packages"].as_array().expect("packages");
    packages
        .iter()
        .map(|package| {
            let (mut ours, mut all) = (BTreeSet::new(), BTreeSet::new());
            for dependency in package["dependencies"].as_array().expect("dependencies") {
                if dependency["kind"].is_null() {
                    let name = dependency["name"].as_str().expect("a name").to_owned();
                    if dependency["path"].is_string() {
                        ours.insert(name.clone());
                    }
                    all.insert(name);
                }
            }
            (package["name"].as_str().expect("a name").to_owned(), (ours, all))
        })
        .collect()
}

#[test]
fn crates_import_only_what_the_table_allows() {
    let (table, metadata) = (table(), metadata());
    let mut findings = Vec::new();
    for (name, (ours, _)) in &metadata {
        match table.get(name) {
            None => findings.push(format!("{name} has no row in the table")),
            Some((_, allowed)) if allowed.contains("*") => {}
            Some((_, allowed)) => {
                findings.extend(ours.difference(allowed).map(|import| {
                    format!("{name} imports {import}, which the table does not allow")
                }))
            }
        }
    }
    findings.extend(
        table
            .keys()
            .filter(|name| !metadata.contains_key(*name))
            .map(|name| format!("the table has {name}, the workspace has not")),
    );
    report(
        "docs/ARCHITECTURE.md, \"The crates\", is the complete list of edges. Find a way without the new edge, or change the table in the same commit with the reason.",
        &findings,
    );
}

#[test]
fn pure_floors_have_no_runtime_storage_or_sockets_among_their_imports() {
    let (table, metadata) = (table(), metadata());
    let mut findings = Vec::new();
    let mut seen = 0;
    for (name, (floor, _)) in &table {
        if floor != "0" && floor != "1" {
            continue;
        }
        seen += 1;
        // Ours among the imports are pure floors themselves, by the table.
        let Some((_, all)) = metadata.get(name) else { continue };
        for banned in [
            "tokio",
            "sqlx",
            "rusqlite",
            "rustix",
            "socket2",
            "tracing",
            "getrandom",
            "rustls",
            "hickory-resolver",
            "jiff",
        ] {
            if all.contains(banned) {
                findings.push(format!("{name} imports {banned}"));
            }
        }
    }
    assert!(seen >= 8, "only {seen} pure crates found in the table");
    report(
        "Floors 0 and 1 are pure: time and random bytes are arguments, I/O belongs to agent-kit and the services.",
        &findings,
    );
}
