//! Warnings to the postmasters of domains whose accounts together hold nearly as much as they may.
//!
//! What a domain holds is what its accounts have published, added up at each look: nobody rings for
//! it, so a warning comes within a minute. A postmaster with a mailbox here finds it there, however
//! full it is; to others it is sent. Where there are several, one who can be told is enough. As with
//! accounts, a stop before it is noted leads to a second one, and that the note fails doesn't.

use std::collections::HashMap;

use agent_kit::now;
use directory::{HostedDomain, Occasion, Route};
use mail_types::{AccountId, Address, Domain, LocalPart, MailVolume, ReversePath};
use message_queue::{NewEntry, NewRecipient};
use mime_core::report::Language;
use smtp_server::recipient;

use super::{Notice, put_into_inbox, words};
use crate::service::Shared;

/// Of which threshold a domain's postmaster was told, which is not noted yet.
pub(super) type Told = HashMap<Domain, u32>;

type Trouble = Box<dyn std::error::Error + Send + Sync>;

/// Warns of each domain that has crossed a threshold since its postmaster was told; what fails is due
/// again at the next look.
pub(super) async fn write_due(shared: &Shared, told: &mut Told) {
    let domains = match shared.directory.hosted_domains().await {
        Ok(domains) => domains,
        Err(error) => return tracing::error!(%error, "the directory can't be read"),
    };
    let limited: Vec<HostedDomain> =
        domains.into_iter().filter(|domain| domain.quota.is_some()).collect();
    if limited.is_empty() {
        return;
    }
    let accounts = match shared.directory.accounts().await {
        Ok(accounts) => accounts,
        Err(error) => return tracing::error!(%error, "the directory can't be read"),
    };
    let mut by_domain: HashMap<&Domain, Vec<AccountId>> = HashMap::new();
    for account in &accounts {
        by_domain.entry(account.address.domain()).or_default().push(account.id);
    }
    for domain in limited {
        let sharing = by_domain.remove(&domain.name).unwrap_or_default();
        if let Err(error) = look_at(shared, &domain, &sharing, told).await {
            let error = &*error;
            tracing::error!(domain = %domain.name, error, "a domain can't be warned of");
        }
    }
}

async fn look_at(
    shared: &Shared,
    domain: &HostedDomain,
    sharing: &[AccountId],
    told: &mut Told,
) -> Result<(), Trouble> {
    let usage = &shared.usage;
    let held = usage.reader().together(sharing).await?;
    let (reached, noted) =
        (usage.reached(&domain.quota, held), usage.reader().domain_warned(&domain.name).await?);
    if reached > noted && told.get(&domain.name) != Some(&reached) {
        warn(shared, domain, held).await?;
        told.insert(domain.name.clone(), reached);
        tracing::info!(domain = %domain.name, threshold = reached, "warned that a domain gets full");
    }
    if reached != noted {
        usage.note_domain_warned(&domain.name, reached).await?;
    }
    told.remove(&domain.name);
    Ok(())
}

/// Tells whoever gets mail for the postmaster; an error if nobody could be told.
async fn warn(shared: &Shared, domain: &HostedDomain, held: MailVolume) -> Result<(), Trouble> {
    let postmaster = Address::new(LocalPart::from_content("postmaster")?, domain.name.clone());
    let occasion = Occasion::message(&ReversePath::Null, now());
    let Route::Ours(targets) = shared.directory.route(&postmaster, occasion).await? else {
        tracing::warn!(domain = %domain.name, "a domain gets full, and has no postmaster to tell");
        return Ok(());
    };
    let languages = Language::named(shared.config.notices.language.as_str());
    let (subject, text) = words::of_domain(languages, &domain.quota, held, &domain.name);
    let id = format!("quota.{}.{}", domain.name, now().millis());
    let notice = Notice { to: &postmaster, id: &id, subject: &subject, text: &text };
    let mut elsewhere: Vec<NewRecipient> = Vec::new();
    let mut results = Vec::new();
    for target in targets {
        match target.account {
            Some(account) => results.push(into_mailbox(shared, account, &notice).await),
            None => elsewhere.push(recipient(target)),
        }
    }
    if !elsewhere.is_empty() {
        results.push(send(shared, elsewhere, &notice).await);
    }
    let any = results.iter().any(Result::is_ok);
    let mut failed = results.into_iter().filter_map(Result::err);
    if !any {
        return failed.next().map_or(Ok(()), Err);
    }
    for error in failed {
        let error = &*error;
        tracing::warn!(domain = %domain.name, error, "one of its postmasters can't be warned");
    }
    Ok(())
}

async fn into_mailbox(shared: &Shared, id: AccountId, notice: &Notice<'_>) -> Result<(), Trouble> {
    let account = shared.directory.account(id).await?.ok_or("the account is gone")?;
    put_into_inbox(shared, id, account.quota(), notice).await?;
    Ok(())
}

async fn send(
    shared: &Shared,
    recipients: Vec<NewRecipient>,
    notice: &Notice<'_>,
) -> Result<(), Trouble> {
    let message = notice.build(shared, "notice");
    let mut content = shared.queue.draft();
    content.write(&message.octets).await?;
    let id = notice.message_id(shared);
    let entry = NewEntry::notice("delivery-agent", message.smtputf8, id, recipients);
    shared.queue.enqueue(entry, content, now()).await?;
    Ok(())
}
