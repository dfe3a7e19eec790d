//! Every command in every state: the codes of its replies, as a table.
//!
//! A cell has the reply's code, several with `+` between; `!` behind it means that the connection is
//! closed, `~` that TLS comes next. `UPDATE_EXPECT=1` rewrites `states.table`; the diff is reviewed.

use std::{fmt::Write as _, path::Path, time::Instant};

use testkit::transcript::{Answers, Connection, Dialogue as _};

use super::SmtpDialogue;

/// How each state is reached; the first words say on which listener.
const STATES: &[(&str, &[&str], &[u8])] = &[
    ("connected", &[], b""),
    ("HELO", &[], b"HELO c\r\n"),
    ("EHLO", &[], b"EHLO c\r\n"),
    ("MAIL", &[], b"EHLO c\r\nMAIL FROM:<a@example.com>\r\n"),
    ("refused", &[], b"EHLO c\r\nMAIL FROM:<a@example.com>\r\nRCPT TO:<b@example.net>\r\n"),
    ("RCPT", &[], b"EHLO c\r\nMAIL FROM:<a@example.com>\r\nRCPT TO:<b@example.org>\r\n"),
    ("BDAT", &[], b"EHLO c\r\nMAIL FROM:<a@example.com>\r\nRCPT TO:<b@example.org>\r\nBDAT 1\r\na"),
    (
        "sent",
        &[],
        b"EHLO c\r\nMAIL FROM:<a@example.com>\r\nRCPT TO:<b@example.org>\r\nBDAT 1 LAST\r\na",
    ),
    ("plain 587", &["submission"], b"EHLO c\r\n"),
    ("TLS 587", &["submission", "tls"], b"EHLO c\r\n"),
    ("signed in", &["submission", "tls"], b"EHLO c\r\nAUTH PLAIN AGEAYg==\r\n"),
    ("AUTH", &["submission", "tls"], b"EHLO c\r\nAUTH LOGIN\r\n"),
    ("LMTP", &["lmtp"], b""),
    ("LHLO", &["lmtp"], b"LHLO c\r\n"),
    ("LMTP RCPT", &["lmtp"], b"LHLO c\r\nMAIL FROM:<a@x.com>\r\nRCPT TO:<b@example.org>\r\n"),
];

/// The commands, each with what else it needs to be whole.
const COMMANDS: &[&[u8]] = &[
    b"HELO c",
    b"EHLO c",
    b"LHLO c",
    b"MAIL FROM:<a@example.com>",
    b"RCPT TO:<c@example.org>",
    b"RCPT TO:<c@example.net>",
    b"DATA\r\n.",
    b"BDAT 0",
    b"BDAT 3 LAST\r\na",
    b"BDAT x",
    b"RSET",
    b"NOOP",
    b"VRFY c",
    b"EXPN c",
    b"HELP",
    b"STARTTLS",
    b"AUTH PLAIN AGEAYg==",
    b"AUTH FOO",
    b"ETRN example.org",
    b"XCLIENT ADDR=192.0.2.1",
    b"TURN",
    b"FOO",
    b"",
    b"*",
    b"QUIT",
];

/// The last digits before a space at a line's start, of each reply.
fn codes(output: &[u8]) -> Vec<String> {
    let text = String::from_utf8(output.to_vec()).unwrap();
    let last = text.lines().filter(|line| line.as_bytes().get(3) == Some(&b' '));
    last.map(|line| line[..3].to_owned()).collect()
}

fn cell(given: &[&str], before: &[u8], command: &[u8]) -> String {
    let (mut dialogue, mut answers) = (SmtpDialogue::default(), Answers::default());
    given.iter().for_each(|words| dialogue.given(words).unwrap());
    let mut connection = Connection::open(1, Instant::now(), &mut dialogue, &mut answers);
    connection.send(before, &mut dialogue, &mut answers);
    connection.take_output();
    let line = [command, b"\r\n"].concat();
    connection.send(&line, &mut dialogue, &mut answers);
    let mut cell = codes(&connection.take_output()).join("+");
    if connection.is_closed() {
        cell.push('!');
    }
    if connection.is_upgrading() {
        cell.push('~');
    }
    if cell.is_empty() { "-".to_owned() } else { cell }
}

#[test]
fn every_command_in_every_state() {
    let mut table = format!("{:<24}", "");
    for (name, _, _) in STATES {
        let _ = write!(table, "{name:<10}");
    }
    for command in COMMANDS {
        let name = String::from_utf8_lossy(command).replace("\r\n", " ");
        let _ = write!(table, "\n{name:<24.23}");
        for (_, given, before) in STATES {
            let _ = write!(table, "{:<10}", cell(given, before, command));
        }
    }
    let table: String = table.lines().map(|line| format!("{}\n", line.trim_end())).collect();
    let path = Path::new("tests/server/states.table");
    if std::env::var_os("UPDATE_EXPECT").is_some_and(|value| value == "1") {
        std::fs::write(path, &table).unwrap();
    }
    let expected = std::fs::read_to_string(path).unwrap();
    assert!(table == expected, "the table is now:\n{table}");
}
