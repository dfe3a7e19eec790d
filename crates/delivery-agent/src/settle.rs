//! The end of a lease: what its outcomes mean is `message_queue::conclude`'s; where the
//! notifications go is the directory's.

use std::{sync::Arc, time::Duration};

use agent_kit::now;
use mail_types::{Address, Outcome, RecipientNumber};
use message_queue::{
    Consumes, Expanded, LateIn, Lease, NewRecipient, Settlement,
    conclude::{Ended, Policy, RouteNotification, conclude},
    report::{Notices, What},
    retry::Schedule,
};
use mime_core::report::Language;
use smtp_server::{count_outcome, notified, postmaster};

use crate::service::Shared;

/// How often what is late is looked for.
const LATE_EVERY: Duration = Duration::from_secs(60);

/// Makes the settlement of a lease, with its notifications on stable storage.
pub(crate) async fn settlement(
    shared: &Shared,
    lease: Lease,
    ends: Vec<(RecipientNumber, Outcome)>,
) -> Settlement {
    ends.iter().for_each(|(_, outcome)| count_outcome(outcome, lease.entry.content.len()));
    let ends: Vec<Ended> = ends
        .into_iter()
        .map(|(number, outcome)| {
            let recipient = lease.recipients.iter().find(|one| one.number == number);
            let on_success = Some(match recipient.and_then(|one| one.expanded) {
                Some(Expanded::Alias) => What::Expanded,
                Some(Expanded::List) | None => What::Delivered,
            });
            Ended { number, outcome, on_success }
        })
        .collect();
    let host = &shared.config.hostname;
    conclude(&shared.queue, lease, ends, &policy(shared), host, now(), shared).await
}

fn policy(shared: &Shared) -> Policy {
    let retry = &shared.config.delivery.retry;
    Policy {
        schedule: Schedule {
            first: retry.first_retry,
            factor: retry.factor,
            longest: retry.max_retry,
            give_up_after: retry.give_up_after,
        },
        delay_notice_after: retry.delay_notice_after,
        notices: Notices {
            languages: Language::named(shared.config.notices.language.as_str()),
            double_bounces: shared.config.notices.double_bounces,
        },
    }
}

/// Ends what is to be returned at a time that has come although deliveries are paused, and tells
/// those who want to know (RFC 2852 §4.1.3); again each minute.
pub(crate) async fn end_late(shared: Arc<Shared>) {
    let which = LateIn { consumes: Consumes::Local, held_for: &[] };
    loop {
        let (policy, host) = (policy(&shared), &shared.config.hostname);
        if let Err(error) = shared.queue.end_late(which, &policy, host, &*shared, now()).await {
            tracing::error!(%error, "what is late in the queue can't be looked for");
        }
        tokio::time::sleep(LATE_EVERY).await;
    }
}

impl RouteNotification for Shared {
    async fn route(&self, to: &Address) -> Result<Vec<NewRecipient>, String> {
        notified(&self.directory, to, now()).await
    }

    fn languages(&self, to: &Address) -> Option<&'static [Language]> {
        let language = self.config.notices.languages.of(to);
        language.map(|language| Language::named(language.as_str()))
    }

    async fn postmaster(&self) -> Result<Vec<NewRecipient>, String> {
        postmaster(&self.directory, now()).await
    }
}
