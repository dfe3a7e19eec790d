//! Reports to the domains that ask for them (RFC 8460).
//!
//! A day's report goes out at some time after midnight (UTC), by mail through submission's socket
//! or by POST. It is taken off the disk before it is sent, and put back if that came to nothing: a
//! crash in between loses a report, and never sends one twice.

use std::{
    collections::HashMap,
    io,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use agent_kit::{Stop, now};
use config::Config;
use https_client::{Content, Request, Target};
use mail_dns::Resolver;
use mail_types::{
    Address, BodyKind, Domain, Handling, Notify, Outcome, RecipientNumber, ReversePath, Timestamp,
};
use smtp_client::{
    Client, ClientOptions, Extensions, Host, Message, Outbox, Outgoing, Pieces, Place, Protocol,
    Recipient, Report, Security,
};
use tls_policy::{ReportUri, Reporter, Results, report, report_uris};
use tokio::task::JoinSet;

use super::{
    counter::{Counter, day, midnight},
    fetch::{Fetcher, Unasked},
    gzip::gzip,
    message::{Letter, message},
};

/// The first pause after a report that could not be delivered; each further one is twice as long
/// (RFC 8460 §5.5).
const PAUSE: Duration = Duration::from_secs(15 * 60);
/// How long after its day a report is given up: RFC 8460 §5.5 has 24 hours after the first attempt.
const GIVE_UP: Duration = Duration::from_secs(2 * 24 * 3600);
/// Reports that are sent at once.
const AT_ONCE: usize = 8;
/// How long a server may take to answer a POST.
const WITHIN: Duration = Duration::from_secs(60);
/// The largest answer that is read, in octets: nobody reads it.
const ANSWER_MAX: usize = 64 * 1024;

/// Sends reports.
pub(super) struct Reports {
    counter: Arc<Counter>,
    fetcher: Fetcher,
    stop: Stop,
    /// Makes the time of the day different from others'.
    seed: u64,
    /// When reports that failed are tried again, and after which pause then.
    later: Mutex<HashMap<(i64, Domain), (Timestamp, Duration)>>,
}

impl Reports {
    pub(super) fn new(counter: Arc<Counter>, fetcher: Fetcher, stop: Stop) -> anyhow::Result<Self> {
        let seed = getrandom::u64()?;
        Ok(Self { counter, fetcher, stop, seed, later: Mutex::default() })
    }

    /// Sends what is due, several at once: one who is slow to take a report is waited for by few.
    pub(super) async fn send_due(self: &Arc<Self>, config: Arc<Config>, resolver: &Resolver) {
        let settings = &config.relay.outbound.tls.reports;
        if settings.contact.is_none() {
            return;
        }
        let mut sending = JoinSet::new();
        for past in self.counter.past(day(now())) {
            if now() < self.begins(past, settings.within) {
                continue;
            }
            for domain in self.counter.domains(past) {
                while sending.len() >= AT_ONCE {
                    let _ = sending.join_next().await;
                }
                if self.stop.is_asked() {
                    break;
                }
                let (reports, config, resolver) = (self.clone(), config.clone(), resolver.clone());
                sending.spawn(async move {
                    if let Err(error) = reports.send_one(past, &domain, &config, &resolver).await {
                        tracing::error!(%domain, %error, "a report about TLS cannot be noted");
                    }
                });
            }
        }
        while sending.join_next().await.is_some() {}
    }

    /// When the reports of a day begin to go out.
    fn begins(&self, past: i64, within: Duration) -> Timestamp {
        let seconds = within.as_secs().max(1);
        let jitter = Duration::from_secs(self.seed.wrapping_add(past.unsigned_abs()) % seconds);
        midnight(past.saturating_add(1)).plus(jitter)
    }

    /// Sends what there is to say of one domain, if it wants to know.
    async fn send_one(
        &self,
        past: i64,
        domain: &Domain,
        config: &Config,
        resolver: &Resolver,
    ) -> io::Result<()> {
        let key = (past, domain.clone());
        if now() >= midnight(past.saturating_add(1)).plus(GIVE_UP) {
            tracing::warn!(%domain, "a report about TLS is given up");
            self.counter.drop_domain(past, domain);
            self.later().remove(&key);
            return Ok(());
        }
        if self.later().get(&key).is_some_and(|(at, _)| now() < *at) {
            return Ok(());
        }
        let texts = resolver.texts("_smtp._tls", domain).await;
        let sent = match texts.map(|texts| report_uris(&texts)) {
            Ok(uris) if uris.is_empty() => {
                self.counter.drop_domain(past, domain);
                Ok(())
            }
            Ok(uris) => {
                // From here on it is as good as sent, unless that is taken back below.
                let Some(taken) = self.counter.take(past, domain).await? else { return Ok(()) };
                let sent = self.send(past, domain, &taken, uris, config).await;
                if sent.is_err() {
                    self.counter.put_back(past, domain, taken).await?;
                }
                sent
            }
            Err(problem) => Err(problem.to_string()),
        };
        let mut later = self.later();
        match sent {
            Ok(()) => drop(later.remove(&key)),
            Err(reason) => {
                tracing::info!(%domain, reason, "a report about TLS could not be delivered");
                let pause = later.get(&key).map_or(PAUSE, |(_, pause)| *pause * 2);
                later.insert(key, (now().plus(pause), pause));
            }
        }
        Ok(())
    }

    /// Sends one report to the first place that takes it.
    async fn send(
        &self,
        past: i64,
        domain: &Domain,
        results: &Results,
        uris: Vec<ReportUri>,
        config: &Config,
    ) -> Result<(), String> {
        let settings = &config.relay.outbound.tls.reports;
        let Some(contact) = &settings.contact else { return Ok(()) };
        // The same for the same day and domain, however often it is sent.
        let id = format!("tls-report.{past}.{domain}@{}", config.hostname);
        let organization = settings.organization.clone();
        let organization = organization.unwrap_or_else(|| config.hostname.to_string());
        let reporter = Reporter { organization, contact: contact.clone() };
        let Some(report) = report(results, domain, midnight(past), (&reporter, &id)) else {
            return Ok(());
        };
        let gzipped = gzip(report.as_bytes());
        let mut last = Ok(());
        for uri in uris {
            let sent = match &uri {
                ReportUri::Post(uri) => self.post(uri, &gzipped).await,
                ReportUri::Mail(to) => {
                    let (begin, end) = (midnight(past), midnight(past.saturating_add(1)));
                    let (begin, end) = (begin.secs(), end.secs().saturating_sub(1));
                    let submitter = contact.domain();
                    // RFC 8460 §5.1
                    let file = format!("{submitter}!{domain}!{begin}!{end}.json.gz");
                    let (from, about, gzipped, now) = (contact, domain, &gzipped, now());
                    let letter = Letter { from, to, about, id: &id, file: &file, gzipped, now };
                    self.mail(to, message(&letter), config).await
                }
            };
            if sent.is_ok() {
                tracing::info!(%domain, ?uri, "a report about TLS was delivered");
                return Ok(());
            }
            last = sent;
        }
        last
    }

    async fn post(&self, uri: &str, gzipped: &[u8]) -> Result<(), String> {
        let target = Target::parse(uri).map_err(|why| why.to_string())?;
        let media_type = "application/tlsrpt+gzip";
        let content = Some(Content { media_type, octets: gzipped.to_vec() });
        let request = Request { target, content, body_max: ANSWER_MAX, within: WITHIN };
        match self.fetcher.ask(request).await {
            Ok(response) if (200..300).contains(&response.status) => Ok(()),
            Ok(response) => Err(format!("the server answered {}", response.status)),
            // Once too few is better than once too many.
            Err(Unasked::Unheard(reason)) => {
                tracing::warn!(uri, reason, "whether a report about TLS was taken is not known");
                Ok(())
            }
            Err(why) => Err(why.to_string()),
        }
    }

    /// Hands a message to submission, as any program of this machine does; the null path has no
    /// report bounce.
    async fn mail(&self, to: &Address, text: String, config: &Config) -> Result<(), String> {
        let options =
            ClientOptions::new(config.hostname.clone(), Duration::from_secs(10), self.stop.clone());
        let client = Client::new(options).map_err(|error| error.to_string())?;
        let host = Host {
            name: config.hostname.clone(),
            places: vec![Place::Unix(config.folders().submission_socket())],
            protocol: Protocol::Smtp,
            security: Security::Clear,
            named_securely: true,
            ..Host::new(config.hostname.clone(), Vec::new())
        };
        let mut outbox = One { to: to.clone(), text: Some(text), outcome: None };
        let end = client.converse(&host, &mut outbox).await;
        match (outbox.outcome, end) {
            (Some(Outcome::Delivered { .. }), _) => Ok(()),
            (Some(Outcome::Deferred(problem) | Outcome::Failed(problem)), _)
            | (None, Err(problem)) => Err(problem.to_string()),
            (None, Ok(())) => Err("submission took nothing".to_owned()),
        }
    }

    fn later(&self) -> std::sync::MutexGuard<'_, HashMap<(i64, Domain), (Timestamp, Duration)>> {
        self.later.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One message, and what became of it.
struct One {
    to: Address,
    text: Option<String>,
    outcome: Option<Outcome>,
}

/// Its text, all at once.
struct Text(Option<String>);

impl Pieces for Text {
    async fn next_piece(&mut self) -> io::Result<Option<Vec<u8>>> {
        Ok(self.0.take().map(String::into_bytes))
    }
}

impl Outbox for One {
    type Content = Text;

    async fn next(&mut self, _offered: &Extensions) -> Option<Outgoing<Text>> {
        let text = self.text.take()?;
        let recipient = Recipient {
            number: RecipientNumber(0),
            address: self.to.clone(),
            notify: Notify::NEVER,
            original: None,
        };
        let message = Message {
            reverse_path: ReversePath::Null,
            recipients: vec![recipient],
            size: text.len() as u64,
            body: if text.is_ascii() { BodyKind::SevenBit } else { BodyKind::EightBitMime },
            smtputf8: self.to.needs_smtputf8() || !text.is_ascii(),
            ret: None,
            envid: None,
            handling: Handling::default(),
            now: now(),
            inquiry: false,
        };
        Some(Outgoing { message, content: Text(Some(text)) })
    }

    async fn done(&mut self, report: Report) {
        self.outcome = report.outcomes.into_iter().next().map(|(_, outcome)| outcome);
    }

    fn has_more(&self) -> bool {
        self.text.is_some()
    }
}
