//! Every prefix of a valid dialogue: a peer may vanish after any octet, and nothing that it has not
//! finished is taken.

use std::time::Instant;

use testkit::transcript::{Answers, Connection, Dialogue as _};

use super::SmtpDialogue;

/// Dialogues in parts: behind each part but the last, one more message is complete.
const DIALOGUES: &[(&[&str], &[&str])] = &[
    (
        &[],
        &[
            "EHLO c\r\nMAIL FROM:<a@example.com>\r\nRCPT TO:<b@example.org>\r\nDATA\r\n\
             Subject: a\r\n\r\n..\r\n.\r\n",
            "MAIL FROM:<>\r\nRCPT TO:<Postmaster>\r\nDATA\r\n.\r\n",
            "QUIT\r\n",
        ],
    ),
    (
        &[],
        &[
            "EHLO c\r\nMAIL FROM:<a@example.com> BODY=BINARYMIME\r\nRCPT TO:<b@example.org>\r\n\
             BDAT 8\r\n\r\n.\r\n\0\r\nBDAT 2 LAST\r\n\r\n",
            "MAIL FROM:<a@example.com>\r\nRCPT TO:<b@example.org>\r\nBDAT 5\r\na\r\nb\nBDAT 0 LAST\r\n\
             MAIL FROM:<a@example.com>\r\nRCPT TO:<b@example.org>\r\nBDAT 3\r\na\r\nBDAT 0 LAST\r\n",
            "RSET\r\n",
        ],
    ),
    (
        &["lmtp"],
        &[
            "LHLO c\r\nMAIL FROM:<a@example.com>\r\nRCPT TO:<b@example.org>\r\nDATA\r\na\r\n.\r\n",
            "",
        ],
    ),
    (
        &["submission", "tls"],
        &[
            "EHLO c\r\nAUTH LOGIN\r\nYQ==\r\nYg==\r\nMAIL FROM:<a@example.org> SIZE=9 RET=HDRS\r\n\
             RCPT TO:<b@example.org> NOTIFY=SUCCESS ORCPT=rfc822;b\r\nDATA\r\na\r\n.\r\n",
            "STARTTLS\r\nVRFY b\r\nQUIT\r\n",
        ],
    ),
    (
        &["proxy", "repair"],
        &[
            "XCLIENT ADDR=192.0.2.7\r\nEHLO c\nMAIL FROM:<a@example.com>\nRCPT TO:<b@example.org>\n\
             DATA\na\n.\n\r\n.\r\n",
            "QUIT\n",
        ],
    ),
];

fn queued(given: &[&str], input: &[u8]) -> usize {
    let (mut dialogue, mut answers) = (SmtpDialogue::default(), Answers::default());
    given.iter().for_each(|words| dialogue.given(words).unwrap());
    let mut connection = Connection::open(1, Instant::now(), &mut dialogue, &mut answers);
    connection.send(input, &mut dialogue, &mut answers);
    let output = connection.take_output();
    String::from_utf8_lossy(&output).matches("250 2.0.0 Queued as ").count()
}

#[test]
fn a_prefix_is_no_message() {
    for (given, parts) in DIALOGUES {
        let whole = parts.concat();
        let mut ends = Vec::new();
        let mut end = 0;
        for part in parts.iter().rev().skip(1).rev() {
            end += part.len();
            ends.push(end);
        }
        for octets in 0..=whole.len() {
            let complete = ends.iter().filter(|end| **end <= octets).count();
            let seen = queued(given, &whole.as_bytes()[..octets]);
            assert_eq!(seen, complete, "RFC 5321 §4.1.1.4: {octets} octets of {whole:?}");
        }
    }
}
