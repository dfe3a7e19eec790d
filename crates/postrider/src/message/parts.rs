//! `parts`: the parts that hold something, a row each.

use super::{Opened, placed::Placed, sizes, tree::PartValue};
use crate::{printer, terminal};

/// A table of all parts but multiparts; a message inside has a row, and so have its parts.
pub(crate) fn table(opened: &Opened) -> anyhow::Result<Vec<String>> {
    let header =
        ["part", "type", "      size", "   decoded", "encoding", "charset", "name", "shown"];
    let mut rows = Vec::new();
    for placed in of(opened) {
        let decoded = opened.decoded_size(placed.part)?;
        let row = [
            placed.section.clone(),
            placed.media_type(),
            sizes::column(placed.part.size()),
            sizes::column(decoded),
            placed.encoding_name().unwrap_or_default(),
            placed.charset().unwrap_or_default(),
            placed.name().unwrap_or_default(),
            placed.disposition().unwrap_or_default(),
        ];
        rows.push(row.map(|cell| terminal::one_line(&cell)));
    }
    Ok(printer::columns(Some(header), &rows))
}

/// The same for programs.
pub(crate) fn value(opened: &Opened) -> anyhow::Result<Vec<PartValue>> {
    let value = |placed: Placed<'_>| {
        let mut value = PartValue::of(&placed);
        value.decoded_size = Some(opened.decoded_size(placed.part)?);
        Ok(value)
    };
    of(opened).map(value).collect()
}

fn of(opened: &Opened) -> impl Iterator<Item = Placed<'_>> {
    opened.placed().into_iter().filter(|placed| placed.part.children().is_empty())
}
