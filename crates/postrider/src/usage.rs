//! What accounts hold, as the agents know it.

use account_usage::{Thresholds, Usage, UsagePublisher};
use mail_store::AccountMailboxes;
use mail_types::{AccountId, Quota};

use crate::installation::Installation;

/// Tells the agents how much mail the account has now.
pub(crate) async fn publish(
    installation: &Installation,
    mailboxes: &AccountMailboxes,
) -> anyhow::Result<Usage> {
    let totals = mailboxes.totals().await?;
    let usage = Usage { octets: totals.octets, messages: totals.messages, version: totals.version };
    let id = mailboxes.id();
    let account = installation.directory().account(id).await?;
    let quota = account.map_or(Quota::NONE, |account| account.quota());
    publisher(installation).await?.publish(id, usage, &quota, agent_kit::now()).await?;
    Ok(usage)
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
