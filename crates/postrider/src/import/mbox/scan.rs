//! Where messages are in an mbox, and what they are known by.

use std::{
    collections::HashMap,
    io::{self, BufRead, Read as _},
};

use sha2::{Digest as _, Sha256};

use crate::import::source::{Item, Locator, key};

/// How much of a line is held at a time.
const PIECE: u64 = 64 * 1024;

/// Lines in pieces: a line may be as long as the file.
pub(super) struct Lines<R> {
    reader: R,
    piece: Vec<u8>,
    begins: bool,
    ended: bool,
}

impl<R: BufRead> Lines<R> {
    pub(super) fn new(reader: R) -> Self {
        Self { reader, piece: Vec::new(), begins: true, ended: true }
    }

    /// Goes on to the next piece; false at the end.
    pub(super) fn step(&mut self) -> io::Result<bool> {
        self.begins = self.ended;
        self.piece.clear();
        (&mut self.reader).take(PIECE).read_until(b'\n', &mut self.piece)?;
        self.ended = self.piece.ends_with(b"\n");
        Ok(!self.piece.is_empty())
    }

    pub(super) fn piece(&self) -> &[u8] {
        &self.piece
    }

    /// Whether the piece is the beginning of a line.
    pub(super) fn begins(&self) -> bool {
        self.begins
    }

    /// Whether the piece is an empty line.
    pub(super) fn is_empty(&self) -> bool {
        self.begins && matches!(self.piece.as_slice(), b"\n" | b"\r\n")
    }

    /// Whether the piece begins the line before a message.
    pub(super) fn is_from(&self) -> bool {
        self.begins && self.piece.starts_with(b"From ")
    }
}

/// The digest of a message, of what is behind its `From ` line.
pub(super) struct Content {
    hash: Sha256,
    in_header: bool,
    /// Whether the line tells flags, which change while the message stays the same.
    tells_flags: bool,
}

impl Content {
    pub(super) fn new() -> Self {
        Self { hash: Sha256::new(), in_header: true, tells_flags: false }
    }

    pub(super) fn add<R: BufRead>(&mut self, lines: &Lines<R>) {
        if lines.begins() {
            self.tells_flags = self.in_header && tells_flags(lines.piece());
        }
        if !self.tells_flags {
            self.hash.update(lines.piece());
        }
        self.in_header &= !lines.is_empty();
    }

    pub(super) fn finish(self) -> [u8; 32] {
        self.hash.finalize().into()
    }
}

fn tells_flags(line: &[u8]) -> bool {
    let names = ["Status:", "X-Status:", "X-Keywords:", "X-UID:", "X-Mozilla-Status"];
    names.iter().any(|name| {
        line.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name.as_bytes()))
    })
}

/// The search for where messages begin.
pub(super) struct Scan<'f> {
    /// What the file is called: the same message in another file is another.
    file: &'f [u8],
    items: Vec<Item>,
    seen: HashMap<[u8; 32], u32>,
    at: u64,
    /// Where the message begins that is being read, and what is read of it.
    open: Option<(u64, Content)>,
}

impl<'f> Scan<'f> {
    pub(super) fn new(file: &'f [u8]) -> Self {
        Self { file, items: Vec::new(), seen: HashMap::new(), at: 0, open: None }
    }

    pub(super) fn run(mut self, reader: impl BufRead) -> io::Result<Vec<Item>> {
        let mut lines = Lines::new(reader);
        let (mut after_empty, mut in_from) = (true, false);
        while lines.step()? {
            if lines.begins() {
                in_from = after_empty && lines.is_from();
                if in_from {
                    self.close();
                    self.open = Some((self.at, Content::new()));
                }
            }
            if let Some((_, content)) = &mut self.open
                && !in_from
            {
                content.add(&lines);
            }
            after_empty = lines.is_empty();
            self.at += u64::try_from(lines.piece().len()).unwrap_or(u64::MAX);
        }
        self.close();
        Ok(self.items)
    }

    fn close(&mut self) {
        let Some((start, content)) = self.open.take() else { return };
        let digest = content.finish();
        let number = self.seen.entry(digest).or_insert(0);
        *number += 1;
        let key = key(&[b"mbox", self.file, &digest, &number.to_be_bytes()]);
        let locator = Locator::Span { start, length: self.at - start, digest };
        self.items.push(Item { key, locator, unique_id: None });
    }
}
