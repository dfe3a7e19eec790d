//! Domains of other kinds, lists, forwards, ends.

use std::time::Duration;

use directory::{
    DirectoryError as E, DomainKind, Forward, HostedDomain, ListChange, MailingList, Occasion,
    Posting, Refusal, RelayedTo, Route, Subaddress,
};
use mail_types::{Domain, ReversePath};

use super::{ASKED, House, NOW, address};

fn domain(name: &str) -> Domain {
    Domain::parse(name).unwrap()
}

async fn host(house: &House, name: &str, kind: DomainKind) -> Result<(), E> {
    house.editor.add_hosted(&HostedDomain { kind, ..HostedDomain::own(domain(name)) }).await
}

fn list(name: &str, members: &[&str]) -> MailingList {
    MailingList {
        name: address(name),
        owner: address("a@example.org"),
        posting: Posting::Members,
        description: None,
        members: members.iter().map(|member| address(member)).collect(),
    }
}

#[tokio::test]
async fn domains_stand_for_others() {
    let house = House::new().await;
    let a = house.add("a@example.org").await.unwrap();
    host(&house, "also.example", DomainKind::AliasOf(domain("example.org"))).await.unwrap();
    assert_eq!(house.routed("A@also.example").await, ["A@example.org"]);
    let found = house.directory.account_by_sign_in("a@also.example").await.unwrap().unwrap();
    assert_eq!(found.id, a);
    assert!(house.directory.may_send_as(a, &address("a@also.example"), NOW).await.unwrap());
    assert!(matches!(house.add("b@also.example").await, Err(E::NoMailboxesThere(_))));
    let aliased = house.alias("@also.example", &["a@example.org"]).await;
    assert!(matches!(aliased, Err(E::NoMailboxesThere(_))));
    let twice = host(&house, "third.example", DomainKind::AliasOf(domain("also.example"))).await;
    assert!(matches!(twice, Err(E::NoMailboxesThere(_))));
    house.editor.remove_account(&address("a@example.org")).await.unwrap();
    let used = house.editor.remove_domain(&domain("example.org")).await;
    assert!(matches!(used, Err(E::DomainHasAlias { .. })), "{used:?}");
    house.editor.remove_domain(&domain("also.example")).await.unwrap();
    house.editor.remove_domain(&domain("example.org")).await.unwrap();
    assert_eq!(house.directory.hosted_domains().await.unwrap(), []);
}

#[tokio::test]
async fn relayed_domains_and_their_recipients() {
    let house = House::new().await;
    host(&house, "open.example", DomainKind::Relayed(RelayedTo::Anybody)).await.unwrap();
    host(&house, "backup.example", DomainKind::Relayed(RelayedTo::Listed)).await.unwrap();
    let unlisted = house.editor.add_listed(&address("x@open.example")).await;
    assert!(matches!(unlisted, Err(E::NotListing(_))));
    house.editor.add_listed(&address("X@backup.example")).await.unwrap();
    house.editor.add_listed(&address("x@backup.example")).await.unwrap();
    assert_eq!(house.routed("x@backup.example").await, ["x@backup.example"]);
    assert!(house.routed("y@backup.example").await.is_empty());
    let listed = house.directory.listed_recipients(&domain("backup.example")).await.unwrap();
    assert_eq!(listed, [address("X@backup.example")]);
    house.editor.remove_listed(&address("x@backup.example")).await.unwrap();
    let gone = house.editor.remove_listed(&address("x@backup.example")).await;
    assert!(matches!(gone, Err(E::NoSuchRecipient(_))));
    assert_eq!(house.directory.domains().await.unwrap(), [domain("example.org")]);
    assert!(!house.directory.is_ours(&domain("open.example")).await.unwrap());
}

#[tokio::test]
async fn subaddresses_as_a_domain_writes_them() {
    let house = House::new().await;
    house.add("a@example.org").await.unwrap();
    let own = domain("example.org");
    let minus = Subaddress { separator: Some('-'), filed: true };
    house.editor.set_subaddress(&own, minus).await.unwrap();
    let route = house.directory.route(&address("a-Shop@example.org"), ASKED).await.unwrap();
    let mailbox = route.targets()[0].mailbox.as_ref().map(ToString::to_string);
    assert_eq!(mailbox.as_deref(), Some("Shop"));
    assert!(house.routed("a+shop@example.org").await.is_empty());
    let none = Subaddress { separator: None, filed: false };
    house.editor.set_subaddress(&own, none).await.unwrap();
    assert!(house.routed("a-shop@example.org").await.is_empty());
}

#[tokio::test]
async fn a_list_lives_and_dies() {
    let house = House::new().await;
    for name in ["a@example.org", "b@example.org"] {
        house.add(name).await.unwrap();
    }
    let team = address("team@example.org");
    house.editor.add_list(&list("team@example.org", &["b@example.org"])).await.unwrap();
    let again = house.editor.add_list(&list("Team@example.org", &[])).await;
    assert!(matches!(again, Err(E::ListExists(_))));
    assert!(matches!(house.add("team@example.org").await, Err(E::ListExists(_))));
    let of_nobody = house.editor.add_list(&list("x@example.org", &["q@example.org"])).await;
    assert!(matches!(of_nobody, Err(E::TargetUnknown(_))));
    let more = [address("B@example.org"), address("c@example.net")];
    let now = house.editor.add_members(&team, &more).await.unwrap();
    assert_eq!(now.members, [address("b@example.org"), address("c@example.net")]);
    let own = house.editor.add_members(&team, std::slice::from_ref(&team)).await;
    assert!(matches!(own, Err(E::AliasLoop(_))));

    let eve = ReversePath::Address(address("eve@example.net"));
    let message = Occasion::message(&eve, NOW);
    let route = house.directory.route(&team, message).await.unwrap();
    assert_eq!(route, Route::Refused(Refusal::MayNotPost));
    let change = ListChange {
        posting: Some(Posting::Anybody),
        description: Some("Ours".into()),
        ..ListChange::default()
    };
    let changed = house.editor.change_list(&team, &change).await.unwrap();
    assert_eq!((changed.posting, changed.description.as_deref()), (Posting::Anybody, Some("Ours")));
    let change = ListChange { description: Some(String::new()), ..ListChange::default() };
    assert_eq!(house.editor.change_list(&team, &change).await.unwrap().description, None);
    let route = house.directory.route(&team, message).await.unwrap();
    assert_eq!(route.targets().len(), 2);

    let owner = house.editor.remove_account(&address("a@example.org")).await;
    assert!(matches!(owner, Err(E::OwnsList { .. })), "{owner:?}");
    let removed = house.editor.remove_account(&address("b@example.org")).await.unwrap();
    assert_eq!(removed.lists_without_it, std::slice::from_ref(&team));
    assert_eq!(house.routed("team@example.org").await, ["c@example.net"]);
    house.editor.remove_member(&team, &address("C@example.net")).await.unwrap();
    let gone = house.editor.remove_member(&team, &address("c@example.net")).await;
    assert!(matches!(gone, Err(E::NoSuchMember { .. })));
    house.editor.remove_list(&team).await.unwrap();
    assert!(matches!(house.editor.remove_list(&team).await, Err(E::NoSuchList(_))));
    assert_eq!(house.directory.lists().await.unwrap(), []);
}

#[tokio::test]
async fn mail_goes_on_and_accounts_end() {
    let house = House::new().await;
    let a = house.add("a@example.org").await.unwrap();
    house.add("b@example.org").await.unwrap();
    let to = |targets: &[&str], keep| Forward {
        targets: targets.iter().map(|target| address(target)).collect(),
        keep,
    };
    let (first, second) = (address("a@example.org"), address("b@example.org"));
    let away = to(&["b@example.org", "a@example.net"], true);
    house.editor.set_forward(&first, &away, NOW).await.unwrap();
    assert_eq!(
        house.routed("a@example.org").await,
        ["a@example.org", "b@example.org", "a@example.net"]
    );
    house.editor.set_forward(&first, &to(&["b@example.org"], false), NOW).await.unwrap();
    assert!(house.directory.may_send_as(a, &first, NOW).await.unwrap(), "still its own address");
    let back = house.editor.set_forward(&second, &to(&["a@example.org"], false), NOW).await;
    assert!(matches!(back, Err(E::ForwardLoop(_))), "{back:?}");
    assert_eq!(house.routed("b@example.org").await, ["b@example.org"], "a refused change is none");
    house.editor.set_forward(&first, &to(&[], true), NOW).await.unwrap();
    assert_eq!(house.directory.forward(a).await.unwrap(), None);

    let end = NOW.plus(Duration::from_secs(60));
    let account = house.editor.set_expiry(&first, Some(end)).await.unwrap();
    assert!(!account.is_shut(NOW) && account.is_shut(end));
    assert_eq!(house.routed("a@example.org").await, ["a@example.org"]);
    let late = house.directory.route(&first, Occasion::inquiry(end)).await.unwrap();
    assert_eq!(late, Route::Refused(Refusal::Disabled));
    assert!(!house.editor.set_expiry(&first, None).await.unwrap().is_shut(end));
}

#[tokio::test]
async fn the_key_of_rewritten_senders_outlives_migrations() {
    let house = House::new().await;
    house.alias("out@example.org", &["out@example.net"]).await.unwrap();
    let eve = ReversePath::Address(address("eve@example.com"));
    let route = async || {
        let asked = Occasion::message(&eve, NOW);
        let route = house.directory.route(&address("out@example.org"), asked).await.unwrap();
        route.targets()[0].reverse_path.clone()
    };
    let before = route().await;
    assert!(before.as_ref().unwrap().to_string().starts_with("SRS0="), "{before:?}");
    house.editor.migrate().await.unwrap();
    assert_eq!(route().await, before);
}
