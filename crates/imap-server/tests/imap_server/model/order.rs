//! What is done next, chosen before it is known what is there: numbers are places in what there is
//! then.

use testkit::Random;

use super::truth::{Action, FlagOrder};

/// Sessions beside each other.
pub(crate) const SESSIONS: usize = 4;
/// The names that mailboxes have. Those behind others may stand below them.
pub(crate) const NAMES: &[&str] = &["INBOX", "One", "Two", "One/Sub", "Three"];
const FLAGS: &[&str] =
    &["\\Seen", "\\Deleted", "\\Flagged", "\\Answered", "\\Draft", "$work", "Late"];

#[derive(Clone, Debug)]
pub(crate) enum Order {
    /// Mail comes.
    Deliver {
        mailbox: usize,
        count: u32,
    },
    /// Another process removes messages, as POP3 does, or changes flags.
    RemoveElsewhere {
        mailbox: usize,
        which: u32,
    },
    FlagElsewhere {
        mailbox: usize,
        which: u32,
        change: FlagOrder,
    },
    /// One session does something.
    Session(usize, Act),
    /// These sessions do these at once, while mail comes.
    Race {
        acts: Vec<(usize, Racer)>,
        deliver: Option<usize>,
    },
}

#[derive(Clone, Debug)]
pub(crate) enum Act {
    Noop,
    Check,
    Idle,
    Select { mailbox: usize, examine: bool, resync: Resync },
    Close,
    Unselect,
    Reconnect { mode: Mode },
    Append { mailbox: usize, change: FlagOrder, count: u32 },
    Store { set: Set, change: FlagOrder, silent: bool, unchanged_since: Option<u32> },
    Expunge,
    UidExpunge(Set),
    Copy { set: Set, to: usize },
    Move { set: Set, to: usize },
    Fetch { set: Set, mark: bool },
    ChangedSince,
    Search { set: Set, key: Key, extended: bool },
    Status { mailbox: usize },
    Create { name: usize },
    Delete { mailbox: usize },
    Rename { mailbox: usize, to: usize },
}

/// How a session speaks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Mode {
    Plain,
    Condstore,
    Qresync,
    Rev2,
}

/// How much of its cache a client tells.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Resync {
    Nothing,
    Place,
    Known,
    Matches,
}

/// Some messages: by UID, or by number.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Set {
    pub(crate) by_uid: bool,
    pub(crate) shape: Shape,
    pub(crate) a: u32,
    pub(crate) b: u32,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Shape {
    All,
    Last,
    One,
    Two,
    Range,
    ToLast,
}

#[derive(Clone, Debug)]
pub(crate) enum Key {
    All,
    In,
    Has(String),
    HasNot(String),
    Subject(u32),
    InOrHas(String),
}

/// What a session does in a race.
#[derive(Clone, Debug)]
pub(crate) enum Racer {
    Noop,
    Store { set: Set, change: FlagOrder, silent: bool },
    Expunge,
    Copy { set: Set, to: usize },
    Move { set: Set, to: usize },
    Append { mailbox: usize },
    Fetch,
    Search,
}

impl Order {
    pub(crate) fn random(random: &mut Random) -> Self {
        let mailbox = random.place(NAMES.len());
        match random.below(100) {
            0..8 => Self::Deliver { mailbox: likely(random), count: below(random, 3) + 1 },
            8..11 => Self::RemoveElsewhere { mailbox: likely(random), which: below(random, 9) },
            11..15 => {
                let (which, change) = (below(random, 9), change(random));
                Self::FlagElsewhere { mailbox: likely(random), which, change }
            }
            15..20 => {
                let count = random.place(3) + 2;
                let first = random.place(SESSIONS);
                let racers = (0..count.min(SESSIONS))
                    .map(|number| ((first + number) % SESSIONS, racer(random)));
                let acts = racers.collect();
                Self::Race { acts, deliver: random.percent(50).then_some(mailbox) }
            }
            _ => Self::Session(random.place(SESSIONS), act(random)),
        }
    }
}

fn act(random: &mut Random) -> Act {
    let mailbox = likely(random);
    let set = Set::random(random);
    match random.below(100) {
        0..10 => Act::Noop,
        10..12 => Act::Check,
        12..18 => Act::Idle,
        18..30 => {
            let all = [Resync::Nothing, Resync::Place, Resync::Known, Resync::Matches];
            let resync = all[random.place(all.len())];
            Act::Select { mailbox, examine: random.percent(20), resync }
        }
        30..31 => Act::Close,
        31..33 => Act::Unselect,
        33..36 => {
            let all = [Mode::Plain, Mode::Condstore, Mode::Qresync, Mode::Rev2];
            Act::Reconnect { mode: all[random.place(all.len())] }
        }
        36..41 => Act::Append { mailbox, change: change(random), count: below(random, 2) + 1 },
        41..57 => Act::Store {
            set,
            change: change(random),
            silent: random.percent(50),
            unchanged_since: random.percent(25).then(|| below(random, 9)),
        },
        57..62 => Act::Expunge,
        62..64 => Act::UidExpunge(set),
        64..69 => Act::Copy { set, to: mailbox },
        69..74 => Act::Move { set, to: mailbox },
        74..81 => Act::Fetch { set, mark: random.percent(30) },
        81..84 => Act::ChangedSince,
        84..90 => Act::Search { set, key: key(random), extended: random.percent(30) },
        90..93 => Act::Status { mailbox },
        93..96 => Act::Create { name: random.place(NAMES.len()) },
        96..97 => Act::Delete { mailbox: random.place(NAMES.len()) },
        _ => Act::Rename { mailbox: random.place(NAMES.len()), to: random.place(NAMES.len()) },
    }
}

fn racer(random: &mut Random) -> Racer {
    let set = Set::random(random);
    match random.below(8) {
        0 => Racer::Noop,
        1 | 2 => Racer::Store { set, change: change(random), silent: random.percent(50) },
        3 => Racer::Expunge,
        4 => Racer::Copy { set, to: likely(random) },
        5 => Racer::Move { set, to: likely(random) },
        6 => Racer::Append { mailbox: likely(random) },
        _ if random.percent(50) => Racer::Fetch,
        _ => Racer::Search,
    }
}

impl Set {
    fn random(random: &mut Random) -> Self {
        let all = [Shape::All, Shape::Last, Shape::One, Shape::Two, Shape::Range, Shape::ToLast];
        Self {
            by_uid: random.percent(50),
            shape: all[random.place(all.len())],
            a: below(random, 40),
            b: below(random, 40),
        }
    }
}

fn key(random: &mut Random) -> Key {
    let flag = FLAGS[random.place(FLAGS.len())].to_owned();
    match random.below(6) {
        0 => Key::All,
        1 => Key::In,
        2 => Key::Has(flag),
        3 => Key::HasNot(flag),
        4 => Key::Subject(below(random, 30)),
        _ => Key::InOrHas(flag),
    }
}

fn change(random: &mut Random) -> FlagOrder {
    let all = [Action::Add, Action::Add, Action::Remove, Action::Replace];
    let action = all[random.place(all.len())];
    let flags = (0..=random.below(2)).map(|_| {
        let deleted = random.percent(30);
        FLAGS[if deleted { 1 } else { random.place(FLAGS.len()) }].to_owned()
    });
    FlagOrder { action, flags: flags.collect() }
}

/// A mailbox; INBOX more often than the others, so that sessions meet.
fn likely(random: &mut Random) -> usize {
    if random.percent(50) { 0 } else { random.place(NAMES.len()) }
}

fn below(random: &mut Random, end: u64) -> u32 {
    u32::try_from(random.below(end)).unwrap_or(0)
}
