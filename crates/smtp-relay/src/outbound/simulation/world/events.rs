//! What happens to us, and when.

use mail_types::Lane;
use testkit::Random;

use super::super::{HEAL_MS, network::Network};

const HOUR: u64 = 3_600_000;

/// What happens to us.
#[derive(Debug, Clone)]
pub(in super::super) enum Event {
    Mail,
    /// For one at the domain of this number.
    MailTo(usize),
    Crash,
    /// At the next transaction: before it is committed, or behind.
    CrashAtCommit {
        committed: bool,
    },
    Jump(i64),
    /// The queue can't be written for so long.
    Ill(u64),
    Pause(Option<Lane>),
    Resume(Option<Lane>),
    /// The operator lets everything be tried.
    Retry,
}

/// What happens, and when: mail in bursts over one and a half days, and trouble until all is well.
pub(super) fn events(random: &mut Random, network: &Network) -> Vec<(u64, Event)> {
    let mut all = Vec::new();
    for _ in 0..2 + random.below(6) {
        let burst = random.below(36 * HOUR);
        let spread = [1, 60_000, HOUR][random.place(3)];
        let most = [4, 12, 40][random.place(3)];
        for _ in 0..1 + random.below(most) {
            all.push((burst + random.below(spread), Event::Mail));
        }
    }
    let lane = |random: &mut Random| {
        let domain = &network.domains[random.place(network.domains.len())];
        random.percent(80).then(|| Lane::Remote(domain.name.clone()))
    };
    for _ in 0..random.below(12) {
        let at = random.below(HEAL_MS);
        match random.below(12) {
            0..3 => all.push((at, Event::Crash)),
            3..6 => all.push((at, Event::CrashAtCommit { committed: random.percent(50) })),
            6..8 => {
                let millis = i64::try_from(random.below(6 * HOUR)).unwrap();
                all.push((at, Event::Jump(if random.percent(50) { millis } else { -millis })));
            }
            8 => all.push((at, Event::Ill(random.below(HOUR)))),
            9 | 10 => {
                let lane = lane(random);
                all.push((at, Event::Pause(lane.clone())));
                all.push((at + random.below(6 * HOUR), Event::Resume(lane)));
            }
            _ => all.push((at, Event::Retry)),
        }
    }
    // Crashes like to come while something goes on.
    let mails: Vec<u64> =
        all.iter().filter(|(_, event)| matches!(event, Event::Mail)).map(|(at, _)| *at).collect();
    for _ in 0..random.below(5) {
        let at = random.one_of(&mails).copied().unwrap_or(0) + random.below(2000);
        let event = match random.below(3) {
            0 => Event::Crash,
            1 => Event::CrashAtCommit { committed: true },
            _ => Event::CrashAtCommit { committed: false },
        };
        all.push((at, event));
    }
    all.sort_by_key(|(at, _)| *at);
    all
}
