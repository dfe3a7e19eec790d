//! What can be done to an account, chosen by chance. Operations speak of mailboxes and messages by
//! number, and each number means something in every sequence: so any of them can be left out.

use testkit::Random;

use super::rules::How;

/// Names that mailboxes get: levels, a dot, no ASCII, one whose folder is called by a hash.
pub(super) const NAMES: [&str; 10] = [
    "A",
    "A/B",
    "A/B/C",
    "A/B/C/보관 함.2026",
    "D",
    "Trash",
    "INBOX/x",
    "받은",
    "INBOX",
    "아주 긴 이름/아주 긴 이름/아주 긴 이름/아주 긴 이름/아주 긴 이름/아주 긴 이름/아주 긴 이름",
];
/// Flags that are stored; the first two stand in file names.
pub(super) const FLAGS: [&[&str]; 7] = [
    &["\\Seen"],
    &["\\Flagged", "\\Answered"],
    &["\\Deleted"],
    &["work"],
    &["work", "play", "\\Seen"],
    &["$Forwarded", "\\Draft"],
    &[],
];
/// Letters that other tools write, and the flags that they are.
pub(super) const LETTERS: [(char, &str); 6] = [
    ('D', "\\Draft"),
    ('F', "\\Flagged"),
    ('P', "$Forwarded"),
    ('R', "\\Answered"),
    ('S', "\\Seen"),
    ('T', "\\Deleted"),
];
/// Processes that have the store open.
pub(super) const PROCESSES: usize = 2;
/// Sessions with a view of their own.
pub(super) const SESSIONS: usize = 3;

#[derive(Debug, Clone)]
pub(super) enum Operation {
    /// Done by one of the processes.
    By(usize, Do),
    /// Another tool changes files of a mailbox.
    Outside(usize, Vec<Touch>),
    /// Another tool makes a folder, or removes one.
    Folder(usize, Folder),
    /// A session selects a mailbox.
    Select(usize, usize),
    /// A session asks what happened, through a process.
    Look(usize, usize),
    /// A process stops as it should, and starts.
    Reopen(usize),
    /// A process is killed, and starts.
    Kill(usize),
    /// A process is killed at its n-th file operation.
    KillIn(usize, usize, Do),
    /// The index is lost; before that all that follows was done, or not.
    LoseIndex { followed: bool, damaged: bool },
    /// The power fails, in the n-th file operation of something or after it; so many of the last
    /// states of the index are lost.
    PowerCut { process: usize, at: usize, what: Do, lost: usize },
}

#[derive(Debug, Clone)]
pub(super) enum Do {
    Deliver {
        into: Option<usize>,
        or_inbox: bool,
        seen: bool,
    },
    /// One of those that were delivered before.
    DeliverAgain(usize),
    Append {
        mailbox: usize,
        count: usize,
        flags: usize,
        date: i64,
    },
    Store {
        mailbox: usize,
        which: Which,
        how: How,
        flags: usize,
        since: Option<u64>,
    },
    Copy {
        from: usize,
        which: Which,
        to: usize,
    },
    Move {
        from: usize,
        which: Which,
        to: usize,
    },
    Expunge {
        mailbox: usize,
        which: Which,
    },
    Remove {
        mailbox: usize,
        which: Which,
    },
    Create(usize),
    Delete(usize),
    Rename(usize, usize),
    Subscribe(usize, bool),
    ClaimRecent(usize),
    Refresh(usize),
}

/// Messages of a mailbox.
#[derive(Debug, Clone, Copy)]
pub(super) enum Which {
    All,
    One(usize),
    /// A bit each, round and round.
    Some(u64),
}

/// What another tool does to a file.
#[derive(Debug, Clone)]
pub(super) enum Touch {
    /// Toggles a letter; the file is in `cur` then.
    Letter(usize, usize),
    Remove(usize),
    Put {
        lf: bool,
        new: bool,
        letter: Option<usize>,
    },
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Folder {
    Make,
    Remove,
}

impl Operation {
    pub(super) fn random(random: &mut Random) -> Self {
        let process = random.place(PROCESSES);
        match random.below(100) {
            0..58 => Self::By(process, Do::random(random)),
            58..70 => Self::Outside(random.place(8), touches(random)),
            70..72 => Self::Folder(random.place(8), folder(random)),
            72..76 => Self::Select(random.place(SESSIONS), random.place(8)),
            76..84 => Self::Look(random.place(SESSIONS), process),
            84..87 => Self::Reopen(process),
            87..89 => Self::Kill(process),
            89..94 => Self::KillIn(process, random.place(14), Do::random(random)),
            94..96 => Self::LoseIndex { followed: random.percent(50), damaged: random.percent(30) },
            _ => Self::PowerCut {
                process,
                at: random.place(20),
                what: Do::random(random),
                lost: random.place(5),
            },
        }
    }
}

impl Do {
    fn random(random: &mut Random) -> Self {
        let (mailbox, which) = (random.place(8), which(random));
        match random.below(100) {
            0..18 => Self::Deliver {
                into: random.percent(40).then(|| random.place(NAMES.len())),
                or_inbox: random.percent(40),
                seen: random.percent(20),
            },
            18..23 => Self::DeliverAgain(random.place(30)),
            23..33 => Self::Append {
                mailbox,
                count: 1 + random.place(3),
                flags: random.place(FLAGS.len()),
                date: i64::try_from(random.below(1 << 41)).unwrap(),
            },
            33..53 => Self::Store {
                mailbox,
                which,
                how: [How::Add, How::Remove, How::Replace][random.place(3)],
                flags: random.place(FLAGS.len()),
                since: random.percent(25).then(|| random.below(6)),
            },
            53..62 => Self::Copy { from: mailbox, which, to: random.place(8) },
            62..71 => Self::Move { from: mailbox, which, to: random.place(8) },
            71..76 => Self::Expunge { mailbox, which },
            76..79 => Self::Remove { mailbox, which },
            79..84 => Self::Create(random.place(NAMES.len())),
            84..87 => Self::Delete(random.place(NAMES.len())),
            87..91 => Self::Rename(random.place(NAMES.len()), random.place(NAMES.len())),
            91..93 => Self::Subscribe(random.place(NAMES.len()), random.percent(60)),
            93..95 => Self::ClaimRecent(mailbox),
            _ => Self::Refresh(mailbox),
        }
    }
}

fn which(random: &mut Random) -> Which {
    match random.below(3) {
        0 => Which::All,
        1 => Which::One(random.place(9)),
        _ => Which::Some(random.bits()),
    }
}

fn touches(random: &mut Random) -> Vec<Touch> {
    let touch = |random: &mut Random| match random.below(6) {
        0..3 => Touch::Letter(random.place(9), random.place(LETTERS.len())),
        3 => Touch::Remove(random.place(9)),
        _ => Touch::Put {
            lf: random.percent(50),
            new: random.percent(50),
            letter: random.percent(40).then(|| random.place(LETTERS.len())),
        },
    };
    (0..1 + random.below(3)).map(|_| touch(random)).collect()
}

fn folder(random: &mut Random) -> Folder {
    if random.percent(60) { Folder::Make } else { Folder::Remove }
}
