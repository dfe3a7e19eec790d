//! The hosts and the names of a simulation, and how they are at which time. All of it follows from
//! the seed.

use std::{collections::BTreeMap, net::SocketAddr};

use mail_types::Domain;
use smtp_client::Host;
use testkit::Random;

use super::{
    super::plan::Plan,
    HEAL_MS,
    peer::{Ending, Mood, Stage, Tls},
};

/// How a host is for a while.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Temper {
    Good,
    Slow(u64),
    Closed,
    Silent,
    Grey(u64),
    /// Every so many connections in a hundred end early.
    Flaky(u64),
    FewRecipients(usize),
    FewMails(usize),
    NoTls(Tls),
    Refuses(Stage, &'static str),
}

/// What the name servers say of a domain for a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dns {
    Answers,
    /// Nothing, for ten seconds.
    Fails,
    /// That there is no such domain.
    Denies,
}

/// What becomes of a connection.
pub(super) enum Connect {
    Refused,
    Silent,
    Answers(Mood),
}

#[derive(Debug)]
pub(super) struct Network {
    hosts: BTreeMap<Domain, Vec<(u64, Temper)>>,
    pub(super) domains: Vec<OfDomain>,
    random: Random,
}

#[derive(Debug)]
pub(super) struct OfDomain {
    pub(super) name: Domain,
    mx: Vec<(u16, Domain)>,
    dns: Vec<(u64, Dns)>,
    /// Its hosts are never there.
    pub(super) is_dead: bool,
}

impl Network {
    pub(super) fn new(seed: u64) -> Self {
        let mut random = Random::new(seed ^ 0x6e65_7477);
        let mut hosts = BTreeMap::new();
        let name = |text: String| Domain::parse(&text).unwrap();
        let count = 8 + random.place(17);
        for number in 0..count {
            let tempers = tempers(&mut random);
            hosts.insert(name(format!("mx{number}.test")), tempers);
        }
        let mut domains = Vec::new();
        for number in 0..12 + random.place(25) {
            let mx = (0..1 + random.below(3)).map(|_| {
                let preference = if random.percent(50) { 10 } else { 20 };
                (preference, name(format!("mx{}.test", random.place(count))))
            });
            let mut mx: Vec<(u16, Domain)> = mx.collect();
            mx.sort_by(|a, b| a.1.cmp(&b.1));
            mx.dedup_by(|a, b| a.1 == b.1);
            domains.push(OfDomain {
                name: name(format!("d{number}.test")),
                mx,
                dns: dns(&mut random),
                is_dead: false,
            });
        }
        for (kind, temper) in [("well", Temper::Good), ("dead", Temper::Silent)] {
            for number in 0..2 {
                let host = name(format!("mx.{kind}{number}.test"));
                let temper = if number == 1 && kind == "dead" { Temper::Closed } else { temper };
                hosts.insert(host.clone(), vec![(0, temper)]);
                domains.push(OfDomain {
                    name: name(format!("{kind}{number}.test")),
                    mx: vec![(10, host)],
                    dns: Vec::new(),
                    is_dead: kind == "dead",
                });
            }
        }
        Self { hosts, domains, random }
    }

    /// So many domains with a silent host each, and one that is well.
    pub(super) fn ill(count: usize) -> Self {
        let (mut hosts, mut domains) = (BTreeMap::new(), Vec::new());
        for number in 0..=count {
            let is_dead = number < count;
            let (kind, temper) =
                if is_dead { ("dead", Temper::Silent) } else { ("well", Temper::Good) };
            let name = Domain::parse(&format!("{kind}{number}.test")).unwrap();
            hosts.insert(name.clone(), vec![(0, temper)]);
            let mx = vec![(10, name.clone())];
            domains.push(OfDomain { name, mx, dns: Vec::new(), is_dead });
        }
        Self { hosts, domains, random: Random::new(0) }
    }

    /// Where mail for a domain goes, as the name servers say now.
    pub(super) fn find(&self, domain: &Domain, at: u64) -> (Dns, Plan) {
        let Some(found) = self.domains.iter().find(|one| one.name == *domain) else {
            return (Dns::Denies, Plan::new(Vec::new(), 1));
        };
        let address: SocketAddr = "127.0.0.1:25".parse().unwrap();
        let host = |(preference, name): &(u16, Domain)| {
            (*preference, Host::new(name.clone(), vec![address]))
        };
        let plan = Plan::new(found.mx.iter().map(host).collect(), usize::MAX);
        (current(&found.dns, at).unwrap_or(Dns::Answers), plan)
    }

    pub(super) fn connect(&mut self, host: &Domain, at: u64) -> Connect {
        let temper = self.hosts.get(host).and_then(|tempers| current(tempers, at));
        let good = Mood { pipelining: !host.as_str().ends_with("3.test"), ..Mood::good() };
        Connect::Answers(match temper.unwrap_or(Temper::Good) {
            Temper::Closed => return Connect::Refused,
            Temper::Silent => return Connect::Silent,
            Temper::Good => good,
            Temper::Slow(delay) => Mood { delay, ..good },
            Temper::Grey(age) => Mood { grey: Some(age), ..good },
            Temper::FewRecipients(recipients_max) => Mood { recipients_max, ..good },
            Temper::FewMails(mails_max) => Mood { mails_max, ..good },
            Temper::NoTls(tls) => Mood { tls, ..good },
            Temper::Refuses(stage, reply) => Mood { refuses: Some((stage, reply)), ..good },
            Temper::Flaky(times) if self.random.percent(times) => {
                let endings = [
                    Ending::HangsUp,
                    Ending::HangsUpAfter,
                    Ending::HangsUpBehind,
                    Ending::Says421,
                    Ending::Babbles,
                    Ending::Silent,
                ];
                let ending = self.random.one_of(&endings).copied().unwrap_or(Ending::HangsUp);
                let after = 1 + u32::try_from(self.random.below(14)).unwrap();
                Mood { ends: Some((after, ending)), ..good }
            }
            Temper::Flaky(_) => good,
        })
    }
}

/// What holds at this time.
fn current<T: Copy>(tempers: &[(u64, T)], at: u64) -> Option<T> {
    tempers.iter().rev().find(|(from, _)| *from <= at).map(|(_, temper)| *temper)
}

/// When a host is how; in the end it is well.
fn tempers(random: &mut Random) -> Vec<(u64, Temper)> {
    let mut all = Vec::new();
    let mut at = 0;
    while at < HEAL_MS {
        all.push((at, temper(random)));
        let most = [3_600_000, 6 * 3_600_000, 40 * 3_600_000][random.place(3)];
        at += 60_000 + random.below(most);
    }
    all.push((HEAL_MS, Temper::Good));
    all
}

fn temper(random: &mut Random) -> Temper {
    const STAGES: [Stage; 6] =
        [Stage::Greeting, Stage::Hello, Stage::Mail, Stage::Recipient, Stage::Data, Stage::Verdict];
    match random.below(16) {
        0..4 => Temper::Good,
        4 => Temper::Slow(500 + random.below(20_000)),
        5 => Temper::Closed,
        6 => Temper::Silent,
        7 => Temper::Grey(30 + random.below(3000)),
        8..11 => Temper::Flaky(20 + random.below(80)),
        11 => Temper::FewRecipients(1 + random.place(3)),
        12 => Temper::FewMails(1 + random.place(3)),
        13 => Temper::NoTls([Tls::None, Tls::Broken, Tls::Refused][random.place(3)]),
        _ => {
            let stage = STAGES[random.place(STAGES.len())];
            let replies =
                ["451 4.3.0 not now", "421 4.3.2 not now", "452 4.2.2 full", "550 5.7.1 never"];
            Temper::Refuses(stage, replies[random.place(replies.len())])
        }
    }
}

fn dns(random: &mut Random) -> Vec<(u64, Dns)> {
    let mut all = Vec::new();
    if random.percent(40) {
        let mut at = 0;
        while at < HEAL_MS {
            let states = [Dns::Answers, Dns::Answers, Dns::Fails, Dns::Fails, Dns::Denies];
            let most = [300_000, 6 * 3_600_000][random.place(2)];
            let known = if random.percent(15) { 5 } else { 4 };
            all.push((at, states[random.place(known)]));
            at += 10_000 + random.below(most);
        }
        all.push((HEAL_MS, Dns::Answers));
    }
    all
}
