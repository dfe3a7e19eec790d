//! VRFY and EXPN, for our own people: who is behind a name (RFC 5321 §3.5).

use directory::{AliasName, Directory, DirectoryError, Occasion, Route};
use mail_types::{Address, ForwardPath};
use smtp_core::reply::Refusal;
use smtp_server::no_route;

/// The addresses behind what was asked about: itself, or with `list` all who get its mail. Nothing
/// if it is another server's, which alone could tell.
pub(crate) async fn answer(
    directory: &Directory,
    text: &str,
    list: bool,
) -> Result<Option<Vec<Address>>, Refusal> {
    let failure = |error: DirectoryError| super::failure(&error);
    let Some(address) = meant(directory, text).await.map_err(failure)? else {
        return Err(Refusal::UnknownMailbox);
    };
    match directory.route(&address, Occasion::inquiry(agent_kit::now())).await.map_err(failure)? {
        Route::Ours(targets) if list => {
            Ok(Some(targets.into_iter().map(|target| target.address).collect()))
        }
        Route::Ours(_) => Ok(Some(vec![address])),
        Route::Elsewhere(_) => Ok(None),
        Route::Refused(why) => Err(no_route(why, &ForwardPath::Address(address))),
    }
}

/// The address that somebody means: all of it, or a local part that only one account, alias or list has.
async fn meant(directory: &Directory, text: &str) -> Result<Option<Address>, DirectoryError> {
    if let Ok(address) = Address::parse(text) {
        return Ok(Some(address));
    }
    if let Some(account) = directory.account_by_sign_in(text).await? {
        return Ok(Some(account.address));
    }
    let aliases = directory.aliases().await?.into_iter().filter_map(|alias| match alias.name {
        AliasName::Address(address) => Some(address),
        AliasName::CatchAll(_) => None,
    });
    let lists = directory.lists().await?.into_iter().map(|list| list.name);
    let mut named = aliases.chain(lists);
    let wanted = text.to_lowercase();
    let is_meant = |address: &Address| address.local().as_str().to_lowercase() == wanted;
    let found = named.find(is_meant);
    Ok(found.filter(|_| !named.any(|other| is_meant(&other))))
}
