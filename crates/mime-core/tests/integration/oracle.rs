//! The structure beside that of mail-parser, an independent reader of the same messages.

use std::collections::BTreeMap;

use mail_parser::{MessageParser, MimeHeaders, PartType};
use mime_core::{
    body_structure::{Content, Part},
    structure::Structure,
};

use crate::corpus::samples;

#[test]
fn the_tree_of_parts_is_the_same() {
    let mut differ = BTreeMap::new();
    for sample in samples() {
        let Some(theirs) = MessageParser::default().parse(&sample.octets) else { continue };
        let ours = tree(&Structure::of(&sample.octets).body.root);
        let theirs = their_tree(&theirs, 0);
        if ours != theirs {
            differ.insert(sample.name, format!("\n  ours   {ours}\n  theirs {theirs}"));
        }
    }
    let unexplained: Vec<_> = differ.iter().collect();
    assert!(unexplained.is_empty(), "{} differ: {unexplained:#?}", unexplained.len());
}

fn tree(part: &Part) -> String {
    match &part.content {
        Content::Leaf => ".".to_owned(),
        Content::Message(message) => format!("<{}>", tree(&message.part)),
        Content::Multipart(parts) => format!("({})", parts.iter().map(tree).collect::<String>()),
    }
}

fn their_tree(message: &mail_parser::Message<'_>, part: u32) -> String {
    let Some(part) = message.part(part) else { return "?".to_owned() };
    let _ = part.content_type();
    match &part.body {
        PartType::Multipart(parts) => {
            format!("({})", parts.iter().map(|part| their_tree(message, *part)).collect::<String>())
        }
        PartType::Message(message) => format!("<{}>", their_tree(message, 0)),
        _ => ".".to_owned(),
    }
}
