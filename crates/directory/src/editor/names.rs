//! Which names are free, and which are somebody's.

use mail_types::{Address, Timestamp};

use crate::{AliasName, DirectoryError, DomainKind, Occasion, Refusal, Route, roster::Roster};

/// Whether an address of ours can be given to a new account or list.
pub(super) fn check_free(roster: &Roster, address: &Address) -> Result<(), DirectoryError> {
    let domain = address.domain();
    match roster.hosted(domain).map(|hosted| &hosted.kind) {
        Some(DomainKind::Own) => {}
        Some(_) => return Err(DirectoryError::NoMailboxesThere(domain.clone())),
        None => return Err(DirectoryError::NoSuchDomain(domain.clone())),
    }
    if roster.account_at(address).is_some() {
        return Err(DirectoryError::AccountExists(address.clone()));
    }
    if roster.alias(&address.folded()).is_some() {
        return Err(DirectoryError::AliasExists(AliasName::Address(address.clone())));
    }
    if roster.list(&address.folded()).is_some() {
        return Err(DirectoryError::ListExists(address.clone()));
    }
    Ok(())
}

/// Whether mail for these addresses would reach somebody, as far as that is decided here. Whether
/// they are disabled or expired today is no matter.
pub(super) fn check_known<'a>(
    roster: &Roster,
    addresses: impl IntoIterator<Item = &'a Address>,
) -> Result<(), DirectoryError> {
    let occasion = Occasion::inquiry(Timestamp::from_secs(0));
    for address in addresses {
        if roster.route(address, occasion) == Route::Refused(Refusal::UnknownMailbox) {
            return Err(DirectoryError::TargetUnknown(address.clone()));
        }
    }
    Ok(())
}
