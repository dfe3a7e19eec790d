//! Editor and readers over real files.

#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

mod ways;

use directory::{
    AliasName, Credentials, Directory, DirectoryError, Editor, NewAccount, Occasion, Refusal, Route,
};
use mail_types::{AccountId, Address, Allotment, Domain, Quota, Secret, Timestamp};
use sasl_core::{Cost, PasswordVerifier};
use stable_storage::{DatabaseError, Files};

struct House {
    folder: tempfile::TempDir,
    editor: Editor,
    directory: Directory,
    credentials: Credentials,
}

const NOW: Timestamp = Timestamp::from_secs(1_700_000_000);
const ASKED: Occasion<'_> = Occasion::inquiry(NOW);

fn address(text: &str) -> Address {
    Address::parse(text).unwrap()
}

fn verifier(password: &str) -> PasswordVerifier {
    PasswordVerifier::new(&Secret::new(password), [7; 16], Cost::LOWEST).unwrap()
}

impl House {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        let house = Self {
            editor: Editor::open(path, path, Files::real()),
            directory: Directory::open(path),
            credentials: Credentials::open(path),
            folder,
        };
        house.editor.migrate().await.unwrap();
        house.editor.add_domain(&Domain::parse("example.org").unwrap()).await.unwrap();
        house
    }

    async fn add(&self, name: &str) -> Result<AccountId, DirectoryError> {
        let verifier = verifier(name);
        let new = NewAccount { address: address(name), verifier, quota_bytes: Some(5), now: NOW };
        self.editor.add_account(new).await.map(|account| account.id)
    }

    async fn alias(&self, name: &str, targets: &[&str]) -> Result<(), DirectoryError> {
        let targets: Vec<Address> = targets.iter().map(|target| address(target)).collect();
        self.editor.add_alias(&name.parse().unwrap(), &targets).await.map(drop)
    }

    async fn routed(&self, name: &str) -> Vec<String> {
        let route = self.directory.route(&address(name), ASKED).await.unwrap();
        route.targets().iter().map(|target| target.address.to_string()).collect()
    }
}

#[tokio::test]
async fn nothing_there_is_said_so() {
    let folder = tempfile::tempdir().unwrap();
    let error = Directory::open(folder.path()).domains().await.unwrap_err();
    assert!(matches!(error, DirectoryError::Database(DatabaseError::Missing { .. })), "{error}");
}

#[tokio::test]
async fn an_account_lives_and_dies() {
    let house = House::new().await;
    let alice = house.add("Alice@example.org").await.unwrap();
    let found = house.directory.account_by_sign_in("alice").await.unwrap().unwrap();
    assert_eq!((found.id, found.generation, found.quota_bytes), (alice, 1, Some(5)));
    assert_eq!(found.address.to_string(), "Alice@example.org");
    let stored = house.credentials.password(alice).await.unwrap().unwrap();
    assert!(stored.verifier.verify(&Secret::new("Alice@example.org")));

    let whom = address("alice@EXAMPLE.org");
    house.editor.set_password(&whom, &verifier("new"), NOW).await.unwrap();
    assert_eq!(house.directory.account(alice).await.unwrap().unwrap().generation, 2);
    let stored = house.credentials.password(alice).await.unwrap().unwrap();
    assert!(stored.verifier.verify(&Secret::new("new")));

    house.editor.set_disabled(&whom, true).await.unwrap();
    let disabled = house.directory.account(alice).await.unwrap().unwrap();
    assert!(disabled.disabled && disabled.generation == 3);
    let route = house.directory.route(&whom, ASKED).await.unwrap();
    assert_eq!(route, Route::Refused(Refusal::Disabled));
    house.editor.set_disabled(&whom, false).await.unwrap();

    house.editor.remove_account(&whom).await.unwrap();
    assert_eq!(house.directory.account(alice).await.unwrap(), None);
    assert!(house.credentials.password(alice).await.unwrap().is_none());
    let again = house.add("alice@example.org").await.unwrap();
    assert_ne!(again, alice, "an id is never given again");
}

#[tokio::test]
async fn aliases_lead_on_and_shrink_with_their_accounts() {
    let house = House::new().await;
    house.add("a@example.org").await.unwrap();
    let b = house.add("b@example.org").await.unwrap();
    house
        .alias("team@example.org", &["a@example.org", "b@example.org", "c@example.net"])
        .await
        .unwrap();
    house.alias("only-a@example.org", &["a@example.org"]).await.unwrap();
    house.alias("@example.org", &["b@example.org"]).await.unwrap();
    assert_eq!(
        house.routed("Team@example.org").await,
        ["a@example.org", "b@example.org", "c@example.net"]
    );
    assert_eq!(house.routed("whoever@example.org").await, ["b@example.org"]);
    assert!(house.directory.may_send_as(b, &address("team@example.org"), NOW).await.unwrap());
    assert!(house.directory.may_send_as(b, &address("b+x@example.org"), NOW).await.unwrap());
    assert!(!house.directory.may_send_as(b, &address("a@example.org"), NOW).await.unwrap());
    assert!(!house.directory.may_send_as(b, &address("c@example.net"), NOW).await.unwrap());

    let announced = house.editor.removal_of(&address("a@example.org")).await.unwrap();
    let done = house.editor.remove_account(&address("a@example.org")).await.unwrap();
    assert_eq!(announced, done);
    assert_eq!(done.aliases_removed, ["only-a@example.org".parse::<AliasName>().unwrap()]);
    assert_eq!(done.aliases_without_it, ["team@example.org".parse::<AliasName>().unwrap()]);
    assert_eq!(house.routed("team@example.org").await, ["b@example.org", "c@example.net"]);

    let team: AliasName = "team@example.org".parse().unwrap();
    house.editor.remove_alias(&team, Some(&address("c@example.net"))).await.unwrap();
    assert_eq!(house.routed("team@example.org").await, ["b@example.org"]);
    house.editor.remove_alias(&team, None).await.unwrap();
    assert_eq!(house.directory.aliases().await.unwrap().len(), 1);
}

#[tokio::test]
async fn changes_that_make_no_sense_are_refused() {
    use DirectoryError as E;
    let house = House::new().await;
    house.add("a@example.org").await.unwrap();
    house.alias("x@example.org", &["a@example.org"]).await.unwrap();
    house.alias("y@example.org", &["x@example.org"]).await.unwrap();

    assert!(matches!(house.add("A@example.org").await, Err(E::AccountExists(_))));
    assert!(matches!(house.add("x@example.org").await, Err(E::AliasExists(_))));
    assert!(matches!(house.add("a@example.net").await, Err(E::NoSuchDomain(_))));
    assert!(matches!(
        house.alias("a@example.org", &["x@example.org"]).await,
        Err(E::AccountExists(_))
    ));
    assert!(matches!(
        house.alias("z@example.net", &["a@example.org"]).await,
        Err(E::NoSuchDomain(_))
    ));
    assert!(matches!(house.alias("z@example.org", &[]).await, Err(E::NoTargets)));
    assert!(matches!(
        house.alias("z@example.org", &["q@example.org"]).await,
        Err(E::TargetUnknown(_))
    ));
    assert!(matches!(house.alias("X@example.org", &["x@example.org"]).await, Err(E::AliasLoop(_))));
    assert!(matches!(house.alias("x@example.org", &["y@example.org"]).await, Err(E::AliasLoop(_))));
    assert_eq!(
        house.routed("x@example.org").await,
        ["a@example.org"],
        "a refused change leaves nothing"
    );

    let domain = Domain::parse("example.org").unwrap();
    assert!(matches!(house.editor.add_domain(&domain).await, Err(E::DomainExists(_))));
    assert!(matches!(house.editor.remove_domain(&domain).await, Err(E::DomainInUse { .. })));
    let nobody = address("nobody@example.org");
    assert!(matches!(house.editor.set_disabled(&nobody, true).await, Err(E::NoSuchAccount(_))));
    let target = Some(&nobody);
    let x: AliasName = "x@example.org".parse().unwrap();
    assert!(matches!(house.editor.remove_alias(&x, target).await, Err(E::NoSuchTarget { .. })));
    let literal = Domain::parse("[127.0.0.1]").unwrap();
    assert!(matches!(house.editor.add_domain(&literal).await, Err(E::DomainIsLiteral(_))));
}

/// Two commands at once: both changes are there afterwards.
#[tokio::test]
async fn an_account_sends_as_its_own_addresses_and_as_what_it_was_granted() {
    let house = House::new().await;
    let alice = house.add("alice@example.org").await.unwrap();
    house.add("bob@example.org").await.unwrap();
    house.alias("team@example.org", &["alice@example.org", "bob@example.org"]).await.unwrap();
    let whom = address("Alice@example.org");
    for name in ["sales@example.net", "@example.com"] {
        house.editor.grant_send_as(&whom, &name.parse().unwrap()).await.unwrap();
    }
    for (name, allowed) in [
        ("ALICE@example.org", true),
        ("alice+news@example.org", true),
        ("team@example.org", true),
        ("bob@example.org", false),
        ("nobody@example.org", false),
        ("Sales@Example.net", true),
        ("sales+x@example.net", false),
        ("anybody@example.com", true),
        ("anybody@sub.example.com", false),
    ] {
        let may = house.directory.may_send_as(alice, &address(name), NOW).await.unwrap();
        assert_eq!(may, allowed, "{name}");
    }
    let again = house.editor.grant_send_as(&whom, &"SALES@example.net".parse().unwrap()).await;
    assert!(matches!(again, Err(DirectoryError::GrantExists { .. })), "{again:?}");
    let sales: AliasName = "sales@example.net".parse().unwrap();
    house.editor.revoke_send_as(&whom, &sales).await.unwrap();
    let gone = house.editor.revoke_send_as(&whom, &sales).await;
    assert!(matches!(gone, Err(DirectoryError::NoSuchGrant { .. })), "{gone:?}");
    let sales = address("sales@example.net");
    assert!(!house.directory.may_send_as(alice, &sales, NOW).await.unwrap());

    assert!(!house.directory.sending(alice).await.unwrap().sent_copy);
    assert!(house.editor.set_sent_copy(&whom, true).await.unwrap().sent_copy);
    let sending = house.directory.sending(alice).await.unwrap();
    assert!(sending.sent_copy && sending.send_as.len() == 1);
    assert!(!house.editor.set_sent_copy(&whom, false).await.unwrap().sent_copy);

    house.editor.remove_account(&whom).await.unwrap();
    assert_eq!(house.directory.sending(alice).await.unwrap().send_as, [], "gone with its account");
}

#[tokio::test]
async fn quotas_of_accounts_and_of_their_domain() {
    let house = House::new().await;
    let alice = house.add("alice@example.org").await.unwrap();
    let bob = house.add("bob@example.org").await.unwrap();
    house.editor.add_domain(&Domain::parse("example.net").unwrap()).await.unwrap();
    let carol = house.add("carol@example.net").await.unwrap();
    let allotment = async |id| house.directory.allotment(id).await.unwrap().unwrap();
    let five = Quota { octets: Some(5), messages: None };
    assert_eq!(allotment(alice).await, Allotment::alone(alice, five));

    let both = Quota { octets: Some(4096), messages: Some(7) };
    let set = house.editor.set_quota(&address("Alice@example.org"), both).await.unwrap();
    assert_eq!((set.quota(), allotment(alice).await.own), (both, both));
    house.editor.set_quota(&address("bob@example.org"), Quota::NONE).await.unwrap();
    assert!(!allotment(bob).await.is_limited());

    let (org, of_domain) =
        (Domain::parse("example.org").unwrap(), Quota { messages: None, ..both });
    house.editor.set_domain_quota(&org, of_domain).await.unwrap();
    let shared = allotment(bob).await;
    assert_eq!((shared.own, shared.domain), (Quota::NONE, of_domain));
    assert_eq!(shared.sharing, [alice, bob]);
    assert_eq!(allotment(carol).await, Allotment::alone(carol, five));
    assert_eq!(house.directory.allotment(AccountId(99)).await.unwrap(), None);
    let nobody = house.editor.set_domain_quota(&Domain::parse("other.org").unwrap(), both).await;
    assert!(matches!(nobody, Err(DirectoryError::NoSuchDomain(_))), "{nobody:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_editors_take_turns() {
    let house = House::new().await;
    let other = Editor::open(house.folder.path(), house.folder.path(), Files::real());
    let mut running = Vec::new();
    for n in 0..10 {
        let editor = if n % 2 == 0 { house.editor.clone() } else { other.clone() };
        running.push(tokio::spawn(async move {
            editor.add_domain(&Domain::parse(&format!("d{n}.example")).unwrap()).await
        }));
    }
    for one in running {
        one.await.unwrap().unwrap();
    }
    assert_eq!(house.directory.domains().await.unwrap().len(), 11);
}
