//! What is a command, what is not, and what is said of it.

use mail_types::Flag;
use proptest::prelude::*;

mod beside_imap_codec;

use super::*;
use crate::command::{
    EnvelopeField, FetchItem, FieldChoice, ListSelection, MailboxCommand, Numbering, Partial,
    SearchKey, Section, SectionOf, StatusItem, StoreAction,
};

/// Of a client that has enabled nothing, with all that needs no ENABLE.
const PLAIN: Dialect = Dialect {
    utf8_names: false,
    rev2: false,
    utf8_only: false,
    uid_only: false,
    message_limit: true,
};

/// A command in the selected state, or, if LOGIN and its like, in the one before.
fn parse(line: &str) -> Result<Command, String> {
    let text = format!("a1 {line}\r\n");
    let attempt = |state| command(text.as_bytes(), state, PLAIN);
    let parsed = attempt(State::Selected).or_else(|first| {
        attempt(State::NotAuthenticated).map_err(|second| {
            let unready = second.completion.text == "Sign in first";
            if unready { first } else { second }
        })
    });
    parsed.map(|parsed| parsed.command).map_err(|rejected| rejected.completion.text.into_owned())
}

fn fetch_items(line: &str) -> Vec<FetchItem> {
    match parse(line) {
        Ok(Command::Fetch(fetch)) => fetch.items,
        other => panic!("{line}: {other:?}"),
    }
}

fn key(line: &str) -> SearchKey {
    match parse(line) {
        Ok(Command::Search(search)) => search.key,
        other => panic!("{line}: {other:?}"),
    }
}

#[test]
fn well_formed() {
    for line in [
        "NOOP",
        "noop",
        "CAPABILITY",
        "Logout",
        "CHECK",
        "CLOSE",
        "UNSELECT",
        "EXPUNGE",
        "IDLE",
        "NAMESPACE",
        "STARTTLS",
        "LOGIN a b",
        "LOGIN \"a\\\"b\" \"\"",
        "LOGIN {1}\r\na {2+}\r\nbc",
        "AUTHENTICATE PLAIN",
        "authenticate plain AGEAYg==",
        "AUTHENTICATE PLAIN =",
        "AUTHENTICATE \"PLAIN\" {8+}\r\nAGEAYg==",
        "ID NIL",
        "ID ()",
        "ID (\"name\" \"Thunderbird\" \"version\" NIL)",
        "ENABLE UTF8=ACCEPT",
        "compress deflate",
        "CREATE a (USE (\\Drafts))",
        "create a/ (use (\\sent \\SENT))",
        "CREATE a (USE ())",
        "SORT (DATE REVERSE SIZE) UTF-8 ALL",
        "FETCH $ (BINARY[] BINARY.PEEK[1.2]<0.9> BINARY.SIZE[3])",
        "SEARCH RETURN (SAVE) $ UID $",
        "uid sort return (count) (displayto) us-ascii NOT SEEN",
        "THREAD REFERENCES utf-8 1:* UNSEEN",
        "ENABLE CONDSTORE X-GOOD-IDEA",
        "SELECT INBOX",
        "SELECT INBOX (CONDSTORE)",
        "EXAMINE a (condstore CONDSTORE)",
        "SELECT a (QRESYNC (1 2))",
        "SELECT a (qresync (4294967295 9223372036854775807 1:5,7 (1,3:4 2,9:10)) CONDSTORE)",
        "SELECT a (QRESYNC (1 2 (1 2)))",
        "UID FETCH 1:* FLAGS (CHANGEDSINCE 1 VANISHED)",
        "UID FETCH 1:* FLAGS (VANISHED CHANGEDSINCE 1)",
        "FETCH 1 ALL (CHANGEDSINCE 9223372036854775807)",
        "UID FETCH 1:* (FLAGS MODSEQ) (changedsince 0)",
        "STORE 1 (UNCHANGEDSINCE 0) -FLAGS.SILENT a",
        "SEARCH MODSEQ 0",
        "SEARCH MODSEQ \"/flags/$mdnsent\" shared 5",
        "STATUS x (HIGHESTMODSEQ)",
        "FETCH 1 (SAVEDATE UID)",
        "UID SEARCH RETURN (PARTIAL -1:-100 COUNT) UNSEEN",
        "SEARCH RETURN (MIN partial 5:1 SAVE) ALL",
        "UID FETCH 1:* FLAGS (PARTIAL 1:5 CHANGEDSINCE 7)",
        "UID FETCH 1:* FLAGS (CHANGEDSINCE 7 PARTIAL -5:-1 VANISHED)",
        "unauthenticate",
        "APPEND x CATENATE (URL \"/INBOX/;UID=1\")",
        "append x (\\Seen) \" 1-Jan-2020 00:00:00 +0000\" catenate (url /a/;uid=1 URL {3}\r\n/b/) (\\Seen) CATENATE (URL c)",
        "REPLACE 1 x CATENATE (URL a)",
        "UID REPLACE 7 x CATENATE (URL a)",
        "FETCH 1 PREVIEW",
        "FETCH 1 preview (lazy)",
        "FETCH 1 (PREVIEW UID)",
        "FETCH 1 (PREVIEW (LAZY LAZY) UID)",
        "FETCH 1 PREVIEW (LAZY) (CHANGEDSINCE 1)",
        "SEARCH OR EMAILID M1_-a THREADID T2",
        "SEARCH SAVEDSINCE 1-Jan-2020 NOT SAVEDATESUPPORTED",
        "STATUS x (deleted-storage DELETED)",
        "GETQUOTA \"\"",
        "GETQUOTA {3}\r\na b",
        "getquotaroot inbox",
        "SETQUOTA x ()",
        "SETQUOTA x (STORAGE 9223372036854775807 MESSAGE 0)",
        "select \"a b\"",
        "EXAMINE &U,BTFw-",
        "CREATE a/b/",
        "DELETE \"\\\"x\"",
        "RENAME a b",
        "SUBSCRIBE a]b",
        "UNSUBSCRIBE x",
        "STATUS x (MESSAGES)",
        "STATUS x (messages RECENT uidnext UIDVALIDITY UNSEEN)",
        "LIST \"\" *",
        "LIST \"\" \"\"",
        "LIST a {1}\r\n%",
        "LSUB \"\" %",
        "UID EXPUNGE 1:*",
        "COPY 1:2 x",
        "UID COPY * x",
        "MOVE 1 x",
        "uid move 1 x",
        "STORE 1 FLAGS ()",
        "STORE 1 +Flags \\Seen",
        "UID STORE 1:* -FLAGS.SILENT (a \\Deleted)",
        "STORE 1 FLAGS \\Seen \\Draft x",
        "STORE 1 +FLAGS (=ec=97=85=eb=ac=b4 $Forwarded)",
    ] {
        assert!(parse(line).is_ok(), "{line}: {:?}", parse(line));
    }
}

#[test]
fn malformed_is_bad_and_never_guessed() {
    for line in [
        "",
        " NOOP",
        "NOOP x",
        "UNAUTHENTICATE x",
        "APPEND x CATENATE (URL a",
        "APPEND x CATENATE (URL a) ",
        "APPEND x CATENATE (URL a) x",
        "APPEND x CATENATE ()",
        "APPEND x CATENATE (TEXT \"a\")",
        "APPEND x (\\Seen)",
        "REPLACE 1 x",
        "SEARCH RETURN (PARTIAL 1:5 ALL) ALL",
        "SEARCH RETURN (PARTIAL 1:5 PARTIAL 6:7) ALL",
        "SEARCH RETURN (PARTIAL) ALL",
        "SEARCH RETURN (PARTIAL 1) ALL",
        "SEARCH RETURN (PARTIAL 0:5) ALL",
        "SEARCH RETURN (PARTIAL -1:5) ALL",
        "SEARCH RETURN (PARTIAL 1:-5) ALL",
        "SEARCH RETURN (PARTIAL 1:*) ALL",
        "FETCH 1:* FLAGS (PARTIAL 1:5)",
        "UID FETCH 1:* FLAGS (PARTIAL 1:5 PARTIAL 1:5)",
        "UID FETCH 1:* FLAGS (PARTIAL)",
        "NOOP ",
        "XYZZY",
        "UID",
        "UID NOOP",
        "UID  FETCH 1 FLAGS",
        "LOGIN a",
        "LOGIN a b c",
        "LOGIN \"a b",
        "LOGIN \"a\\b\" c",
        "LOGIN {3}\r\na\0b c",
        "LOGIN a {9}\r\nb",
        "LOGIN  a b",
        "LOGIN a\tb c",
        "AUTHENTICATE",
        "AUTHENTICATE (",
        "AUTHENTICATE PLAIN a b",
        "AUTHENTICATE PLAIN \"a",
        "AUTHENTICATE PL]IN",
        "ID",
        "ID x",
        "ID (\"a\")",
        "ID (\"a\" b)",
        "ENABLE",
        "ENABLE ",
        "SELECT",
        "SELECT a b",
        "SELECT a (QRESYNC (1))",
        "SELECT a (QRESYNC (1 2 1:*))",
        "SELECT a (QRESYNC (1 2 1:5 (1:2 7)))",
        "SELECT a (QRESYNC (1 2) QRESYNC (1 2))",
        "SELECT a ()",
        "SELECT a CONDSTORE",
        "CREATE a%",
        "CREATE (a)",
        "RENAME a",
        "STATUS x",
        "STATUS x ()",
        "STATUS x (DELETED.STORAGE)",
        "COMPRESS",
        "COMPRESS LZW",
        "CREATE a ()",
        "CREATE a (USE)",
        "CREATE a (USE \\Sent)",
        "CREATE a (USE (Sent))",
        "CREATE a (USE (\\Sent) X)",
        "SORT (DATE) UTF-8",
        "FETCH 1,$ UID",
        "FETCH 1 BINARY[TEXT]",
        "FETCH 1 BINARY.SIZE[1]<0.1>",
        "SELECT a (QRESYNC (1 2 $))",
        "SORT RETURN (DATE) UTF-8 ALL",
        "THREAD X UTF-8 ALL",
        "COMPRESS DEFLATE x",
        "GETQUOTA",
        "GETQUOTA a b",
        "GETQUOTAROOT",
        "GETQUOTAROOT a%",
        "SETQUOTA x",
        "SETQUOTA x STORAGE 1",
        "SETQUOTA x (STORAGE)",
        "SETQUOTA x (STORAGE -1)",
        "SETQUOTA x (STORAGE 9223372036854775808)",
        "STATUS x (HIGHEST)",
        "STATUS x MESSAGES",
        "STATUS x (MESSAGES",
        "STATUS x (MESSAGES  UNSEEN)",
        "LIST \"\"",
        "LIST \"\" a b",
        "LIST (X) \"\" *",
        "LIST (RECURSIVEMATCH) \"\" *",
        "LIST (REMOTE RECURSIVEMATCH) \"\" *",
        "LIST \"\" ()",
        "LIST \"\" * RETURN",
        "LIST \"\" * RETURN (X)",
        "LIST \"\" * RETURN (STATUS)",
        "LIST \"\" * RETURN (STATUS ())",
        "FETCH",
        "FETCH 1",
        "FETCH 0 FLAGS",
        "FETCH a FLAGS",
        "FETCH 1:2: FLAGS",
        "FETCH 1 ()",
        "FETCH 1 (ALL)",
        "FETCH 1 X",
        "FETCH 1 FLAGS UID",
        "FETCH 1 (FLAGS",
        "FETCH 1 BODY[",
        "FETCH 1 BODY[]<0>",
        "FETCH 1 BODY[]<0.0>",
        "FETCH 1 BODY[]<1.>",
        "FETCH 1 BODY[]<-1.1>",
        "FETCH 1 BODY[]<0.4294967296>",
        "FETCH 1 BODY[0]",
        "FETCH 1 BODY[1.]",
        "FETCH 1 BODY[1..2]",
        "FETCH 1 BODY[MIME]",
        "FETCH 1 BODY[1.FOO]",
        "FETCH 1 BODY[HEADER.FIELDS]",
        "FETCH 1 BODY[HEADER.FIELDS ()]",
        "FETCH 1 BODY[HEADER.FIELDS (a(b)]",
        "FETCH 1 BODY[HEADERS]",
        "FETCH 1 BODY.PEEK",
        "FETCH 1 RFC822[]",
        "FETCH 1 BODY[1 ]",
        "FETCH 1 BODY[TEXT.1]",
        "STORE 1 FLAGS",
        "STORE 1 \\Seen",
        "STORE 1 *FLAGS x",
        "STORE 1 +FLAGS (\\Recent)",
        "STORE 1 FLAGS (\\Foo)",
        "STORE 1 FLAGS (a b",
        "STORE 1 FLAGS.LOUD a",
        "COPY 1",
        "COPY x 1",
        "COPY 1 ",
        "EXPUNGE 1",
        "UID EXPUNGE",
        "CLOSE x",
        "IDLE x",
        "SEARCH",
        "SEARCH X",
        "SEARCH ALL ",
        "SEARCH ()",
        "SEARCH NOT",
        "SEARCH OR ALL",
        "SEARCH SINCE 1-Foo-2000",
        "SEARCH SINCE 30-Feb-2000",
        "SEARCH SINCE 001-Jan-2000",
        "SEARCH SINCE 1-Jan-00",
        "SEARCH SINCE \"1-Jan-2000",
        "SEARCH SINCE",
        "SEARCH LARGER x",
        "SEARCH LARGER -1",
        "SEARCH KEYWORD \\Seen",
        "SEARCH FROM",
        "SEARCH HEADER a",
        "SEARCH CHARSET UTF-8",
        "SEARCH (ALL",
        "SEARCH 0",
        "SEARCH UID x",
        "SEARCH ALL ALLX",
        "SEARCH SUBJECT {2}\r\n\u{e9}\u{e9}",
    ] {
        assert!(parse(line).is_err(), "{line:?}: {:?}", parse(line));
    }
    let deep = format!("SEARCH {}ALL", "NOT ".repeat(60));
    assert!(parse(&deep).is_err());
    let wide = format!("SEARCH{}", " ALL".repeat(3000));
    assert!(parse(&wide).is_err());
}

#[test]
fn what_is_said_of_it() {
    let check = |line: &str, expected: &str| {
        let rejected = command(line.as_bytes(), State::Authenticated, PLAIN).unwrap_err();
        let mut out = Vec::new();
        let language = crate::Language::English;
        crate::response::tagged(&mut out, rejected.tag.as_deref(), &rejected.completion, language);
        assert_eq!(String::from_utf8(out).unwrap(), format!("{expected}\r\n"), "{line}");
    };
    check("\r\n", "* BAD Expected a tag and a command");
    check("a+b noop\r\n", "* BAD Expected a tag and a command");
    check("a\r\n", "a BAD Expected a space");
    check("a1 frob\r\n", "a1 BAD No such command");
    check("a1 login x y\r\n", "a1 BAD Already signed in");
    check("a1 fetch 1 flags\r\n", "a1 BAD Select a mailbox first");
    check("a1 noop x\r\n", "a1 BAD Expected the end of the line");
    check("a1 create a//b\r\n", "a1 NO [CANNOT] the mailbox name has an empty level");
    check("a1 select &Jjo!\r\n", "a1 NO [CANNOT] the name is not correct modified UTF-7");
    check("a1 append x (\\Seen)\r\n", "a1 BAD Expected the message as a literal");
}

#[test]
fn fetch_macros() {
    use FetchItem::*;
    assert_eq!(fetch_items("FETCH 1 FAST"), [Flags, InternalDate, Size]);
    assert_eq!(fetch_items("FETCH 1 all"), [Flags, InternalDate, Size, Envelope]);
    assert_eq!(fetch_items("FETCH 1 FULL"), [Flags, InternalDate, Size, Envelope, Body]);
    // RFC 3501 §6.4.8: with the UID in any case, and each item once.
    assert_eq!(fetch_items("UID FETCH 1 (FLAGS UID flags)"), [Uid, Flags]);
    assert_eq!(
        fetch_items("FETCH 1 (BODY BODYSTRUCTURE RFC822 RFC822.HEADER RFC822.TEXT RFC822.SIZE)"),
        [Body, BodyStructure, Rfc822, Rfc822Header, Rfc822Text, Size]
    );
}

#[test]
fn fetch_sections() {
    let check = |spec: &str, path: &[u32], of: SectionOf| {
        let item = FetchItem::Section {
            section: Section { path: path.to_vec(), of },
            partial: None,
            peek: true,
        };
        assert_eq!(fetch_items(&format!("FETCH 1 BODY.PEEK[{spec}]")), [item], "{spec}");
    };
    let fields = |choice| SectionOf::HeaderFields(vec!["From".into(), "x-A".into()], choice);
    check("", &[], SectionOf::Content);
    check("HEADER", &[], SectionOf::Header);
    check("text", &[], SectionOf::Text);
    check("1", &[1], SectionOf::Content);
    check("4.2.1", &[4, 2, 1], SectionOf::Content);
    check("4.1.mime", &[4, 1], SectionOf::Mime);
    check("2.HEADER", &[2], SectionOf::Header);
    check("HEADER.FIELDS (From x-A)", &[], fields(FieldChoice::Named));
    check("3.HEADER.FIELDS.NOT (\"From\" {3}\r\nx-A)", &[3], fields(FieldChoice::NotNamed));
    let partial = Some(Partial { origin: 65536, length: 65536 });
    let section = Section::default();
    let item = FetchItem::Section { section, partial, peek: false };
    assert_eq!(fetch_items("UID FETCH 9 (BODY[]<65536.65536>)"), [FetchItem::Uid, item]);
}

#[test]
fn what_marks_seen() {
    let marks =
        |items: &str| fetch_items(&format!("FETCH 1 {items}")).iter().any(FetchItem::marks_seen);
    for items in ["BODY[]", "RFC822", "RFC822.TEXT", "BODY[HEADER]", "(FLAGS BODY[1])"] {
        assert!(marks(items), "{items}");
    }
    for items in ["BODY.PEEK[]", "RFC822.HEADER", "BODY", "FULL"] {
        assert!(!marks(items), "{items}");
    }
}

#[test]
fn sort_criteria_count_once() {
    let criteria = |line: &str| match parse(line) {
        Ok(Command::Search(search)) => search.arrange,
        other => panic!("{line}: {other:?}"),
    };
    assert_eq!(
        criteria("SORT (DATE REVERSE SIZE DATE SIZE REVERSE DATE) UTF-8 ALL"),
        criteria("SORT (DATE REVERSE SIZE) UTF-8 ALL")
    );
}

#[test]
fn search_keys() {
    use SearchKey as K;
    let not = |key| K::Not(Box::new(key));
    let header = |name: &str, text: &str| K::Header { name: name.into(), text: text.into() };
    let envelope = |field, text: &str| K::Envelope { field, text: text.into() };
    assert_eq!(key("SEARCH ALL"), K::All);
    assert_eq!(key("SEARCH UNSEEN"), not(K::Flag(Flag::Seen)));
    assert_eq!(key("SEARCH OLD"), not(K::Recent));
    assert_eq!(key("SEARCH new"), K::And(vec![K::Recent, not(K::Flag(Flag::Seen))]));
    // RFC 3501 §6.4.4, its examples.
    assert_eq!(
        key("SEARCH FLAGGED SINCE 1-Feb-1994 NOT FROM \"Smith\""),
        K::And(vec![
            K::Flag(Flag::Flagged),
            K::Since(crate::calendar::Date::new(1994, 2, 1).unwrap()),
            not(envelope(EnvelopeField::From, "Smith")),
        ])
    );
    assert_eq!(key("SEARCH CHARSET UTF-8 TEXT {6}\r\n가나"), K::Text("가나".into()));
    assert_eq!(
        key("SEARCH OR (SUBJECT a 1:3) UID 5"),
        K::Or(Box::new((
            K::And(vec![
                envelope(EnvelopeField::Subject, "a"),
                K::Sequence(crate::SequenceSet::parse(b"1:3").unwrap()),
            ]),
            K::Uid(crate::SequenceSet::parse(b"5").unwrap()),
        )))
    );
    assert_eq!(key("SEARCH HEADER Message-ID \"\""), header("Message-ID", ""));
    assert_eq!(key("SEARCH SENTON \"01-jan-2020\""), key("SEARCH SENTON 1-Jan-2020"));
    assert!(
        matches!(parse("UID SEARCH LARGER 0"), Ok(Command::Search(s)) if s.numbering == Numbering::Uid)
    );
    let unknown = command(b"a SEARCH CHARSET KOI8-R ALL\r\n", State::Selected, PLAIN).unwrap_err();
    assert_eq!(unknown.completion.code, Some(Code::BadCharset));
}

#[test]
fn lists() {
    let list = |line: &str| match parse(line) {
        Ok(Command::Mailboxes(MailboxCommand::List(list))) => list,
        other => panic!("{line}: {other:?}"),
    };
    let plain = list("LIST \"\" *");
    assert_eq!((plain.extended, plain.patterns), (false, vec!["*".to_owned()]));
    // What Thunderbird sends.
    let subscribed = list("list (subscribed) \"\" \"*\" return (special-use)");
    let selection = ListSelection { subscribed: true, ..ListSelection::default() };
    assert_eq!(subscribed.selection, selection);
    assert!(subscribed.extended && subscribed.returns.subscribed && subscribed.returns.special_use);
    let status = list(
        "LIST \"\" (INBOX \"&U,BTFw-/%\") RETURN (CHILDREN STATUS (MESSAGES UNSEEN MESSAGES))",
    );
    assert_eq!(status.patterns, ["INBOX", "台北/%"]);
    assert_eq!(status.returns.status, [StatusItem::Messages, StatusItem::Unseen]);
    assert!(list("LIST () \"\" \"\"").extended);
}

#[test]
fn stores() {
    let Ok(Command::Store(store)) = parse("UID STORE 1:* -FLAGS.SILENT (a \\deleted)") else {
        panic!()
    };
    assert_eq!((store.action, store.silent), (StoreAction::Remove, true));
    assert_eq!(store.numbering, Numbering::Uid);
    assert!(store.flags.contains(&Flag::Deleted) && store.flags.keywords().len() == 1);
}

#[test]
fn heads_of_append() {
    let check = |text: &str| {
        let full = format!("a APPEND {text}{{310}}\r\n");
        let literal = Literal { size: 310, synchronising: true, at: full.len() - 7 };
        announced(full.as_bytes(), literal, State::Authenticated, PLAIN)
    };
    let Ok(Announced::Append { mut steps, catenating: false, .. }) =
        check("saved-messages (\\Seen) \"17-Jul-1996 02:44:25 -0700\" ")
    else {
        panic!()
    };
    let Some(AppendStep::Begin(head)) = steps.pop_front() else { panic!() };
    assert_eq!((head.mailbox.as_str(), head.size), ("saved-messages", Some(310)));
    assert!(matches!(steps.pop_front(), Some(AppendStep::Literal(310))));
    assert_eq!(head.internal_date.unwrap().secs(), 837_596_665);
    assert!(matches!(check("x "), Ok(Announced::Append { .. })));
    assert!(matches!(check("x \" 1-Jan-2020 00:00:00 +0000\" "), Ok(Announced::Append { .. })));
    assert!(matches!(check("{3}\r\na b () "), Ok(Announced::Append { .. })));
    assert!(matches!(check(""), Ok(Announced::Argument { .. })));
    for (text, catenating) in [("x CATENATE (TEXT ", true), ("x () catenate (URL a TEXT ", true)] {
        let Ok(Announced::Append { catenating: is, .. }) = check(text) else { panic!("{text}") };
        assert_eq!(is, catenating, "{text}");
    }
    assert!(matches!(check("x CATENATE (URL "), Ok(Announced::Argument { .. })));
    // Behind a whole one there may be another.
    assert!(matches!(check("x CATENATE (URL a) "), Ok(Announced::Append { .. })));
    for bad in [
        "x",
        "x (\\Seen)",
        "x (\\Recent) ",
        "x y ",
        "x \"1-Jan-2020 00:00:00 +0000\" ",
        "x \"01-Jan-2020 24:00:00 +0000\" ",
        "x \"01-Jan-2020 00:00:00 +2400\" ",
        "x \"01-Jan-2020 00:00:00\" ",
        "x \"31-Feb-2020 00:00:00 +0000\" ",
        "x \"\" ",
        "x~",
        "x CATENATE ",
        "x CATENATE (",
        "x CATENATE ()",
        "x CATENATE (TEXT",
        "x CATENATE (TEXT a ",
        "x CATENATE (URL a TEXT",
        "x CATENATE (URL a ",
        "x CATENATE (DATA ",
        "x CATENATE (URL a))",
    ] {
        assert!(check(bad).is_err(), "{bad}");
    }
}

proptest! {
    #[test]
    fn nothing_panics(
        words in proptest::collection::vec(
            prop_oneof![
                Just("FETCH"), Just("1:*"), Just("("), Just(")"), Just("BODY["), Just("]"), Just("<0."),
                Just("UID"), Just("SEARCH"), Just("OR"), Just("NOT"), Just("LIST"), Just("\"\""),
                Just("{3}\r\n"), Just("abc"), Just("RETURN"), Just("STORE"), Just("\\Seen"), Just("é"),
                Just("APPEND"), Just("&-"), Just("\""), Just("1-Jan-2020"), Just("SINCE"), Just("HEADER.FIELDS"),
            ],
            0..12,
        ),
        spaced in any::<bool>(),
        state in prop_oneof![Just(State::Selected), Just(State::NotAuthenticated)],
    ) {
        let line = format!("a {}", words.join(if spaced { " " } else { "" }));
        let _ = command(line.as_bytes(), state, PLAIN);
        for at in 0..line.len() {
            let literal = Literal { size: 1, synchronising: true, at };
            let _ = announced(line.as_bytes(), literal, state, PLAIN);
        }
    }

    #[test]
    fn nothing_panics_on_octets(text in proptest::collection::vec(any::<u8>(), 0..60)) {
        let _ = command(&text, State::Selected, PLAIN);
    }
}
