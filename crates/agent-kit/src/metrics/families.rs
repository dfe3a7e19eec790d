//! Every family of metrics, and every value of their labels.

use crate::Agent;

/// A metric, and all its values of one label.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Family {
    pub(super) name: &'static str,
    pub(super) kind: &'static str,
    pub(super) help: &'static str,
    /// The label beside `agent`, if it has one.
    pub(super) label: Option<&'static str>,
}

const fn counter(name: &'static str, help: &'static str, label: Option<&'static str>) -> Family {
    Family { name, kind: "counter", help, label }
}

const fn gauge(name: &'static str, help: &'static str, label: Option<&'static str>) -> Family {
    Family { name, kind: "gauge", help, label }
}

const CONNECTIONS: Family =
    counter("postrider_connections_total", "Connections that were served.", None);
const TURNED_AWAY: Family = counter(
    "postrider_connections_turned_away_total",
    "Connections that were one too many, see [limits].",
    None,
);
const SIGN_INS: Family =
    counter("postrider_sign_ins_total", "Sign-ins, by what came of them.", Some("result"));
const ACCEPTED: Family =
    counter("postrider_messages_accepted_total", "Messages that were taken.", None);
const ACCEPTED_BYTES: Family =
    counter("postrider_messages_accepted_bytes_total", "Their size.", None);
const REFUSED: Family =
    counter("postrider_refusals_total", "Recipients and messages that were refused.", None);
const ATTEMPTS: Family = counter(
    "postrider_attempts_total",
    "Recipients that were tried, by what came of it.",
    Some("result"),
);
const DELIVERED_BYTES: Family = counter(
    "postrider_delivered_bytes_total",
    "The size of what was delivered, once for each recipient.",
    None,
);
const REPLIES: Family = counter(
    "postrider_replies_total",
    "What other servers replied about recipients; none is no reply at all.",
    Some("class"),
);
const OPEN: Family = gauge("postrider_connections", "Connections that are open.", None);
const QUEUE: Family = gauge(
    "postrider_queue_recipients",
    "Recipients in the part of the queue that the agent empties, by state.",
    Some("state"),
);
const OLDEST: Family = gauge(
    "postrider_queue_oldest_seconds",
    "The age of the oldest message in the queue, whoever empties it.",
    None,
);
const PAUSED: Family =
    gauge("postrider_queue_paused", "Destinations that the operator has paused.", None);
pub(super) const UP: Family = gauge("postrider_up", "Whether the agent answers.", None);
pub(super) const MEMORY: Family =
    gauge("process_resident_memory_bytes", "Memory that the process has.", None);
pub(super) const DESCRIPTORS: Family =
    gauge("process_open_fds", "File descriptors that are open.", None);
pub(super) const CPU: Family =
    counter("process_cpu_seconds_total", "Time that the processors have worked for it.", None);
pub(super) const START: Family =
    gauge("process_start_time_seconds", "When the process was started.", None);

/// Defines the values of a type as series of families.
macro_rules! series {
    ($(#[$doc:meta])* $of:ident $(($all:meta))?: $($(#[$each:meta])* $name:ident = $family:ident, $value:literal;)+) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $of {
            $($(#[$each])* $name,)+
        }

        impl $of {
            /// All of them.
            $(#[$all])?
            pub(super) const ALL: [Self; [$($of::$name),+].len()] = [$($of::$name),+];

            /// Its family, and the value of the family's label.
            pub(super) fn series(self) -> (Family, &'static str) {
                match self {
                    $(Self::$name => ($family, $value),)+
                }
            }
        }
    };
}

series! {
    /// What is counted.
    Count:
    /// A connection was served.
    Connection = CONNECTIONS, "";
    /// A connection was turned away.
    TurnedAway = TURNED_AWAY, "";
    /// A sign-in was right.
    SignInOk = SIGN_INS, "ok";
    /// A sign-in was wrong, or came from whom is blocked.
    SignInFailed = SIGN_INS, "failed";
    /// A message was taken.
    Accepted = ACCEPTED, "";
    /// Octets of messages that were taken.
    AcceptedBytes = ACCEPTED_BYTES, "";
    /// A recipient or a message was refused.
    Refused = REFUSED, "";
    /// A recipient has got its message.
    Delivered = ATTEMPTS, "delivered";
    /// A recipient is to be tried again.
    Deferred = ATTEMPTS, "deferred";
    /// A recipient does not get its message.
    Failed = ATTEMPTS, "failed";
    /// Octets that were delivered.
    DeliveredBytes = DELIVERED_BYTES, "";
    /// Another server said yes.
    Reply2 = REPLIES, "2xx";
    /// Another server said not now.
    Reply4 = REPLIES, "4xx";
    /// Another server said no.
    Reply5 = REPLIES, "5xx";
    /// Another server said nothing.
    NoReply = REPLIES, "none";
}

series! {
    /// What is looked at.
    Gauge (cfg(test)):
    /// Connections that are open.
    Connections = OPEN, "";
    /// Recipients that wait.
    QueueWaiting = QUEUE, "waiting";
    /// Recipients that are being handed over.
    QueueLeased = QUEUE, "leased";
    /// Recipients that are held.
    QueueHeld = QUEUE, "held";
    /// Recipients that are set aside.
    QueueSetAside = QUEUE, "set-aside";
    /// The age of the oldest message in seconds.
    QueueOldest = OLDEST, "";
    /// Paused destinations.
    QueuePaused = PAUSED, "";
}

impl Count {
    pub(super) fn place(self) -> usize {
        self as usize
    }

    /// Whether it can happen to this agent.
    pub(super) fn is_of(self, agent: Agent) -> bool {
        use Agent::{DeliveryAgent, ImapServer, Pop3Server, SmtpRelay, SmtpSubmission};
        match self {
            Self::Connection | Self::TurnedAway => true,
            Self::SignInOk | Self::SignInFailed => {
                matches!(agent, SmtpSubmission | ImapServer | Pop3Server)
            }
            Self::Accepted | Self::AcceptedBytes | Self::Refused => {
                matches!(agent, SmtpSubmission | SmtpRelay | DeliveryAgent)
            }
            Self::Delivered | Self::Deferred | Self::Failed | Self::DeliveredBytes => {
                matches!(agent, SmtpRelay | DeliveryAgent)
            }
            Self::Reply2 | Self::Reply4 | Self::Reply5 | Self::NoReply => agent == SmtpRelay,
        }
    }
}
