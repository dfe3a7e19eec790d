//! What the operator sees and does: [`crate::Queue`]'s second face.
//!
//! Looking never waits for those who write. Whatever is changed here is one of the journey's
//! events. Nothing is read whole: what may be a million rows goes by pages.

mod bounce;
mod change;
mod condition;
mod journey;
mod listing;
mod pause;
mod stats;

use mail_types::{Lane, QueueId, Timestamp};

use crate::sql::{Choice, state};

pub use bounce::{Bounced, GiveUp};
pub(crate) use change::redirected;
pub use condition::{Condition, Found};
pub use journey::{Event, Journey, Trace};
pub use listing::{RecipientSummary, Summary};
pub use pause::{Destination, Paused};
pub use stats::{Counts, Group, GroupBy, Groups, LaneCounts, Pace};

/// Which recipients are meant; nothing said means all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Of this entry.
    pub id: Option<QueueId>,
    /// In this lane.
    pub lane: Option<Lane>,
    /// In this state; otherwise in any that keeps the entry.
    pub state: Option<State>,
    /// With this address, or one at this domain (`@` and its name).
    pub address: Option<String>,
    /// With this reverse-path, empty for the null one, or one at this domain.
    pub sender: Option<String>,
    /// Queued before this time.
    pub queued_before: Option<Timestamp>,
    /// With these words in the reason why they are still there.
    pub reason: Option<String>,
    /// Whether the reason is to be just that, and not more words around it.
    pub whole_reason: bool,
}

/// The state of a recipient.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum State {
    /// It waits for its next attempt.
    Waiting,
    /// It is being handed over.
    Leased,
    /// It waits for the operator.
    Held,
    /// It can't be read; it waits for the operator.
    SetAside,
    /// It was handed over.
    Delivered,
    /// It was given up.
    Failed,
    /// The operator removed it.
    Removed,
    /// The operator gave the message to somebody else.
    Redirected,
}

impl State {
    const ALL: [Self; 8] = [
        Self::Waiting,
        Self::Leased,
        Self::Held,
        Self::SetAside,
        Self::Delivered,
        Self::Failed,
        Self::Removed,
        Self::Redirected,
    ];

    /// In a word, as lists show it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Leased => "leased",
            Self::Held => "held",
            Self::SetAside => "set-aside",
            Self::Delivered => "delivered",
            Self::Failed => "failed",
            Self::Removed => "removed",
            Self::Redirected => "redirected",
        }
    }

    /// Whether it keeps the entry in the queue.
    pub fn is_open(self) -> bool {
        matches!(self, Self::Waiting | Self::Leased | Self::Held | Self::SetAside)
    }

    fn number(self) -> i64 {
        match self {
            Self::Waiting => state::WAITING,
            Self::Leased => state::LEASED,
            Self::Held => state::HELD,
            Self::SetAside => state::SET_ASIDE,
            Self::Delivered => state::DELIVERED,
            Self::Failed => state::FAILED,
            Self::Removed => state::REMOVED,
            Self::Redirected => state::REDIRECTED,
        }
    }

    /// An unknown number is a newer program's: nothing to be touched.
    fn of(number: i64) -> Self {
        Self::ALL.into_iter().find(|state| state.number() == number).unwrap_or(Self::SetAside)
    }
}

fn choice(filter: &Filter) -> Choice {
    Choice {
        entry: filter.id.map(|id| id.to_string()),
        lane: filter.lane.as_ref().map(Lane::to_string),
        state: filter.state.map(State::number),
        address: filter.address.clone(),
        sender: filter.sender.clone(),
        queued_before: filter.queued_before.map(Timestamp::millis),
        reason: filter.reason.clone(),
        whole_reason: filter.whole_reason,
    }
}
