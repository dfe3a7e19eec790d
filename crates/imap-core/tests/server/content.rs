//! What the toy account sends of a message.

use imap_core::{
    command::{FetchItem, Section, SectionOf},
    response::FetchResponse,
};
use mime_core::{
    header::FieldFilter,
    structure::Structure,
    transfer::{Decoder, Encoding},
};

use super::account::Message;

pub(crate) fn fetch_item(
    response: &mut FetchResponse,
    out: &mut Vec<u8>,
    item: &FetchItem,
    message: &Message,
    recent: bool,
) {
    let structure = Structure::of(&message.content);
    match item {
        FetchItem::Uid => response.uid(out, message.uid),
        FetchItem::Flags => response.flags(out, &message.flags, recent),
        FetchItem::ModSeq => response.mod_seq(out, message.mod_seq),
        FetchItem::InternalDate => response.internal_date(out, message.date),
        FetchItem::SaveDate => response.save_date(out, message.saved),
        FetchItem::EmailId => response.email_id(out, message.email_id()),
        FetchItem::ThreadId => response.thread_id(out, message.thread_id()),
        FetchItem::Preview { lazy } => {
            let text = String::from_utf8_lossy(&message.content);
            let words = text.split_once("\r\n\r\n").map_or("", |(_, body)| body.trim());
            // Of long messages it is not known at once.
            let known = !lazy || message.content.len() < 40;
            response.preview(out, known.then_some(words));
        }
        FetchItem::Size => response.size(out, message.content.len() as u64),
        FetchItem::Envelope => response.envelope(out, &structure.envelope),
        FetchItem::Body => response.body(out, &structure.body),
        FetchItem::BodyStructure => response.body_structure(out, &structure.body),
        FetchItem::Binary { part, partial, .. } => {
            let Some(mut octets) = decoded(message, part) else {
                return response.no_content(out, item);
            };
            if let Some(partial) = partial {
                let (start, length) = partial.within(octets.len() as u64);
                octets = octets[start as usize..(start + length) as usize].to_vec();
            }
            response.binary(out, item, octets.len() as u64, octets.contains(&0));
            out.extend_from_slice(&octets);
        }
        FetchItem::BinarySize(part) => {
            let size = decoded(message, part).map_or(0, |octets| octets.len() as u64);
            response.binary_size(out, part, size);
        }
        item => {
            let (section, partial) = item.section().unwrap();
            let Some(range) = structure.body.resolve(section) else {
                return response.no_content(out, item);
            };
            let mut octets = message.content[range.start as usize..range.end as usize].to_vec();
            if let SectionOf::HeaderFields(names, choice) = &section.of {
                octets = FieldFilter::apply(&octets, names, *choice);
            }
            if let Some(partial) = partial {
                let (start, length) = partial.within(octets.len() as u64);
                octets = octets[start as usize..(start + length) as usize].to_vec();
            }
            response.content(out, item, octets.len() as u64);
            out.extend_from_slice(&octets);
        }
    }
}

/// A part without its transfer encoding.
fn decoded(message: &Message, part: &Section) -> Option<Vec<u8>> {
    let structure = Structure::of(&message.content);
    let range = structure.body.resolve(part)?;
    let octets = &message.content[range.start as usize..range.end as usize];
    let place = structure.body.part(&part.path).filter(|_| !part.path.is_empty());
    let encoding = place.and_then(|part| part.encoding.as_deref()).unwrap_or_default();
    let (mut decoder, mut out) = (Decoder::new(Encoding::parse(encoding)), Vec::new());
    decoder.push(octets, &mut out);
    decoder.finish(&mut out);
    Some(out)
}
