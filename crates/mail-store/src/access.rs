//! To whom a mailbox is open. What follows from it is for whoever knows who asks.

use mail_types::{AccountId, Rights};

/// Somebody who may be given rights.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Grantee {
    /// Every account (RFC 4314 §2).
    Anyone,
    /// This one.
    Account(AccountId),
}

/// A line of a mailbox's access control list.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Grant {
    /// To whom.
    pub to: Grantee,
    /// These rights are taken away, whoever else gives them (RFC 4314 §2).
    pub negative: bool,
    /// The rights.
    pub rights: Rights,
}

/// What is done with a line of the list (RFC 4314 §3.1).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RightsChange {
    /// These are added.
    Add(Rights),
    /// These are taken from it.
    Remove(Rights),
    /// It has these and no others.
    Replace(Rights),
}

/// A mailbox's access control list: at most one line for each grantee, and one negative one. Its
/// owner does not stand in it, and may do everything.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct AccessList {
    grants: Vec<Grant>,
}

impl AccessList {
    /// The most lines of a list.
    pub const GRANTS_MAX: usize = 1000;

    /// The lines in the order in which they came.
    pub fn grants(&self) -> &[Grant] {
        &self.grants
    }

    /// What somebody who is not the owner may do: what is granted to the account or to anyone,
    /// without what a negative line takes from the account or from anyone.
    pub fn rights_of(&self, account: AccountId) -> Rights {
        self.granted(account, &[Grantee::Anyone, Grantee::Account(account)])
    }

    /// The same where nothing is shared with all at once: what is granted to anyone is nobody's, and
    /// what is taken from anyone stays taken.
    pub fn rights_of_single(&self, account: AccountId) -> Rights {
        self.granted(account, &[Grantee::Account(account)])
    }

    /// What is granted to these, without what is taken from the account.
    fn granted(&self, account: AccountId, to: &[Grantee]) -> Rights {
        let all = |negative, to: &[Grantee]| {
            let lines = self.grants.iter().filter(|grant| grant.negative == negative);
            let mine = lines.filter(|grant| to.contains(&grant.to));
            mine.fold(Rights::NONE, |rights, grant| rights.union(grant.rights))
        };
        all(false, to).difference(all(true, &[Grantee::Anyone, Grantee::Account(account)]))
    }

    /// Whether there is no line.
    pub fn is_empty(&self) -> bool {
        self.grants.is_empty()
    }

    /// Those who are given rights.
    pub(crate) fn grantees(&self) -> impl Iterator<Item = Grantee> + '_ {
        self.grants.iter().filter(|grant| !grant.negative).map(|grant| grant.to)
    }

    /// Changes a line; one without rights is none.
    pub(crate) fn change(&mut self, to: Grantee, negative: bool, change: RightsChange) {
        let at = self.grants.iter().position(|g| g.to == to && g.negative == negative);
        let before = at.and_then(|at| self.grants.get(at)).map_or(Rights::NONE, |g| g.rights);
        let rights = match change {
            RightsChange::Add(more) => before.union(more),
            RightsChange::Remove(fewer) => before.difference(fewer),
            RightsChange::Replace(rights) => rights,
        };
        match at.and_then(|at| self.grants.get_mut(at)) {
            Some(grant) => grant.rights = rights,
            None => self.grants.push(Grant { to, negative, rights }),
        }
        self.grants.retain(|grant| !grant.rights.is_empty());
    }

    /// A list of such lines; none if one is there twice.
    pub(crate) fn of(grants: Vec<Grant>) -> Self {
        Self { grants }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rights_are_what_is_granted_without_what_is_taken() {
        let rights = |text: &str| Rights::parse(text).unwrap();
        let (bob, carol) = (Grantee::Account(AccountId(8)), AccountId(9));
        let mut list = AccessList::default();
        let mut check = |to, negative, change, of_bob: &str, of_carol: &str| {
            list.change(to, negative, change);
            assert_eq!(list.rights_of(AccountId(8)), rights(of_bob));
            assert_eq!(list.rights_of(carol), rights(of_carol));
        };
        check(bob, false, RightsChange::Replace(rights("lrs")), "lrs", "");
        check(bob, false, RightsChange::Add(rights("wi")), "lrswi", "");
        check(Grantee::Anyone, false, RightsChange::Add(rights("lra")), "lrswia", "lra");
        check(bob, false, RightsChange::Remove(rights("r")), "lrswia", "lra");
        // RFC 4314 §2: a negative right counts whatever else grants it.
        check(bob, true, RightsChange::Replace(rights("ra")), "lswi", "lra");
        check(Grantee::Anyone, true, RightsChange::Replace(rights("l")), "swi", "ra");
        check(bob, true, RightsChange::Replace(Rights::NONE), "rswia", "ra");
        let single = |account| list.rights_of_single(account);
        assert_eq!(single(AccountId(8)), rights("swi"), "anyone's negative line still takes");
        assert_eq!(single(carol), Rights::NONE);
        assert_eq!(list.grants().len(), 3, "a line without rights is none");
        assert_eq!(list.grantees().collect::<Vec<_>>(), [bob, Grantee::Anyone]);
    }
}
