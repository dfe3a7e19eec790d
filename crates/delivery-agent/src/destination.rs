//! Whose mailbox a recipient is, at the moment of delivery: accounts come and go while mail waits.

use directory::{Account, Directory, Route};
use mail_types::{EnhancedStatus, Outcome, Problem, Scope};
use message_queue::LeaseRecipient;

/// The account that a recipient's mail goes to, or the outcome if there is none.
pub(crate) async fn account(
    directory: &Directory,
    recipient: &LeaseRecipient,
) -> Result<Account, Outcome> {
    let found = match recipient.account {
        Some(id) => directory.account(id).await,
        None => by_address(directory, recipient).await,
    };
    let problem = |status, text: &str| Problem::new(status, Scope::Recipient, text);
    match found {
        // RFC 3463 §3.3, X.2.1: mailbox disabled. It may be enabled again before time is up.
        Ok(Some(account)) if account.disabled => {
            Err(Outcome::Deferred(problem(EnhancedStatus::new(4, 2, 1), "the mailbox is disabled")))
        }
        Ok(Some(account)) => Ok(account),
        Ok(None) => Err(Outcome::Failed(problem(
            EnhancedStatus::new(5, 1, 1),
            "there is no such mailbox any more",
        ))),
        Err(error) => Err(Outcome::Deferred(problem(
            EnhancedStatus::new(4, 3, 0),
            &format!("the directory cannot be read: {error}"),
        ))),
    }
}

async fn by_address(
    directory: &Directory,
    recipient: &LeaseRecipient,
) -> Result<Option<Account>, directory::DirectoryError> {
    let Route::Ours(targets) = directory.route(&recipient.address).await? else { return Ok(None) };
    match targets.iter().find_map(|target| target.account) {
        Some(id) => directory.account(id).await,
        None => Ok(None),
    }
}
