//! Commands to compare by: those of the transcripts, others made by the grammar (RFC 9051 §9), and each
//! of them with an octet changed.

use std::collections::BTreeSet;

use testkit::Random;

/// The commands of the transcripts, without their tags and without literals.
pub(super) fn of_transcripts() -> BTreeSet<String> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/transcripts");
    let mut commands = BTreeSet::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        for line in text.lines() {
            let said = line.trim_start_matches(|c: char| c.is_ascii_digit()).strip_prefix("C: ");
            let Some((_, command)) = said.and_then(|said| said.split_once(' ')) else { continue };
            let command = command.replace("\\\\", "\\");
            if !command.ends_with('}') && !command.contains(['\r', '\n']) {
                commands.insert(command);
            }
        }
    }
    assert!(commands.len() > 300, "{}", commands.len());
    commands
}

/// The same with one octet more, less or changed.
pub(super) fn changed(command: &str, random: &mut Random) -> String {
    const OCTETS: &[u8] = b" ()[]<>{}\"\\*%:,.$~+-&/=0123456789aAzZ\t\r\x7f";
    let mut octets = command.as_bytes().to_vec();
    let (place, octet) = (random.place(octets.len()), OCTETS[random.place(OCTETS.len())]);
    match random.below(3) {
        0 => octets.insert(place, octet),
        1 => drop(octets.remove(place)),
        _ => octets[place] = octet,
    }
    String::from_utf8_lossy(&octets).into_owned()
}

/// A command that the grammar of RFC 3501 has, with arguments that it has.
pub(super) fn by_grammar(random: &mut Random) -> String {
    let r = random;
    let uid = if r.percent(40) { "UID " } else { "" };
    match r.below(22) {
        0 => one_of(r, &["CAPABILITY", "NOOP", "CHECK", "CLOSE", "EXPUNGE", "UNSELECT", "IDLE"]),
        1 => format!("LOGIN {} {}", astring(r), astring(r)),
        2 => format!("SELECT {}", mailbox(r)),
        3 => format!("EXAMINE {}", mailbox(r)),
        4 => format!("CREATE {}", mailbox(r)),
        5 => format!("DELETE {}", mailbox(r)),
        6 => format!("RENAME {} {}", mailbox(r), mailbox(r)),
        7 => format!("SUBSCRIBE {}", mailbox(r)),
        8 => format!("UNSUBSCRIBE {}", mailbox(r)),
        9 => format!("LIST {} {}", mailbox(r), pattern(r)),
        10 => format!("LSUB {} {}", mailbox(r), pattern(r)),
        11 => format!("STATUS {} ({})", mailbox(r), several(r, 4, status_item)),
        12 => append(r),
        13 | 14 => format!("{uid}SEARCH {}{}", charset(r), several(r, 3, |r| search_key(r, 3))),
        15 | 16 => format!("{uid}FETCH {} {}", set(r), fetched(r)),
        17 => {
            let sign = one_of(r, &["", "+", "-"]);
            let silent = one_of(r, &["", ".SILENT", ".silent"]);
            let flags = match r.below(3) {
                0 => several(r, 3, flag),
                1 => "()".to_owned(),
                _ => format!("({})", several(r, 3, flag)),
            };
            format!("{uid}STORE {} {sign}FLAGS{silent} {flags}", set(r))
        }
        18 => format!("{uid}COPY {} {}", set(r), mailbox(r)),
        19 => format!("{uid}MOVE {} {}", set(r), mailbox(r)),
        20 => {
            let mechanism = one_of(r, &["PLAIN", "login", "SCRAM-SHA-256", "EXTERNAL"]);
            let initial = one_of(r, &["", " =", " AGEAYg==", " biws", " YQ=="]);
            format!("AUTHENTICATE {mechanism}{initial}")
        }
        _ => match r.below(4) {
            0 => format!("GETQUOTA {}", astring(r)),
            1 => format!("GETQUOTAROOT {}", mailbox(r)),
            2 => {
                let names = &["CONDSTORE", "UTF8=ACCEPT", "imap4rev2", "QRESYNC", "X-Y"];
                format!("ENABLE {}", several(r, 3, |r| one_of(r, names)))
            }
            _ => one_of(r, &["SETQUOTA \"\" (STORAGE 512)", "SETQUOTA a ()", "COMPRESS DEFLATE"]),
        },
    }
}

fn one_of(r: &mut Random, of: &[&str]) -> String {
    (*r.one_of(of).unwrap()).to_owned()
}

/// Up to so many, with spaces between.
fn several(r: &mut Random, most: u64, mut one: impl FnMut(&mut Random) -> String) -> String {
    let count = 1 + r.below(most);
    (0..count).map(|_| one(r)).collect::<Vec<_>>().join(" ")
}

fn string_of(r: &mut Random, content: &str) -> String {
    match r.below(3) {
        0 => format!("{{{}}}\r\n{content}", content.len()),
        1 => format!("{{{}+}}\r\n{content}", content.len()),
        _ => format!("\"{}\"", content.replace('\\', "\\\\").replace('"', "\\\"")),
    }
}

fn astring(r: &mut Random) -> String {
    match r.below(3) {
        0 => {
            one_of(r, &["a", "NIL", "x]y", "a+b", "$1", "#news", "~u", "a&b", "1", "a}b", "a=b<c>"])
        }
        _ => {
            let content =
                one_of(r, &["", " ", "a b", "\"", "a\\b", "(x", "%*", "é", "a@b.test", "}"]);
            string_of(r, &content)
        }
    }
}

fn mailbox(r: &mut Random) -> String {
    match r.below(4) {
        0 => {
            one_of(r, &["INBOX", "inbox", "InBox/a", "Sent", "a/b/c", "a/", "&U,BTFw-", "&-", "a]"])
        }
        1 => {
            let content =
                one_of(r, &["INBOX", "a b", "&ZeVnLIqe-/x", "a\"b", "a.b", "{", "a\\b", "("]);
            string_of(r, &content)
        }
        2 => one_of(r, &["/a", "a//b", "\"\"", "&Jjo!", "&AGE-", "\"a%\"", "\"*\"", "\"é\""]),
        _ => astring(r),
    }
}

fn pattern(r: &mut Random) -> String {
    match r.below(3) {
        0 => one_of(r, &["*", "%", "a*", "%/%", "INBOX", "inbox", "a]%", "&U,BTFw-/*"]),
        1 => one_of(r, &["\"*\"", "\"a b%\"", "\"\"", "{1}\r\n*", "{2+}\r\n%]"]),
        _ => mailbox(r),
    }
}

fn status_item(r: &mut Random) -> String {
    let items =
        ["MESSAGES", "recent", "UIDNEXT", "UIDVALIDITY", "Unseen", "DELETED", "HIGHESTMODSEQ"];
    one_of(r, &items)
}

fn flag(r: &mut Random) -> String {
    let flags =
        ["\\Seen", "\\deleted", "\\Answered", "\\Flagged", "\\Draft", "a", "$Forwarded", "A"];
    let others = ["\\Recent", "\\Foo", "]", "a]", "x+y"];
    if r.percent(10) { one_of(r, &others) } else { one_of(r, &flags) }
}

fn number(r: &mut Random) -> String {
    one_of(r, &["1", "2", "7", "10", "4294967295", "*"])
}

fn set(r: &mut Random) -> String {
    let ranges = (0..=r.below(3)).map(|_| match r.below(2) {
        0 => number(r),
        _ => format!("{}:{}", number(r), number(r)),
    });
    ranges.collect::<Vec<_>>().join(",")
}

fn append(r: &mut Random) -> String {
    let mailbox = mailbox(r);
    let flags = if r.percent(50) { format!("({}) ", several(r, 3, flag)) } else { String::new() };
    let date = match r.below(3) {
        0 => String::new(),
        1 => "\"17-Jul-1996 02:44:25 -0700\" ".to_owned(),
        _ => {
            let dates = [
                "\" 1-Jan-2020 00:00:00 +0000\" ",
                "\"01-feb-2020 23:59:60 +1400\" ",
                "\"31-Feb-2020 00:00:00 +0000\" ",
                "\"29-Feb-2024 12:30:00 -1200\" ",
                "\"1-Jan-2020 00:00:00 +0000\" ",
                "\" 1-Jan-2020 00:00:00 +0060\" ",
            ];
            one_of(r, &dates)
        }
    };
    let size = r.below(5);
    let message = "x".repeat(usize::try_from(size).unwrap());
    let plus = one_of(r, &["", "+"]);
    format!("APPEND {mailbox} {flags}{date}{{{size}{plus}}}\r\n{message}")
}

fn charset(r: &mut Random) -> String {
    one_of(r, &["", "", "", "CHARSET UTF-8 ", "CHARSET us-ascii ", "charset \"utf-8\" "])
}

fn day(r: &mut Random) -> String {
    let days =
        ["1-Feb-1994", "01-Feb-1994", "\"1-Feb-1994\"", "31-dec-2024", "29-Feb-2023", "3-Mar-0001"];
    one_of(r, &days)
}

fn search_key(r: &mut Random, depth: u64) -> String {
    const BARE: [&str; 18] = [
        "ALL",
        "ANSWERED",
        "DELETED",
        "DRAFT",
        "FLAGGED",
        "NEW",
        "OLD",
        "RECENT",
        "SEEN",
        "UNANSWERED",
        "UNDELETED",
        "UNDRAFT",
        "UNFLAGGED",
        "UNSEEN",
        "unseen",
        "Seen",
        "new",
        "old",
    ];
    let texts = &["BCC", "BODY", "CC", "FROM", "SUBJECT", "TEXT", "TO"];
    let dates = &["BEFORE", "ON", "SINCE", "SENTBEFORE", "SENTON", "SENTSINCE"];
    match r.below(if depth == 0 { 8 } else { 12 }) {
        0 | 1 => one_of(r, &BARE),
        2 => format!("{} {}", one_of(r, texts), astring(r)),
        3 => format!("{} {}", one_of(r, dates), day(r)),
        4 => format!("{} {}", one_of(r, &["LARGER", "SMALLER"]), one_of(r, &["0", "1024", "007"])),
        5 => format!("HEADER {} {}", astring(r), astring(r)),
        6 => match r.below(2) {
            0 => set(r),
            _ => format!("UID {}", set(r)),
        },
        7 => format!("{} {}", one_of(r, &["KEYWORD", "UNKEYWORD"]), one_of(r, &["a", "$x", "A+b"])),
        8 => format!("NOT {}", search_key(r, depth - 1)),
        9 => format!("OR {} {}", search_key(r, depth - 1), search_key(r, depth - 1)),
        _ => format!("({})", several(r, 3, |r| search_key(r, depth - 1))),
    }
}

fn fetched(r: &mut Random) -> String {
    match r.below(4) {
        0 => one_of(r, &["ALL", "FAST", "full"]),
        1 => fetch_item(r),
        _ => format!("({})", several(r, 4, fetch_item)),
    }
}

fn fetch_item(r: &mut Random) -> String {
    const BARE: [&str; 11] = [
        "BODY",
        "BODYSTRUCTURE",
        "ENVELOPE",
        "FLAGS",
        "INTERNALDATE",
        "RFC822",
        "RFC822.HEADER",
        "RFC822.SIZE",
        "RFC822.TEXT",
        "UID",
        "flags",
    ];
    if r.percent(50) {
        return one_of(r, &BARE);
    }
    let section = match r.below(5) {
        0 => String::new(),
        1 => one_of(r, &["HEADER", "TEXT", "text"]),
        2 => one_of(r, &["1", "1.2", "4.2.1", "1.MIME", "2.HEADER", "1.2.TEXT"]),
        _ => {
            let (part, not) = (one_of(r, &["", "3."]), one_of(r, &["", ".NOT"]));
            format!("{part}HEADER.FIELDS{not} ({})", several(r, 2, astring))
        }
    };
    let (peek, partial) = (one_of(r, &["", ".PEEK"]), one_of(r, &["", "<0.1>", "<5.4294967295>"]));
    format!("BODY{peek}[{section}]{partial}")
}
