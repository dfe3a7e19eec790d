//! Guessing is held up, and nobody who belongs here is locked out.

use std::{net::IpAddr, time::Duration};

use config::Config;
use mail_types::{Domain, Secret};
use sasl_core::{Claim, Cost};
use sign_in::{
    BlockKind, BlockLimits, Origin, Protocol, SignIn, SignInOptions, SignInRecords, SignInResult,
};

use crate::House;

const LIMITS: BlockLimits = BlockLimits {
    address_after: 4,
    account_after: 6,
    within: Duration::from_secs(3600),
    lasting: Duration::from_secs(600),
};

struct Gate {
    house: House,
    sign_in: SignIn,
}

impl Gate {
    async fn new(change: impl FnOnce(&mut SignInOptions)) -> Self {
        let house = House::new(Cost::LOWEST, Duration::ZERO).await;
        let mut options = SignInOptions { block: LIMITS, ..house.options.clone() };
        change(&mut options);
        let sign_in = SignIn::open(options).await.unwrap();
        Self { house, sign_in }
    }

    async fn from(&self, address: &str, name: &str, password: &str) -> SignInResult {
        let claim = Claim::password(None, name, &Secret::new(password)).unwrap();
        let address: IpAddr = address.parse().unwrap();
        self.sign_in.verify(claim, Origin { protocol: Protocol::Imap, address, tls: true }).await
    }

    /// So many different wrong passwords; waits until each is written down.
    async fn guess(&self, address: &str, name: &str, range: std::ops::Range<u32>) {
        for number in range {
            self.from(address, name, &format!("wrong {number}")).await;
        }
        self.settle().await;
    }

    /// Until all that happened is written down.
    async fn settle(&self) {
        let records = self.records().await;
        self.from("203.0.113.250", "nobody", "the last").await;
        loop {
            let last = records.failures(1).await.unwrap();
            if last.first().is_some_and(|failure| failure.address == "203.0.113.250") {
                break;
            }
            tokio::task::yield_now().await;
        }
    }

    async fn records(&self) -> SignInRecords {
        SignInRecords::open(self.house.folder.path()).await.unwrap()
    }

    async fn blocks(&self) -> Vec<(BlockKind, String)> {
        let blocks = self.records().await.blocks(agent_kit::now()).await.unwrap();
        blocks.into_iter().map(|block| (block.kind, block.subject)).collect()
    }
}

fn welcome(result: &SignInResult) -> bool {
    matches!(result, SignInResult::Welcome { .. })
}

#[tokio::test]
async fn different_wrong_passwords_block_an_address_and_the_same_one_does_not() {
    let gate = Gate::new(|_| ()).await;
    for _ in 0..20 {
        gate.from("192.0.2.1", "alice", "mistyped").await;
        gate.from("192.0.2.1", "alice@example.org", "mistyped").await;
    }
    gate.settle().await;
    assert!(gate.blocks().await.is_empty(), "one password, however often");
    gate.guess("192.0.2.1", "alice", 0..3).await;
    assert_eq!(gate.blocks().await, [(BlockKind::Address, "192.0.2.1".to_owned())]);
    let answer = gate.from("192.0.2.1", "alice", "alice").await;
    assert_eq!(answer, SignInResult::Blocked { minutes: 10 });
    assert!(welcome(&gate.from("192.0.2.2", "alice", "alice").await), "from elsewhere");

    // Another process learns of it, and of its end.
    let other = SignIn::open(gate.sign_in_options()).await.unwrap();
    let claim = || Claim::password(None, "bob", &Secret::new("bob")).unwrap();
    let address = "192.0.2.1".parse().unwrap();
    let origin = Origin { protocol: Protocol::Pop3, address, tls: true };
    assert!(matches!(other.verify(claim(), origin).await, SignInResult::Blocked { .. }));
    assert_eq!(gate.records().await.lift("192.0.2.1").await.unwrap().len(), 1);
    assert!(gate.blocks().await.is_empty());
    let again = SignIn::open(gate.sign_in_options()).await.unwrap();
    assert!(welcome(&again.verify(claim(), origin).await));
    // What led to it counts no more.
    gate.guess("192.0.2.1", "alice", 10..11).await;
    assert!(gate.blocks().await.is_empty());
}

impl Gate {
    fn sign_in_options(&self) -> SignInOptions {
        SignInOptions { block: LIMITS, ..self.house.options.clone() }
    }
}

#[tokio::test]
async fn networks_of_ipv6_are_one_and_exceptions_are_none() {
    let gate = Gate::new(|options| {
        let text = "hostname = \"a.example\"\nsign_in.block.never = \"198.51.100.0/24\"\n\
                    submission.listen_tls = []\nimap.listen_tls = []\npop3.listen_tls = []\n";
        let config = Config::parse(text, std::path::Path::new("/")).unwrap();
        options.never_block = SignInOptions::from_config(&config).never_block;
    })
    .await;
    for number in 0..4 {
        gate.from(&format!("2001:db8::{number}"), "alice", &format!("wrong {number}")).await;
    }
    gate.guess("198.51.100.7", "bob", 0..10).await;
    let network = (BlockKind::Address, "2001:db8::/64".to_owned());
    assert_eq!(gate.blocks().await, [network]);
    let blocked = gate.from("2001:db8::ffff", "alice", "alice").await;
    assert!(matches!(blocked, SignInResult::Blocked { .. }));
    assert!(welcome(&gate.from("2001:db8:0:1::1", "alice", "alice").await));
}

#[tokio::test]
async fn whoever_signed_in_lately_is_not_locked_out() {
    let gate = Gate::new(|_| ()).await;
    assert!(welcome(&gate.from("192.0.2.1", "alice", "alice").await));
    // A whole household behind it may mistype.
    gate.guess("192.0.2.1", "bob", 0..5).await;
    assert!(gate.blocks().await.is_empty());
    // Many hosts guess at the account: its owner stays where it was, and cannot come from elsewhere.
    for number in 0..8 {
        gate.from(&format!("203.0.113.{number}"), "alice", &format!("guess {number}")).await;
    }
    gate.settle().await;
    assert_eq!(gate.blocks().await, [(BlockKind::Account, "alice@example.org".to_owned())]);
    assert!(welcome(&gate.from("192.0.2.1", "alice", "alice").await));
    let elsewhere = gate.from("192.0.2.9", "alice", "alice").await;
    assert!(matches!(elsewhere, SignInResult::Blocked { .. }));
}

/// A name that nobody has is blocked as well: otherwise the block would tell who exists.
#[tokio::test]
async fn blocks_do_not_tell_who_exists() {
    let gate = Gate::new(|_| ()).await;
    for number in 0..8 {
        let address = format!("203.0.113.{number}");
        gate.from(&address, "hunter2@example.org", &format!("guess {number}")).await;
    }
    gate.settle().await;
    let answer = gate.from("192.0.2.9", "Hunter2@example.org", "x").await;
    assert!(matches!(answer, SignInResult::Blocked { .. }));
    let shown = format!("{:?}", gate.blocks().await);
    assert!(!shown.contains("hunter2"), "{shown}");
}

#[tokio::test]
async fn one_gateway_for_all_is_neither_trusted_nor_blocked() {
    let gate = Gate::new(|_| ()).await;
    let bridge = "172.17.0.1";
    assert!(welcome(&gate.from(bridge, "alice", "alice").await));
    for name in ["admin", "info", "test", "root", "sales"] {
        gate.from(bridge, name, "wrong").await;
    }
    gate.guess(bridge, "alice", 0..20).await;
    // The account is blocked for strange addresses, which the bridge is not.
    assert_eq!(gate.blocks().await, [(BlockKind::Account, "alice@example.org".to_owned())]);
    assert!(welcome(&gate.from(bridge, "alice", "alice").await), "the owner comes that way too");
}

/// The answer to a name that nobody has costs as many hashes as a wrong password.
#[tokio::test]
async fn unknown_names_cost_what_wrong_passwords_cost() {
    let gate = Gate::new(|options| options.block.address_after = 0).await;
    let mut costs = Vec::new();
    for (name, password) in [
        ("alice", "wrong 1"),
        ("nobody", "wrong 2"),
        ("alice@example.net", "wrong 3"),
        ("alice@example.org%phone", "wrong 4"),
        ("nobody%phone", "wrong 5"),
        ("", "wrong 6"),
    ] {
        let before = gate.sign_in.checks_made();
        if let Some(claim) = Claim::password(None, name, &Secret::new(password)) {
            let address = "192.0.2.1".parse().unwrap();
            let origin = Origin { protocol: Protocol::Imap, address, tls: true };
            assert_eq!(gate.sign_in.verify(claim, origin).await, SignInResult::Rejected, "{name}");
            costs.push(gate.sign_in.checks_made() - before);
        }
    }
    assert_eq!(costs, [1; 5]);
}

#[tokio::test]
async fn names_without_a_domain() {
    let gate = Gate::new(|options| {
        options.default_domain = Some(Domain::parse("example.org").unwrap());
    })
    .await;
    assert!(welcome(&gate.from("192.0.2.1", "ALICE", "alice").await));
    let gate = Gate::new(|options| {
        options.default_domain = Some(Domain::parse("example.net").unwrap());
    })
    .await;
    assert!(!welcome(&gate.from("192.0.2.1", "alice", "alice").await));
    assert!(welcome(&gate.from("192.0.2.1", "alice@example.org", "alice").await));
}
