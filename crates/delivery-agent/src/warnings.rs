//! Warnings to accounts that get full, and to the postmasters of domains that do ([`domains`]): a
//! message in the inbox, once each time a threshold is crossed.
//!
//! Whoever changes a mailbox publishes what the account holds, and rings a bell if that crossed a
//! threshold; so it doesn't matter which process it was. The warning is put into the mailbox here
//! and not into the queue: it must get in whatever the quota says, and whoever forwards his mail
//! elsewhere is to find it where he has to make room.
//!
//! A stop between the message and the note that it was written leads to a second message; that the
//! note fails doesn't: what was told is known here until it stands there.

mod domains;
mod words;

use std::{collections::HashMap, sync::Arc, time::Duration};

use account_usage::DueWarning;
use agent_kit::now;
use directory::Account;
use mail_store::{NewMessage, StoreError};
use mail_types::{AccountId, Address, FlagSet, LocalPart, MailVolume, MailboxName, Quota};
use mime_core::{
    build::{BuiltMessage, Head, NewMessage as Draft, Person},
    header::date::DateTime,
    report::Language,
};

use crate::{handover, service::Shared};

/// Rings can be lost, and what failed is tried again.
const LOOK_EVERY: Duration = Duration::from_secs(60);

/// Who was told of which threshold, which is not noted yet.
type Told = HashMap<AccountId, u32>;

/// Writes warnings as they fall due, for ever.
pub(crate) async fn write_all(shared: Arc<Shared>) {
    let bell = shared.usage.bell().listen();
    if let Err(error) = &bell {
        tracing::warn!(%error, "the bell of quotas can't be heard: warnings come late");
    }
    let (mut told, mut told_domains) = (Told::new(), domains::Told::new());
    loop {
        match shared.usage.reader().due_warnings().await {
            Ok(due) => {
                for warning in due {
                    write(&shared, warning, &mut told).await;
                }
            }
            Err(error) => tracing::error!(%error, "the usage of accounts can't be read"),
        }
        domains::write_due(&shared, &mut told_domains).await;
        let rung = async {
            match &bell {
                Ok(bell) => drop(bell.rung().await),
                Err(_) => std::future::pending().await,
            }
        };
        let _ = tokio::time::timeout(LOOK_EVERY, rung).await;
    }
}

/// Writes one; what fails is due again at the next look.
async fn write(shared: &Shared, warning: DueWarning, told: &mut Told) {
    let DueWarning { account: id, threshold, held } = warning;
    if told.get(&id) != Some(&threshold) {
        let account = match shared.directory.account(id).await {
            Ok(account) => account,
            Err(error) => {
                tracing::error!(account = %id, %error, "the directory can't be read");
                return;
            }
        };
        if let Some(account) = account.filter(|account| account.quota().is_some())
            && let Err(error) = warn(shared, &account, held).await
        {
            tracing::error!(account = %id, %error, "an account can't be warned that it gets full");
            return;
        }
        told.insert(id, threshold);
    }
    if let Err(error) = shared.usage.note_warned(id, threshold).await {
        tracing::error!(account = %id, %error, "that an account was warned can't be noted");
        return;
    }
    told.remove(&id);
    tracing::info!(account = %id, threshold, "warned that the mailbox gets full");
}

async fn warn(shared: &Shared, account: &Account, held: MailVolume) -> Result<(), StoreError> {
    let languages = Language::named(shared.config.notices.language.as_str());
    let (subject, text) = words::of_account(languages, &account.quota(), held, &account.address);
    let id = format!("quota.{}.{}", account.id, now().millis());
    let notice = Notice { to: &account.address, id: &id, subject: &subject, text: &text };
    put_into_inbox(shared, account.id, account.quota(), &notice).await
}

/// Whatever the quota says, which is only what the usage is published against.
async fn put_into_inbox(
    shared: &Shared,
    id: AccountId,
    quota: Quota,
    notice: &Notice<'_>,
) -> Result<(), StoreError> {
    let mailboxes = shared.store.account(id);
    let inbox = mailboxes.mailbox(&MailboxName::inbox()).await?.id;
    let mut incoming = mailboxes.incoming(now())?;
    incoming.write(&notice.build(shared, &inbox.to_string()).octets).await?;
    let new = NewMessage { written: incoming.finish().await?, flags: FlagSet::new() };
    mailboxes.append(inbox, vec![new]).await?;
    handover::count_and_publish(shared, &mailboxes.within(quota)).await;
    Ok(())
}

/// A message from this host.
struct Notice<'n> {
    to: &'n Address,
    /// What stands before the host in its Message-ID.
    id: &'n str,
    subject: &'n str,
    text: &'n str,
}

impl Notice<'_> {
    fn message_id(&self, shared: &Shared) -> String {
        format!("{}@{}", self.id, shared.config.hostname)
    }

    fn build(&self, shared: &Shared, boundary: &str) -> BuiltMessage {
        // RFC 5321 §6.1: where notices come from.
        let from = LocalPart::from_content("MAILER-DAEMON").map_or_else(
            |_| self.to.clone(),
            |local| Address::new(local, shared.config.hostname.clone()),
        );
        let draft = Draft {
            head: Head {
                from: Person { name: "", address: &from },
                reply_to: &[],
                to: &[Person { name: "", address: self.to }],
                cc: &[],
                subject: self.subject,
                date: DateTime { at: now(), offset_minutes: 0 },
                message_id: &self.message_id(shared),
                in_reply_to: &[],
                references: &[],
                // RFC 3834 §5.
                auto_submitted: Some("auto-generated"),
            },
            charset: None,
            text: Some(self.text),
            html: None,
            attachments: &[],
            boundary,
        };
        draft.build()
    }
}
