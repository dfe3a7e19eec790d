//! Where messages are in an mbox, and what they are known by.

use std::{
    collections::{HashMap, HashSet},
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

/// Other programs write to the file while it is read.
pub(super) const CHANGED: &str = "the file has changed meanwhile; import once more";

/// What was found in a file up to now: equal messages are told apart by their order.
#[derive(Default)]
pub(super) struct Seen {
    /// The beginnings of digests. Were two of them the same by chance, the second message would be
    /// counted as a repeat, today and the next time.
    once: HashSet<u64>,
    again: HashMap<u64, u32>,
}

impl Seen {
    /// The how-manieth it is.
    fn number(&mut self, digest: &[u8; 32]) -> u32 {
        let [a, b, c, d, e, f, g, h, ..] = *digest;
        let short = u64::from_be_bytes([a, b, c, d, e, f, g, h]);
        if self.once.insert(short) {
            return 1;
        }
        let number = self.again.entry(short).or_insert(1);
        *number = number.saturating_add(1);
        *number
    }
}

/// The last message of a window: the search goes on with it, if it is still there.
pub(super) struct Last {
    pub(super) start: u64,
    digest: [u8; 32],
}

impl Last {
    pub(super) fn of_item(item: &Item) -> Option<Self> {
        match item.locator {
            Locator::Span { start, digest, .. } => Some(Self { start, digest }),
            _ => None,
        }
    }

    pub(super) fn to_octets(&self) -> Vec<u8> {
        [self.start.to_be_bytes().as_slice(), &self.digest].concat()
    }

    pub(super) fn of_octets(octets: &[u8]) -> Option<Self> {
        let (start, digest) = octets.split_first_chunk::<8>()?;
        Some(Self { start: u64::from_be_bytes(*start), digest: digest.try_into().ok()? })
    }
}

/// What was found.
pub(super) struct Scanned {
    pub(super) items: Vec<Item>,
    /// Where the next message begins, if there are more.
    pub(super) more_from: Option<u64>,
}

/// The search for where messages begin.
pub(super) struct Scan<'f> {
    /// What the file is called: the same message in another file is another.
    file: &'f [u8],
    items: Vec<Item>,
    seen: &'f mut Seen,
    /// The digest of the message that it begins with, which was found before.
    former: Option<[u8; 32]>,
    at: u64,
    /// Where the message begins that is being read, and what is read of it.
    open: Option<(u64, Content)>,
}

impl<'f> Scan<'f> {
    pub(super) fn new(file: &'f [u8], seen: &'f mut Seen, behind: Option<&Last>) -> Self {
        let (at, former) = behind.map_or((0, None), |last| (last.start, Some(last.digest)));
        Self { file, items: Vec::new(), seen, former, at, open: None }
    }

    /// Reads from where it begins, up to so many messages.
    pub(super) fn run(mut self, reader: impl BufRead, most: usize) -> io::Result<Scanned> {
        let mut lines = Lines::new(reader);
        let (mut after_empty, mut in_from) = (true, false);
        while lines.step()? {
            if lines.begins() {
                in_from = after_empty && lines.is_from();
                if in_from {
                    self.close()?;
                    if self.items.len() >= most {
                        return Ok(Scanned { items: self.items, more_from: Some(self.at) });
                    }
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
        self.close()?;
        match self.former {
            None => Ok(Scanned { items: self.items, more_from: None }),
            Some(_) => Err(changed()),
        }
    }

    fn close(&mut self) -> io::Result<()> {
        let Some((start, content)) = self.open.take() else { return Ok(()) };
        let digest = content.finish();
        if let Some(former) = self.former.take() {
            return if digest == former { Ok(()) } else { Err(changed()) };
        }
        let number = self.seen.number(&digest);
        let key = key(&[b"mbox", self.file, &digest, &number.to_be_bytes()]);
        let locator = Locator::Span { start, length: self.at - start, digest };
        self.items.push(Item { key, locator, unique_id: None });
        Ok(())
    }
}

/// What makes no sense unless somebody else has written.
pub(super) fn changed() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, CHANGED)
}
