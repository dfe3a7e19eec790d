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
    Account, DomainKind, Explanation, MailingList, Occasion, Refusal, RelayedTo, Route, Rule, Step,
    Target, roster::Roster, srs,
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
            // Some would get it and some would not, and nobody would be told of that.
            (Some(why @ (Refusal::TooManyTargets | Refusal::MayNotPost)), _) => Route::Refused(why),
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
    /// The account that forwards it: where it has been shows in it, so that it is known again.
    forwarder: Option<&'r Address>,
}

impl<'r> Way<'r> {
    fn on(self) -> Self {
        Self { depth: self.depth + 1, passed_on: true, ..self }
    }

    fn by(self, account: &'r Account) -> Self {
        Self { forwarder: Some(&account.address), ..self.on() }
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
        if self.seen.len() > MAX_TARGETS {
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
            self.trouble.get_or_insert(Refusal::Disabled);
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
            self.add(target, way.by(account));
        }
    }

    fn add_list(&mut self, list: &'r MailingList, written: &Address, way: Way<'r>) {
        if self.occasion.from.is_some_and(|from| !list.admits(from)) {
            self.trouble = Some(Refusal::MayNotPost);
            return self.tell(written, way, || Rule::MayNotPost(list.posting));
        }
        self.tell(written, way, || Rule::List(list.members.len()));
        if list.members.is_empty() {
            self.trouble.get_or_insert(Refusal::Disabled);
        }
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
        // Who has named nobody is asked for postmaster as well.
        let named = || self.roster.is_listed(&address.folded()) || is_always_answered(address);
        match to {
            RelayedTo::Listed if !named() => {
                self.trouble.get_or_insert(Refusal::UnknownMailbox);
                self.tell(address, way, || Rule::NotListed);
            }
            // Where the operator's own aliases lead he has seen to it himself, and of several one
            // that is refused must not keep the message from the others.
            RelayedTo::Asked if !way.passed_on && !named() => {
                self.tell(address, way, || Rule::RelayedIfTaken);
                self.add_elsewhere(address, way);
                self.targets.last_mut().into_iter().for_each(|target| target.asked = true);
            }
            _ => {
                self.tell(address, way, || Rule::Relayed);
                self.add_elsewhere(address, way);
            }
        }
    }

    fn add_elsewhere(&mut self, address: &Address, way: Way<'r>) {
        let target = Target::elsewhere(address);
        let reverse_path = self.reverse_path(way, true);
        let (list, head) = (way.list.map(|list| list.name.clone()), head(way));
        self.targets.push(Target { reverse_path, list, head, ..target });
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
            let list = way.list.map(|list| list.name.clone());
            let (reverse_path, head) = (self.reverse_path(way, false), head(way));
            let target = Target::new(address, Lane::Local);
            self.targets.push(Target { account, mailbox, reverse_path, list, head, ..target });
        }
    }

    /// The reverse-path towards who was found on this way, if not the message's.
    fn reverse_path(&self, way: Way<'r>, leaves: bool) -> Option<ReversePath> {
        if let Some(list) = way.list {
            return Some(ReversePath::Address(list.owner.clone()));
        }
        let from = self.occasion.from?.address()?;
        // What is relayed is another server's: its senders are as strange as any.
        let strange = !self.roster.is_ours(from.domain());
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

/// What stands before the content for whoever is found on this way.
fn head(way: Way<'_>) -> Vec<u8> {
    let mut head = way.list.map(MailingList::head).unwrap_or_default();
    if let Some(forwarder) = way.forwarder {
        head.extend_from_slice(format!("Delivered-To: {forwarder}\r\n").as_bytes());
    }
    head
}

fn is_always_answered(address: &Address) -> bool {
    let local = address.local().as_str();
    ALWAYS_ANSWERED.iter().any(|name| name.eq_ignore_ascii_case(local))
}

#[cfg(test)]
mod tests;
