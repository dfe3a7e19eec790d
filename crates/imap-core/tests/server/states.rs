//! Every command in every state, and what is malformed in the state where it would be legal
//! (RFC 3501 §3, RFC 9051 §3): as a table, beside the transcripts.

use std::time::Instant;

use testkit::transcript::{Answers, Connection, Dialogue};

use super::dialogue::ImapDialogue;

/// The states of a connection, each by what leads there.
const BEFORE: &str = "";
const SIGNED_IN: &str = "s1 LOGIN alice secret\r\n";
const SELECTED: &str = "s1 LOGIN alice secret\r\ns2 SELECT INBOX\r\n";

/// What a line is answered in a state: the first word behind its tag, or `+`.
fn answer(state: &str, line: &str) -> String {
    let (mut dialogue, mut answers) = (ImapDialogue::default(), Answers::default());
    dialogue.given("mailbox INBOX 3").unwrap();
    let mut connection = Connection::open(1, Instant::now(), &mut dialogue, &mut answers);
    let input = format!("{state}t {line}\r\n");
    connection.send(input.as_bytes(), &mut dialogue, &mut answers);
    let output = connection.take_output();
    let text = String::from_utf8_lossy(&output).into_owned();
    let said = text.lines().find(|said| said.starts_with("t ") || said.starts_with("+ "));
    let said = said.unwrap_or_else(|| panic!("no answer to {line}: {text}"));
    said.trim_start_matches("t ").split(' ').next().unwrap().to_owned()
}

/// Commands by the states in which they are legal: not authenticated, authenticated, selected.
#[rustfmt::skip]
const COMMANDS: &[([bool; 3], &[&str])] = &[
    ([true, true, true], &["CAPABILITY", "NOOP", "ID NIL", "LOGOUT"]),
    ([true, false, false], &["LOGIN alice secret", "AUTHENTICATE PLAIN", "STARTTLS"]),
    ([false, true, true], &[
        "SELECT INBOX", "EXAMINE INBOX", "CREATE new", "DELETE nowhere", "RENAME nowhere other", "SUBSCRIBE INBOX",
        "UNSUBSCRIBE INBOX", "LIST \"\" *", "LSUB \"\" *", "STATUS INBOX (MESSAGES)", "APPEND INBOX {1}",
        "IDLE", "ENABLE CONDSTORE", "NAMESPACE", "COMPRESS DEFLATE", "UNAUTHENTICATE",
        "GETQUOTA \"\"", "GETQUOTAROOT INBOX", "SETQUOTA \"\" (STORAGE 1)",
        "GETMETADATA INBOX /shared/comment", "SETMETADATA INBOX (/shared/comment NIL)",
        "GETACL INBOX", "SETACL INBOX bob lr", "DELETEACL INBOX bob", "LISTRIGHTS INBOX bob", "MYRIGHTS INBOX",
        "NOTIFY NONE", "GENURLAUTH imap://alice@h/INBOX/;UID=1;URLAUTH=anonymous INTERNAL",
        "RESETKEY", "RESETKEY INBOX INTERNAL", "URLFETCH x",
    ]),
    ([false, false, true], &[
        "CHECK", "CLOSE", "UNSELECT", "EXPUNGE", "SEARCH ALL", "SORT (DATE) UTF-8 ALL",
        "THREAD REFERENCES UTF-8 ALL", "FETCH 1 FLAGS", "STORE 1 FLAGS ()", "COPY 1 INBOX", "MOVE 1 INBOX",
        "REPLACE 1 INBOX {1}", "UID EXPUNGE 1", "UID SEARCH ALL", "UID SORT (DATE) UTF-8 ALL",
        "UID THREAD REFERENCES UTF-8 ALL", "UID FETCH 1 FLAGS", "UID STORE 1 FLAGS ()", "UID COPY 1 INBOX",
        "UID MOVE 1 INBOX", "UID REPLACE 1 INBOX {1}",
    ]),
];

#[test]
fn every_command_in_every_state() {
    for (legal, commands) in COMMANDS {
        for command in *commands {
            for (state, legal) in [BEFORE, SIGNED_IN, SELECTED].into_iter().zip(legal) {
                let said = answer(state, command);
                assert_eq!(said != "BAD", *legal, "{command} behind {state:?}: {said}");
            }
        }
    }
}

/// RFC 9051 §7.1.3: BAD, and no guess at what was meant.
#[rustfmt::skip]
const MALFORMED: &[&str] = &[
    // Arguments where there are none, and none where there are some.
    "NOOP now", "NOOP ", "CAPABILITY all", "CHECK 1", "CLOSE 1", "EXPUNGE 1", "UNSELECT x", "IDLE now",
    "NAMESPACE x", "LOGOUT x", "SELECT", "SELECT ", "SELECT INBOX now", "SELECT INBOX (", "SELECT INBOX (CONDSTORE",
    "CREATE", "DELETE", "RENAME a", "RENAME a b c", "LIST", "LIST \"\"", "LIST \"\" * x", "STATUS INBOX",
    "STATUS INBOX ()", "STATUS INBOX (WRONG)", "STATUS INBOX (MESSAGES", "STATUS INBOX MESSAGES", "COPY 1", "COPY",
    "MOVE 1", "UID", "UID NOOP", "UID EXPUNGE", "ENABLE", "ID", "ID (\"name\")", "COMPRESS", "COMPRESS LZW",
    "APPEND INBOX", "APPEND INBOX text", "APPEND INBOX (\\Seen {1}",
    "GENURLAUTH", "GENURLAUTH ", "GENURLAUTH x", "GENURLAUTH x ", "GENURLAUTH x INTERNAL y", "GENURLAUTH x A_B",
    "GENURLAUTH imap://alice@h/INBOX/;UID=1 INTERNAL", "URLFETCH", "URLFETCH ", "URLFETCH x  y", "URLFETCH \"x",
    "RESETKEY ", "RESETKEY INBOX ", "RESETKEY INBOX A_B", "RESETKEY INBOX INTERNAL ",
    // Sets.
    "FETCH 0 FLAGS", "FETCH 01 FLAGS", "FETCH 1: FLAGS", "FETCH :1 FLAGS", "FETCH 1:2:3 FLAGS", "FETCH 1, FLAGS",
    "FETCH ,1 FLAGS", "FETCH 1;2 FLAGS", "FETCH 1-2 FLAGS", "FETCH ** FLAGS", "FETCH -1 FLAGS", "FETCH a FLAGS",
    "FETCH 4294967296 FLAGS", "UID FETCH 0 FLAGS", "UID COPY 0:1 INBOX", "STORE 0 FLAGS ()",
    // Items, sections and partials.
    "FETCH 1", "FETCH 1 ", "FETCH 1 ()", "FETCH 1 (FLAGS", "FETCH 1 FLAGS)", "FETCH 1 FLAGS UID", "FETCH 1 WRONG",
    "FETCH 1 (ALL FLAGS)", "FETCH 1 BODY[", "FETCH 1 BODY[]]", "FETCH 1 BODY[0]", "FETCH 1 BODY[1.0]", "FETCH 1 BODY[1.]",
    "FETCH 1 BODY[.1]", "FETCH 1 BODY[MIME]", "FETCH 1 BODY[1.WRONG]", "FETCH 1 BODY[HEADER.FIELDS]",
    "FETCH 1 BODY[HEADER.FIELDS ()]", "FETCH 1 BODY[HEADER.FIELDS (To]", "FETCH 1 BODY[TEXT.HEADER]",
    "FETCH 1 BODY[]<>", "FETCH 1 BODY[]<0>", "FETCH 1 BODY[]<0.>", "FETCH 1 BODY[]<0.0>", "FETCH 1 BODY[]<.5>",
    "FETCH 1 BODY[]<-1.5>", "FETCH 1 BODY[]<0.5", "FETCH 1 BODY[]<0.5>>", "FETCH 1 BODY[]<4294967296.1>",
    "FETCH 1 RFC822.WRONG", "FETCH 1 BINARY[TEXT]", "FETCH 1 FLAGS (CHANGEDSINCE)", "FETCH 1 FLAGS (CHANGEDSINCE x)",
    // Flags.
    "STORE 1", "STORE 1 FLAGS", "STORE 1 FLAGS (\\Seen", "STORE 1 FLAGS \\Seen)", "STORE 1 *FLAGS ()", "STORE 1 FLAG ()",
    "STORE 1 FLAGS.LOUD ()", "STORE 1 +FLAGS (\\*)", "STORE 1 +FLAGS (\\Recent)", "STORE 1 +FLAGS (a b", "STORE 1 +FLAGS (a%)",
    "STORE 1 (UNCHANGEDSINCE) FLAGS ()", "STORE 1 (UNCHANGEDSINCE -1) FLAGS ()",
    // Searches and dates.
    "SEARCH", "SEARCH ", "SEARCH WRONG", "SEARCH OR ALL", "SEARCH NOT", "SEARCH (ALL", "SEARCH ALL)", "SEARCH ()",
    "SEARCH SINCE", "SEARCH SINCE yesterday", "SEARCH SINCE 2024-02-01", "SEARCH SINCE 30-Feb-2024",
    "SEARCH SINCE 1-Foo-2024", "SEARCH SINCE 1-Feb-24", "SEARCH SINCE \"1-Feb-2024", "SEARCH LARGER x", "SEARCH LARGER -1",
    "SEARCH UID", "SEARCH UID 0", "SEARCH UIDAFTER 1", "SEARCH UIDBEFORE 2", "SEARCH HEADER Subject", "SEARCH KEYWORD", "SEARCH KEYWORD \\Seen", "SEARCH CHARSET",
    "SEARCH RETURN", "SEARCH RETURN (ALL", "SEARCH RETURN (WRONG) ALL", "SORT ALL", "SORT () UTF-8 ALL",
    "SORT (WRONG) UTF-8 ALL", "SORT (REVERSE) UTF-8 ALL", "SORT (DATE) UTF-8", "THREAD WRONG UTF-8 ALL",
    "THREAD REFERENCES UTF-8",
    // Strings.
    "SELECT \"INBOX", "SELECT INB\"OX", "SELECT (INBOX)", "SELECT a%", "SELECT {x}", "SELECT \"a\\b\"",
    "LIST (WRONG) \"\" *", "LIST \"\" (", "LIST \"\" * RETURN", "LIST \"\" * RETURN (WRONG)",
];

#[test]
fn what_is_malformed_is_bad() {
    let taken: Vec<_> = MALFORMED.iter().filter(|line| answer(SELECTED, line) != "BAD").collect();
    assert!(taken.is_empty(), "{taken:?}");
}
