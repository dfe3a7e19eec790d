//! The words of the schedule: whose mail, which way, which hosts. Pure.

use std::{fmt, sync::Arc};

use mail_types::Lane;

/// Mail that is sent the same way: a lane's, as far as its senders make no difference.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Errand {
    pub(crate) lane: Lane,
    /// The rule of the configuration that sends this sender's mail another way than the lane's.
    pub(crate) rule: Option<Arc<str>>,
    /// It goes past what domains demand of TLS (RFC 8689 §4.2.2).
    pub(crate) relaxed: bool,
}

impl Errand {
    /// What goes the way of its lane, whoever sent it.
    pub(crate) fn of(lane: Lane) -> Self {
        Self { lane, rule: None, relaxed: false }
    }
}

/// A host, as what may be asked of it is counted: by name and port.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct HostId(Arc<str>);

impl HostId {
    pub(crate) fn new(name: &str) -> Self {
        Self(name.into())
    }

    /// The same number for the same host, to spread what happens to many.
    pub(super) fn seed(&self) -> u64 {
        // FNV-1a.
        let step = |hash: u64, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        self.0.bytes().fold(0xcbf2_9ce4_8422_2325, step)
    }
}

impl fmt::Display for HostId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for HostId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The hosts that take some mail, by preference: first those to be tried first, in no order among
/// each other (RFC 5321 §5.1). Errands with equal ways share their conversations.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Way(Arc<Inner>);

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Inner {
    tiers: Vec<Vec<HostId>>,
    /// What must be equal besides: how sure of the hosts one must be, whom to sign in as.
    manner: String,
    /// Conversations at most.
    most: usize,
}

impl Way {
    /// A way over these hosts, each with its preference.
    pub(crate) fn new(hosts: Vec<(u16, HostId)>, manner: String, most: usize) -> Self {
        let mut hosts = hosts;
        hosts.sort();
        let mut tiers: Vec<Vec<HostId>> = Vec::new();
        let mut last = None;
        for (preference, host) in hosts {
            match tiers.last_mut() {
                Some(tier) if last == Some(preference) => tier.push(host),
                _ => tiers.push(vec![host]),
            }
            last = Some(preference);
        }
        tiers.iter_mut().for_each(Vec::dedup);
        Self(Arc::new(Inner { tiers, manner, most: most.max(1) }))
    }

    pub(crate) fn tiers(&self) -> &[Vec<HostId>] {
        &self.0.tiers
    }

    pub(super) fn hosts(&self) -> impl Iterator<Item = &HostId> {
        self.0.tiers.iter().flatten()
    }

    pub(super) fn most(&self) -> usize {
        self.0.most
    }
}
