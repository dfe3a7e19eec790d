//! Call-forward: whether the server of a relayed domain takes mail for an address, asked while the
//! sender waits (`RelayedTo::Asked`).
//!
//! Who relays for a domain whose recipients he does not know must either ask, or return mail that
//! somebody else refuses later, mostly to innocents whose address was forged.
//!
//! - A question is a conversation as far as RCPT (RFC 5321 §3.3), from the null path, without DATA. It
//!   has one time limit for all of it, and goes on when the client that caused it has left: the
//!   answer is kept ([`book`]).
//! - What a stranger can cause is bounded: questions of one client a minute, questions at once to one
//!   domain and in all, answers in memory. A domain whose server gave no answer is left alone for a
//!   while. That there are too many questions for a server says nothing about it: who finds no place
//!   is to try again, and nothing is concluded.
//! - Never a circle: a question is about one address, and while it is open a notification for the same
//!   address, which is how our own question would come back to us, is not made to wait for it.
//! - The text of the other server's reply is for our log; the client hears our own words.
//!
//! It does not know the queue: nothing here is mail.

mod book;
mod question;

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use agent_kit::{Reload, Stop, network_of};
use config::{CallForward as Settings, Unreachable};
use mail_types::{Address, Domain};
use smtp_client::{Client, ClientOptions, Timeouts, TlsError};
use smtp_core::reply::Refusal;
use tokio::{
    sync::{OnceCell, OwnedSemaphorePermit, Semaphore, watch},
    time::timeout,
};

use crate::outbound::{Ways, authorities};

use book::{Asker, Book, Found};
use question::Question;

/// How long a server may take to say good-bye: nothing depends on it.
const GOOD_BYE: Duration = Duration::from_secs(1);

/// What is known of an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answer {
    /// Its server takes mail for it.
    Taken,
    /// Its server says that there is no such mailbox.
    Refused,
    /// Its server said something about the address that settles nothing.
    Unclear,
    /// No server could be asked.
    Silence,
    /// There were too many other questions: nobody was asked.
    NoPlace,
}

/// Asks the servers of relayed domains. A clone is the same one.
#[derive(Clone)]
pub(crate) struct CallForward(Arc<Inner>);

struct Inner {
    reload: Reload,
    stop: Stop,
    book: Mutex<Book>,
    /// Questions at once to a domain, and how many there may be; as many as there are such domains.
    doors: Mutex<HashMap<Domain, (u32, Arc<Semaphore>)>>,
    /// Made for the first question: most installations never have one.
    caller: OnceCell<Caller>,
}

struct Caller {
    ways: Ways,
    client: Client,
}

impl CallForward {
    pub(crate) fn new(reload: Reload, stop: Stop) -> Self {
        let (book, doors, caller) = (Mutex::default(), Mutex::default(), OnceCell::new());
        Self(Arc::new(Inner { reload, stop, book, doors, caller }))
    }

    /// Whether mail for an address of a relayed domain is taken. `client` is who wants to know, and
    /// `notice` whether its mail is a notification.
    pub(crate) async fn check(
        &self,
        address: &Address,
        client: Option<IpAddr>,
        notice: bool,
    ) -> Result<(), Refusal> {
        let config = self.0.reload.current();
        let settings = &config.relay.call_forward;
        let asker = Asker { network: client.map(network_of), most: settings.per_client };
        let found = self.book().look_up(address, asker, Instant::now());
        let answer = match found {
            Found::Known(answer) => answer,
            Found::TooMany => return Err(Refusal::NotAskedNow),
            Found::Asking(_) if notice => Answer::Silence,
            Found::Asking(answer) => heard(answer).await,
            Found::New(tell, answer) => {
                let (this, address) = (self.clone(), address.clone());
                tokio::spawn(async move { this.ask(&address, &tell).await });
                heard(answer).await
            }
        };
        match (answer, settings.unreachable) {
            (Answer::Taken, _) | (Answer::Unclear | Answer::Silence, Unreachable::Accept) => Ok(()),
            (Answer::Refused, _) => Err(Refusal::NotTakenThere),
            (Answer::NoPlace, _) => Err(Refusal::NotAskedNow),
            (Answer::Unclear | Answer::Silence, Unreachable::Defer) => Err(Refusal::NotAskedNow),
        }
    }

    /// Asks when it is its turn, and tells all who wait.
    async fn ask(&self, address: &Address, tell: &watch::Sender<Option<Answer>>) {
        let config = self.0.reload.current();
        let settings = &config.relay.call_forward;
        let answer = match self.place(address.domain(), settings).await {
            // It is given back when the answer is known to all who are in line.
            Ok(_place) => self.ask_now(address, settings).await,
            Err(answer) => {
                tracing::info!(%address, ?answer, "not asked");
                self.book().give_up(address);
                answer
            }
        };
        tell.send_replace(Some(answer));
    }

    /// A place among the questions to a domain; or what is to be told without a question.
    async fn place(
        &self,
        domain: &Domain,
        settings: &Settings,
    ) -> Result<OwnedSemaphorePermit, Answer> {
        let place = timeout(settings.timeout, self.door(domain, settings).acquire_owned()).await;
        let Ok(Ok(place)) = place else { return Err(Answer::NoPlace) };
        // Those before it may have heard nothing.
        if self.book().is_silent(domain, Instant::now()) { Err(Answer::Silence) } else { Ok(place) }
    }

    async fn ask_now(&self, address: &Address, settings: &Settings) -> Answer {
        let mut question = Question::new(address.clone());
        let trouble = match timeout(settings.timeout, self.call(&mut question)).await {
            Ok(Ok(())) => None,
            Ok(Err(why)) => Some(why),
            Err(_) => Some(format!("no answer within {} s", settings.timeout.as_secs_f32())),
        };
        let answer = question.answer();
        let (reply, trouble) = (question.reply(), trouble.as_deref());
        tracing::info!(%address, ?answer, reply, trouble, "asked the domain's own server");
        let (taken, refused) = (settings.taken_kept, settings.refused_kept);
        self.book().learn(address, answer, (taken, refused), Instant::now());
        answer
    }

    /// Asks host after host, until one has answered.
    async fn call(&self, question: &mut Question) -> Result<(), String> {
        let domain = question.domain().clone();
        let caller = self.0.caller.get_or_try_init(|| async { self.caller() }).await;
        let caller = caller.map_err(|error| error.to_string())?;
        let mut trouble = "its mail is held or dropped here".to_owned();
        for host in caller.ways.hosts(&domain).await? {
            // Nobody is asked twice: an answer is an answer, whatever comes of the connection.
            match caller.client.converse(&host, question).await {
                _ if question.is_answered() => return Ok(()),
                Ok(()) => trouble = format!("{} gave no answer", host.name),
                Err(problem) => trouble = problem.to_string(),
            }
        }
        Err(trouble)
    }

    fn caller(&self) -> Result<Caller, TlsError> {
        let Inner { reload, stop, .. } = &*self.0;
        let config = reload.current();
        let patience = config.relay.outbound.connect_timeout;
        let mut options = ClientOptions::new(config.hostname.clone(), patience, stop.clone());
        // The others end with the whole.
        options.timeouts = Timeouts { quit: GOOD_BYE, ..Timeouts::default() };
        options.roots = authorities(&config);
        Ok(Caller { ways: Ways::for_questions(reload.clone()), client: Client::new(options)? })
    }

    fn door(&self, domain: &Domain, settings: &Settings) -> Arc<Semaphore> {
        let mut doors = self.0.doors.lock().unwrap_or_else(PoisonError::into_inner);
        let most = settings.concurrency;
        let places = usize::try_from(most).unwrap_or(1).clamp(1, Semaphore::MAX_PERMITS);
        let new = || (most, Arc::new(Semaphore::new(places)));
        let door = doors.entry(domain.clone()).or_insert_with(new);
        if door.0 != most {
            // The configuration was read again; who is at the former door ends there.
            *door = new();
        }
        door.1.clone()
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.0.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The answer, once it is there. Whoever asks always tells, unless it breaks.
async fn heard(mut answer: watch::Receiver<Option<Answer>>) -> Answer {
    let told = answer.wait_for(Option::is_some).await;
    told.ok().and_then(|told| *told).unwrap_or(Answer::Silence)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use config::Config;

    use super::*;

    /// One that has one place for a domain, and lets nobody wait for long; and that place.
    async fn busy() -> (CallForward, Address, OwnedSemaphorePermit) {
        let text = "hostname = \"one.example\"\nimap.listen_tls = []\npop3.listen_tls = []\n\
                    submission.listen_tls = []\n[relay.call_forward]\nconcurrency = 1\n\
                    timeout = \"20ms\"\nunreachable = \"accept\"\n";
        let config = Arc::new(Config::parse(text, Path::new("/")).unwrap());
        let settings = config.relay.call_forward.clone();
        let call_forward = CallForward::new(Reload::never(config), Stop::source().stop());
        let address: Address = "a@asked.example".parse().unwrap();
        let door = call_forward.door(address.domain(), &settings);
        let place = door.acquire_owned().await.unwrap();
        (call_forward, address, place)
    }

    #[tokio::test]
    async fn who_finds_no_place_learns_nothing_about_the_domain() {
        let (call_forward, address, _place) = busy().await;
        for _ in 0..2 {
            let answer = call_forward.check(&address, None, false).await;
            assert!(matches!(answer, Err(Refusal::NotAskedNow)), "{answer:?}");
        }
        assert!(!call_forward.book().is_silent(address.domain(), Instant::now()));
    }

    #[tokio::test]
    async fn who_gets_a_place_after_silence_asks_no_more() {
        let (call_forward, address, place) = busy().await;
        let (other, times) = ("b@asked.example".parse().unwrap(), (Duration::MAX, Duration::MAX));
        let (answer, ()) = tokio::join!(call_forward.check(&address, None, false), async {
            tokio::task::yield_now().await;
            call_forward.book().learn(&other, Answer::Silence, times, Instant::now());
            drop(place);
        });
        assert!(answer.is_ok(), "{answer:?}");
        assert!(call_forward.0.caller.get().is_none(), "nobody was asked");
    }
}
