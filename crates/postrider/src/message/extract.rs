//! `extract`: the text and each attachment as files of their own.
//!
//! - A sender chooses names, never places: each file is made new in the one folder, under a name
//!   that mime-core made safe. What exists is not touched; a number is added instead.
//! - The text becomes UTF-8 with LF. Attachments are decoded and otherwise as they were sent.
//! - A file that could not be written whole is removed. Folder and files are for their owner alone.

mod naming;
mod section;

use std::{
    collections::HashMap,
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use anyhow::Context;
use mime_core::{body_structure::Part, reading::Numbered, text::TextDecoder};
use serde::Serialize;

use super::{
    Opened,
    opened::{beside_the_text, is_text, section_of},
    placed::Placed,
};

pub(crate) use section::{Piece, piece};

/// A file that was written.
#[derive(Serialize)]
pub(crate) struct Written {
    /// The parts that are in it.
    parts: Vec<String>,
    #[serde(rename = "type")]
    media_type: String,
    size: u64,
    /// The path; what of it is not UTF-8 is replaced.
    file: String,
}

impl Written {
    fn new(parts: Vec<String>, media_type: String, size: u64, path: &Path) -> Self {
        Self { parts, media_type, size, file: path.display().to_string() }
    }

    /// `part`, `type`, `size`, `file`
    pub(crate) fn row(&self) -> [String; 4] {
        let file = crate::terminal::one_line(&self.file);
        let media_type = crate::terminal::one_line(&self.media_type);
        [self.parts.join(", "), media_type, super::sizes::column(self.size), file]
    }
}

/// Writes everything into a folder, which is made if it is not there.
pub(crate) fn all(opened: &Opened, folder: &Path) -> anyhow::Result<Vec<Written>> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .with_context(|| format!("cannot make the folder {}", folder.display()))?;
    let reading = opened.reading();
    let mut texts: Vec<_> =
        reading.text.iter().chain(&reading.html).filter(|it| is_text(it.part)).cloned().collect();
    texts.sort_by(|one, other| one.number.cmp(&other.number));
    texts.dedup_by(|one, other| one.number == other.number);
    let (html, plain): (Vec<_>, Vec<_>) =
        texts.into_iter().partition(|it| it.part.shown_type().1.eq_ignore_ascii_case(b"html"));

    let mut folder = Folder { path: folder, numbers: HashMap::new() };
    let mut written = Vec::new();
    if plain.iter().any(|it| it.part.size() > 0) {
        written.push(text(opened, &plain, &mut folder, "body.txt", "text/plain")?);
    }
    for part in html.iter().filter(|it| it.part.size() > 0) {
        written.push(text(
            opened,
            std::slice::from_ref(part),
            &mut folder,
            "body.html",
            "text/html",
        )?);
    }
    for numbered in beside_the_text(&reading) {
        written.push(attachment(opened, &numbered, &mut folder)?);
    }
    Ok(written)
}

/// Text parts one after the other in one file.
fn text(
    opened: &Opened,
    parts: &[Numbered<'_>],
    folder: &mut Folder<'_>,
    name: &str,
    media_type: &str,
) -> anyhow::Result<Written> {
    let (path, mut file) = folder.create(name)?;
    let mut lines = LfWriter { file: &mut file, size: 0, held_cr: false, last: b'\n' };
    let result = parts.iter().try_for_each(|numbered| {
        if lines.last != b'\n' {
            lines.write("\n")?;
        }
        // A browser believes this mark more than what the HTML says of its former charset.
        if media_type == "text/html" && !is_plain_ascii(opened, numbered.part)? {
            lines.write("\u{feff}")?;
        }
        text_of(opened, numbered, |text| lines.write(text))?;
        lines.flush()
    });
    let size = lines.size;
    finish(&path, result)?;
    let parts = parts.iter().map(section_of).collect();
    Ok(Written::new(parts, media_type.to_owned(), size, &path))
}

fn text_of(
    opened: &Opened,
    numbered: &Numbered<'_>,
    mut on: impl FnMut(&str) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let part = numbered.part;
    let mut decoder = TextDecoder::new(numbered.encoding(), part.media_type.param("charset"));
    let mut text = String::new();
    opened.source.pieces(part.body.clone(), |piece| {
        decoder.push(piece, &mut text);
        on(&text)?;
        text.clear();
        Ok(())
    })?;
    decoder.finish(&mut text);
    on(&text)
}

fn is_plain_ascii(opened: &Opened, part: &Part) -> anyhow::Result<bool> {
    let mut is_ascii = true;
    let numbered = Numbered { part, number: Vec::new() };
    text_of(opened, &numbered, |text| {
        is_ascii &= text.is_ascii();
        Ok(())
    })?;
    Ok(is_ascii)
}

fn attachment(
    opened: &Opened,
    numbered: &Numbered<'_>,
    folder: &mut Folder<'_>,
) -> anyhow::Result<Written> {
    let part = numbered.part;
    let it = Placed::of(numbered);
    let name = naming::of(&it);
    let (path, mut file) = folder.create(&name)?;
    let result = opened.decoded(part.body.clone(), numbered.encoding(), |octets| {
        file.write_all(octets).with_context(|| format!("cannot write {}", path.display()))
    });
    let size = finish(&path, result)?;
    Ok(Written::new(vec![it.section.clone()], it.media_type(), size, &path))
}

/// Makes a file that was not there before. It is mail: nobody else may read it.
pub(crate) fn create_new(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

/// Where everything goes.
struct Folder<'a> {
    path: &'a Path,
    /// The last number that each name was tried with: many attachments may have one name.
    numbers: HashMap<String, u32>,
}

impl Folder<'_> {
    /// Makes a file that was not there before, with a number in its name if need be.
    fn create(&mut self, name: &str) -> anyhow::Result<(PathBuf, File)> {
        let first = self.numbers.get(name).map_or(1, |last| last.saturating_add(1));
        for number in first..=naming::NUMBERS {
            let path = self.path.join(naming::numbered(name, number));
            match create_new(&path) {
                Ok(file) => {
                    self.numbers.insert(name.to_owned(), number);
                    return Ok((path, file));
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => {
                    return Err(error).with_context(|| format!("cannot write {}", path.display()));
                }
            }
        }
        anyhow::bail!("{} has too many files called {name}", self.path.display())
    }
}

/// Removes what was not written whole.
fn finish<T>(path: &Path, result: anyhow::Result<T>) -> anyhow::Result<T> {
    if result.is_err() {
        // The first error is the one that counts.
        let _ = fs::remove_file(path);
    }
    result
}

/// Writes text with LF for each CRLF, however it was cut.
struct LfWriter<'a> {
    file: &'a mut File,
    size: u64,
    held_cr: bool,
    last: u8,
}

impl LfWriter<'_> {
    fn write(&mut self, text: &str) -> anyhow::Result<()> {
        let mut out = String::with_capacity(text.len().saturating_add(1));
        for c in text.chars() {
            if std::mem::take(&mut self.held_cr) && c != '\n' {
                out.push('\r');
            }
            if c == '\r' {
                self.held_cr = true;
            } else {
                out.push(c);
            }
        }
        self.put(&out)
    }

    /// A part has ended: a last CR was no line end.
    fn flush(&mut self) -> anyhow::Result<()> {
        if std::mem::take(&mut self.held_cr) { self.put("\r") } else { Ok(()) }
    }

    fn put(&mut self, text: &str) -> anyhow::Result<()> {
        self.file.write_all(text.as_bytes()).context("cannot write the text")?;
        self.size = self.size.saturating_add(u64::try_from(text.len()).unwrap_or(u64::MAX));
        self.last = text.bytes().next_back().unwrap_or(self.last);
        Ok(())
    }
}
