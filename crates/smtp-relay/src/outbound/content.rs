//! A leased content as it goes out: header lines of the recipient's first, and converted where the
//! next hop takes no other (RFC 6152 §3, RFC 3030 §3).

use std::{io, ops::Range};

use message_queue::Content;
use mime_core::{
    seven_bit::{Aim, Converter, Refused},
    structure::{Limits, Parser, Structure},
};
use smtp_client::Pieces;

/// What is read at a time, in octets.
const PIECE: usize = 64 * 1024;

/// The content, piece by piece.
#[derive(Debug)]
pub(super) struct Source {
    head: Vec<u8>,
    content: Content,
    at: u64,
    size: u64,
    converter: Option<Converter>,
}

/// Why a content can't be converted.
#[derive(Debug)]
pub(super) enum Unconvertible {
    /// It must not, or cannot, be changed.
    Refused(Refused),
    /// It cannot be read now.
    Unreadable(io::Error),
}

impl Source {
    /// As it is.
    pub(super) fn plain(head: Vec<u8>, content: Content) -> Self {
        let size = content.len().saturating_add(head.len() as u64);
        Self { head, content, at: 0, size, converter: None }
    }

    /// Converted. Reads it once beforehand, to know how long it will be, and to be sure that the
    /// conversion works to its end: it can't be taken back once the server hears it.
    pub(super) async fn converted(
        head: Vec<u8>,
        content: Content,
        structure: &Structure,
        aim: Aim,
    ) -> Result<Self, Unconvertible> {
        let converter = || Converter::towards(aim, structure).map_err(Unconvertible::Refused);
        let mut trial = Self { converter: Some(converter()?), ..Self::plain(head, content) };
        let mut size = trial.head.len() as u64;
        while let Some(piece) = trial.convert_piece().await? {
            size = size.saturating_add(piece.len() as u64);
        }
        let Self { head, content, .. } = trial;
        Ok(Self { head, content, at: 0, size, converter: Some(converter()?) })
    }

    /// What stands before the content.
    pub(super) fn into_head(self) -> Vec<u8> {
        self.head
    }

    /// How long it is, in octets.
    pub(super) fn size(&self) -> u64 {
        self.size
    }

    async fn convert_piece(&mut self) -> Result<Option<Vec<u8>>, Unconvertible> {
        let piece = self.read().await.map_err(Unconvertible::Unreadable)?;
        let Some(converter) = &mut self.converter else {
            return Ok((!piece.is_empty()).then_some(piece));
        };
        let mut converted = Vec::with_capacity(piece.len());
        if !piece.is_empty() {
            converter.push(&piece, &mut converted).map_err(Unconvertible::Refused)?;
            return Ok(Some(converted));
        }
        if let Some(converter) = self.converter.take() {
            converter.finish(&mut converted).map_err(Unconvertible::Refused)?;
        }
        Ok((!converted.is_empty()).then_some(converted))
    }

    async fn read(&mut self) -> io::Result<Vec<u8>> {
        let piece = self.content.read_at(self.at, PIECE).await?;
        self.at = self.at.saturating_add(piece.len() as u64);
        Ok(piece)
    }
}

impl Pieces for Source {
    async fn next_piece(&mut self) -> io::Result<Option<Vec<u8>>> {
        if !self.head.is_empty() {
            return Ok(Some(std::mem::take(&mut self.head)));
        }
        self.convert_piece().await.map_err(|error| match error {
            Unconvertible::Unreadable(error) => error,
            Unconvertible::Refused(refused) => io::Error::other(refused),
        })
    }
}

/// What a content is made of.
pub(super) async fn structure(content: &Content) -> io::Result<Structure> {
    let mut source = Source::plain(Vec::new(), content.clone());
    let mut parser = Parser::new(Limits::default());
    loop {
        let piece = source.read().await?;
        if piece.is_empty() {
            return Ok(parser.finish());
        }
        parser.push(&piece);
    }
}

/// Some octets of a content, such as a header.
pub(super) async fn range(content: &Content, range: Range<u64>) -> io::Result<Vec<u8>> {
    let len = range.end.saturating_sub(range.start);
    content.read_at(range.start, usize::try_from(len).unwrap_or(usize::MAX)).await
}
