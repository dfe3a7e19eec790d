//! The examples of the standards, and what they leave open.

use super::*;
use crate::command::{ListReturn, ListSelection};

/// `x` exists, `s` is subscribed; an upper-case word is a special use.
fn names(text: &str) -> Vec<Listed> {
    text.split_whitespace()
        .map(|entry| {
            let (name, facts) = entry.split_once('=').unwrap();
            Listed {
                name: MailboxName::parse(name).unwrap(),
                exists: facts.contains('x'),
                subscribed: facts.contains('s'),
                special_use: facts.contains('T').then_some(SpecialUse::Trash),
            }
        })
        .collect()
}

fn render(lines: &[ListLine<'_>]) -> String {
    let line = |line: &ListLine<'_>| {
        let info = line.child_info.join("+");
        format!("{}[{}]{info}", line.name, line.attributes.join(" "))
    };
    lines.iter().map(line).collect::<Vec<_>>().join(", ")
}

fn check(all: &str, wanted: &List, expected: &str) {
    let names = names(all);
    let lines: Vec<ListLine<'_>> = list(&names, wanted).into_iter().map(|l| l.line).collect();
    assert_eq!(render(&lines), expected);
}

fn plain(reference: &str, pattern: &str) -> List {
    List { reference: reference.into(), patterns: vec![pattern.into()], ..List::default() }
}

fn extended(patterns: &[&str], selection: ListSelection) -> List {
    List {
        patterns: patterns.iter().map(|p| (*p).to_owned()).collect(),
        extended: true,
        selection,
        returns: ListReturn { subscribed: selection.subscribed, ..ListReturn::default() },
        ..List::default()
    }
}

const SUBSCRIBED: ListSelection =
    ListSelection { subscribed: true, special_use: false, recursive_match: false };

#[test]
fn patterns() {
    for (pattern, name, expected) in [
        ("*", "a/b", true),
        ("%", "a/b", false),
        ("%", "a", true),
        ("a/%", "a/b", true),
        ("a/%", "a/b/c", false),
        ("a*c", "a/b/c", true),
        ("%/%", "a/b", true),
        ("*%", "a/b", true),
        ("a", "A", false),
        ("inbox", "INBOX", true),
        ("Inbox/*", "INBOX/a", true),
        ("inb*", "INBOX", false),
        ("", "a", false),
        ("a**b", "ab", true),
        ("받*", "받은편지함", true),
    ] {
        assert_eq!(matches(pattern, name), expected, "{pattern} {name}");
    }
    // Bounded work: this takes for ever with backtracking.
    assert!(!matches(&"*a".repeat(400), &"a".repeat(300)));
}

#[test]
fn plain_lists() {
    let all = "INBOX=xs Trash=xsT a/b=x gone=s";
    check(
        all,
        &plain("", "*"),
        "INBOX[\\HasNoChildren], Trash[\\HasNoChildren \\Trash], a[\\Noselect \\HasChildren], a/b[\\HasNoChildren]",
    );
    check(
        all,
        &plain("", "%"),
        "INBOX[\\HasNoChildren], Trash[\\HasNoChildren \\Trash], a[\\Noselect \\HasChildren]",
    );
    check(all, &plain("a/", "%"), "a/b[\\HasNoChildren]");
    check(all, &plain("", ""), "[\\Noselect]");
    check(all, &plain("a", ""), "[\\Noselect]");
}

/// RFC 5258 §5, examples 1 to 10.
#[test]
fn the_examples_of_list_extended() {
    let fruit = "INBOX=xs Fruit=x Fruit/Apple=x Fruit/Banana=xs Fruit/Peach=s Tofu=x \
                 Vegetable=xs Vegetable/Broccoli=xs Vegetable/Corn=x";
    check(
        fruit,
        &extended(&["*"], SUBSCRIBED),
        "Fruit/Banana[\\Subscribed \\HasNoChildren], Fruit/Peach[\\NonExistent \\Subscribed \\HasNoChildren], \
         INBOX[\\Subscribed \\HasNoChildren], Vegetable[\\Subscribed \\HasChildren], \
         Vegetable/Broccoli[\\Subscribed \\HasNoChildren]",
    );
    check(
        fruit,
        &extended(&["INBOX", "Tofu", "", "Vegetable/%"], ListSelection::default()),
        "INBOX[\\HasNoChildren], Tofu[\\HasNoChildren], Vegetable/Broccoli[\\HasNoChildren], Vegetable/Corn[\\HasNoChildren]",
    );
    let recursive = ListSelection { recursive_match: true, ..SUBSCRIBED };
    check(
        "Foo=x Foo/Bar=xs Foo/Baz=x Moo=x",
        &extended(&["%"], recursive),
        "Foo[\\HasChildren]SUBSCRIBED",
    );
    // Example 9: the child counts although no pattern reaches it; baz2 and qux2 would be redundant.
    let nine = "foo2=x foo2/bar1=xs foo2/bar2=xs baz2=x baz2/bar2=xs baz2/bar22=xs baz2/bar222=xs \
                eps2=xs eps2/mamba=xs qux2/bar2=xs";
    check(
        nine,
        &extended(&["*2"], recursive),
        "baz2/bar2[\\Subscribed \\HasNoChildren], baz2/bar22[\\Subscribed \\HasNoChildren], \
         baz2/bar222[\\Subscribed \\HasNoChildren], eps2[\\Subscribed \\HasChildren]SUBSCRIBED, \
         foo2[\\HasChildren]SUBSCRIBED, foo2/bar2[\\Subscribed \\HasNoChildren], \
         qux2/bar2[\\Subscribed \\HasNoChildren]",
    );
    // Example 10: \HasChildren is about mailboxes, CHILDINFO about the selection.
    check("foo=x foo/bar=s", &extended(&["foo"], recursive), "foo[\\HasNoChildren]SUBSCRIBED");
    // Example 11: a level that is no mailbox.
    let eleven = "music/rock=x";
    check(
        eleven,
        &extended(&["%"], ListSelection::default()),
        "music[\\NonExistent \\HasChildren]",
    );
    check(
        eleven,
        &extended(&["%", "music/rock"], ListSelection::default()),
        "music/rock[\\HasNoChildren]",
    );
    check(fruit, &extended(&[""], ListSelection::default()), "");
}

#[test]
fn special_uses() {
    let selection = ListSelection { special_use: true, ..ListSelection::default() };
    check("INBOX=xs Bin=xT old=T", &extended(&["*"], selection), "Bin[\\HasNoChildren \\Trash]");
    // Both must hold for the same mailbox.
    let both = ListSelection { special_use: true, recursive_match: true, ..SUBSCRIBED };
    check("a=x a/b=xs a/c=xT", &extended(&["%"], both), "");
    check("a=x a/b=xsT", &extended(&["%"], both), "a[\\HasChildren]SUBSCRIBED+SPECIAL-USE");
}

#[test]
fn status_follows_what_is_selected_and_exists() {
    let recursive = ListSelection { recursive_match: true, ..SUBSCRIBED };
    let names = names("foo=x foo/bar=xs gone=s here=xs");
    let wanted = extended(&["%"], recursive);
    let lines = list(&names, &wanted);
    let status: Vec<_> = lines.iter().map(|l| (l.line.name, l.status.is_some())).collect();
    assert_eq!(status, [("foo", false), ("gone", false), ("here", true)]);
}

#[test]
fn subscriptions() {
    let check = |all: &str, pattern: &str, expected: &str| {
        let names = names(all);
        assert_eq!(render(&lsub(&names, "", pattern)), expected, "{pattern}");
    };
    let all = "INBOX=xs a/b=xs c=x gone=s";
    check(all, "*", "INBOX[], a/b[], gone[]");
    // RFC 3501 §6.3.9: foo/bar is subscribed and % does not reach it.
    check(all, "%", "INBOX[], a[\\Noselect], gone[]");
}
