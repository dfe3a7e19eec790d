//! From an address to those who get its mail.
//!
//! Looked for in this order: what the domain is (an alias of another, relayed), an account of this
//! very address, an alias, a list, the same three without the subaddress (`user+tag`), a sender in
//! whose place we have passed mail on, whoever answers for `postmaster` and `abuse`, the domain's
//! catch-all.

use std::collections::HashSet;

use mail_types::{
    AccountId, Address, Domain, Lane, LocalPart, MailboxName, ReversePath, Timestamp,
};

use crate::{
    Account, DomainKind, Explanation, ListFacts, MailingList, Occasion, Refusal, RelayedTo, Route,
    Rule, Step, Target, roster::Roster, srs,
};

/// The most addresses that one may expand to.
const MAX_TARGETS: usize = 1000;

/// Addresses that must reach somebody in every domain (RFC 5321 §4.5.1, RFC 2142 §4).
const ALWAYS_ANSWERED: [&str; 2] = ["postmaster", "abuse"];

impl Roster {
    pub(crate) fn route(&self, address: &Address, occasion: Occasion<'_>) -> Route {
        self.end(address, Expansion::new(self, address, occasion)).route
    }

    /// The route, and the steps to it.
    pub(crate) fn explain(&self, address: &Address, occasion: Occasion<'_>) -> Explanation {
        let steps = Some(Vec::new());
        self.end(address, Expansion { steps, ..Expansion::new(self, address, occasion) })
    }

    /// Whether an address is an account's own: its name, or one that leads to it by aliases alone.
    /// That its mail goes on to others changes nothing.
    pub(crate) fn is_own(&self, id: AccountId, address: &Address, now: Timestamp) -> bool {
        let occasion = Occasion::inquiry(now);
        let expansion = Expansion { forwarding: false, ..Expansion::new(self, address, occasion) };
        let own = |target: &Target| target.account == Some(id) && target.list.is_none();
        !srs::is_rewritten(address.local())
            && matches!(self.end(address, expansion).route, Route::Ours(targets)
                if targets.iter().any(own))
    }

    /// Runs an expansion to its end.
    fn end<'r>(&'r self, address: &Address, mut expansion: Expansion<'r, '_>) -> Explanation {
        expansion.add(address, Way::default());
        let Expansion { targets, trouble, steps, .. } = expansion;
        let steps = steps.unwrap_or_default();
        let route = match (trouble, targets) {
            (Some(Refusal::TooManyTargets), _) => Route::Refused(Refusal::TooManyTargets),
            (trouble, targets) if targets.is_empty() => {
                Route::Refused(trouble.unwrap_or(Refusal::UnknownMailbox))
            }
            (_, mut targets) if self.hosted(address.domain()).is_none() => {
                targets.pop().map_or(Route::Refused(Refusal::UnknownMailbox), Route::Elsewhere)
            }
            (_, targets) => Route::Ours(targets),
        };
        Explanation { steps, route }
    }

    /// Whether an account, an alias or a list has the address by name.
    pub(crate) fn is_named(&self, address: &Address) -> bool {
        let address = self.in_own_domain(address);
        let plain = self.without_subaddress(&address).map(|(plain, _)| plain);
        std::iter::once(&*address).chain(plain.as_ref()).any(|name| {
            let key = name.folded();
            self.account_at(name).is_some()
                || self.alias(&key).is_some()
                || self.list(&key).is_some()
        })
    }

    /// Where mail for the bare `<postmaster>` goes (RFC 5321 §4.1.1.3): to the first domain's.
    pub(crate) fn route_postmaster(&self, occasion: Occasion<'_>) -> Route {
        let local = LocalPart::from_content("postmaster").ok();
        match (self.own_domains().next(), local) {
            (Some(domain), Some(local)) => {
                self.route(&Address::new(local, domain.clone()), occasion)
            }
            _ => Route::Refused(Refusal::UnknownMailbox),
        }
    }

    /// Whoever answers for a domain if nobody was named: its oldest account, otherwise the oldest
    /// of all.
    fn responsible(&self, domain: &Domain, occasion: Occasion<'_>) -> Option<&Account> {
        let open = || self.accounts().filter(|account| !account.is_shut(occasion.now));
        open().find(|account| account.address.domain() == domain).or_else(|| open().next())
    }

    /// `user@domain` of `user+tag@domain`, and the tag (RFC 5233 §1).
    fn without_subaddress(&self, address: &Address) -> Option<(Address, String)> {
        let separator = self.hosted(address.domain())?.subaddress.separator?;
        let (user, detail) = address.local().as_str().split_once(separator)?;
        let user = LocalPart::from_content(user).ok()?;
        Some((Address::new(user, address.domain().clone()), detail.to_owned()))
    }
}

/// How an expansion has come to an address.
#[derive(Clone, Copy, Default)]
struct Way<'r> {
    depth: usize,
    /// The list whose member it is.
    list: Option<&'r MailingList>,
    /// Whether the mail is passed on: it was for somebody else.
    passed_on: bool,
}

impl<'r> Way<'r> {
    fn on(self) -> Self {
        Self { depth: self.depth + 1, passed_on: true, ..self }
    }

    fn of_list(self, list: &'r MailingList) -> Self {
        Self { list: Some(list), ..self.on() }
    }
}

/// An expansion in the making.
struct Expansion<'r, 'o> {
    roster: &'r Roster,
    occasion: Occasion<'o>,
    /// The domain of the address that was asked about.
    asked: &'o Domain,
    targets: Vec<Target>,
    seen: HashSet<String>,
    /// The accounts that are among the targets.
    reached: HashSet<AccountId>,
    /// Why a branch came to nothing: the answer if all do.
    trouble: Option<Refusal>,
    /// Whether the forwards of accounts are followed.
    forwarding: bool,
    /// What is told, if anything is.
    steps: Option<Vec<Step>>,
}

impl<'r, 'o> Expansion<'r, 'o> {
    fn new(roster: &'r Roster, address: &'o Address, occasion: Occasion<'o>) -> Self {
        Self {
            roster,
            occasion,
            asked: address.domain(),
            targets: Vec::new(),
            seen: HashSet::new(),
            reached: HashSet::new(),
            trouble: None,
            forwarding: true,
            steps: None,
        }
    }

    /// Adds all that an address leads to. Recursion ends because each address counts once.
    fn add(&mut self, address: &Address, way: Way<'r>) {
        if self.seen.len() >= MAX_TARGETS {
            self.trouble = Some(Refusal::TooManyTargets);
            return self.tell(address, way, || Rule::TooMany);
        }
        if !self.seen.insert(address.folded()) {
            self.trouble.get_or_insert(Refusal::AliasLoop);
            return self.tell(address, way, || Rule::Again);
        }
        let Some(hosted) = self.roster.hosted(address.domain()) else {
            self.tell(address, way, || Rule::Elsewhere);
            return self.add_elsewhere(address, way);
        };
        match &hosted.kind {
            DomainKind::AliasOf(other) => {
                self.tell(address, way, || Rule::DomainAlias(other.clone()));
                let meant = Address::new(address.local().clone(), other.clone());
                self.add(&meant, Way { depth: way.depth + 1, ..way });
            }
            DomainKind::Relayed(to) => self.add_relayed(address, *to, way),
            DomainKind::Own => self.add_own(address, way),
        }
    }

    fn add_own(&mut self, address: &Address, way: Way<'r>) {
        if self.add_named(address, (address, None), way) {
            return;
        }
        if let Some((plain, detail)) = self.roster.without_subaddress(address)
            && self.add_named(&plain, (address, Some(&detail)), way)
        {
            return;
        }
        if srs::is_rewritten(address.local()) {
            return self.add_returned(address, way);
        }
        if self.add_responsible(address, way) {
            return;
        }
        match self.roster.alias(&format!("@{}", address.domain())) {
            Some(alias) => {
                self.tell(address, way, || Rule::CatchAll(alias.targets.clone()));
                for target in &alias.targets {
                    self.add(target, way.on());
                }
            }
            None => {
                self.trouble.get_or_insert(Refusal::UnknownMailbox);
                self.tell(address, way, || Rule::Unknown);
            }
        }
    }

    /// Whoever has exactly this name; `written` is the address as it came, and its detail.
    fn add_named(
        &mut self,
        name: &Address,
        written: (&Address, Option<&str>),
        way: Way<'r>,
    ) -> bool {
        let roster = self.roster;
        if let Some(account) = roster.account_at(name) {
            self.add_account(account, written, way);
            return true;
        }
        let key = name.folded();
        if let Some(alias) = roster.alias(&key) {
            self.tell(written.0, way, || Rule::Alias(alias.targets.clone()));
            for target in &alias.targets {
                self.add(target, way.on());
            }
            return true;
        }
        let list = roster.list(&key);
        if let Some(list) = list {
            self.add_list(list, written.0, way);
        }
        list.is_some()
    }

    fn add_account(
        &mut self,
        account: &'r Account,
        (written, detail): (&Address, Option<&str>),
        way: Way<'r>,
    ) {
        if account.is_shut(self.occasion.now) {
            self.trouble = Some(Refusal::Disabled);
            return self.tell(written, way, || Rule::Shut);
        }
        let filed = self.roster.hosted(written.domain()).is_some_and(|d| d.subaddress.filed);
        let detail = detail.filter(|_| filed);
        let mailbox = detail.and_then(|detail| MailboxName::parse(detail).ok());
        let forward = self.roster.forward(account.id).filter(|_| self.forwarding);
        let Some(forward) = forward else {
            self.tell(written, way, || Rule::Account(mailbox.clone()));
            return self.push(account, written.clone(), mailbox, way);
        };
        self.tell(written, way, || Rule::Forward {
            to: forward.targets.clone(),
            keep: forward.keep,
        });
        if forward.keep {
            self.push(account, written.clone(), mailbox, way);
        }
        for target in &forward.targets {
            self.add(target, way.on());
        }
    }

    fn add_list(&mut self, list: &'r MailingList, written: &Address, way: Way<'r>) {
        if self.occasion.from.is_some_and(|from| !list.admits(from)) {
            self.trouble = Some(Refusal::MayNotPost);
            return self.tell(written, way, || Rule::MayNotPost(list.posting));
        }
        self.tell(written, way, || Rule::List(list.members.len()));
        for member in &list.members {
            self.add(member, way.of_list(list));
        }
    }

    fn add_returned(&mut self, address: &Address, way: Way<'r>) {
        match self.roster.restore(address.local(), self.occasion.now) {
            Some(sender) => {
                self.tell(address, way, || Rule::Returned(sender.clone()));
                self.add(&sender, way.on());
            }
            None => {
                self.trouble.get_or_insert(Refusal::UnknownMailbox);
                self.tell(address, way, || Rule::NotReturned);
            }
        }
    }

    fn add_responsible(&mut self, address: &Address, way: Way<'r>) -> bool {
        if !is_always_answered(address) {
            return false;
        }
        let account = self.roster.responsible(address.domain(), self.occasion);
        let Some(account) = account else { return false };
        self.tell(address, way, || Rule::Responsible(account.address.clone()));
        self.push(account, account.address.clone(), None, way);
        true
    }

    fn add_relayed(&mut self, address: &Address, to: RelayedTo, way: Way<'r>) {
        let taken = match to {
            RelayedTo::Anybody => true,
            // Who has named nobody is asked for postmaster as well.
            RelayedTo::Listed => {
                self.roster.is_listed(&address.folded()) || is_always_answered(address)
            }
        };
        if taken {
            self.tell(address, way, || Rule::Relayed);
            self.add_elsewhere(address, way);
        } else {
            self.trouble.get_or_insert(Refusal::UnknownMailbox);
            self.tell(address, way, || Rule::NotListed);
        }
    }

    fn add_elsewhere(&mut self, address: &Address, way: Way<'r>) {
        let target = Target::elsewhere(address);
        let reverse_path = self.reverse_path(way, true);
        self.targets.push(Target { reverse_path, list: list_facts(way), ..target });
    }

    /// An account gets it once, however many aliases lead to it.
    fn push(
        &mut self,
        account: &Account,
        address: Address,
        mailbox: Option<MailboxName>,
        way: Way<'r>,
    ) {
        if self.reached.insert(account.id) {
            let account = Some(account.id);
            let (reverse_path, list) = (self.reverse_path(way, false), list_facts(way));
            let target = Target::new(address, Lane::Local);
            self.targets.push(Target { account, mailbox, reverse_path, list, ..target });
        }
    }

    /// The reverse-path towards who was found on this way, if not the message's.
    fn reverse_path(&self, way: Way<'r>, leaves: bool) -> Option<ReversePath> {
        if let Some(list) = way.list {
            return Some(ReversePath::Address(list.owner.clone()));
        }
        let from = self.occasion.from?.address()?;
        let strange = self.roster.hosted(from.domain()).is_none();
        if !(leaves && way.passed_on && strange) {
            return None;
        }
        self.roster.rewrite(from, self.asked, self.occasion.now).map(ReversePath::Address)
    }

    fn tell(&mut self, address: &Address, way: Way<'r>, rule: impl FnOnce() -> Rule) {
        if let Some(steps) = &mut self.steps {
            steps.push(Step { depth: way.depth, address: address.clone(), rule: rule() });
        }
    }
}

fn list_facts(way: Way<'_>) -> Option<ListFacts> {
    way.list.map(|list| ListFacts { name: list.name.clone(), head: list.head() })
}

fn is_always_answered(address: &Address) -> bool {
    let local = address.local().as_str();
    ALWAYS_ANSWERED.iter().any(|name| name.eq_ignore_ascii_case(local))
}

#[cfg(test)]
mod tests {
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
        let lines: Vec<String> = (0..2 * MAX_TARGETS)
            .map(|n| format!("x{n}@a.example -> x{}@a.example", n + 1))
            .collect();
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
            "away@b.example -> known@backup.example",
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
        assert!(
            path.starts_with("SRS0=") && path.ends_with("=example.net=eve@a.example"),
            "{path}"
        );
        assert_eq!(sent(&roster, "", path), "eve@example.net");
        assert_eq!(sent(&roster, "", &path.replace("eve", "ann")), "UnknownMailbox");
        // That mail goes on takes nobody's address away.
        let own = |id, address: &str| {
            roster.is_own(AccountId(id), &Address::parse(address).unwrap(), NOW)
        };
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
        assert_eq!(told.route.targets().len(), 2);
    }
}
