//! Both sides of each mechanism over a real directory: our client against our server.

use directory::NewAppPassword;
use mail_types::{Domain, LocalPart, Secret};
use sasl_core::{
    ApopClaim, Bindings, Claim, Cost, Mechanism, Service, Setting,
    client::{ClientStep, Credentials, Exchange},
    server::{self, Preparation, ServerStep},
};
use sign_in::{
    InstallationKey, Origin, Protocol, Recipe, SignIn, SignInOptions, SignInResult, Way,
};

use crate::{House, NOW, address, verifier};

const SETTING: Setting<'static> = Setting {
    service: Service::Imap,
    host: "mail.example.org",
    bindings: Bindings { exporter: None, end_point: None },
    plus_announced: false,
    certificate: Some(&[7; 32]),
};

fn origin(protocol: Protocol) -> Origin {
    Origin { protocol, address: "192.0.2.1".parse().unwrap(), tls: true }
}

fn recipe() -> Recipe {
    Recipe {
        ways: vec![
            Way::ScramSha256,
            Way::ScramSha1,
            Way::External,
            Way::DigestMd5,
            Way::CramMd5,
            Way::Apop,
            Way::Plain,
            Way::Login,
        ],
        host: Domain::parse("mail.example.org").unwrap(),
    }
}

/// A house in which Alice has a password and an app password with everything kept of them.
async fn house() -> (House, SignIn, Secret) {
    let mut house = House::new(Cost::LOWEST, std::time::Duration::ZERO).await;
    let key = InstallationKey::load_or_make(&house.options.key_file).unwrap();
    let alice = address("alice");
    let secret = Secret::new("alice");
    let kept = recipe().keep(&key, &alice, None, &secret).unwrap();
    let password = verifier("alice", Cost::LOWEST);
    house.editor.set_password_keeping(&alice, &password, &kept, NOW).await.unwrap();
    let app = sign_in::new_app_password().unwrap();
    let new = NewAppPassword {
        label: "phone".to_owned(),
        protocols: vec!["imap".to_owned(), "submission".to_owned()],
        digest: key.digest(&app),
        kept: recipe().keep(&key, &alice, Some("phone"), &app).unwrap(),
        now: NOW,
    };
    house.editor.add_app_password(&alice, new).await.unwrap();
    house.editor.add_certificate(&alice, "laptop", [7; 32], NOW).await.unwrap();
    house.options = SignInOptions { recipe: recipe(), ..house.options.clone() };
    let sign_in = SignIn::open(house.options.clone()).await.unwrap();
    (house, sign_in, app)
}

/// Whether the client is signed in, and believes the server.
async fn converse(
    sign_in: &SignIn,
    mechanism: Mechanism,
    name: &str,
    password: &Secret,
    protocol: Protocol,
) -> bool {
    let credentials = Credentials { name: name.to_owned(), password: password.clone() };
    let mut client = Exchange::new(mechanism, credentials, [1; 18], &SETTING);
    let mut server = server::Exchange::new(mechanism);
    let first = client.initial_response(&SETTING);
    let mut step = server.step(first.as_ref().map(Secret::reveal), &SETTING);
    loop {
        step = match step {
            ServerStep::Challenge(challenge) => match client.step(&challenge, &SETTING) {
                ClientStep::Respond(next) => server.step(Some(next.reveal()), &SETTING),
                ClientStep::Cancel => return false,
            },
            ServerStep::Prepare(wanted) => {
                server.prepared(sign_in.prepare(&wanted).await.unwrap(), &SETTING)
            }
            ServerStep::Verify(claim) => match sign_in.verify(claim, origin(protocol)).await {
                SignInResult::Welcome { last_word, .. } => server.proven(last_word),
                _ => return false,
            },
            ServerStep::Done => return client.is_satisfied(),
            ServerStep::Failed(error) => panic!("{mechanism}: {error}"),
        };
    }
}

const CHALLENGES: [Mechanism; 4] =
    [Mechanism::ScramSha256, Mechanism::ScramSha1, Mechanism::DigestMd5, Mechanism::CramMd5];

#[tokio::test]
async fn every_mechanism_takes_the_password() {
    let (_house, sign_in, _) = house().await;
    let secret = Secret::new("alice");
    let (offers, apop) = sign_in.offers();
    assert!(apop);
    for mechanism in [Mechanism::CramMd5, Mechanism::Plain] {
        assert!(offers.mechanisms.contains(&mechanism), "{mechanism}");
    }
    // Bob has no verifier for SCRAM: a client that takes it would fail for him.
    assert!(!offers.mechanisms.contains(&Mechanism::ScramSha256));
    for mechanism in CHALLENGES.into_iter().chain([Mechanism::Plain, Mechanism::Login]) {
        for (name, password, expected) in [
            ("alice@example.org", "alice", true),
            ("alice", "alice", true),
            ("alice@example.org", "Alice", false),
            ("nobody@example.org", "alice", false),
            ("bob@example.org", "alice", false),
        ] {
            let password = Secret::new(password);
            let done = converse(&sign_in, mechanism, name, &password, Protocol::Imap).await;
            assert_eq!(done, expected, "{mechanism} {name}");
        }
    }
    let external = Mechanism::External;
    assert!(converse(&sign_in, external, "alice@example.org", &secret, Protocol::Imap).await);
    assert!(!converse(&sign_in, external, "bob@example.org", &secret, Protocol::Imap).await);
}

#[tokio::test]
async fn app_passwords_are_limited_and_revocable() {
    let (house, sign_in, app) = house().await;
    let converse = async |mechanism, name: &str, protocol| {
        converse(&sign_in, mechanism, name, &app, protocol).await
    };
    for mechanism in CHALLENGES {
        assert!(converse(mechanism, "alice@example.org%phone", Protocol::Imap).await);
        assert!(converse(mechanism, "alice%phone", Protocol::Submission).await);
        assert!(!converse(mechanism, "alice@example.org%phone", Protocol::Pop3).await);
        assert!(!converse(mechanism, "alice@example.org%desk", Protocol::Imap).await);
        assert!(!converse(mechanism, "alice@example.org", Protocol::Imap).await);
        assert!(!converse(mechanism, "bob@example.org%phone", Protocol::Imap).await);
    }
    for mechanism in [Mechanism::Plain, Mechanism::Login] {
        assert!(converse(mechanism, "alice@example.org", Protocol::Imap).await);
        assert!(converse(mechanism, "alice@example.org%phone", Protocol::Imap).await);
        assert!(!converse(mechanism, "alice@example.org", Protocol::Pop3).await);
        assert!(!converse(mechanism, "alice@example.org%desk", Protocol::Imap).await);
        assert!(!converse(mechanism, "bob@example.org", Protocol::Imap).await);
    }
    // As typed by hand: without dashes, in capitals.
    let typed = app.reveal_str().unwrap().replace('-', " ").to_uppercase();
    let typed = Claim::password(None, "alice", &Secret::new(typed)).unwrap();
    let welcome = sign_in.verify(typed, origin(Protocol::Imap)).await;
    let SignInResult::Welcome { account, .. } = welcome else { panic!("{welcome:?}") };

    house.editor.remove_secret(&address("alice"), "phone").await.unwrap();
    assert!(!converse(Mechanism::Plain, "alice@example.org", Protocol::Imap).await);
    assert!(!converse(Mechanism::ScramSha256, "alice%phone", Protocol::Imap).await);
    // The sessions of the account learn of it.
    sign_in.presence(&account).ended().await;
}

/// RFC 5802 §9: asking for a salt does not tell who exists.
#[tokio::test]
async fn salts_of_unknown_names_stay_the_same() {
    let (house, sign_in, _) = house().await;
    let again = SignIn::open(house.options.clone()).await.unwrap();
    let salt = async |sign_in: &SignIn, name: &str| {
        let hash = sasl_core::ScramHash::Sha256;
        let wanted = Preparation::Salted { hash, name: name.to_owned() };
        sign_in.prepare(&wanted).await.unwrap().salt.unwrap()
    };
    let nobody = salt(&sign_in, "nobody@example.org").await;
    assert_eq!(salt(&again, "nobody@example.org").await, nobody, "after a restart");
    assert_ne!(salt(&sign_in, "somebody@example.org").await, nobody);
    // However it is spelled, as for alice.
    for (unknown, known) in [("nobody", "alice"), (" Nobody@Example.org ", " Alice@Example.org ")] {
        assert_eq!(salt(&sign_in, unknown).await, nobody, "{unknown}");
        let alice = salt(&sign_in, "alice@example.org").await;
        assert_eq!(salt(&sign_in, known).await, alice, "{known}");
    }
    let (known, alice) = (nobody, salt(&sign_in, "alice").await);
    assert_eq!((known.0.len(), known.1), (alice.0.len(), alice.1));
}

/// RFC 5802 §9, with several domains: a local part has the salt of exactly one of its addresses,
/// whether no account has it, one, or two.
#[tokio::test]
async fn salts_of_local_parts_do_not_tell_who_exists() {
    let (house, _, _) = house().await;
    let key = InstallationKey::load_or_make(&house.options.key_file).unwrap();
    let domains = ["example.org", "example.net", "example.com"];
    for domain in &domains[1..] {
        house.editor.add_domain(&Domain::parse(domain).unwrap()).await.unwrap();
    }
    let cost = Cost::LOWEST;
    for name in ["twin@example.org", "twin@example.net", "single@example.net"] {
        let address = mail_types::Address::parse(name).unwrap();
        let new = directory::NewAccount {
            address: address.clone(),
            verifier: verifier("x", cost),
            quota_bytes: None,
            now: NOW,
        };
        house.editor.add_account(new).await.unwrap();
        let kept = recipe().keep(&key, &address, None, &Secret::new("x")).unwrap();
        let password = verifier("x", cost);
        house.editor.set_password_keeping(&address, &password, &kept, NOW).await.unwrap();
    }
    let sign_in = SignIn::open(house.options.clone()).await.unwrap();
    for name in ["alice", "twin", "single", "nobody", "nobody else", "mallory", "ALICE"] {
        for label in ["", "%phone", "%other"] {
            let wanted = async |name: String| {
                let wanted = Preparation::Salted { hash: sasl_core::ScramHash::Sha256, name };
                sign_in.prepare(&wanted).await.unwrap().salt.unwrap()
            };
            let alone = wanted(format!("{name}{label}")).await;
            let mut same = 0;
            for domain in domains {
                let quoted = LocalPart::from_content(name).unwrap();
                same += usize::from(wanted(format!("{quoted}@{domain}{label}")).await == alone);
            }
            assert_eq!(same, 1, "{name}{label}");
        }
    }
}

#[tokio::test]
async fn apop() {
    let (_house, sign_in, _) = house().await;
    let timestamp = b"<1.2@mail.example.org>";
    // printf '<1.2@mail.example.org>alice' | md5sum
    let digest = "7d2263821b81e58694ec2d728a4e52b7";
    let claim = |name, digest: &str| Claim::Apop(ApopClaim::new(timestamp, name, digest).unwrap());
    let origin = origin(Protocol::Pop3);
    let right = sign_in.verify(claim("alice@example.org", digest), origin).await;
    assert!(matches!(right, SignInResult::Welcome { .. }));
    for (name, digest) in [("bob", digest), ("alice", "00000000000000000000000000000000")] {
        assert_eq!(sign_in.verify(claim(name, digest), origin).await, SignInResult::Rejected);
    }
}

/// What another server hashed counts until the password is changed.
#[tokio::test]
async fn imported_hashes() {
    let house = House::new(Cost::LOWEST, std::time::Duration::ZERO).await;
    let imported = sasl_core::PasswordVerifier::import(
        "{SHA512-CRYPT}$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4O\
         TLiBFdcbYEdFCoEOfaS35inz1",
    );
    house.editor.set_password(&address("alice"), &imported.unwrap(), NOW).await.unwrap();
    assert!(house.sign_in("alice", "Hello world!").await.is_some());
    assert!(house.sign_in("alice", "alice").await.is_none());
}
