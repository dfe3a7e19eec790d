//! Dialogues as tests: a file of client and server lines, replayed against a [`Machine`].
//!
//! Each file is replayed three times: with as much client input at once as the file allows, line
//! by line, and byte by byte. What the server says must be what the file says, each time.
//! `UPDATE_EXPECT=1` rewrites the server's lines instead of comparing; the diff is then reviewed.
//!
//! The format, a line each:
//!
//! | line | meaning |
//! | --- | --- |
//! | `# text`, empty | a comment |
//! | `@given words` | before the dialogue: handed to [`Dialogue::given`] (options, who the peer is) |
//! | `C: line` | the client sends this and CRLF |
//! | `S: line` | the server says this and CRLF |
//! | `A: words` | the answer to a coming question, fetched by [`Answers::take`] |
//! | `@clock +5m` | time passes (`ms`, `s`, `m`, `h`) |
//! | `@tls`, `@deflate` | the machine has asked for this upgrade, and it is made |
//! | `@news` | what the machine waits for news of has changed |
//! | `@shutdown` | the agent stops |
//! | `@wait` | the client waits for the server before it goes on, in every replay |
//! | `@close` | the server closes the connection |
//!
//! Escapes in `C:` and `S:` lines: `\r`, `\n`, `\t`, `\\`, `\xNN`, `\{a*3000}` (3000 times `a`),
//! and `\-` at the end of a line for "no CRLF here". For several connections a number stands in
//! front (`2C:`, `2S:`, `2@news`); a connection opens where it is first named.
//!
//! Client lines behind the one that makes the machine ask for an upgrade, without `@tls` between,
//! are what an attacker injects: the connection closes, as the driver closes it.
//!
//! This module knows no protocol: that is what a [`Dialogue`] adds.

mod connection;
mod escape;
mod failure;
pub(crate) mod parse;
mod replay;

use std::{collections::VecDeque, path::Path};

use conversation::{Machine, PeerFacts, Wire};

pub use connection::Connection;
pub use failure::Failure;

/// What a protocol's test adds: how a session starts and how questions are answered. One value
/// lives for one replay of one file.
pub trait Dialogue: Default {
    /// The machine under test.
    type Machine: Machine;

    /// Which side of the dialogue the machine is. For a client, `S:` lines are what it hears and
    /// `C:` lines what it is expected to say.
    const SIDE: Side = Side::Server;

    /// Takes the words of a `@given` line, or says why it can't.
    fn given(&mut self, words: &str) -> Result<(), String> {
        Err(format!("this protocol takes no options, so not {words:?}"))
    }

    /// Starts the session of a connection, numbered from 1.
    fn open(&mut self, connection: usize) -> (Self::Machine, PeerFacts);

    /// Answers a question; without a scripted answer, as the usual agent would.
    fn answer(
        &mut self,
        connection: usize,
        question: <Self::Machine as Machine>::Question,
        machine: &mut Self::Machine,
        wire: &mut Wire,
        answers: &mut Answers,
    );
}

/// A side of a dialogue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Says the `C:` lines.
    Client,
    /// Says the `S:` lines.
    Server,
}

/// The scripted answers that wait for their question.
#[derive(Debug, Default)]
pub struct Answers {
    waiting: VecDeque<String>,
}

impl Answers {
    /// Takes the oldest `A:` line whose first word is `kind`; returns the words behind it.
    pub fn take(&mut self, kind: &str) -> Option<String> {
        let place = self.waiting.iter().position(|line| first_word(line).0 == kind)?;
        self.waiting.remove(place).map(|line| first_word(&line).1.to_owned())
    }

    pub(crate) fn push(&mut self, words: &str) {
        self.waiting.push_back(words.to_owned());
    }

    pub(crate) fn left(&self) -> Option<&str> {
        self.waiting.front().map(String::as_str)
    }
}

fn first_word(line: &str) -> (&str, &str) {
    let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
    (word, rest.trim())
}

/// Replays every `.txt` file of a folder, or rewrites it. Returns how many there were; at least
/// one, or the test would prove nothing.
pub fn replay_folder<D: Dialogue>(folder: impl AsRef<Path>) -> Result<usize, Failure> {
    let folder = folder.as_ref();
    let unreadable = |error| Failure::io(folder, &error);
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if path.extension().is_some_and(|extension| extension == "txt") {
            files.push(path);
        }
    }
    files.sort();
    if files.is_empty() {
        return Err(Failure::new(folder, 0, "no transcript (*.txt) in this folder"));
    }
    let update = std::env::var_os("UPDATE_EXPECT").is_some_and(|value| value == "1");
    let mut failures = Vec::new();
    for file in &files {
        failures.extend(replay_file::<D>(file, update).err());
    }
    Failure::joined(failures).map_or(Ok(files.len()), Err)
}

/// Replays one file, or rewrites it.
fn replay_file<D: Dialogue>(path: &Path, update: bool) -> Result<(), Failure> {
    let text = std::fs::read_to_string(path).map_err(|error| Failure::io(path, &error))?;
    let blame = |(line, text): (usize, String)| Failure::new(path, line, &text);
    if update {
        let rewritten = replay::rewrite::<D>(&text).map_err(blame)?;
        if rewritten != text {
            std::fs::write(path, &rewritten).map_err(|error| Failure::io(path, &error))?;
        }
        return replay::check::<D>(&rewritten).map_err(blame);
    }
    replay::check::<D>(&text).map_err(blame)
}

#[cfg(test)]
mod tests;
