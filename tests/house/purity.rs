//! The pure crates do not reach for the world through the standard library either.

use super::{report, sources};

/// What a pure crate must not name, and why not.
const BANNED: [(&str, &str); 11] = [
    ("std::fs", "files belong to stable-storage"),
    ("std::net::Tcp", "sockets belong to agent-kit"),
    ("std::net::Udp", "sockets belong to agent-kit"),
    ("std::os", "the system belongs to agent-kit"),
    ("std::env", "settings are arguments"),
    ("std::thread", "a machine has no threads"),
    ("std::process", "a machine starts nothing"),
    ("SystemTime::now", "time is an argument"),
    ("Instant::now", "time is an argument"),
    ("static mut", "no globals"),
    ("thread_local!", "no globals"),
];

/// Floors 0 and 1.
const PURE: [&str; 9] = [
    "mail-types",
    "conversation",
    "mime-core",
    "sasl-core",
    "smtp-core",
    "pop3-core",
    "imap-core",
    "tls-policy",
    "config",
];

#[test]
fn pure_crates_touch_nothing() {
    let mut findings = Vec::new();
    for source in sources(false) {
        let name = source.path.split('/').nth(1).unwrap_or_default();
        // config reads the one file that it is asked to read.
        if !PURE.contains(&name) || name == "config" {
            continue;
        }
        for (word, reason) in BANNED {
            if source.without_tests().contains(word) {
                findings.push(format!("{} names {word}: {reason}", source.path));
            }
        }
    }
    report("Floors 0 and 1 are pure.", &findings);
}
