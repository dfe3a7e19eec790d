//! What is known of addresses, what is being asked, and by whom. No I/O; time is an argument.
//!
//! Answers are kept in two generations: when the young one is full it becomes the old one, and the
//! old one is forgotten. So nothing is searched for what may go, and a flood pushes out the oldest.

use std::{
    collections::HashMap,
    net::IpAddr,
    time::{Duration, Instant},
};

use mail_types::{Address, Domain};
use tokio::sync::watch;

use super::Answer;

/// The most answers of a generation.
const GENERATION: usize = 10_000;
/// The most questions at once, to all domains together.
const ASKING_MAX: usize = 500;
/// The most clients that are counted in a minute; more get no answer that is not known.
const ASKERS_MAX: usize = 10_000;
/// How long what settles nothing is believed: a domain is left alone for so long, an address asked
/// for no more.
const REST: Duration = Duration::from_secs(60);
const MINUTE: Duration = Duration::from_secs(60);

/// Who wants to know.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asker {
    /// The client's network; nobody is counted without.
    pub(super) network: Option<IpAddr>,
    /// The most questions that it may cause in a minute.
    pub(super) most: u32,
}

/// What there is about an address.
#[derive(Debug)]
pub(super) enum Found {
    Known(Answer),
    /// It is being asked; the answer comes here.
    Asking(watch::Receiver<Option<Answer>>),
    /// It is to be asked now: who does tells it here, and hears it there.
    New(watch::Sender<Option<Answer>>, watch::Receiver<Option<Answer>>),
    /// It may not be asked now.
    TooMany,
}

type Answers = HashMap<String, (Answer, Instant)>;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Book {
    young: Answers,
    old: Answers,
    asking: HashMap<String, watch::Receiver<Option<Answer>>>,
    /// Domains that are left alone, until when. As many as are relayed like this.
    silent: HashMap<Domain, Instant>,
    /// How many questions a client has caused, in the minute that began then.
    askers: HashMap<IpAddr, (Instant, u32)>,
}

impl Book {
    pub(super) fn look_up(&mut self, address: &Address, asker: Asker, now: Instant) -> Found {
        let key = address.folded();
        let kept = self.young.get(&key).or_else(|| self.old.get(&key));
        if let Some((answer, _)) = kept.filter(|(_, until)| now < *until) {
            return Found::Known(*answer);
        }
        // Who broke while asking tells nothing any more.
        let open = |asking: &&watch::Receiver<_>| asking.has_changed().is_ok();
        if let Some(asking) = self.asking.get(&key).filter(open) {
            return Found::Asking(asking.clone());
        }
        if self.is_silent(address.domain(), now) {
            return Found::Known(Answer::Silence);
        }
        if self.asking.len() >= ASKING_MAX || !self.admits(asker, now) {
            return Found::TooMany;
        }
        let (tell, hear) = watch::channel(None);
        self.asking.insert(key, hear.clone());
        Found::New(tell, hear)
    }

    /// Whether a domain is left alone.
    pub(super) fn is_silent(&self, domain: &Domain, now: Instant) -> bool {
        self.silent.get(domain).is_some_and(|until| now < *until)
    }

    /// Nobody was asked after all, and nothing is known.
    pub(super) fn give_up(&mut self, address: &Address) {
        self.asking.remove(&address.folded());
    }

    /// An answer has come; it is kept for the first of these times if the address is taken, for the
    /// second if it is refused.
    pub(super) fn learn(
        &mut self,
        address: &Address,
        answer: Answer,
        (taken, refused): (Duration, Duration),
        now: Instant,
    ) {
        let key = address.folded();
        self.asking.remove(&key);
        let kept = match answer {
            Answer::Taken => taken,
            Answer::Refused => refused,
            Answer::Unclear => REST,
            Answer::Silence => {
                self.silent.insert(address.domain().clone(), now + REST);
                return;
            }
            Answer::NoPlace => return,
        };
        self.silent.remove(address.domain());
        if self.young.len() >= GENERATION {
            self.old = std::mem::take(&mut self.young);
        }
        self.old.remove(&key);
        self.young.insert(key, (answer, now + kept));
    }

    /// Whether the client may cause another question; counts it.
    fn admits(&mut self, asker: Asker, now: Instant) -> bool {
        let Some(network) = asker.network else { return true };
        if self.askers.len() >= ASKERS_MAX {
            self.askers.retain(|_, (since, _)| now < *since + MINUTE);
        }
        if self.askers.len() >= ASKERS_MAX && !self.askers.contains_key(&network) {
            return false;
        }
        let (since, count) = self.askers.entry(network).or_insert((now, 0));
        if now >= *since + MINUTE {
            (*since, *count) = (now, 0);
        }
        let admitted = *count < asker.most;
        *count = count.saturating_add(u32::from(admitted));
        admitted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMES: (Duration, Duration) = (Duration::from_secs(1000), Duration::from_secs(100));
    const ANYBODY: Asker = Asker { network: None, most: 0 };

    fn address(text: &str) -> Address {
        Address::parse(text).unwrap()
    }

    /// Asks, and answers at once if it is to be asked.
    fn ask(book: &mut Book, to: &str, answer: Answer, now: Instant) -> &'static str {
        let found = book.look_up(&address(to), ANYBODY, now);
        match found {
            Found::Known(Answer::Taken) => "taken",
            Found::Known(Answer::Refused) => "refused",
            Found::Known(_) => "unknown",
            Found::Asking(_) => "asking",
            Found::TooMany => "too many",
            Found::New(..) => {
                book.learn(&address(to), answer, TIMES, now);
                "asked"
            }
        }
    }

    #[test]
    fn answers_have_their_times() {
        let (mut book, start) = (Book::default(), Instant::now());
        let at = |secs| start + Duration::from_secs(secs);
        let taken = |book: &mut Book, now| ask(book, "A@a.example", Answer::Taken, now);
        let refused = |book: &mut Book, now| ask(book, "b@a.example", Answer::Refused, now);
        let unclear = |book: &mut Book, now| ask(book, "c@a.example", Answer::Unclear, now);
        assert_eq!([taken(&mut book, start), refused(&mut book, start)], ["asked", "asked"]);
        assert_eq!(unclear(&mut book, start), "asked");
        assert_eq!(taken(&mut book, at(999)), "taken");
        assert_eq!(refused(&mut book, at(99)), "refused");
        assert_eq!(unclear(&mut book, at(59)), "unknown");
        assert_eq!(unclear(&mut book, at(60)), "asked");
        assert_eq!(refused(&mut book, at(100)), "asked");
        assert_eq!(taken(&mut book, at(1000)), "asked");
        assert_eq!(ask(&mut book, "a@a.example", Answer::Refused, at(1001)), "taken", "case");
    }

    #[test]
    fn a_domain_that_is_silent_is_left_alone() {
        let (mut book, start) = (Book::default(), Instant::now());
        let later = start + REST;
        let silent = |book: &mut Book, to: &str, now| ask(book, to, Answer::Silence, now);
        assert_eq!(ask(&mut book, "known@a.example", Answer::Taken, start), "asked");
        assert_eq!(silent(&mut book, "a@a.example", start), "asked");
        assert_eq!(silent(&mut book, "b@a.example", start), "unknown");
        assert_eq!(silent(&mut book, "known@a.example", start), "taken");
        assert_eq!(silent(&mut book, "b@b.example", start), "asked", "others are not meant");
        assert_eq!(ask(&mut book, "b@a.example", Answer::Taken, later), "asked");
        assert_eq!(ask(&mut book, "c@a.example", Answer::Taken, later), "asked");
    }

    #[test]
    fn an_address_is_asked_for_once_at_a_time() {
        let (mut book, now) = (Book::default(), Instant::now());
        let to = address("a@a.example");
        let Found::New(tell, _) = book.look_up(&to, ANYBODY, now) else { panic!("not asked") };
        assert!(matches!(book.look_up(&to, ANYBODY, now), Found::Asking(_)));
        drop(tell);
        let found = book.look_up(&to, ANYBODY, now);
        assert!(matches!(found, Found::New(..)), "who asked is gone");
        book.give_up(&to);
        assert!(book.asking.is_empty());
        assert!(matches!(book.look_up(&to, ANYBODY, now), Found::New(..)), "nothing is known");
    }

    #[test]
    fn nobody_causes_more_than_his_share() {
        let (mut book, now) = (Book::default(), Instant::now());
        let network = |text: &str| Asker { network: text.parse().ok(), most: 2 };
        let mut asks = |to: &str, asker, now| {
            let found = book.look_up(&address(to), asker, now);
            if let Found::New(..) = found {
                book.learn(&address(to), Answer::Refused, TIMES, now);
            }
            matches!(found, Found::TooMany)
        };
        let (eve, bob) = (network("192.0.2.1"), network("192.0.2.2"));
        assert!(!asks("1@a.example", eve, now) && !asks("2@a.example", eve, now));
        assert!(asks("3@a.example", eve, now));
        assert!(!asks("1@a.example", eve, now), "what is known costs nothing");
        assert!(!asks("3@a.example", bob, now));
        assert!(!asks("4@a.example", eve, now + MINUTE));
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let (mut book, now) = (Book::default(), Instant::now());
        for number in 0..3 * GENERATION {
            ask(&mut book, &format!("{number}@a.example"), Answer::Refused, now);
        }
        assert!(book.young.len() + book.old.len() <= 2 * GENERATION);
        let last = format!("{}@a.example", 3 * GENERATION - 1);
        assert_eq!(ask(&mut book, &last, Answer::Refused, now), "refused");
        let mut told = Vec::new();
        for number in 0..=ASKING_MAX {
            let to = address(&format!("{number}@b.example"));
            told.push(book.look_up(&to, ANYBODY, now));
        }
        assert!(matches!(told.pop(), Some(Found::TooMany)));
        assert!(matches!(told.pop(), Some(Found::New(..))));
    }
}
