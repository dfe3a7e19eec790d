//! What addresses lead to, in a small directory.

use std::collections::HashMap;

use super::*;
use crate::{Alias, Forward, HostedDomain, Posting, Subaddress, srs::SrsKey};

const NOW: Timestamp = Timestamp::from_secs(1_700_000_000);

fn addresses(text: &str) -> Vec<Address> {
    text.split(' ').map(|address| Address::parse(address).unwrap()).collect()
}

/// `1=alice@a.example`, `!2=bob@..` disabled, `~3=..` expired, `alias@.. -> x y`,
/// `list@.. members owner: x y`, `1 keeps, x y` or `1 forwards, x y`, `listed x`.
fn roster(lines: &[&str]) -> Roster {
    let (mut accounts, mut aliases) = (Vec::new(), Vec::new());
    let (mut lists, mut forwards, mut listed) = (Vec::new(), HashMap::new(), Vec::new());
    for line in lines {
        if let Some((name, targets)) = line.split_once(" -> ") {
            aliases.push(Alias { name: name.parse().unwrap(), targets: addresses(targets) });
        } else if let Some((facts, members)) = line.split_once(": ") {
            let facts: Vec<&str> = facts.split(' ').collect();
            lists.push(MailingList {
                name: Address::parse(facts[0]).unwrap(),
                owner: Address::parse(facts[2]).unwrap(),
                posting: facts[1].parse::<Posting>().unwrap(),
                description: None,
                members: addresses(members),
            });
        } else if let Some((who, targets)) = line.split_once(", ") {
            let (id, how) = who.split_once(' ').unwrap();
            let forward = Forward { targets: addresses(targets), keep: how == "keeps" };
            forwards.insert(AccountId(id.parse().unwrap()), forward);
        } else if let Some(address) = line.strip_prefix("listed ") {
            listed.extend(addresses(address));
        } else {
            let (id, address) = line.split_once('=').unwrap();
            accounts.push(Account {
                id: AccountId(id.trim_start_matches(['!', '~']).parse().unwrap()),
                address: Address::parse(address).unwrap(),
                generation: 1,
                disabled: id.starts_with('!'),
                quota_bytes: None,
                quota_messages: None,
                created: Timestamp::from_secs(0),
                expires: id.starts_with('~').then_some(NOW),
            });
        }
    }
    let domain = |name: &str| HostedDomain::own(Domain::parse(name).unwrap());
    let kind = |name, kind| HostedDomain { kind, ..domain(name) };
    let minus = Subaddress { separator: Some('-'), filed: true };
    let domains = vec![
        kind("also.example", DomainKind::AliasOf(Domain::parse("a.example").unwrap())),
        domain("a.example"),
        domain("b.example"),
        kind("backup.example", DomainKind::Relayed(RelayedTo::Listed)),
        kind("open.example", DomainKind::Relayed(RelayedTo::Anybody)),
        kind("asked.example", DomainKind::Relayed(RelayedTo::Asked)),
        HostedDomain { subaddress: minus, ..domain("minus.example") },
    ];
    Roster::new(domains, accounts, aliases)
        .with_lists(lists)
        .with_forwards(forwards)
        .with_listed(listed)
        .with_srs(Some(SrsKey(vec![1; 32])))
}

fn asked(roster: &Roster, address: &str) -> String {
    shown(roster.route(&Address::parse(address).unwrap(), Occasion::inquiry(NOW)))
}

/// The same for a message from somebody.
fn sent(roster: &Roster, from: &str, to: &str) -> String {
    let from = if from.is_empty() {
        ReversePath::Null
    } else {
        ReversePath::Address(Address::parse(from).unwrap())
    };
    shown(roster.route(&Address::parse(to).unwrap(), Occasion::message(&from, NOW)))
}

/// `address/lane/account` for each target, or the refusal.
fn shown(route: Route) -> String {
    let target = |target: &Target| {
        let mut text = match target.account {
            Some(id) => format!("{}#{id}", target.address),
            None => format!("{}{}", target.address.local(), target.lane),
        };
        if let Some(mailbox) = &target.mailbox {
            text.push_str(&format!("/{mailbox}"));
        }
        if target.asked {
            text.push('?');
        }
        if let Some(path) = &target.reverse_path {
            text.push_str(&format!("<{path}"));
        }
        text
    };
    match &route {
        Route::Refused(refusal) => format!("{refusal:?}"),
        Route::Elsewhere(_) => format!("elsewhere {}", target(&route.targets()[0])),
        Route::Ours(targets) => targets.iter().map(target).collect::<Vec<_>>().join(" "),
    }
}

#[test]
fn routes() {
    let roster = roster(&[
        "1=Alice@a.example",
        "2=bob@a.example",
        "!3=carol@a.example",
        "4=alice@b.example",
        "5=dot+ted@a.example",
        "team@a.example -> alice@a.example bob@a.example out@example.org alice@b.example",
        "all@a.example -> team@a.example bob+all@a.example",
        "gone@a.example -> nobody@a.example",
        "quiet@a.example -> carol@a.example",
        "half@a.example -> carol@a.example bob@a.example",
        "loop@a.example -> pool@a.example",
        "pool@a.example -> loop@a.example",
        "knot@a.example -> knot@a.example bob@a.example",
        "abuse@b.example -> alice@b.example",
        "@b.example -> alice@b.example",
    ]);
    for (address, expected) in [
        ("alice@a.example", "alice@a.example#1"),
        ("ALICE@A.EXAMPLE", "ALICE@a.example#1"),
        ("alice+shop@a.example", "alice+shop@a.example#1"),
        ("dot+ted@a.example", "dot+ted@a.example#5"),
        ("team@a.example", "alice@a.example#1 bob@a.example#2 out@example.org alice@b.example#4"),
        ("team+x@a.example", "alice@a.example#1 bob@a.example#2 out@example.org alice@b.example#4"),
        ("all@a.example", "alice@a.example#1 bob@a.example#2 out@example.org alice@b.example#4"),
        ("nobody@a.example", "UnknownMailbox"),
        ("+x@a.example", "UnknownMailbox"),
        ("gone@a.example", "UnknownMailbox"),
        ("carol@a.example", "Disabled"),
        ("quiet@a.example", "Disabled"),
        ("half@a.example", "bob@a.example#2"),
        ("loop@a.example", "AliasLoop"),
        ("knot@a.example", "bob@a.example#2"),
        // RFC 5321 §4.5.1: always somebody.
        ("Postmaster@a.example", "Alice@a.example#1"),
        ("abuse@a.example", "Alice@a.example#1"),
        ("postmaster@b.example", "alice@b.example#4"),
        ("abuse@b.example", "alice@b.example#4"),
        ("whatever@b.example", "alice@b.example#4"),
        ("someone@example.org", "elsewhere someone@example.org"),
        ("someone@[127.0.0.1]", "elsewhere someone@[127.0.0.1]"),
    ] {
        assert_eq!(asked(&roster, address), expected, "{address}");
    }
    let postmaster = roster.route_postmaster(Occasion::inquiry(NOW));
    assert_eq!(shown(postmaster), "Alice@a.example#1");
}

#[test]
fn what_is_only_caught_is_not_named() {
    let roster = roster(&[
        "1=alice@a.example",
        "team@a.example -> alice@a.example",
        "@a.example -> alice@a.example",
    ]);
    for (address, named) in [
        ("ALICE@a.example", true),
        ("alice+eve%b.example@a.example", true),
        ("team+x@a.example", true),
        ("eve%b.example@a.example", false),
        ("postmaster@a.example", false),
    ] {
        assert_eq!(roster.is_named(&Address::parse(address).unwrap()), named, "{address}");
    }
}

#[test]
fn an_empty_directory_refuses() {
    for roster in [roster(&[]), Roster::default()] {
        let route = roster.route_postmaster(Occasion::inquiry(NOW));
        assert_eq!(shown(route), "UnknownMailbox");
    }
}

#[test]
fn expansion_is_bounded() {
    let lines: Vec<String> =
        (0..2 * MAX_TARGETS).map(|n| format!("x{n}@a.example -> x{}@a.example", n + 1)).collect();
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    assert_eq!(asked(&roster(&lines), "x0@a.example"), "TooManyTargets");
}

#[test]
fn names_typed_into_mail_clients() {
    let roster = roster(&["1=Alice@a.example", "2=bob@a.example", "4=alice@b.example"]);
    for (name, expected) in [
        ("alice@a.example", Some(1)),
        (" ALICE@A.example ", Some(1)),
        ("Bob", Some(2)),
        ("alice", None),
        ("nobody", None),
        ("bob+x@a.example", None),
        ("bob@also.example", Some(2)),
        ("", None),
    ] {
        let found = roster.account_by_sign_in(name).map(|account| account.id.0);
        assert_eq!(found, expected, "{name:?}");
    }
}

#[test]
fn domains_of_other_kinds() {
    let roster = roster(&[
        "1=alice@a.example",
        "~2=old@a.example",
        "3=carol@minus.example",
        "listed known@backup.example",
        "listed known@asked.example",
        "away@b.example -> known@backup.example",
        "hop@b.example -> other@asked.example",
    ]);
    for (address, expected) in [
        ("alice+x@also.example", "alice+x@a.example#1"),
        ("postmaster@also.example", "alice@a.example#1"),
        ("nobody@also.example", "UnknownMailbox"),
        ("old@a.example", "Disabled"),
        ("Known@backup.example", "Known@backup.example"),
        ("other@backup.example", "UnknownMailbox"),
        ("postmaster@backup.example", "postmaster@backup.example"),
        ("anyone@open.example", "anyone@open.example"),
        ("other@asked.example", "other@asked.example?"),
        ("KNOWN@asked.example", "KNOWN@asked.example"),
        ("abuse@asked.example", "abuse@asked.example"),
        ("hop@b.example", "other@asked.example"),
        ("away@b.example", "known@backup.example"),
        ("carol-Lists@minus.example", "carol-Lists@minus.example#3/Lists"),
        ("carol@minus.example", "carol@minus.example#3"),
        ("carol+x@minus.example", "UnknownMailbox"),
    ] {
        assert_eq!(asked(&roster, address), expected, "{address}");
    }
    assert!(roster.is_named(&Address::parse("alice+x@also.example").unwrap()));
    assert!(!roster.is_ours(&Domain::parse("open.example").unwrap()));
    assert!(roster.is_ours(&Domain::parse("also.example").unwrap()));
}

#[test]
fn lists() {
    let roster = roster(&[
        "1=alice@a.example",
        "2=bob@a.example",
        "team@a.example members alice@a.example: bob@a.example carol@example.net",
        "news@a.example owner alice@a.example: team@a.example alice@a.example",
        "wide@a.example anybody alice@a.example: bob@a.example",
        "hop@b.example -> team@a.example",
    ]);
    let owner = "<alice@a.example";
    let team = format!("bob@a.example#2{owner} carol@example.net{owner}");
    for (from, to, expected) in [
        ("carol@example.net", "team@a.example", team.as_str()),
        ("Alice@a.example", "hop@b.example", &team),
        ("eve@example.net", "team@a.example", "MayNotPost"),
        ("", "team@a.example", "MayNotPost"),
        ("", "wide@a.example", "MayNotPost"),
        ("eve@example.net", "wide@a.example", "bob@a.example#2<alice@a.example"),
        ("bob@a.example", "news@a.example", "MayNotPost"),
        ("alice@a.example", "news@a.example", &format!("{team} alice@a.example#1{owner}")),
    ] {
        assert_eq!(sent(&roster, from, to), expected, "{from} {to}");
    }
    assert_eq!(asked(&roster, "team@a.example"), team, "who only asks is told");
    let list = Address::parse("wide@a.example").unwrap();
    assert!(!roster.is_own(AccountId(2), &list, NOW));
}

#[test]
fn what_is_passed_on_comes_back() {
    let roster = roster(&[
        "1=alice@a.example",
        "2=bob@a.example",
        "3=carol@a.example",
        "4=dave@a.example",
        "1 keeps, alice@example.net bob@a.example",
        "2 forwards, bob@example.com",
        "3 forwards, dave@a.example",
        "4 forwards, carol@a.example",
        "out@a.example -> out@example.org",
    ]);
    // Our own senders stay who they are, and so does the null path.
    assert_eq!(sent(&roster, "carol@a.example", "out@a.example"), "out@example.org");
    assert_eq!(sent(&roster, "", "out@a.example"), "out@example.org");
    assert_eq!(
        sent(&roster, "carol@also.example", "alice@a.example"),
        "alice@a.example#1 alice@example.net bob@example.com"
    );
    assert_eq!(sent(&roster, "eve@example.net", "carol@a.example"), "AliasLoop");
    // Whoever else wrote it is stood for by an address of ours, which leads back.
    let route = sent(&roster, "eve@example.net", "out@a.example");
    let (target, path) = route.split_once('<').unwrap();
    assert_eq!(target, "out@example.org");
    assert!(path.starts_with("SRS0=") && path.ends_with("=example.net=eve@a.example"), "{path}");
    assert_eq!(sent(&roster, "", path), "eve@example.net");
    assert_eq!(sent(&roster, "", &path.replace("eve", "ann")), "UnknownMailbox");
    // That mail goes on takes nobody's address away.
    let own =
        |id, address: &str| roster.is_own(AccountId(id), &Address::parse(address).unwrap(), NOW);
    assert!(own(2, "bob+x@a.example") && own(1, "alice@also.example"));
    assert!(!own(2, "alice@a.example") && !own(1, path));
}

#[test]
fn each_step_is_told() {
    let roster = roster(&[
        "1=alice@a.example",
        "!2=bob@a.example",
        "all@a.example -> alice@a.example bob@a.example team@a.example out@example.net",
        "team@a.example members alice@a.example: alice@a.example",
        "@b.example -> all@a.example",
    ]);
    let address = Address::parse("any@b.example").unwrap();
    let from = ReversePath::Address(Address::parse("eve@example.net").unwrap());
    let told = roster.explain(&address, Occasion::message(&from, NOW));
    let steps: Vec<String> = told
        .steps
        .iter()
        .map(|step| format!("{} {}: {}", step.depth, step.address, step.rule))
        .collect();
    assert_eq!(
        steps,
        [
            "0 any@b.example: nobody's own; the domain's catch-all leads to all@a.example",
            "1 all@a.example: an alias of alice@a.example bob@a.example team@a.example \
             out@example.net",
            "2 alice@a.example: an account",
            "2 bob@a.example: an account, disabled or expired",
            "2 team@a.example: a list to which the sender may not post; who may: members",
            "2 out@example.net: another server's domain",
        ]
    );
    assert_eq!(told.route, Route::Refused(Refusal::MayNotPost), "nobody is left out unseen");
}
