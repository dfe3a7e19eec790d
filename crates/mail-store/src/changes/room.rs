//! Whether what comes has room: asked inside the transaction that brings it in, so that the last
//! octet is given once, whoever else delivers or appends at the moment.

use mail_types::{MailVolume, Quota};

use crate::{
    StoreError,
    index::{Change, Here, mailboxes},
};

/// Ends with [`StoreError::OverQuota`] if so much more goes beyond the quota.
pub(crate) async fn check(
    change: &mut Change,
    quota: &Quota,
    more: MailVolume,
) -> Result<(), StoreError> {
    if !quota.is_some() {
        return Ok(());
    }
    judge(quota, mailboxes::totals(change).await?.volume(), more)
}

/// The same within a change of this thread's.
pub(crate) fn check_here(here: &Here, quota: &Quota, more: MailVolume) -> Result<(), StoreError> {
    if !quota.is_some() {
        return Ok(());
    }
    judge(quota, here.totals()?.volume(), more)
}

fn judge(quota: &Quota, held: MailVolume, more: MailVolume) -> Result<(), StoreError> {
    quota.refuses(held, more).map_or(Ok(()), |over| Err(StoreError::OverQuota(over)))
}

/// Messages of these sizes, together.
pub(crate) fn volume(sizes: impl IntoIterator<Item = u64>) -> MailVolume {
    sizes
        .into_iter()
        .map(|octets| MailVolume { octets, messages: 1 })
        .fold(MailVolume::default(), MailVolume::plus)
}
