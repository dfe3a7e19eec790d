//! The MTA-STS policies that are known here, and when they are fetched (RFC 8461 §3.3, §5.1).
//!
//! Invariants: a policy that holds is applied, whatever the DNS or the policy host say or do not say
//! meanwhile; only another policy takes its place. A policy host that failed is not asked again for
//! five minutes. Two who want the policy of one domain at once ask for it once.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use agent_kit::now;
use mail_dns::Resolver;
use mail_types::{Domain, Timestamp};
use stable_storage::on_blocking_thread;
use tls_policy::{Mode, StsPolicy, sts_id};
use tokio::sync::Mutex as AsyncMutex;

use super::{
    fetch::{Fetcher, NoPolicy},
    shelf::{Kept, Shelf},
};

/// Most domains that are remembered.
const DOMAINS_MAX: usize = 10_000;
/// The shortest pause between two attempts to fetch a policy that could not be had (RFC 8461 §3.3).
const PAUSE: Duration = Duration::from_secs(5 * 60);
/// How old a policy gets before it is fetched again (RFC 8461 §3.3: once a day).
const FRESH: Duration = Duration::from_secs(24 * 3600);
/// How long a policy is kept fresh for which nobody asks.
const WANTED: Duration = Duration::from_secs(30 * 24 * 3600);

/// All policies.
pub(super) struct Book {
    resolver: Resolver,
    fetcher: Fetcher,
    shelf: Shelf,
    pages: Mutex<HashMap<Domain, Arc<AsyncMutex<Page>>>>,
}

/// What is known of one domain.
#[derive(Debug)]
struct Page {
    kept: Option<Kept>,
    /// The last attempt that failed: when, for which id, and why.
    failed: Option<(Timestamp, String, NoPolicy)>,
    wanted: Timestamp,
}

/// What applies to a domain.
#[derive(Debug, Clone, Default)]
pub(super) struct Found {
    /// The policy that holds.
    pub(super) kept: Option<Kept>,
    /// Why the one that the domain says it has could not be had.
    pub(super) failed: Option<NoPolicy>,
}

impl Found {
    /// The policy, if it is to be kept to and not only tested.
    pub(super) fn enforced(&self) -> Option<&StsPolicy> {
        let kept = self.kept.as_ref().filter(|kept| kept.policy.mode == Mode::Enforce);
        kept.map(|kept| &kept.policy)
    }
}

impl Book {
    /// With what stands on the shelf.
    pub(super) fn open(resolver: Resolver, fetcher: Fetcher, shelf: Shelf) -> Self {
        let now = now();
        let pages = shelf.load(now).unwrap_or_else(|error| {
            tracing::error!(%error, "the known MTA-STS policies cannot be read");
            Vec::new()
        });
        let page = |kept| Arc::new(AsyncMutex::new(Page::of(Some(kept), now)));
        let pages = pages.into_iter().map(|(domain, kept)| (domain, page(kept))).collect();
        Self { resolver, fetcher, shelf, pages: Mutex::new(pages) }
    }

    /// What applies to mail for this domain now.
    pub(super) async fn policy(&self, domain: &Domain) -> Found {
        if domain.is_literal() {
            return Found::default();
        }
        let known = self.pages().contains_key(domain);
        // Without an answer nothing is known of a new policy; an old one stays.
        let texts = self.resolver.texts("_mta-sts", domain).await.unwrap_or_default();
        let id = sts_id(&texts);
        if id.is_none() && !known {
            return Found::default();
        }
        let now = now();
        let page = self.page(domain, now);
        let mut page = page.lock().await;
        page.wanted = now;
        if let Some(id) = id
            && page.is_new(&id, now)
        {
            self.fetch(domain, &mut page, id).await;
        }
        page.found(now)
    }

    /// Fetches what is a day old anew, as long as somebody sends mail there (RFC 8461 §3.3).
    pub(super) async fn refresh(&self) {
        let all: Vec<_> =
            self.pages().iter().map(|(domain, page)| (domain.clone(), page.clone())).collect();
        for (domain, page) in all {
            let mut page = page.lock().await;
            let now = now();
            let Some(kept) = page.kept.clone() else { continue };
            if !kept.holds(now) {
                page.kept = None;
                let (shelf, domain) = (self.shelf.clone(), domain.clone());
                log(on_blocking_thread(move || shelf.remove(&domain)).await);
                continue;
            }
            let tried = page.failed.as_ref().map_or(kept.fetched, |(at, ..)| *at);
            let due = now.since(kept.fetched) >= FRESH && now.since(tried) >= FRESH / 24;
            if due && now.since(page.wanted) < WANTED {
                let texts = self.resolver.texts("_mta-sts", &domain).await.unwrap_or_default();
                let id = sts_id(&texts).unwrap_or(kept.id);
                self.fetch(&domain, &mut page, id).await;
            }
        }
    }

    async fn fetch(&self, domain: &Domain, page: &mut Page, id: String) {
        let now = now();
        match self.fetcher.fetch(domain).await {
            Ok(policy) => {
                tracing::info!(%domain, id, ?policy, "MTA-STS policy fetched");
                let kept = Kept { id, fetched: now, policy };
                page.failed = None;
                page.kept = Some(kept.clone());
                let (shelf, domain) = (self.shelf.clone(), domain.clone());
                log(on_blocking_thread(move || shelf.put(&domain, &kept)).await);
            }
            Err(why) => {
                // RFC 8461 §3.3: somebody should know, unless it makes no difference.
                if page.kept.as_ref().is_none_or(|kept| kept.policy.mode != Mode::None) {
                    tracing::warn!(%domain, id, reason = why.reason, "no MTA-STS policy to be had");
                }
                page.failed = Some((now, id, why));
            }
        }
    }

    /// The page of a domain, made if there is none.
    fn page(&self, domain: &Domain, now: Timestamp) -> Arc<AsyncMutex<Page>> {
        let mut pages = self.pages();
        if pages.len() >= DOMAINS_MAX && !pages.contains_key(domain) {
            // What says nothing goes first; a policy that holds is the last to be forgotten.
            let empty = |page: &Arc<AsyncMutex<Page>>| {
                page.try_lock().is_ok_and(|page| page.kept.is_none())
            };
            let out = pages.iter().find(|(_, page)| empty(page)).or_else(|| pages.iter().next());
            if let Some(out) = out.map(|(domain, _)| domain.clone()) {
                pages.remove(&out);
            }
        }
        let page = || Arc::new(AsyncMutex::new(Page::of(None, now)));
        pages.entry(domain.clone()).or_insert_with(page).clone()
    }

    fn pages(&self) -> MutexGuard<'_, HashMap<Domain, Arc<AsyncMutex<Page>>>> {
        self.pages.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Page {
    fn of(kept: Option<Kept>, now: Timestamp) -> Self {
        Self { kept, failed: None, wanted: now }
    }

    /// Whether the policy of this id is to be fetched now.
    fn is_new(&self, id: &str, now: Timestamp) -> bool {
        if self.kept.as_ref().is_some_and(|kept| kept.id == id && kept.holds(now)) {
            return false;
        }
        let failed = self.failed.as_ref();
        !failed.is_some_and(|(at, failed_id, _)| failed_id == id && now.since(*at) < PAUSE)
    }

    fn found(&self, now: Timestamp) -> Found {
        let kept = self.kept.clone().filter(|kept| kept.holds(now));
        let failed = self.failed.as_ref().map(|(.., why)| why.clone());
        // RFC 8461 §6: nobody wants to hear that a policy of mode none can't be had.
        let silent = kept.as_ref().is_some_and(|kept| kept.policy.mode == Mode::None);
        Found { kept, failed: failed.filter(|_| !silent) }
    }
}

fn log(result: std::io::Result<()>) {
    if let Err(error) = result {
        tracing::error!(%error, "an MTA-STS policy cannot be written down");
    }
}

#[cfg(test)]
mod tests {
    use tls_policy::{ResultKind, StsPolicy};

    use super::*;

    #[test]
    fn when_a_policy_is_fetched() {
        let at = Timestamp::from_secs;
        let text = "version: STSv1\nmode: enforce\nmx: a.test\nmax_age: 1000";
        let policy = StsPolicy::parse(text.as_bytes()).unwrap();
        let kept = Kept { id: "1".to_owned(), fetched: at(0), policy };
        let nothing = Page::of(None, at(0));
        let has = Page::of(Some(kept), at(0));
        let why = NoPolicy { kind: ResultKind::StsPolicyFetchError, reason: String::new() };
        let failed = Some((at(100), "2".to_owned(), why));
        let has_failed = Page { failed, ..Page::of(has.kept.clone(), at(0)) };
        for (page, id, secs, expected) in [
            (&nothing, "1", 0, true),
            (&has, "1", 999, false),
            (&has, "1", 1000, true),
            (&has, "2", 10, true),
            (&has_failed, "2", 399, false),
            (&has_failed, "2", 400, true),
            (&has_failed, "3", 101, true),
            (&has_failed, "1", 101, false),
        ] {
            assert_eq!(page.is_new(id, at(secs)), expected, "{id} at {secs}");
        }
        // RFC 8461 §5.1: what could not be had takes nothing away.
        let found = has_failed.found(at(399));
        assert!(found.kept.is_some() && found.failed.is_some());
        assert!(has_failed.found(at(1000)).kept.is_none());
    }
}
