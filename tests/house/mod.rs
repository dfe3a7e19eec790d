//! The rules of the house as tests. Each message says what to do instead.

mod citations;
mod edges;
mod purity;
mod sources;

use std::{
    fs,
    path::{Path, PathBuf},
};

/// The repository's root.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .canonicalize()
        .expect("the workspace has a root")
}

/// A file of the repository as text.
fn read(path: &str) -> String {
    let full = root().join(path);
    fs::read_to_string(&full).unwrap_or_else(|error| panic!("{}: {error}", full.display()))
}

/// One Rust source file of ours.
struct Source {
    /// Relative to the root, such as `crates/mail-types/src/lib.rs`.
    path: String,
    text: String,
}

impl Source {
    /// The part before the unit tests; nothing of a file that is all tests.
    fn without_tests(&self) -> &str {
        if self.path.ends_with("/tests.rs") || self.path.contains("/tests/") {
            return "";
        }
        self.text.split("#[cfg(test)]\nmod ").next().unwrap_or(&self.text)
    }
}

/// All sources below `crates/*/src`, and with `tests` those of tests too.
fn sources(tests: bool) -> Vec<Source> {
    let mut found = Vec::new();
    for entry in fs::read_dir(root().join("crates")).expect("crates/ can be listed") {
        let folder = entry.expect("an entry can be read").path();
        walk(&folder.join("src"), &mut found);
        if tests {
            walk(&folder.join("tests"), &mut found);
        }
    }
    if tests {
        walk(&root().join("tests"), &mut found);
    }
    assert!(found.len() > 50, "the walk found only {} files: it walks the wrong tree", found.len());
    found
}

fn walk(folder: &Path, found: &mut Vec<Source>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries {
        let path = entry.expect("an entry can be read").path();
        let name = path.file_name().and_then(|n| n.to_str()).unwrap_or_default();
        if path.is_dir() {
            if name != "target" && name != "bench" && name != "fuzz" {
                walk(&path, found);
            }
        } else if name.ends_with(".rs") {
            let text = fs::read_to_string(&path).expect("a source is UTF-8");
            let relative = path.strip_prefix(root()).expect("below the root");
            found.push(Source { path: relative.display().to_string(), text });
        }
    }
}

/// Stops the test with all findings at once.
fn report(rule: &str, findings: &[String]) {
    assert!(findings.is_empty(), "{rule}\n  {}\n", findings.join("\n  "));
}
