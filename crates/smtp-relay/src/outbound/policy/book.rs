//! The MTA-STS policies that are known here, and when they are fetched (RFC 8461 §3.3, §5.1).
//!
//! Invariants: a policy that holds is applied, whatever the DNS or the policy host say or do not say
//! meanwhile, and however many other domains have policies; only another policy takes its place. A
//! policy host that failed is not asked again for five minutes. Two who want the policy of one domain
//! at once ask for it once.

use std::{
    collections::HashMap,
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use agent_kit::now;
use mail_dns::Resolver;
use mail_types::{Domain, Timestamp};
use stable_storage::on_blocking_thread;
use tls_policy::{Mode, StsPolicy, sts_id};
use tokio::{sync::Mutex as AsyncMutex, task::JoinSet};

use super::{
    fetch::{Fetcher, NoPolicy},
    shelf::{Kept, Put, Shelf},
};

/// Domains that are remembered; what they are held to stands on the shelf besides.
const PAGES_MAX: usize = 10_000;
/// The shortest pause between two attempts to fetch a policy that could not be had (RFC 8461 §3.3).
const PAUSE: Duration = Duration::from_secs(5 * 60);
/// How old a policy gets before it is fetched again (RFC 8461 §3.3: once a day).
const FRESH: Duration = Duration::from_secs(24 * 3600);
/// How long a policy is kept fresh for which nobody asks.
const WANTED: Duration = Duration::from_secs(30 * 24 * 3600);
/// Policies that are fetched anew at once: a policy host that does not answer takes its time, and
/// keeps nobody else's.
const AT_ONCE: usize = 8;

/// All policies.
pub(super) struct Book {
    resolver: Resolver,
    fetcher: Fetcher,
    shelf: Arc<Shelf>,
    pages_max: usize,
    pages: Mutex<HashMap<Domain, Arc<AsyncMutex<Page>>>>,
}

/// What is known of one domain.
#[derive(Debug, Default)]
struct Page {
    kept: Option<Kept>,
    /// The last attempt that failed: when, for which id, and why.
    failed: Option<(Timestamp, String, NoPolicy)>,
    /// Whether the shelf was asked.
    read: bool,
}

/// What applies to a domain.
#[derive(Debug, Clone, Default)]
pub(super) struct Found {
    /// The policy that holds.
    pub(super) kept: Option<Kept>,
    /// Why the one that the domain says it has could not be had.
    pub(super) failed: Option<NoPolicy>,
    /// There is one that mail must be held to, but it can't be read here, for this reason.
    pub(super) unread: Option<String>,
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
    pub(super) fn new(resolver: Resolver, fetcher: Fetcher, shelf: Shelf) -> Self {
        let (shelf, pages) = (Arc::new(shelf), Mutex::default());
        Self { resolver, fetcher, shelf, pages_max: PAGES_MAX, pages }
    }

    /// What applies to mail for this domain now.
    pub(super) async fn policy(&self, domain: &Domain) -> Found {
        if domain.is_literal() {
            return Found::default();
        }
        let known = self.shelf.has(domain) || self.pages().contains_key(domain);
        // Without an answer nothing is known of a new policy; an old one stays.
        let texts = self.resolver.texts("_mta-sts", domain).await.unwrap_or_default();
        let id = sts_id(&texts);
        if id.is_none() && !known {
            return Found::default();
        }
        let now = now();
        self.shelf.wanted(domain, now);
        let page = self.page(domain);
        let mut page = page.lock().await;
        let unread = self.look_up(domain, &mut page).await.err();
        if let Some(id) = id
            && page.is_new(&id, now)
        {
            self.fetch(domain, &mut page, id).await;
        }
        let unread = unread.filter(|_| page.kept.is_none() && self.shelf.enforces(domain, now));
        Found { unread, ..page.found(now) }
    }

    /// Fetches what is a day old anew, as long as somebody sends mail there (RFC 8461 §3.3), and
    /// clears away what holds no longer.
    pub(super) async fn refresh(self: &Arc<Self>) {
        let shelf = self.shelf.clone();
        log(on_blocking_thread(move || {
            shelf.over(now()).iter().try_for_each(|domain| shelf.remove(domain))
        })
        .await);
        let mut fetching = JoinSet::new();
        for domain in self.shelf.stale(FRESH, FRESH / 24, WANTED) {
            if fetching.len() >= AT_ONCE {
                let _ = fetching.join_next().await;
            }
            let book = self.clone();
            fetching.spawn(async move { book.renew(&domain).await });
        }
        while fetching.join_next().await.is_some() {}
    }

    async fn renew(&self, domain: &Domain) {
        let page = self.page(domain);
        let mut page = page.lock().await;
        let _ = self.look_up(domain, &mut page).await;
        let Some(kept) = page.kept.clone() else { return };
        let texts = self.resolver.texts("_mta-sts", domain).await.unwrap_or_default();
        let id = sts_id(&texts).unwrap_or(kept.id);
        self.fetch(domain, &mut page, id).await;
    }

    /// Reads what stands on the shelf, once; the error says why that can't be.
    async fn look_up(&self, domain: &Domain, page: &mut Page) -> Result<(), String> {
        if page.read {
            return Ok(());
        }
        if self.shelf.has(domain) {
            let (shelf, of) = (self.shelf.clone(), domain.clone());
            let read = on_blocking_thread(move || shelf.read(&of)).await;
            let kept = read.and_then(|kept| kept.ok_or_else(|| io::ErrorKind::InvalidData.into()));
            page.kept = Some(kept.map_err(|error| {
                tracing::error!(%domain, %error, "its MTA-STS policy here cannot be read");
                format!("the domain's MTA-STS policy cannot be read here: {error}")
            })?);
        }
        page.read = true;
        Ok(())
    }

    async fn fetch(&self, domain: &Domain, page: &mut Page, id: String) {
        let now = now();
        match self.fetcher.fetch(domain).await {
            Ok(policy) => {
                tracing::info!(%domain, id, ?policy, "MTA-STS policy fetched");
                let kept = Kept { id, fetched: now, policy };
                *page = Page { kept: Some(kept.clone()), failed: None, read: true };
                let (shelf, of) = (self.shelf.clone(), domain.clone());
                match on_blocking_thread(move || shelf.put(&of, &kept, now)).await {
                    Ok(Put::Kept) => {}
                    Ok(Put::NoRoom) => tracing::error!(
                        %domain, "too many MTA-STS policies: a new one is forgotten at the next stop"
                    ),
                    Err(error) => log(Err(error)),
                }
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
    fn page(&self, domain: &Domain) -> Arc<AsyncMutex<Page>> {
        let mut pages = self.pages();
        if pages.len() >= self.pages_max && !pages.contains_key(domain) {
            // What stands on the shelf can be read again, and what says nothing is no loss; a policy
            // for which the shelf had no room is the last to be forgotten.
            let is_loss = |(domain, page): &(&Domain, &Arc<AsyncMutex<Page>>)| {
                let says = page.try_lock().map_or(true, |page| page.kept.is_some());
                says && !self.shelf.has(domain)
            };
            let out = pages.iter().find(|page| !is_loss(page)).or_else(|| pages.iter().next());
            if let Some(out) = out.map(|(domain, _)| domain.clone()) {
                pages.remove(&out);
            }
        }
        pages.entry(domain.clone()).or_default().clone()
    }

    fn pages(&self) -> MutexGuard<'_, HashMap<Domain, Arc<AsyncMutex<Page>>>> {
        self.pages.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Page {
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
        Found { kept, failed: failed.filter(|_| !silent), unread: None }
    }
}

fn log(result: io::Result<()>) {
    if let Err(error) = result {
        tracing::error!(%error, "an MTA-STS policy cannot be written down");
    }
}

#[cfg(test)]
mod tests {
    use agent_kit::Stop;
    use mail_dns::{Believe, Patience};
    use stable_storage::Files;
    use tls_policy::{ResultKind, StsPolicy};

    use super::{super::fetch::Reach, *};

    #[test]
    fn when_a_policy_is_fetched() {
        let at = Timestamp::from_secs;
        let text = "version: STSv1\nmode: enforce\nmx: a.test\nmax_age: 1000";
        let policy = StsPolicy::parse(text.as_bytes()).unwrap();
        let kept = Kept { id: "1".to_owned(), fetched: at(0), policy };
        let nothing = Page::default();
        let has = Page { kept: Some(kept), ..Page::default() };
        let why = NoPolicy { kind: ResultKind::StsPolicyFetchError, reason: String::new() };
        let failed = Some((at(100), "2".to_owned(), why));
        let has_failed = Page { failed, kept: has.kept.clone(), read: true };
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

    #[tokio::test]
    async fn many_other_domains_push_no_policy_out() {
        // RFC 8461 §10.2: with the DNS and all policy hosts out of reach, what is known still holds.
        let folder = tempfile::tempdir().unwrap();
        let open = || Shelf::open(folder.path().to_owned(), Files::real(), now()).unwrap();
        let domain = |name: &str| Domain::parse(name).unwrap();
        let text = "version: STSv1\nmode: enforce\nmx: a.test\nmax_age: 1000";
        let policy = StsPolicy::parse(text.as_bytes()).unwrap();
        let kept = Kept { id: "1".to_owned(), fetched: now(), policy };
        let names: Vec<Domain> = (0..20).map(|one| domain(&format!("d{one}.test"))).collect();
        for name in &names {
            open().put(name, &kept, now()).unwrap();
        }
        let patience = Patience { timeout: Duration::from_millis(50), repeats: 0 };
        let nobody = [([127, 0, 0, 1], 9).into()];
        let resolver = || Resolver::with_servers(&nobody, patience, Believe::Nobody);
        let stop = Stop::source();
        let fetcher =
            Fetcher::new(resolver(), None, Reach { port: 443, private: true }, &stop.stop());
        let book = Book { pages_max: 3, ..Book::new(resolver(), fetcher, open()) };
        for name in names.iter().chain(&names) {
            assert!(book.policy(name).await.enforced().is_some(), "{name}");
            assert!(book.pages().len() <= 3);
        }
        // One that can't be read any more is not as good as none.
        std::fs::write(folder.path().join("d0.test"), "what?").unwrap();
        book.pages().clear();
        let found = book.policy(&names[0]).await;
        assert!(found.unread.is_some() && found.kept.is_none(), "{found:?}");
        assert!(book.policy(&domain("unknown.test")).await.unread.is_none());
    }
}
