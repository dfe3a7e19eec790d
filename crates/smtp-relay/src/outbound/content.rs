//! A leased content as it goes out: header lines of the recipient's first, and made 7-bit clean
//! where the next hop takes nothing else (RFC 6152 §3).

use std::io;

use message_queue::Content;
use mime_core::{
    seven_bit::{Converter, Refused},
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
    converter: Option<Converter>,
}

/// Why a content can't be made 7-bit clean.
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
        Self { head, content, at: 0, converter: None }
    }

    /// Converted. Reads it twice beforehand: for its structure, and to be sure that the conversion
    /// works to its end, because it can't be taken back once the server hears it.
    pub(super) async fn seven_bit(head: Vec<u8>, content: Content) -> Result<Self, Unconvertible> {
        let structure = structure(&content).await?;
        let converter = || Converter::new(&structure).map_err(Unconvertible::Refused);
        let mut trial = Self { converter: Some(converter()?), ..Self::plain(head, content) };
        while trial.convert_piece().await?.is_some() {}
        let Self { head, content, .. } = trial;
        Ok(Self { converter: Some(converter()?), ..Self::plain(head, content) })
    }

    /// About how long it is, in octets; a conversion adds to it (RFC 1870 §5 asks for no more).
    pub(super) fn size(&self) -> u64 {
        let plain = self.content.len().saturating_add(self.head.len() as u64);
        if self.converter.is_some() { plain.saturating_add(plain / 2) } else { plain }
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

async fn structure(content: &Content) -> Result<Structure, Unconvertible> {
    let mut source = Source::plain(Vec::new(), content.clone());
    let mut parser = Parser::new(Limits::default());
    loop {
        let piece = source.read().await.map_err(Unconvertible::Unreadable)?;
        if piece.is_empty() {
            return Ok(parser.finish());
        }
        parser.push(&piece);
    }
}
