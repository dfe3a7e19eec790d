//! What holds for any input: no panic, an answer, and the same one for any split.

use std::time::Instant;

use proptest::prelude::*;
use testkit::transcript::{Answers, Connection, Dialogue};

use super::dialogue::ImapDialogue;

fn converse(input: &[u8], piece: usize) -> (Vec<u8>, bool) {
    let (mut dialogue, mut answers) = (ImapDialogue::default(), Answers::default());
    dialogue.given("mailbox INBOX 5").unwrap();
    dialogue.given("uid-only").unwrap();
    dialogue.given("small").unwrap();
    let mut connection = Connection::open(1, Instant::now(), &mut dialogue, &mut answers);
    for bytes in input.chunks(piece) {
        connection.send(bytes, &mut dialogue, &mut answers);
    }
    (connection.take_output(), connection.is_closed())
}

/// Lines that mean something, so that random dialogues get somewhere.
fn line() -> impl Strategy<Value = String> {
    let known = proptest::sample::select(vec![
        "a LOGIN x secret\r\n",
        "b SELECT INBOX\r\n",
        "c FETCH 1:* FULL\r\n",
        "d UID FETCH 2 BODY[]<1.5>\r\n",
        "e APPEND INBOX {5+}\r\nabc\r\n",
        "e APPEND INBOX {4}\r\n\r\n\r\n",
        "e APPEND INBOX {40+}\r\n",
        "e APPEND INBOX CATENATE (TEXT {2+}\r\nxy URL /INBOX/;UID=1/;PARTIAL=0.3)\r\n",
        "e APPEND INBOX CATENATE (URL /INBOX/;UID=9 TEXT {2+}\r\nxy TEXT {1}\r\nz)\r\n",
        "e APPEND INBOX CATENATE (URL {13+}\r\n/INBOX/;UID=2 TEXT {3}\r\n",
        "abc) (\\Seen) {2+}\r\nxy\r\n",
        "e UID REPLACE 3 INBOX CATENATE (TEXT {4+}\r\n",
        "e REPLACE * INBOX {3+}\r\nabc\r\n",
        "f UNAUTHENTICATE\r\n",
        "f UID SEARCH RETURN (PARTIAL -1:-2 SAVE) ALL\r\n",
        "f ENABLE UIDONLY QRESYNC\r\n",
        "f SEARCH TEXT {4+}\r\nBody\r\n",
        "g STORE 1:2 +FLAGS \\Deleted\r\n",
        "h EXPUNGE\r\n",
        "i UID MOVE 1:9 INBOX\r\n",
        "j IDLE\r\n",
        "DONE\r\n",
        "k AUTHENTICATE LOGIN\r\n",
        "eA==\r\n",
        "*\r\n",
        "l NOOP\r\n",
        "m LOGIN {1}\r\nx {6}\r\nsecret\r\n",
        "n LIST \"\" *\r\n",
        "o CLOSE\r\n",
        "p NOOP {300+}\r\n",
        "q CREATE {21+}\r\n123456789012345678901\r\n",
    ]);
    prop_oneof![
        6 => known.prop_map(str::to_owned),
        1 => "[A-Z. \r\n\0{}+0-9]{0,12}",
        1 => "[a-z(){}*%\"\\\\ ]{0,20}\r\n",
    ]
}

proptest! {
    #[test]
    fn any_split_gives_the_same(
        lines in proptest::collection::vec(line(), 0..16),
        piece in 1usize..40,
    ) {
        let input = format!("a LOGIN x secret\r\nb SELECT INBOX\r\n{}", lines.concat());
        let whole = converse(input.as_bytes(), input.len());
        let pieces = converse(input.as_bytes(), piece);
        prop_assert_eq!(
            String::from_utf8_lossy(&pieces.0).into_owned(),
            String::from_utf8_lossy(&whole.0).into_owned()
        );
        prop_assert_eq!(pieces.1, whole.1);
    }

    #[test]
    fn any_octets_are_answered(input in proptest::collection::vec(any::<u8>(), 0..400)) {
        let (output, _) = converse(&input, 7);
        prop_assert!(output.starts_with(b"* OK [CAPABILITY IMAP4rev1 "));
    }
}
