//! The index is built anew from the files while everybody else waits for the account.
//!
//! What files can't say is taken over from the old index: which messages went and when, for sessions
//! that have not been told yet; which files are to go; what was recent. If anything fails, the old
//! index is put back.

use mail_types::MailboxId;

use super::{doomed, follow, populate, rename};
use crate::{
    StoreError,
    background::Stop,
    index::{history, mailboxes, pending},
    open_account::OpenAccount,
};

/// Builds it; answers which mailboxes there are. The old one must be readable: one that is damaged is
/// built anew by whoever meets the damage.
pub(crate) async fn reindex(
    account: &OpenAccount,
    boot: &str,
) -> Result<Vec<MailboxId>, StoreError> {
    let stop = Stop::default();
    // Most of what is left to do is done before anybody has to wait.
    doomed::remove(account, &stop).await?;
    follow::bring_names_up(account, &stop).await?;
    let mut change = account.change().await?;
    rename::finish(&mut change, &account.maildir).await?;
    follow::name_all(&mut change, account).await?;
    let going = pending::doomed(&mut change).await?;
    let kept = history::take(&mut change).await?;
    let (mut change, old) = change.begin_anew(&account.index, (account.clock)()).await?;
    let work = async {
        populate::fill(&mut change, account, boot, &going).await?;
        history::restore(&mut change, &kept).await?;
        let all = mailboxes::all(&mut change).await?;
        Ok(all.into_iter().map(|row| row.id).collect())
    };
    match work.await {
        Ok(all) => {
            change.commit().await?;
            old.remove();
            Ok(all)
        }
        Err(error) => {
            change.put_back(&account.index, old)?;
            Err(error)
        }
    }
}
