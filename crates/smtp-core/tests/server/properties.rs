//! What holds for any input: no panic, bounded buffers, and the same answer for any split.

use std::time::Instant;

use proptest::prelude::*;
use testkit::transcript::{Answers, Connection};

use super::SmtpDialogue;

/// What the server says and takes when the input comes in pieces of this size.
fn converse(input: &[u8], piece: usize) -> (Vec<u8>, Vec<u8>, bool) {
    let (mut dialogue, mut answers) = (SmtpDialogue::default(), Answers::default());
    let mut connection = Connection::open(1, Instant::now(), &mut dialogue, &mut answers);
    for bytes in input.chunks(piece) {
        connection.send(bytes, &mut dialogue, &mut answers);
    }
    (connection.take_output(), dialogue.content().to_vec(), connection.is_closed())
}

/// Lines that mean something, so that random dialogues get somewhere.
fn line() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("EHLO client.example\r\n".to_owned()),
        Just("MAIL FROM:<a@example.com>\r\n".to_owned()),
        Just("RCPT TO:<b@example.org>\r\n".to_owned()),
        Just("RCPT TO:<b@example.net>\r\n".to_owned()),
        Just("DATA\r\n".to_owned()),
        Just("BDAT 7\r\nabc\r\nd\n".to_owned()),
        Just("BDAT 5 LAST\r\nRSET\n".to_owned()),
        Just("RSET\r\n".to_owned()),
        Just(".\r\n".to_owned()),
        Just("\r\n.\r\n".to_owned()),
        "[A-Z. \r\n\0]{0,12}",
        "[a-z<>@:=+;\"\\\\ ]{0,20}\r\n",
    ]
}

proptest! {
    #[test]
    fn any_split_gives_the_same(
        lines in proptest::collection::vec(line(), 0..16),
        piece in 1usize..40,
    ) {
        let input: Vec<u8> = lines.concat().into_bytes();
        let whole = converse(&input, input.len().max(1));
        let pieces = converse(&input, piece);
        prop_assert_eq!(&pieces.0, &whole.0);
        prop_assert_eq!(pieces.2, whole.2);
    }

    #[test]
    fn any_bytes_are_answered(input in proptest::collection::vec(any::<u8>(), 0..400)) {
        let (output, _, _) = converse(&input, 7);
        prop_assert!(output.starts_with(b"220 "));
    }
}
