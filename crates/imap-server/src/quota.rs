//! Room in the account, and telling others how much is used.

use account_usage::{Quota, Usage};
use imap_core::response::StorageQuota;
use mail_store::StoreError;

use crate::handler::{Conversation, SignedIn};

impl Conversation {
    /// Publishes what the account holds, for those who can't look into mailboxes. That it fails
    /// does not undo the change; the next one brings the numbers right.
    pub(crate) async fn publish_usage(&self) {
        let Some(signed_in) = &self.signed_in else { return };
        match usage(signed_in).await {
            Ok(usage) => {
                if let Err(error) = self.service.usage.publish(signed_in.account.id, usage).await {
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        "usage is not published"
                    );
                }
            }
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "usage is not known");
            }
        }
    }
}

impl SignedIn {
    /// Whether there is a limit at all.
    pub(crate) fn has_quota(&self) -> bool {
        self.quota() != Quota::default()
    }

    /// Whether a message of this size goes beyond the quota.
    pub(crate) async fn is_over_quota_with(&self, octets: u64) -> Result<bool, StoreError> {
        Ok(self.has_quota() && self.quota().refuses(&usage(self).await?, octets).is_some())
    }

    /// What is used and what may be, if there is a limit.
    pub(crate) async fn storage(&self) -> Result<Option<StorageQuota>, StoreError> {
        let Some(limit) = self.quota().octets else { return Ok(None) };
        Ok(Some(StorageQuota { usage: usage(self).await?.octets, limit }))
    }

    fn quota(&self) -> Quota {
        Quota { octets: self.account.quota_bytes, messages: None }
    }
}

async fn usage(signed_in: &SignedIn) -> Result<Usage, StoreError> {
    let totals = signed_in.mailboxes.totals().await?;
    Ok(Usage { octets: totals.octets, messages: totals.messages, version: totals.version })
}
