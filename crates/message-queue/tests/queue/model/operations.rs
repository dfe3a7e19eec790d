//! What can be done to a queue, chosen by chance. Operations speak of consumers, leases and entries
//! by number, and each number means something in every sequence: so any of them can be left out.

use testkit::Random;

/// Lanes of other servers that recipients wait in, beside the local one.
pub(super) const LANES: [&str; 4] = ["a.test", "b.test", "c.test", "d.test"];
/// Consumers, by their number: the first two lanes are local, the others remote; even ones are of
/// the first queue, odd ones of the second.
pub(super) const CONSUMERS: usize = 4;

#[derive(Debug, Clone)]
pub(super) enum Operation {
    Enqueue(Envelope),
    /// A consumer settles some of its leases, and leases.
    Turn {
        consumer: usize,
        settle: Vec<Settle>,
        lease: Option<Room>,
    },
    /// A consumer settles what one that is dead had leased.
    SettleLate {
        consumer: usize,
        settle: Settle,
    },
    Die(usize),
    /// All processes die, and the queue is opened again.
    Restart,
    Operate(What, Which),
    Pause(Option<usize>),
    Resume(Option<usize>),
    /// The clock goes on, or jumps either way: seconds.
    Clock(i64),
    Maintain,
}

#[derive(Debug, Clone)]
pub(super) struct Envelope {
    /// The queue that takes it.
    pub(super) queue: usize,
    pub(super) null_sender: bool,
    pub(super) account: Option<i64>,
    pub(super) large: bool,
    pub(super) priority: i8,
    pub(super) recipients: Vec<To>,
}

/// A recipient.
#[derive(Debug, Clone)]
pub(super) struct To {
    /// None for the local one.
    pub(super) lane: Option<usize>,
    pub(super) name: u64,
    /// Seconds from now, either way.
    pub(super) not_before: Option<i64>,
    pub(super) held: bool,
}

/// How a lease is settled.
#[derive(Debug, Clone)]
pub(super) struct Settle {
    /// Which of the consumer's leases.
    pub(super) lease: usize,
    /// Recipient by recipient, round and round.
    pub(super) ends: Vec<How>,
    /// A notification that goes with it.
    pub(super) notification: Option<Envelope>,
}

#[derive(Debug, Clone)]
pub(super) enum How {
    Unsaid,
    Delivered,
    /// Seconds from now; none for at once.
    Deferred(Option<i64>, bool),
    Failed,
    Later(i64),
}

#[derive(Debug, Clone)]
pub(super) struct Room {
    pub(super) leases_max: u32,
    pub(super) again_max: u32,
    pub(super) per_lane_max: u32,
    /// A bit a lane.
    pub(super) except: u64,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum What {
    Retry,
    Hold,
    Release,
    Remove,
}

#[derive(Debug, Clone)]
pub(super) enum Which {
    All,
    Entry(usize),
    Lane(Option<usize>),
    Held,
    Address(u64),
    NullSender,
}

impl Operation {
    pub(super) fn random(random: &mut Random) -> Self {
        match random.below(100) {
            0..30 => Self::Enqueue(Envelope::random(random)),
            30..70 => Self::Turn {
                consumer: random.place(CONSUMERS),
                settle: (0..random.below(4)).map(|_| Settle::random(random)).collect(),
                lease: random.percent(80).then(|| Room {
                    leases_max: u32::try_from(random.below(8)).unwrap(),
                    again_max: u32::try_from(random.below(8)).unwrap(),
                    per_lane_max: 1 + u32::try_from(random.below(4)).unwrap(),
                    except: if random.percent(70) { 0 } else { random.below(32) },
                }),
            },
            70..74 => Self::SettleLate {
                consumer: random.place(CONSUMERS),
                settle: Settle::random(random),
            },
            74..78 => Self::Die(random.place(CONSUMERS)),
            78 => Self::Restart,
            79..88 => {
                let what = [What::Retry, What::Hold, What::Release, What::Remove];
                Self::Operate(what[random.place(what.len())], Which::random(random))
            }
            88 => Self::Pause(lane(random)),
            89..91 => Self::Resume(lane(random)),
            91 => Self::Maintain,
            // Years either way, and hardly ever before 1970.
            92 => Self::Clock(seconds(random) * 100),
            _ => Self::Clock(seconds(random).abs()),
        }
    }
}

impl Envelope {
    fn random(random: &mut Random) -> Self {
        let recipients = (0..1 + random.below(4)).map(|_| To {
            lane: lane(random),
            name: random.below(5),
            not_before: random.percent(20).then(|| seconds(random)),
            held: random.percent(8),
        });
        Self {
            recipients: recipients.collect(),
            queue: random.place(2),
            null_sender: random.percent(20),
            account: random.percent(40).then_some(7),
            large: random.percent(15),
            priority: if random.percent(75) { 0 } else { [-9, -3, 4, 9][random.place(4)] },
        }
    }
}

impl Settle {
    fn random(random: &mut Random) -> Self {
        let how = |random: &mut Random| match random.below(10) {
            0 => How::Unsaid,
            1..4 => How::Delivered,
            4..7 => {
                let next = random.percent(80).then(|| seconds(random));
                How::Deferred(next, random.percent(20))
            }
            7..9 => How::Failed,
            _ => How::Later(seconds(random)),
        };
        Self {
            lease: random.place(8),
            ends: (0..3).map(|_| how(random)).collect(),
            notification: random.percent(25).then(|| Envelope::random(random)),
        }
    }
}

impl Which {
    fn random(random: &mut Random) -> Self {
        match random.below(7) {
            0 => Self::All,
            1 | 2 => Self::Entry(random.place(20)),
            3 => Self::Lane(lane(random)),
            4 => Self::Held,
            5 => Self::Address(random.below(5)),
            _ => Self::NullSender,
        }
    }
}

fn lane(random: &mut Random) -> Option<usize> {
    random.percent(70).then(|| random.place(LANES.len()))
}

fn seconds(random: &mut Random) -> i64 {
    let most = [10, 600, 20_000, 3_000_000][random.place(4)];
    let seconds = i64::try_from(random.below(most)).unwrap();
    if random.percent(25) { -seconds } else { seconds }
}
