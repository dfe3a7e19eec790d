//! What holds for any input: no panic, the same answer for any split, and nothing is removed
//! without QUIT.

use std::time::Instant;

use proptest::prelude::*;
use testkit::transcript::{Answers, Connection};

use super::Pop3Dialogue;

/// What the server says and does when the input comes in pieces of this size.
fn converse(input: &[u8], piece: usize) -> (Vec<u8>, bool, bool) {
    let (mut dialogue, mut answers) = (Pop3Dialogue::default(), Answers::default());
    let mut connection = Connection::open(1, Instant::now(), &mut dialogue, &mut answers);
    for bytes in input.chunks(piece) {
        connection.send(bytes, &mut dialogue, &mut answers);
    }
    (connection.take_output(), dialogue.removed(), connection.is_closed())
}

/// Lines that mean something, so that random dialogues get somewhere.
fn line() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("USER alice\r\n".to_owned()),
        Just("PASS secret\r\n".to_owned()),
        Just("AUTH PLAIN AGEAYg==\r\n".to_owned()),
        Just("AUTH LOGIN\r\nYQ==\r\n".to_owned()),
        Just("USER alice\r\nPASS secret\r\nSTAT\r\n".to_owned()),
        Just("LIST\r\nUIDL\r\nUIDL 2\r\n".to_owned()),
        Just("RETR 2\r\nTOP 1 1\r\n".to_owned()),
        Just("DELE 1\r\n".to_owned()),
        Just("RSET\r\n".to_owned()),
        Just("CAPA\r\n".to_owned()),
        "[A-Z. \r\n\0]{0,12}",
        "(RETR|DELE|TOP|LIST) [0-9 -]{0,4}\r\n",
    ]
}

proptest! {
    #[test]
    fn any_split_gives_the_same(
        lines in proptest::collection::vec(line(), 0..16),
        quit: bool,
        piece in 1usize..40,
    ) {
        let mut input: Vec<u8> = lines.concat().into_bytes();
        if quit {
            input.extend_from_slice(b"\r\nQUIT\r\n");
        }
        let whole = converse(&input, input.len().max(1));
        prop_assert_eq!(converse(&input, piece), whole);
    }

    #[test]
    fn nothing_is_removed_without_quit(lines in proptest::collection::vec(line(), 0..16)) {
        let (_, removed, _) = converse(&lines.concat().into_bytes(), 9);
        prop_assert!(!removed);
    }

    #[test]
    fn any_bytes_are_answered(input in proptest::collection::vec(any::<u8>(), 0..400)) {
        let (output, _, _) = converse(&input, 7);
        prop_assert!(output.starts_with(b"+OK "));
    }
}
