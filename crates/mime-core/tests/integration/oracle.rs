//! The structure beside that of mail-parser, an independent reader of the same messages.

use mail_parser::{MessageParser, PartType};
use mime_core::{
    body_structure::{Content, Part},
    structure::Structure,
};

use crate::corpus::samples;

/// Where the two differ, what ours is, and why that is right here.
const DIFFERENCES: &[(&str, &str, &str)] = &[
    ("cpython/msg_38.txt", "(((.).)..)", OUTER_FIRST),
    ("cpython/msg_42.txt", "(.<.>)", NO_PARTS),
    ("enmime/qp-utf8-header-no-break.raw", "(.)", BLANK_LINE_ONLY),
    ("flanker/enclosed-broken-body.eml", "(.<(..)>)", BLANK_LINE_ONLY),
    ("flanker/enclosed-broken.eml", "(.<(..)>)", BLANK_LINE_ONLY),
    ("flanker/enclosed-global.eml", "(.<(..)>)", BLANK_LINE_ONLY),
    ("flanker/enclosed.eml", "(.<(..)>)", BLANK_LINE_ONLY),
    ("flanker/iphone.eml", "(...)", BLANK_LINE_ONLY),
    ("flanker/mailformed-headers.eml", ".", NO_PARTS),
    ("james-mime4j/base64encoded-rfc822message-nested.msg", ".", ENCODED),
    ("james-mime4j/base64encoded-rfc822message.msg", ".", ENCODED),
    ("james-mime4j/double-bound.msg", "(........)", DOUBLED),
    ("james-mime4j/missing-inner-start-boundary.msg", "(..)", NO_PARTS),
    ("james-mime4j/multi-bad.msg", "(.)", FIRST_TYPE),
    ("james-mime4j/very-long-boundary.msg", "(..)", PADDING),
    ("james-mime4j/very-very-long-boundary.msg", ".", LONG),
    ("james-mime4j/weird-boundary.msg", "(..)", PADDING),
    ("made/deep-multipart.eml", "", DEPTH),
    ("mikel-mail/multiple_content_types.eml", "(..)", FIRST_TYPE),
    ("mikel-mail/raw_email4.eml", "((.)..)", PADDING),
    ("php-mime-mail-parser/issue274.eml", "((..).....)", ENCODED),
    ("php-mime-mail-parser/m0012", "(..)", FIRST_TYPE),
    ("stalwart-mail-parser/000.eml", "(...)", DOUBLED),
    ("stalwart-mail-parser/008.eml", "((.).)", OUTER_FIRST),
    ("stalwart-mail-parser/012.eml", "((<.><.>)<.>)", OUTER_FIRST),
    ("stalwart-mail-parser/015.eml", "(.<.><.><.>)", OUTER_FIRST),
    ("stalwart-mail-parser/020.eml", "((..).)", BLANK_LINE_ONLY),
    ("stalwart-mail-parser/021.eml", "((..).)", BLANK_LINE_ONLY),
    ("stalwart-mail-parser/malformed-001.eml", "(..)", OUTER_FIRST),
    ("stalwart-mail-parser/malformed-016.eml", "(((.)).)", OUTER_FIRST),
];

const OUTER_FIRST: &str =
    "a delimiter of an outer multipart ends the inner ones (RFC 2046 §5.1.2), closed or not";
const NO_PARTS: &str = "a multipart without a delimiter has no parts and stays a leaf";
const BLANK_LINE_ONLY: &str =
    "only the blank line or a delimiter ends a header, no line of spaces or without a colon";
const ENCODED: &str = "RFC 2046 §5.2.1 forbids to encode message/rfc822, so it stays a leaf";
const DOUBLED: &str = "two delimiters without an octet between them make no part";
const FIRST_TYPE: &str = "of two Content-Type fields the first holds";
const PADDING: &str = "a boundary does not end in white space (RFC 2046 §5.1.1)";
const LONG: &str = "a boundary of 7,000 octets is beyond the limit";
const DEPTH: &str = "nesting is beyond the limit";

#[test]
fn the_tree_of_parts_is_the_same() {
    let mut expected = DIFFERENCES.iter();
    for sample in samples() {
        let Some(theirs) = MessageParser::default().parse(&sample.octets) else { continue };
        let ours = tree(&Structure::of(&sample.octets).body.root);
        if ours == their_tree(&theirs, 0) {
            continue;
        }
        let Some((name, tree, reason)) = expected.next() else {
            panic!("{} differs and is not listed: {ours}", sample.name);
        };
        assert_eq!(sample.name, *name, "the next difference; ours is {ours}");
        if *reason != DEPTH {
            assert_eq!(ours, *tree, "{name}: {reason}");
        }
    }
    assert_eq!(expected.next(), None, "this does not differ any more");
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
    match &part.body {
        PartType::Multipart(parts) => {
            format!("({})", parts.iter().map(|part| their_tree(message, *part)).collect::<String>())
        }
        PartType::Message(message) => format!("<{}>", their_tree(message, 0)),
        _ => ".".to_owned(),
    }
}
