//! Room in an account, and telling others how much is used.
//!
//! What counts is asked of the directory each time: the operator may have changed it since the
//! sign-in. The account's own limit is kept by the store, inside the transaction that brings
//! something in ([`AccountMailboxes::within`]); what is asked here before saves the client sending
//! what has no room.

use account_usage::{Usage, UsagePublisher};
use mail_store::{AccountMailboxes, StoreError, Totals};
use mail_types::{Allotment, MailVolume, Quota};

use crate::handler::Conversation;

impl Conversation {
    /// Publishes what an account holds, for those who can't look into mailboxes. That it fails
    /// does not undo the change; the next one brings the numbers right.
    pub(crate) async fn publish_usage_of(&self, mailboxes: &AccountMailboxes) {
        match mailboxes.totals().await {
            Ok(totals) => self.publish_totals_of(mailboxes, totals).await,
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "usage is not known");
            }
        }
    }

    /// The same for who knows what that is.
    pub(crate) async fn publish_totals_of(&self, mailboxes: &AccountMailboxes, totals: Totals) {
        let quota = self.allotment(mailboxes).await.own;
        if let Err(error) = publish(&self.service.usage, mailboxes, totals, &quota).await {
            tracing::warn!(error = &*error as &dyn std::error::Error, "usage is not published");
        }
    }

    /// Whether so much more has room in these mailboxes: by their account's limit, and by its
    /// domain's as far as that is published.
    pub(crate) async fn has_room(
        &self,
        mailboxes: &AccountMailboxes,
        more: MailVolume,
    ) -> Result<bool, StoreError> {
        let allotment = self.allotment(mailboxes).await;
        if allotment.own.is_some() {
            let held = mailboxes.totals().await?.volume();
            if allotment.own.refuses(held, more).is_some() {
                return Ok(false);
            }
        }
        if !allotment.domain.is_some() {
            return Ok(true);
        }
        let together = self.service.usage.reader().together(&allotment.sharing).await;
        let held = together.unwrap_or_else(|error| {
            tracing::warn!(error = &error as &dyn std::error::Error, "usage is not known");
            MailVolume::default()
        });
        Ok(allotment.domain.refuses(held, more).is_none())
    }

    /// The mailboxes, to which nothing is added that goes beyond their account's limit.
    pub(crate) async fn limited(&self, mailboxes: &AccountMailboxes) -> AccountMailboxes {
        mailboxes.clone().within(self.allotment(mailboxes).await.own)
    }

    /// The limits that count for whose mailboxes these are; none if they can't be told.
    pub(crate) async fn allotment(&self, mailboxes: &AccountMailboxes) -> Allotment {
        let id = mailboxes.id();
        match self.service.directory.allotment(id).await {
            Ok(Some(allotment)) => allotment,
            Ok(None) => Allotment::alone(id, Quota::NONE),
            Err(error) => {
                tracing::error!(error = &error as &dyn std::error::Error, "limits can't be read");
                Allotment::alone(id, Quota::NONE)
            }
        }
    }
}

async fn publish(
    usage: &UsagePublisher,
    mailboxes: &AccountMailboxes,
    totals: Totals,
    quota: &Quota,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let count = async || Ok(held(mailboxes.totals().await?));
    let told = (quota, agent_kit::now());
    usage.publish_counted(mailboxes.id(), held(totals), told, count).await
}

fn held(totals: Totals) -> Usage {
    Usage { octets: totals.octets, messages: totals.messages, version: totals.version }
}
