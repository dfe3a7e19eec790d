//! From an address to those who get its mail.
//!
//! Looked for in this order: an account of this very address, an alias of it, the same two without
//! the subaddress (`user+tag`), whoever answers for `postmaster` and `abuse`, the domain's
//! catch-all.

use std::collections::HashSet;

use mail_types::{AccountId, Address, Domain, Lane, LocalPart};

use crate::{Account, Refusal, Route, Target, roster::Roster};

/// The most addresses that one may expand to.
const MAX_TARGETS: usize = 1000;

/// What divides a local part from its subaddress.
const SUBADDRESS: char = '+';

/// Addresses that must reach somebody in every domain (RFC 5321 §4.5.1, RFC 2142 §4).
const ALWAYS_ANSWERED: [&str; 2] = ["postmaster", "abuse"];

impl Roster {
    pub(crate) fn route(&self, address: &Address) -> Route {
        if !self.is_ours(address.domain()) {
            return Route::Elsewhere(elsewhere(address));
        }
        let mut expansion = Expansion {
            roster: self,
            targets: Vec::new(),
            seen: HashSet::new(),
            reached: HashSet::new(),
            trouble: None,
        };
        expansion.add(address);
        match expansion {
            Expansion { trouble: Some(Refusal::TooManyTargets), .. } => {
                Route::Refused(Refusal::TooManyTargets)
            }
            Expansion { targets, trouble, .. } if targets.is_empty() => {
                Route::Refused(trouble.unwrap_or(Refusal::UnknownMailbox))
            }
            Expansion { targets, .. } => Route::Ours(targets),
        }
    }

    /// Whether an account or an alias has the address by name.
    pub(crate) fn is_named(&self, address: &Address) -> bool {
        let plain = without_subaddress(address);
        std::iter::once(address)
            .chain(plain.as_ref())
            .any(|name| self.account_at(name).is_some() || self.alias(&name.folded()).is_some())
    }

    /// Where mail for the bare `<postmaster>` goes (RFC 5321 §4.1.1.3): to the first domain's.
    pub(crate) fn route_postmaster(&self) -> Route {
        let local = LocalPart::from_content("postmaster").ok();
        match (self.domains().first(), local) {
            (Some(domain), Some(local)) => self.route(&Address::new(local, domain.clone())),
            _ => Route::Refused(Refusal::UnknownMailbox),
        }
    }

    /// Whoever answers for a domain if nobody was named: its oldest account, otherwise the oldest
    /// of all.
    fn responsible(&self, domain: &Domain) -> Option<&Account> {
        let enabled = || self.accounts().filter(|account| !account.disabled);
        enabled().find(|account| account.address.domain() == domain).or_else(|| enabled().next())
    }
}

/// An expansion in the making.
struct Expansion<'r> {
    roster: &'r Roster,
    targets: Vec<Target>,
    seen: HashSet<String>,
    /// The accounts that are among the targets.
    reached: HashSet<AccountId>,
    /// Why a branch came to nothing: the answer if all do.
    trouble: Option<Refusal>,
}

impl Expansion<'_> {
    /// Adds all that an address leads to. Recursion ends because each address counts once.
    fn add(&mut self, address: &Address) {
        if self.seen.len() >= MAX_TARGETS {
            self.trouble = Some(Refusal::TooManyTargets);
            return;
        }
        if !self.seen.insert(address.folded()) {
            self.trouble.get_or_insert(Refusal::AliasLoop);
            return;
        }
        if !self.roster.is_ours(address.domain()) {
            self.targets.push(elsewhere(address));
            return;
        }
        let plain = without_subaddress(address);
        let found = std::iter::once(address)
            .chain(plain.as_ref())
            .any(|name| self.add_account(name, address) || self.add_alias(&name.folded()));
        if found || self.add_responsible(address) {
            return;
        }
        if !self.add_alias(&format!("@{}", address.domain())) {
            self.trouble.get_or_insert(Refusal::UnknownMailbox);
        }
    }

    fn add_account(&mut self, name: &Address, as_written: &Address) -> bool {
        let Some(account) = self.roster.account_at(name) else { return false };
        self.push(account, as_written.clone());
        true
    }

    fn add_alias(&mut self, key: &str) -> bool {
        let Some(alias) = self.roster.alias(key) else { return false };
        for target in &alias.targets {
            self.add(target);
        }
        true
    }

    fn add_responsible(&mut self, address: &Address) -> bool {
        let local = address.local().as_str();
        if !ALWAYS_ANSWERED.iter().any(|name| name.eq_ignore_ascii_case(local)) {
            return false;
        }
        let Some(account) = self.roster.responsible(address.domain()) else { return false };
        self.push(account, account.address.clone());
        true
    }

    /// An account gets it once, however many aliases lead to it.
    fn push(&mut self, account: &Account, address: Address) {
        if account.disabled {
            self.trouble = Some(Refusal::Disabled);
        } else if self.reached.insert(account.id) {
            let account = Some(account.id);
            self.targets.push(Target { address, lane: Lane::Local, account, mailbox: None });
        }
    }
}

fn elsewhere(address: &Address) -> Target {
    Target {
        address: address.clone(),
        lane: Lane::Remote(address.domain().clone()),
        account: None,
        mailbox: None,
    }
}

/// `user@domain` of `user+tag@domain` (RFC 5233 §1).
fn without_subaddress(address: &Address) -> Option<Address> {
    let (user, _) = address.local().as_str().split_once(SUBADDRESS)?;
    Some(Address::new(LocalPart::from_content(user).ok()?, address.domain().clone()))
}

#[cfg(test)]
mod tests {
    use mail_types::Timestamp;

    use super::*;
    use crate::Alias;

    /// `1=alice@a.example`, `!2=bob@..` disabled, `list@.. -> x y`.
    fn roster(lines: &[&str]) -> Roster {
        let (mut accounts, mut aliases) = (Vec::new(), Vec::new());
        for line in lines {
            if let Some((name, targets)) = line.split_once(" -> ") {
                let targets = targets.split(' ').map(|t| Address::parse(t).unwrap()).collect();
                aliases.push(Alias { name: name.parse().unwrap(), targets });
            } else {
                let (id, address) = line.split_once('=').unwrap();
                accounts.push(Account {
                    id: AccountId(id.trim_start_matches('!').parse().unwrap()),
                    address: Address::parse(address).unwrap(),
                    generation: 1,
                    disabled: id.starts_with('!'),
                    quota_bytes: None,
                    created: Timestamp::from_secs(0),
                });
            }
        }
        let domains = ["a.example", "b.example"].map(|name| Domain::parse(name).unwrap());
        Roster::new(domains.into(), accounts, aliases)
    }

    /// `address/lane/account` for each target, or the refusal.
    fn shown(route: Route) -> String {
        let target = |target: &Target| match target.account {
            Some(id) => format!("{}#{id}", target.address),
            None => format!("{}{}", target.address.local(), target.lane),
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
            (
                "team@a.example",
                "alice@a.example#1 bob@a.example#2 out@example.org alice@b.example#4",
            ),
            (
                "team+x@a.example",
                "alice@a.example#1 bob@a.example#2 out@example.org alice@b.example#4",
            ),
            (
                "all@a.example",
                "alice@a.example#1 bob@a.example#2 out@example.org alice@b.example#4",
            ),
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
            assert_eq!(
                shown(roster.route(&Address::parse(address).unwrap())),
                expected,
                "{address}"
            );
        }
        assert_eq!(shown(roster.route_postmaster()), "Alice@a.example#1");
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
        assert_eq!(shown(roster(&[]).route_postmaster()), "UnknownMailbox");
        assert_eq!(shown(Roster::default().route_postmaster()), "UnknownMailbox");
    }

    #[test]
    fn expansion_is_bounded() {
        let lines: Vec<String> = (0..2 * MAX_TARGETS)
            .map(|n| format!("x{n}@a.example -> x{}@a.example", n + 1))
            .collect();
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        let start = Address::parse("x0@a.example").unwrap();
        assert_eq!(shown(roster(&lines).route(&start)), "TooManyTargets");
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
            ("", None),
        ] {
            let found = roster.account_by_sign_in(name).map(|account| account.id.0);
            assert_eq!(found, expected, "{name:?}");
        }
    }
}
