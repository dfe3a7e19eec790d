//! What accounts hold, as the agents know it.

use account_usage::{Thresholds, Usage, UsagePublisher};
use mail_store::AccountMailboxes;
use mail_types::{AccountId, Quota};

use crate::installation::Installation;

/// Tells the agents how much mail the account has now. What they know by a version that the account
/// never had, they are told to forget.
pub(crate) async fn publish(
    installation: &Installation,
    mailboxes: &AccountMailboxes,
) -> anyhow::Result<Usage> {
    let id = mailboxes.id();
    let account = installation.directory().account(id).await?;
    let quota = account.map_or(Quota::NONE, |account| account.quota());
    let publisher = publisher(installation).await?;
    // In this order: what is known was true before the account is asked.
    let known = publisher.usage(id).await?.unwrap_or_default();
    let mut usage = held(mailboxes).await?;
    if known.version > usage.version {
        publisher.correct(id, usage, &quota, agent_kit::now()).await?;
        // What an agent published just before that was in vain.
        usage = held(mailboxes).await?;
    }
    publisher.publish(id, usage, &quota, agent_kit::now()).await?;
    Ok(usage)
}

async fn held(mailboxes: &AccountMailboxes) -> anyhow::Result<Usage> {
    let totals = mailboxes.totals().await?;
    Ok(Usage { octets: totals.octets, messages: totals.messages, version: totals.version })
}

/// Tells them that an account may hold something else now; answers what it does hold, as far as
/// that is known.
pub(crate) async fn publish_quota(
    installation: &Installation,
    id: AccountId,
    quota: &Quota,
) -> anyhow::Result<Usage> {
    let publisher = publisher(installation).await?;
    let Some(usage) = publisher.usage(id).await? else { return Ok(Usage::default()) };
    publisher.publish(id, usage, quota, agent_kit::now()).await?;
    Ok(usage)
}

async fn publisher(installation: &Installation) -> anyhow::Result<UsagePublisher> {
    let config = &installation.config;
    let warn_at = Thresholds::new(config.storage.warn_at.iter().map(|at| at.0.into()));
    Ok(UsagePublisher::open(&config.folders().usage.join("usage.db"), warn_at).await?)
}
