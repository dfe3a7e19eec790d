//! Mod-sequences (RFC 7162 §3.1), as the store keeps them.

use crate::{
    client::{Answer, Client},
    house::{House, small},
};

async fn house_with(count: u32) -> House {
    let house = House::new().await;
    let messages: Vec<_> = (1..=count).map(|number| small(&number.to_string())).collect();
    house.put_all(&messages).await;
    house
}

/// The number behind a word, such as `HIGHESTMODSEQ 5` or `MODSEQ (5)`.
#[track_caller]
fn number_behind(word: &str, line: &str) -> u64 {
    let (_, rest) = line.split_once(word).unwrap_or_else(|| panic!("no {word} in {line}"));
    let digits = rest.trim_start_matches([' ', '(']);
    let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
    digits[..end].parse().unwrap()
}

fn highest(answer: &Answer) -> u64 {
    number_behind("HIGHESTMODSEQ", &answer.line("OK [HIGHESTMODSEQ"))
}

async fn status(client: &mut Client) -> u64 {
    let answer = client.run("STATUS INBOX (HIGHESTMODSEQ)").await.ok();
    number_behind("HIGHESTMODSEQ", &answer.line("STATUS"))
}

/// RFC 7162 §3.1.2.1, §3.1.7: what SELECT and STATUS say is the same, and that of the last change.
#[tokio::test]
async fn where_a_mailbox_stands() {
    let house = house_with(3).await;
    let mut client = house.sign_in().await;
    let selected = highest(&client.run("SELECT INBOX (CONDSTORE)").await.ok());
    assert_eq!(selected, status(&mut client).await);
    let stored = client.run("STORE 2 +FLAGS.SILENT (\\Seen)").await.ok();
    // RFC 7162 §3.1.4.2, example 14: silent, but not about the mod-sequence.
    let lines = stored.lines();
    let [line] = lines.as_slice() else { panic!("{lines:?}") };
    let changed = number_behind("MODSEQ", line);
    assert_eq!(*line, format!("2 FETCH (UID 2 MODSEQ ({changed}))"));
    assert!(changed > selected);
    assert_eq!(status(&mut client).await, changed);
    // RFC 7162 §3.1.11: what changes nothing is no change.
    let again = client.run("STORE 2 +FLAGS.SILENT (\\Seen)").await.ok();
    assert_eq!(again.lines(), lines);
    // RFC 7162 §3.1: a message that comes has a higher one than any before.
    house.put(&small("4")).await;
    client.run("NOOP").await.ok().line("4 EXISTS");
    let fetched = client.run("FETCH 1:* MODSEQ").await.ok();
    let mod_seqs: Vec<u64> =
        fetched.lines().iter().map(|line| number_behind("MODSEQ", line)).collect();
    assert!(mod_seqs[3] > changed && mod_seqs[1] == changed, "{mod_seqs:?}");
    assert!(mod_seqs[0] <= selected && mod_seqs[2] <= selected, "{mod_seqs:?}");
    // RFC 7162 §3.2.11.
    let other = client.run("SELECT INBOX").await.ok();
    assert!(other.lines()[0].starts_with("OK [CLOSED]"), "{other:?}");
    assert_eq!(highest(&other), mod_seqs[3]);
}

/// RFC 7162 §3.1: the first enabling command says where the open mailbox stands, no other does.
#[tokio::test]
async fn the_first_enabling_command() {
    for command in [
        "ENABLE CONDSTORE",
        "STATUS Trash (HIGHESTMODSEQ)",
        "FETCH 1 MODSEQ",
        "UID FETCH 9 FLAGS (CHANGEDSINCE 1)",
        "SEARCH NOT MODSEQ 1",
        "STORE 1 (UNCHANGEDSINCE 0) +FLAGS ()",
    ] {
        let house = house_with(1).await;
        let mut client = house.open().await;
        let (mut other, mut third) = (house.open().await, house.open().await);
        assert!(client.run("STORE 1 +FLAGS.SILENT (\\Draft)").await.ok().untagged.is_empty());
        let stands = status(&mut third).await;
        assert_eq!(highest(&client.run(command).await.ok()), stands, "{command}");
        let again = client.run("FETCH 1 MODSEQ").await.ok();
        assert_eq!(again.lines(), [format!("1 FETCH (MODSEQ ({stands}))")], "{command}");
        // What another session does comes with it too, to those who know.
        other.run("STORE 1 FLAGS (\\Answered)").await.ok();
        let news = client.run("NOOP").await.ok();
        let now = status(&mut third).await;
        assert_eq!(
            news.lines(),
            [format!("1 FETCH (UID 1 FLAGS (\\Answered \\Recent) MODSEQ ({now}))")],
            "{command}"
        );
        client.run("STORE 1 FLAGS ()").await.ok();
        assert_eq!(other.run("NOOP").await.ok().lines(), ["1 FETCH (UID 1 FLAGS ())"], "{command}");
    }
}

/// RFC 7162 §3.1.3: what changed since is left as it is, and the client is told what it is.
#[tokio::test]
async fn stores_on_condition() {
    let house = house_with(4).await;
    let (mut one, mut two) = (house.open().await, house.open().await);
    let known = highest(&one.run("ENABLE CONDSTORE").await.ok());
    two.run("STORE 2 +FLAGS (\\Flagged)").await.ok();
    let flagged = status(&mut two).await;
    let stored =
        one.run(format!("STORE 1:3 (UNCHANGEDSINCE {known}) +FLAGS.SILENT (\\Seen)")).await;
    let stored = stored.is("OK [MODIFIED 2]");
    let now = status(&mut two).await;
    assert_eq!(
        stored.lines(),
        [
            format!("1 FETCH (UID 1 MODSEQ ({now}))"),
            format!("3 FETCH (UID 3 MODSEQ ({now}))"),
            format!("2 FETCH (UID 2 FLAGS (\\Flagged \\Recent) MODSEQ ({flagged}))"),
        ]
    );
    assert!(one.run("NOOP").await.ok().untagged.is_empty(), "it was told already");
    // With what it knows now, it succeeds.
    let again = format!("UID STORE 2 (UNCHANGEDSINCE {flagged}) +FLAGS (\\Seen)");
    let stored = one.run(again).await.ok();
    assert!(stored.line("2 FETCH").starts_with("2 FETCH (UID 2 FLAGS (\\Flagged \\Seen"));
    one.run("UID STORE 4,1:2 (UNCHANGEDSINCE 0) FLAGS ()").await.is("OK [MODIFIED 1:2,4]");

    // RFC 7162 §3.1.3, example 11: some are gone, which the client does not know yet.
    let now = status(&mut two).await;
    two.run("STORE 3 +FLAGS (\\Deleted)").await.ok();
    two.run("EXPUNGE").await.ok();
    two.run("STORE 1 +FLAGS (\\Flagged)").await.ok();
    let stored = one.run(format!("STORE 1:4 (UNCHANGEDSINCE {now}) +FLAGS (\\Answered)")).await;
    stored.is("NO [MODIFIED 1]");
    assert_eq!(one.run("NOOP").await.ok().line("3 EXPUNGE"), "3 EXPUNGE");
    assert_eq!(one.run("SEARCH ANSWERED").await.ok().found(), [2, 3]);
}

/// RFC 7162 §3.1.4: only what changed since, and `\Seen` that FETCH sets is a change.
#[tokio::test]
async fn what_changed_since() {
    let house = house_with(1200).await;
    let mut client = house.open().await;
    let before = highest(&client.run("ENABLE CONDSTORE").await.ok());
    client.run("STORE 7,1100 +FLAGS.SILENT (\\Flagged)").await.ok();
    let now = status(&mut client).await;
    let fetched = client.run(format!("FETCH 5:* (UID) (CHANGEDSINCE {before})")).await.ok();
    assert_eq!(fetched.lines(), [7, 1100].map(|n| format!("{n} FETCH (UID {n} MODSEQ ({now}))")));
    let fetched = client.run(format!("UID FETCH 8:* (FLAGS) (CHANGEDSINCE {before})")).await.ok();
    assert_eq!(fetched.untagged.len(), 1);
    assert!(
        client.run(format!("FETCH 1:* FLAGS (CHANGEDSINCE {now})")).await.ok().untagged.is_empty()
    );
    assert_eq!(client.run("FETCH 1:* FLAGS (CHANGEDSINCE 0)").await.ok().untagged.len(), 1200);

    let read = client.run("FETCH 9 BODY[TEXT]").await.ok().line("9 FETCH");
    let seen = number_behind("MODSEQ", &read);
    assert!(seen > now);
    assert!(read.ends_with(&format!("UID 9 FLAGS (\\Seen \\Recent) MODSEQ ({seen}))")), "{read}");
    assert!(client.run("NOOP").await.ok().untagged.is_empty());
    assert_eq!(
        client.run("FETCH 9 FLAGS").await.ok().lines(),
        ["9 FETCH (FLAGS (\\Seen \\Recent))"]
    );
}

/// RFC 7162 §3.1.5, §3.1.10, RFC 4731 §3.2.
#[tokio::test]
async fn searches_for_mod_sequences() {
    let house = house_with(5).await;
    let mut client = house.open().await;
    let before = highest(&client.run("ENABLE CONDSTORE").await.ok());
    for number in [4, 2] {
        client.run(format!("STORE {number} +FLAGS.SILENT (\\Flagged)")).await.ok();
    }
    // The fourth changed before the second.
    let (fourth, second) = (before + 1, before + 2);
    for (query, expected) in [
        (format!("MODSEQ {second}"), format!("SEARCH 2 (MODSEQ {second})")),
        (format!("MODSEQ {fourth}"), format!("SEARCH 2 4 (MODSEQ {second})")),
        (format!("3:* MODSEQ {fourth}"), format!("SEARCH 4 (MODSEQ {fourth})")),
        (
            format!("MODSEQ \"/flags/\\\\seen\" priv {fourth}"),
            format!("SEARCH 2 4 (MODSEQ {second})"),
        ),
        (format!("NOT MODSEQ {fourth}"), format!("SEARCH 1 3 5 (MODSEQ {before})")),
        (format!("OR 1 MODSEQ {second}"), format!("SEARCH 1 2 (MODSEQ {second})")),
        (format!("MODSEQ {}", second + 1), "SEARCH".to_owned()),
        ("MODSEQ 0 FLAGGED".to_owned(), format!("SEARCH 2 4 (MODSEQ {second})")),
        ("FLAGGED".to_owned(), "SEARCH 2 4".to_owned()),
    ] {
        let answer = client.run(format!("SEARCH {query}")).await.ok();
        assert_eq!(answer.line("SEARCH"), expected, "{query}");
    }
    for (wanted, expected) in [
        ("MIN", format!("MIN 2 MODSEQ {second}")),
        ("MAX", format!("MAX 4 MODSEQ {fourth}")),
        ("MIN MAX", format!("MIN 2 MAX 4 MODSEQ {second}")),
        ("MAX ALL", format!("MAX 4 ALL 2,4 MODSEQ {second}")),
        ("COUNT", format!("COUNT 2 MODSEQ {second}")),
    ] {
        let query = format!("UID SEARCH RETURN ({wanted}) MODSEQ {fourth}");
        let line = client.run(query).await.ok().line("ESEARCH");
        assert!(line.ends_with(&format!(") UID {expected}")), "{wanted}: {line}");
    }
}

/// RFC 3501 §6.4.6: silence is about what the session itself changes; what another one has changed
/// is told, and is not lost behind the new mod-sequence.
#[tokio::test]
async fn silence_hides_nobody_elses_change() {
    let house = house_with(2).await;
    let (mut one, mut other) = (house.sign_in().await, house.sign_in().await);
    one.run("SELECT INBOX (CONDSTORE)").await.ok();
    other.run("SELECT INBOX").await.ok();
    other.run("STORE 1 +FLAGS (\\Flagged)").await.ok();
    let told = one.run("STORE 1 +FLAGS.SILENT (\\Seen)").await.ok();
    let news = one.run("NOOP").await.ok();
    let lines = [told.lines(), news.lines()].concat();
    let seen = |line: &String| line.contains("\\Flagged") && line.contains("\\Seen");
    assert!(lines.iter().any(seen), "{lines:?}");

    // And one that changes nothing itself.
    other.run("STORE 2 +FLAGS (\\Draft)").await.ok();
    let told = one.run("STORE 2 +FLAGS.SILENT (\\Draft)").await.ok();
    let news = one.run("NOOP").await.ok();
    let lines = [told.lines(), news.lines()].concat();
    assert!(lines.iter().any(|line| line.contains("\\Draft")), "{lines:?}");
}
